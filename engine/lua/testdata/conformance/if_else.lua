local function sign(n) if n > 0 then return "+" elseif n < 0 then return "-" else return "0" end end
print(sign(3), sign(-3), sign(0))
local function nest(a, b)
  if a then if b then return "ab" else return "a" end
  else if b then return "b" end end
  return "none"
end
print(nest(true, true), nest(true), nest(false, true), nest())
if nil then print "no" end
if false then print "no" else print "yes" end
if not false then print "yes" end
