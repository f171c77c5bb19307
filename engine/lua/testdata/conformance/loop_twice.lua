local function iter() local n = 0 return function() n = n + 1 if n <= 2 then return n end end end
local f, g = iter(), iter()
for x in f do print("first", x) end
for x in g do print("second", x) end
for k, v in next, {a = 1} do print(k, v) end
local function range(n) return function(s, c) if c < s then return c + 1 end end, n, 0 end
for i in range(3) do print(i) end
for i in range(2) do print(i) end
