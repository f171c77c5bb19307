local function one() error("one", 1) end
local function two() error("two", 2) end
local function three() two() end
local function call(f)
  f()
end
print(pcall(call, one))
print(pcall(call, two))
print(pcall(call, three))
local function lib(x)
  if not x then error("x is missing", 2) end
end
local function user()
  local y = 1
  lib(nil)
  return y
end
print(pcall(user))
print(pcall(function()
  local t = {}
  error("in the middle")
end))
print(pcall(error, "a", 0), pcall(error, "b", 0))
