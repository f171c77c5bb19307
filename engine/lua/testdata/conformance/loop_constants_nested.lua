local function each(t, f) for i, v in ipairs(t) do f(v, i) end end
each({1, 2}, function(v) for _, w in ipairs{3} do if false then print "never" end print(v, w) end end)
local t = {f = function() for _, w in ipairs{4} do if false then print "never" end print(w) end end}
t.f()
local o = {}
function o:m() for _, w in pairs{5} do if nil then print "never" end print(w) end return self end
o:m():m()
print((function() for _, w in ipairs{6} do if false then return "never" end return w end end)())
local x = {[(function() for _, w in ipairs{"k"} do if false then return 0 end return w end end)()] = 7}
print(x.k)
print(#(function() local r = {} for _, w in ipairs{1, 2, 3} do if false then r = nil end r[#r + 1] = w end return r end)())
print(-(function() for _, w in ipairs{9} do if false then return 0 end return w end end)())
