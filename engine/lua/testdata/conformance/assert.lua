print(assert(1, 2, 3)) print(pcall(assert, false)) print(pcall(assert, nil, "message")) print(pcall(assert, false, "m", "extra"))
print(select("#", assert(1, nil, nil))) print(pcall(assert, 0), pcall(assert, "")) print(pcall(assert, 1 == 1, "unused"))
