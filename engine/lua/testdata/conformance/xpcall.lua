print(xpcall(function() return 1, 2 end, function(e) return "never" end)) print(xpcall(function() error("x", 0) end, function(e) return "handled " .. e end))
print(xpcall(function() error({code = 5}) end, function(e) return e.code end)) print(xpcall(function() local x = nil + 1 end, function(e) return type(e) end))
local seen print(xpcall(function() error("deep", 0) end, function(e) seen = e return e:upper() end), seen)
print(select("#", xpcall(function() return nil, nil end, print)))
