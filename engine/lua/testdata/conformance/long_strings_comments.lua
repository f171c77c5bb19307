-- a comment
--[[ a long
comment ]] print("after") --[==[ another ]] still ]==] print("again")
print([[one]], [=[two]]]=]) ; print("semicolon");
local a = 1; local b = 2 print(a + b) -- trailing
print(#[[
x]])
