print(pcall(function() return 1, nil, 3 end)) print(select("#", pcall(function() end))) print(pcall(pcall, error, "x"))
print(pcall(function(...) return select("#", ...), ... end, 1, nil)) print((pcall(error)))
local function nested() local ok, e = pcall(function() local ok2, e2 = pcall(error, "inner", 0) error("outer after " .. e2, 0) end) return ok, e end print(nested())
local log = {} for i = 1, 3 do local ok = pcall(function() if i == 2 then error("two") end log[#log + 1] = i end) log[#log + 1] = ok and "ok" or "failed" end print(table.concat(log, " "))
print(pcall(string.rep, "x", 3)) print(pcall(tostring, nil)) print(pcall(type, nil))
local function deep(n) if n == 0 then error("bottom", 0) end local ok, e = pcall(deep, n - 1) error(e .. n, 0) end print(pcall(deep, 5))
for i = 1, 3 do local ok, v = pcall(function() for j = 1, 3 do if j == i then return "found " .. j end end end) print(ok, v) end
