local function find(t, x) for i, v in ipairs(t) do if v == x then return i end end return "none" end
print(find({5, 6, 7}, 6), find({}, 1))
local function count() local n = 0 while true do n = n + 1 if n > 4 then return n end end end
print(count())
local function inner() for i = 1, 3 do while true do if i == 2 then return i end break end end end
print(inner())
do local a = 1 do local a = 2 print(a) end print(a) end
