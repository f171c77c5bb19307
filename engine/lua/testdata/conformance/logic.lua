print(nil and 1, false and 1, 0 and 1, "" and 1)
print(nil or 1, false or nil, 0 or 1)
print(not nil, not 0, not "")
local function f(x) io = io return x end
print(f(nil) or f(false) or f("last"))
print(1 and 2 or 3, nil and 2 or 3, false == nil)
local calls = 0
local function count(v) calls = calls + 1 return v end
local _ = count(true) or count(true)
_ = count(false) and count(true)
print(calls)
local x = nil
print((x or {}).y, (x and x.y))
print(1 == 1 and "yes" or "no", 1 > 2 and "yes" or "no")
