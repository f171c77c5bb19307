-- Block the users who have not logged in for a while.
--   a0run run block_inactive.lua --tenant staging -p days=180
playbook {
  name = "block_inactive",
  params = { days = { type = "integer", default = 90, description = "how long is a while" } },
}

local cutoff = time.add(time.now(), "-" .. params.days .. "d")
local result = parallel.each(auth0.users.each {
  q = "last_login:[* TO " .. cutoff .. "] AND NOT blocked:true",
}, function(user)
  auth0.users.update(user.user_id, { blocked = true })
  log.info("blocked " .. user.email)
end)
print(result.done .. " users blocked")
