local function try(f) local ok, m = pcall(f) print(m) end
try(function() string.rep() end) try(function() string.rep("x") end) try(function() string.rep("x", "y") end) try(function() string.sub("x") end) try(function() string.upper({}) end) try(function() string.char(256) end)
try(function() string.char("x") end) try(function() table.concat() end) try(function() table.concat({}, {}) end) try(function() ipairs(5) end) try(function() pairs("x") end) try(function() select(0) end)
try(function() select("x") end) try(function() setmetatable(1, {}) end) try(function() rawset(1, 2, 3) end) try(function() rawget({}) end) try(function() tostring() end) try(function() type() end) try(function() unpack() end)
try(function() string.find("x") end) try(function() string.gsub("x", "y") end) try(function() string.format() end) try(function() math.abs(nil) end) try(function() string.byte({}) end) try(function() string.len() end)
try(function() table.remove() end) try(function() string.rep("x", 1.5) end) try(function() tonumber("z", 1) end) try(function() getmetatable() end) try(function() rawequal(1) end)
