local co = coroutine.create(function(a, b) print("start", a, b) local c = coroutine.yield(a + b) print("got", c) local d, e = coroutine.yield(c * 2) print("got", d, e) return "done", 99 end)
print(coroutine.resume(co, 1, 2)) print(coroutine.status(co)) print(coroutine.resume(co, 10)) print(coroutine.resume(co, "x", "y")) print(coroutine.status(co), coroutine.resume(co))
local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) print(gen(), gen(), gen(), gen())
local function range(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i, i * i) end end) end for i, sq in range(4) do print(i, sq) end
print(coroutine.resume(coroutine.create(function() error("oops", 0) end))) print(coroutine.resume(coroutine.create(function() return coroutine.status(co), coroutine.running() ~= nil end)))
print(coroutine.running()) local e = coroutine.create(function() error({c = 1}) end) local ok, v = coroutine.resume(e) print(ok, v.c, coroutine.status(e))
