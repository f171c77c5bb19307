local function producer() return coroutine.create(function() for _, x in ipairs{"a", "b", "c"} do coroutine.yield(x) end return nil end) end
local function consumer(p) local out = {} while true do local ok, v = coroutine.resume(p) if not v then break end out[#out + 1] = v end return table.concat(out) end print(consumer(producer()))
local function perms(a, n) n = n or #a if n <= 1 then coroutine.yield(table.concat(a)) else for i = 1, n do a[n], a[i] = a[i], a[n] perms(a, n - 1) a[n], a[i] = a[i], a[n] end end end
for p in coroutine.wrap(function() perms{"x", "y", "z"} end) do print(p) end
local outer = coroutine.wrap(function() local inner = coroutine.wrap(function() coroutine.yield("in1") coroutine.yield("in2") end) coroutine.yield(inner()) coroutine.yield("out") coroutine.yield(inner()) end) print(outer(), outer(), outer())
local self self = coroutine.create(function() return coroutine.resume(self) end) print(coroutine.resume(self)) print(pcall(coroutine.wrap(function() error("wrapped", 0) end)))
local n = 0 local inc = coroutine.wrap(function() while true do n = n + 1 coroutine.yield() end end) for _ = 1, 5 do inc() end print(n)
local co = coroutine.create(function(...) local args = select("#", ...) while true do args = select("#", coroutine.yield(args)) end end) print(coroutine.resume(co, 1, nil, nil)) print(coroutine.resume(co)) print(coroutine.resume(co, nil))
print(coroutine.status(coroutine.create(function() end))) local st local c2 c2 = coroutine.create(function() st = coroutine.status(c2) local c3 = coroutine.create(function() return coroutine.status(c2) end) return coroutine.resume(c3) end) print(coroutine.resume(c2)) print(st)
