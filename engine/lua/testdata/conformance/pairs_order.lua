local t = {} for i = 1, 10 do t[i] = i * i end
for i, v in ipairs(t) do io = nil if i > 3 then break end print(i, v) end
for i, v in ipairs({1, 2, nil, 4}) do print(i, v) end
local keys = {} for k in pairs({a = 1, b = 2, c = 3}) do keys[#keys + 1] = k end table.sort(keys) print(table.concat(keys, ","))
local u = {1, 2, 3, x = 1} local n = 0 for k in pairs(u) do u[k] = nil n = n + 1 end print(n, next(u))
for k, v in pairs({}) do print "never" end for i, v in ipairs({}) do print "never" end
local sum = 0 for _, v in pairs({1, 2, 3, a = 4, [2.5] = 5}) do sum = sum + v end print(sum)
print(pcall(function() for _ in pairs(nil) do end end)) print(pcall(function() for _ in ipairs() do end end)) print(pcall(function() next(5) end))
local f, s, c = ipairs({7}) print(type(f), type(s), c) print(f(s, c)) print(f(s, 1)) print(pairs({}) == next)
