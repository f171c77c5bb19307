x = 1 local function f() return x end local x = 2 print(f(), x) do local x = 3 print(x) end print(x) local function g() x = 5 end g() print(x, f())
for i = 1, 2 do local i = i * 2 print(i) end local a = 1 local a = a + 1 print(a) local function r() return r ~= nil end print(r()) local s = function() return s end print(s())
local t = {} do local n = 0 function t.inc() n = n + 1 return n end function t.get() return n end end t.inc() t.inc() print(t.get()) function t.a() return "a" end t.b = {} function t.b.c() return "c" end function t.b:d() return self == t.b end print(t.a(), t.b.c(), t.b:d())
_G.y = 7 print(y, _G.y, _G == _G._G) y = nil print(rawget(_G, "y"))
