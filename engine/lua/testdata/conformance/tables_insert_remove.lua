local t = {} table.insert(t, "a") table.insert(t, "c") table.insert(t, 2, "b") table.insert(t, 1, "z") print(table.concat(t, " "))
print(table.remove(t), table.remove(t, 1), table.concat(t, " ")) print(table.remove(t, 1), #t) print(table.remove(t), #t, table.remove(t), #t)
print(select("#", table.remove({}))) print(select("#", table.remove({1}, 5))) local u = {1, 2, 3} table.insert(u, 4, 4) print(#u) table.insert(u, 10, "x") print(u[10])
local s = {} for i = 1, 5 do table.insert(s, 1, i) end print(table.concat(s, ",")) while #s > 0 do io = table.remove(s, 1) end print(#s) io = nil
print(pcall(function() table.insert({}) end)) print(pcall(function() table.insert({}, 1, 2, 3) end)) print(pcall(function() table.insert(nil, 1) end))
print(pcall(function() table.insert({}, "x", 1) end)) print(table.maxn({1, 2, [10] = 1}), table.maxn({}), table.maxn({[-1] = 1})) print(table.getn({1, 2}))
