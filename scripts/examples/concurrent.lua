-- Many calls at once on users, connections and userinfo: no async, no await;
-- all of them share one client with its connections and its rate budget.
--   a0run run concurrent.lua -p user_id='auth0|…' -p connection_id=con_… -p access_token=…
playbook {
  name = "concurrent",
  params = {
    user_id = "string",
    connection_id = "string",
    access_token = { type = "secret", description = "an access token of the user" },
  },
}

-- Two reads of different resources side by side.
local got = parallel.run {
  user = function() return auth0.users.get(params.user_id) end,
  connection = function() return auth0.connections.get(params.connection_id) end,
  profile = function() return authentication.users.userinfo(params.access_token) end,
}
print(got.user.email, got.connection.name, got.profile.sub)

-- A listing, and a change to each of its users, sixteen at a time.
local result = parallel.each(auth0.users.each(), { concurrency = 16 }, function(user)
  auth0.users.update(user.user_id, { app_metadata = { seen = true } })
end)
print(result.done .. " users updated")
