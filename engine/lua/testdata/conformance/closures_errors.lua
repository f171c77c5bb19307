local n = 0
local function inc() n = n + 1 end
inc() pcall(error, "x") inc() pcall(function() inc() error("y") end) inc()
print(n)
local kept
pcall(function() local a = "kept" kept = function() return a end error("z") end)
local function use(...) local t = {...} local s = 0 for i = 1, #t do s = s + t[i] end return s end
print(use(1, 2, 3, 4, 5), kept())
xpcall(function() local b = "handler" kept = function() b = b .. "!" return b end error("w") end, function(m) return m end)
print(use(5, 4, 3), kept(), kept())
local co = coroutine.wrap(function() local c = "co" kept = function() return c end error("v") end)
pcall(co) print(use(1), kept())
local total = 0
for i = 1, 10 do pcall(function() total = total + i if i % 2 == 0 then error(i) end end) end
print(total)
