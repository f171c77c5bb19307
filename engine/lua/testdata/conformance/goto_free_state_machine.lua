local input = "12+34*2-(5-3)"
local pos = 1
local function peek() return input:sub(pos, pos) end
local expr
local function atom() if peek() == "(" then pos = pos + 1 local v = expr() pos = pos + 1 return v end local n = input:match("^%d+", pos) pos = pos + #n return tonumber(n) end
local function term() local v = atom() while peek() == "*" or peek() == "/" do local op = peek() pos = pos + 1 local w = atom() if op == "*" then v = v * w else v = v / w end end return v end
function expr() local v = term() while peek() == "+" or peek() == "-" do local op = peek() pos = pos + 1 local w = term() if op == "+" then v = v + w else v = v - w end end return v end
print(expr())
local state, count, out = "start", 0, {}
while state ~= "end" do if state == "start" then state = "run" elseif state == "run" then count = count + 1 out[#out + 1] = count if count >= 3 then state = "stop" end elseif state == "stop" then state = "end" end end print(table.concat(out, ","), state)
