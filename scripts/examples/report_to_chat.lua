-- Block the users of a list, and post what came of it to a chat.
--   a0run run report_to_chat.lua --tenant staging -p webhook=https://hooks.slack.com/services/…
-- A run that is killed and resumed posts once: the answer of the chat is in the
-- journal. `a0run plan` posts nothing.
playbook {
  name = "report_to_chat",
  hosts = { "hooks.slack.com" },
  params = {
    file = { type = "string", default = "leavers.csv", description = "a CSV file with a column user_id" },
    webhook = { type = "secret", description = "the address of the chat's incoming webhook" },
  },
}

local result = parallel.each(csv.read(params.file), { key = "user_id", on_error = "continue" }, function(row)
  auth0.users.update(row.user_id, { blocked = true })
end)

local text = result.done .. " users blocked, " .. #result.failed .. " failed"
for _, f in ipairs(result.failed) do
  text = text .. "\n• " .. f.key .. ": " .. f.error.message
end
local answer = http.post(params.webhook, { json = { text = text } })
print("posted: " .. answer.body)
