-- Copy connections and roles from one tenant to another.
--   a0run run copy_tenant.lua --tenant source=staging --tenant target=production
playbook {
  name = "copy_tenant",
  tenants = {
    source = { description = "is read" },
    target = { description = "is written" },
  },
}

local source, target = tenant("source"), tenant("target")

local function by_name(list)
  local names = {}
  for _, object in ipairs(list) do
    names[object.name] = object
  end
  return names
end

-- A database shows how it wants passwords in two ways, by an older name and by
-- password_options, and takes only one of them.
local function writable(options)
  local copy = {}
  for name, value in pairs(options) do
    copy[name] = value
  end
  if copy.password_options then
    copy.passwordPolicy, copy.password_history, copy.password_dictionary = nil, nil, nil
    copy.password_no_personal_info, copy.password_complexity_options = nil, nil
  end
  return copy
end

local there = by_name(target.connections.all())
parallel.each(source.connections.all(), { key = "name" }, function(connection)
  if not there[connection.name] then
    target.connections.create {
      name = connection.name,
      strategy = connection.strategy,
      options = writable(connection.options),
    }
    print("connection " .. connection.name)
  end
end)

there = by_name(target.roles.list())
parallel.each(source.roles.list(), { key = "name" }, function(role)
  local permissions = source.roles.list_permissions(role.id)
  local copy = there[role.name] or target.roles.create { name = role.name, description = role.description }
  if #permissions > 0 then
    local wanted = {}
    for i, p in ipairs(permissions) do
      wanted[i] = {
        resource_server_identifier = p.resource_server_identifier,
        permission_name = p.permission_name,
      }
    end
    target.roles.add_permissions(copy.id, wanted)
  end
  print("role " .. role.name)
end)
