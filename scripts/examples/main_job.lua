-- The main job in one playbook: create users, block them in bulk, rename a
-- connection, fetch a token, verify an ID token. `make demo` runs it against
-- a rate-limited local tenant.
playbook {
  name = "main_job",
  params = {
    users = { type = "integer", default = 250 },
    audience = { type = "string", default = "https://tenant.local/api/v2/" },
  },
}

local connection = "Username-Password-Authentication"

local emails = {}
for i = 1, params.users do
  emails[i] = "user" .. i .. "@example.com"
end

step("create " .. params.users .. " users", function()
  parallel.each(emails, function(email)
    auth0.users.create { connection = connection, email = email, password = "Passw0rd-" .. email }
  end)
end)

step("block every second of them", function()
  local blocked = 0
  local result = parallel.each(auth0.users.each(), function(user)
    if tonumber(user.email:match("%d+")) % 2 == 0 then
      auth0.users.update(user.user_id, { blocked = true })
      blocked = blocked + 1 -- no lock: tasks take turns at calls only
    end
  end)
  print(result.done .. " users seen, " .. blocked .. " blocked")
end)

step("rename a connection", function()
  local created = auth0.connections.create { name = "partners", strategy = "auth0" }
  auth0.connections.update(created.id, { name = "partners-2026" })
  print("renamed to " .. auth0.connections.get(created.id).name)
end)

step("tokens", function()
  local machine = get_token.client_credentials(params.audience)
  print("a Management API token: " .. machine.access_token)

  local tokens = get_token.login("user1@example.com", "Passw0rd-user1@example.com", {
    realm = connection,
    scope = "openid profile",
  })
  print("ID token verified for " .. verify_id_token(tokens.id_token).sub)
end)
