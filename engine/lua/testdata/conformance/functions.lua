local function va(...) return select("#", ...), ... end
print(va()) print(va(nil)) print(va(1, nil, 3)) print((va(1, 2)))
local function fact(n) if n <= 1 then return 1 end return n * fact(n - 1) end
print(fact(10))
print((function(...) local a, b = ... return b, a end)(1, 2, 3))
local function many() return 1, 2, 3 end
print(many(), many()) print(#{many(), many()})
local t = {many(), (many())} print(#t)
print(#{(many())}, #{many()})
local function opt(a, b) b = b or "default" return a, b end
print(opt(1), opt(1, 2))
print(type(print), type(function() end))
local s = "m" print(("x"):rep(3), s:upper())

