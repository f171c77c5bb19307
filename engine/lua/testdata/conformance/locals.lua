local a, b, c = 1, 2
print(a, b, c)
a, b = b, a print(a, b)
local t = {1, 2} local i = 1
i, t[i] = i + 1, 20 print(i, t[1], t[2])
local x = x print(x)
local f = function() return 1, 2, 3 end
local p, q, r, s = f() print(p, q, r, s)
local m, n = (f()) print(m, n)
do local a = a + 100 print(a) end print(a)
g1, g2 = 1 print(g1, g2) g1 = nil print(g1)
local _, second = f() print(second)
