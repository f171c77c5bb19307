-- List the connections, rename one, and look at it again.
--   a0run run connections.lua --tenant staging -p id=con_ErZf9LpXQDE0cNBr -p name=MyNewName
playbook {
  name = "connections",
  description = "List all connections, rename one, get it.",
  params = {
    id = { type = "string", description = "the connection's id" },
    name = { type = "string", default = "MyNewName", description = "its new name" },
  },
}

for _, connection in ipairs(auth0.connections.all()) do
  print(connection.name, connection.strategy)
end

auth0.connections.update(params.id, { name = params.name })

local modified = auth0.connections.get(params.id)
print("now it is " .. modified.name)
