local a, b, c = (function() return 1, 2, 3 end)() print(a, b, c) a, b = 1 print(a, b) a, b, c = 0, (function() return 8, 9 end)() print(a, b, c) local t = {} t.x, t.y = 1, 2 print(t.x, t.y)
local i = 3 i, t[i] = i + 1, 20 print(i, t[3], t[4]) local x, y = 1, 2 x, y = y, x print(x, y) local f = function() return end local z = f() print(z) print((f())) print(type(f() or nil))
local u = {f(), f(), (function() return "v" end)()} print(u[1], u[2], u[3]) t.a, t.b, t.c = unpack({1, 2}) print(t.a, t.b, t.c)
