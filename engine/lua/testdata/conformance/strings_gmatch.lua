for w in ("one two  three"):gmatch("%a+") do print(w) end
for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do print(k, v) end
for p in ("abc"):gmatch("()") do print(p) end
local f = ("x1y2"):gmatch("%a%d") print(f()) print(f()) print(f())
for x in (""):gmatch("a*") do print("[" .. x .. "]") end
for x in ("^a^a"):gmatch("^a") do print(x) end
local n = 0 for _ in ("aaa"):gmatch("a") do n = n + 1 end print(n)
local t = {} for a in ("a b"):gmatch("%a") do for b in ("1 2"):gmatch("%d") do t[#t + 1] = a .. b end end print(table.concat(t, " "))
