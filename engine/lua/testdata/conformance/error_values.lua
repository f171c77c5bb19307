print(pcall(error, "plain", 0)) print(pcall(error, nil)) print(pcall(error, 42)) print(pcall(error, true)) print(pcall(error))
local e = {code = 404} local ok, caught = pcall(error, e) print(ok, caught == e, caught.code) print(select("#", pcall(error, nil)))
print(pcall(function() error("with position") end)) print(pcall(function() error("none", 0) end))
local function check(x) if type(x) ~= "number" then error("want a number", 2) end return x end
print(pcall(function() check("x") end))
print(pcall(function()
  check(
    "y")
end))
print(pcall(function() error({}) end) == false)
