local x = 1
if x = 1 then end          --### "2:6: unexpected '=' \\(to compare, write ==\\)"
---
local s = 'abc             --### "1:11: a string has no closing quote"
---
for i = 1, 2 do
  print(i)                 --### "too early \\('do' at line 1 is never closed\\)"
---
x = x != 1                 --### "1:7: '!' is no Lua \\(not equal is ~="
---
x += 1                     --### "1:3: unexpected '.' \\(Lua writes: x = x . 1\\)"
---
print("a"))                --### "1:11: unexpected '\\)'"
---
end                        --### "1:1: unexpected 'end' \\(nothing is open"
---
break                      --### "1: no loop to break"
---
local a = {1, 2            --### "too early \\('\\{' at line 1 is never closed\\)"
---
goto nowhere               --### "no visible label"
---
local x = 5 // 2           --### "1:14: unexpected '/' \\(a comment begins with --"
---
playbook{name = "a" .. "b"} --### "1:10: name is not a constant"
---
playbook{name = "a", nam = 2} --### "1:22: unknown key of a playbook's head: nam \\(did you mean name\\?\\)"
---
playbook("x")              --### "1:1: playbook takes one table"
---
playbook{params = {a = {type = "strng"}}} --### "1:25: .*strng"
