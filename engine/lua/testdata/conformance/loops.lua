for i = 1, 3 do io = nil print(i) end
for i = 3, 1, -1 do print(i) end
for i = 1, 0 do print "never" end
for i = 1, 2, 0.5 do print(i) end
local i = 0
while true do i = i + 1 if i == 3 then break end end
print(i)
repeat local done = i >= 5 i = i + 1 until done
print(i)
for i = 1, 3 do for j = 1, 3 do if j == 2 then break end print(i, j) end end
local t = {}
for i = 1, 3 do t[i] = function() return i end end
print(t[1](), t[2](), t[3]())
for i = 1, 3 do local x = i i = 10 print(x, i) end
