local function pack(...) return {n = select("#", ...), ...} end
local p = pack(nil, 2, nil)
print(p.n, p[1], p[2], p[3])
print(select(2, "a", "b", "c")) print(select(-1, "a", "b", "c")) print(select("#"))
local function f(...) return ... end
print(f(1, f(2, 3)), (f(4, 5)))
local function tail(n, ...) if n == 0 then return ... end return tail(n - 1, n, ...) end
print(tail(5))
print(unpack({1, 2, 3})) print(unpack({1, 2, 3}, 2)) print(unpack({1, 2, 3}, 2, 3)) print(unpack({}, 1, 2))
local function g(a, ...) local b, c = ... return a, b, c end
print(g(1)) print(g(1, 2)) print(g(1, 2, 3, 4))
