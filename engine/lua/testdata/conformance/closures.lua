local function counter() local n = 0 return function() n = n + 1 return n end, function() return n end end
local inc, get = counter()
inc() inc() print(get())
local inc2, get2 = counter() inc2() print(get(), get2())
local fs = {}
for i = 1, 3 do local j = i * 10 fs[i] = function() j = j + 1 return i, j end end
print(fs[1]()) print(fs[1]()) print(fs[3]())
local x = 1
local function a() x = x + 1 end
local function b() a() return x end
print(b(), b())
local function outer() local v = "o" local function mid() local function inner() v = v .. "i" return v end return inner end return mid() end
local f = outer() f() print(f())
