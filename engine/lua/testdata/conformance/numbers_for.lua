for i = 0, 1, 0.25 do io = nil print(i) end for i = 10, 1, -4 do print(i) end for i = 1, math.huge do if i > 2 then break end print(i) end for i = -1, 1 do print(i) end local n = 0 for i = 1, 1000 do n = n + i end print(n)
local t = {} for i = 3, 1, -1 do t[#t + 1] = i end print(table.concat(t)) for i = 1, 3 do local j = i i = i * 10 io = i print(j) end io = nil
