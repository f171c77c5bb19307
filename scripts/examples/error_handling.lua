-- What can go wrong with a call, and what the playbook sees of it.
playbook {
  name = "error_handling",
  -- A call waits this long for the rate limit before it gives up.
  patience = "1s",
}

-- Wrong data: an Auth0Error with the status, the code and the text.
local ok, err = pcall(auth0.users.get, "auth0|nobody")
assert(not ok and err:is("Auth0Error"))
print(err.name, err.status_code, err.error_code, err.message)

-- The rate limit: a RateLimitError, only when the patience is too short for
-- the reset. reset_at is in UNIX seconds, -1 where the tenant did not say.
local limited
for _ = 1, 20 do
  ok, err = pcall(auth0.users.get, "auth0|nobody")
  if not ok and err:is("RateLimitError") then
    limited = err
    break
  end
end
if limited then
  print(limited.name, limited.status_code, limited.reset_at > 0)
end

-- Timeouts: seconds for connecting and for silence, for one call.
ok, err = pcall(auth0.connections.all, { timeout = 2.5 })
if not ok then
  print(err.name)
end
