-- Copy the users of a connection into a connection of another tenant, with their
-- metadata and ids, and without their passwords: an export job there, import jobs
-- here. Users that are there already are changed.
--   a0run plan move_users.lua --tenant source=old --tenant target=new
playbook {
  name = "move_users",
  tenants = { "source", "target" },
  params = { connection = { type = "string", default = "Username-Password-Authentication" } },
}

local function id_of(role)
  local found = tenant(role).connections.list { name = params.connection, fields = { "id" } }
  return assert(found[1], "no connection " .. params.connection .. " in " .. role).id
end

tenant("source").users.export { connection_id = id_of("source"), file = "moved-users.ndjson.gz" }
local result = tenant("target").users.import {
  connection_id = id_of("target"), file = "moved-users.ndjson.gz", upsert = true,
}
print(result.inserted .. " users inserted, " .. result.updated .. " updated, " .. result.failed .. " failed")
for _, e in ipairs(result.errors) do
  print("row " .. e.row .. ": " .. e.message)
end
