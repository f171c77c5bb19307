local Animal = {} Animal.__index = Animal
function Animal.new(name) return setmetatable({name = name}, Animal) end function Animal:speak() return self.name .. " makes a sound" end function Animal:rename(n) self.name = n return self end
local Dog = setmetatable({}, {__index = Animal}) Dog.__index = Dog function Dog.new(name) local d = Animal.new(name) return setmetatable(d, Dog) end function Dog:speak() return Animal.speak(self) .. ": woof" end
local d = Dog.new("Rex") print(d:speak()) print(d:rename("Max"):speak()) print(getmetatable(d) == Dog, rawget(Dog, "rename"), Animal.new("Cat"):speak())
local Stack = {} Stack.__index = Stack function Stack:push(...) for i = 1, select("#", ...) do self[#self + 1] = (select(i, ...)) end return self end function Stack:pop() return table.remove(self) end
local s = setmetatable({}, Stack) s:push(1, 2, 3) print(s:pop(), s:pop(), #s) local mt = {__call = function(cls, ...) return select("#", ...) end} print(setmetatable({}, mt)(1, 2, 3))
local default = setmetatable({}, {__index = function(t, k) local v = {} rawset(t, k, v) return v end}) default.a.b = 1 print(default.a.b, rawget(default, "a") ~= nil)
