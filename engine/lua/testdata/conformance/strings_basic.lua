local s = "Hello, World"
print(#s, s:len(), s:upper(), s:lower(), s:reverse())
print(s:sub(1, 5), s:sub(8), s:sub(-5), s:sub(-5, -2), s:sub(0), s:sub(20), s:sub(5, 2) == "", s:sub(-100, 3))
print(s:byte(), s:byte(2), s:byte(-1), s:byte(100))
print(s:byte(1, 3)) print(string.char(72, 105)) print(string.char() == "")
print(("ab"):rep(3), ("ab"):rep(0) == "", ("ab"):rep(-1) == "", ("x"):rep(2.9))
print("a" < "b", "a" < "B", "abc" < "abd", "" < "a", "Z" < "a", "a\0b" < "a\0c")
print("a" .. "b" .. 1 .. 2.5, 1 .. "")
print(#"a\0b", "tab\tq\"uote\\ \65\066")
print([[long
string]], [==[with ]] inside]==])
print(tostring(12), tostring(nil), tostring(true), tostring("x"))
print(("%d"):rep(2):format(1, 2), ("x"):byte() + 1)
