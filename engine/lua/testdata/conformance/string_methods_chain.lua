print(("  Hello  "):match("^%s*(.-)%s*$"):upper():rep(2):sub(1, 7)) print((("a-b-c"):gsub("-", "+"))) local s = "x" s = s:rep(3) .. ("y"):rep(2) print(s, #s, s:find("y"), s:byte(-1)) print((("%s=%d"):format("k", 5)):upper()) print(("abc"):reverse():sub(2):byte(1, -1))
print(#("é"), ("é"):byte(1, -1)) print(("é"):upper() == "é", ("É"):lower() == "É", ("ÀB"):lower()) print(("x"):rep(3, 5)) 
