for _, v in ipairs{1, 2} do if false then print "never" end print("a", v) end
for _, v in ipairs{1, 2} do if true then print("b", v) end end
for _, v in ipairs{1, 2} do if nil then print "never" else print("c", v) end end
for k, v in pairs{x = 1} do if false then print "never" elseif true then print("d", k, v) end end
for i = 1, 2 do if false then print "never" end print("e", i) end
local n = 0
while n < 2 do if false then print "never" end n = n + 1 print("f", n) end
n = 0
repeat if false then print "never" end n = n + 1 print("g", n) until n == 2
for _, v in ipairs{1, 2} do while false do print "never" end print("h", v) end
for _, v in ipairs{1, 2} do repeat print("i", v) until true end
for _, v in ipairs{1, 2} do do if false then print "never" end end print("j", v) end
for _, v in ipairs{1, 2} do while true do break end print("k", v) end
for _, v in ipairs{1, 2} do if false then break end print("l", v) end
for _, v in ipairs{1, 2} do if true then break end print("never", v) end
