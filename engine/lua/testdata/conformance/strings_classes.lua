for _, class in ipairs{"a", "c", "d", "l", "p", "s", "u", "w", "x", "z", "A", "C", "D", "L", "P", "S", "U", "W", "X", "Z"} do
  local t = {}
  for i = 0, 255 do if string.char(i):find("%" .. class) then t[#t + 1] = i end end
  print(class, #t, table.concat(t, " "))
end
for _, set in ipairs{"[a-f]", "[^a-f]", "[%d%s]", "[^%w]", "[]x]", "[^]x]", "[a-]", "[%-a]", "[.]", "[+-/]", "[%a-z]", "[\128-\255]"} do
  local n, first = 0, nil
  for i = 1, 255 do if string.char(i):find(set) then n = n + 1 first = first or i end end
  print(set, n, first)
end
