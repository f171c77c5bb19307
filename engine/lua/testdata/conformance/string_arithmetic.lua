print("010" + 1, 010, "0x10" + 0, 1 + "1e1", " 5 " * "2", "7" % "4", "-7" % 4, "2" ^ "3", "10" / "4", "3" - 5)
print(-"010", -" 0x10 ", -"-2", 2 ^ -"1")
local function try(f) local ok, e = pcall(f) print(ok, e) end
try(function() return "abc" + 1 end) try(function() return 1 + "" end) try(function() return "1_000" + 1 end) try(function() return "0b11" + 1 end)
try(function() return "1" + {} end) try(function() return {} + "1" end) try(function() return "1" + nil end) try(function() return -"x" end)
local V = setmetatable({}, {__add = function(a, b) return (type(a) == "table" and "V" or a) .. "+" .. (type(b) == "table" and "V" or b) end})
print(V + "1", "1" + V, "x" + V, V + "x", V + 1, 1 + V)
