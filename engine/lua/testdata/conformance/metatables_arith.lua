local V = {} V.__index = V
local function new(x, y) return setmetatable({x = x, y = y}, V) end
V.__add = function(a, b) return new(a.x + b.x, a.y + b.y) end V.__sub = function(a, b) return new(a.x - b.x, a.y - b.y) end
V.__mul = function(a, b) if type(a) == "number" then return new(a * b.x, a * b.y) elseif type(b) == "number" then return new(a.x * b, a.y * b) end return a.x * b.x + a.y * b.y end
V.__div = function(a, n) return new(a.x / n, a.y / n) end V.__mod = function(a, n) return new(a.x % n, a.y % n) end V.__pow = function(a, n) return new(a.x ^ n, a.y ^ n) end
V.__unm = function(a) return new(-a.x, -a.y) end V.__eq = function(a, b) return a.x == b.x and a.y == b.y end V.__lt = function(a, b) return a.x < b.x end V.__le = function(a, b) return a.x <= b.x end
V.__tostring = function(a) return "(" .. a.x .. "," .. a.y .. ")" end V.__concat = function(a, b) return tostring(a) .. tostring(b) end V.__call = function(self, k) return self[k] end
local a, b = new(1, 2), new(3, 4) print(tostring(a + b), tostring(a - b), a * b, tostring(2 * a), tostring(a * 2), tostring(b / 2), tostring(b % 2), tostring(a ^ 2), tostring(-a))
print(a == new(1, 2), a ~= b, a < b, a <= b, a > b, a >= b, a .. b, a .. "s", "s" .. a, 1 .. a, a("x"), b("y")) print(rawequal(a, new(1, 2)), a == 1)
