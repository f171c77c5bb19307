print(assert(1, 2, 3)) print(pcall(assert, false)) print(pcall(assert, nil, "message")) print(pcall(assert, false, "m", "extra"))
local ok, e = pcall(assert, false, {code = 1}) print(ok, type(e), type(e) == "table" and e.code)
print(select("#", assert(1, nil, nil))) print(pcall(assert, 0), pcall(assert, "")) print(pcall(assert, 1 == 1, "unused"))
