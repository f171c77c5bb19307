playbook{
  name = "mistakes",
  params = {days = {type = "integer", default = 3}},
  tenants = {"source", "target"},
}
local x = 1
foo(x)                                    --### "globals.lua:7:1: undefined name foo"
local y = tosting(x)                      --### "globals.lua:8:11: undefined name tosting \\(did you mean tostring\\?\\)"
auth0.users.updat("a", {blocked = true})  --### "9:13: there is no auth0.users.updat \\(did you mean auth0.users.update\\?\\)"
auth0.user.get("a")                       --### "10:7: there is no auth0.user \\(did you mean auth0.users\\?\\)"
local users = auth0.users
users.delet("x")                          --### "12:7: there is no auth0.users.delet \\(did you mean auth0.users.delete"
later()
function later() return params.day end    --### "14:32: the playbook has no parameter day \\(did you mean params.days\\?\\)"
print(params.days, string.uper("x"))      --### "15:27: there is no string.uper \\(did you mean string.upper\\?\\)"
local s = "\x41"                          --### "16:12: \\\\x41 is no escape in Lua 5.1"
local fine = "\\x41"
parallel.each({}, {concurency = 2}, print) --### "18:20: parallel.each: unknown option concurency \\(did you mean concurrency\\?"
step("a", {retri = 1}, print)             --### "19:12: step: unknown option retri"
tenant("sorce").users.list{q = "a"}       --### "20:8: tenant\\(.sorce.\\): the head declares no such role \\(did you mean source\\?"
tenant("source").users.lst()              --### "21:24: there is no auth0.users.lst"
auth0.users.list{qq = "a"}                --### "22:18: auth0.users.list has no parameter qq \\(did you mean q\\?\\)"
auth0.users.get("a", {}, 3)               --### "23:13: auth0.users.get takes one argument by position and one table of options, got 3 arguments"
auth0.users:get("a")                      --### "24:13: auth0.users.get is called with a dot: auth0.users.get"
playbook{}                                --### "25:1: playbook..+ must be the first statement"
for _, tosting in ipairs({}) do tosting() end
local t = {foo = 1, bar = foo}            --### "27:27: undefined name foo"
local src = tenant("source")
src.get_token.client_credentials("a")
src.users.gt("a")                         --### "30:11: there is no auth0.users.gt"
auth0.call("users.gett", {id = "a"})      --### "31:12: auth0.call: there is no operation users.gett \\(did you mean users.get\\?\\)"
auth0.call("users.get", {ident = "a"})    --### "32:26: auth0.users.get has no parameter ident"
