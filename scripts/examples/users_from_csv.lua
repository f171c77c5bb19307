-- Create the users of a CSV file: email, given_name, family_name.
--   a0run run users_from_csv.lua --tenant staging -p file=users.csv
playbook {
  name = "users_from_csv",
  params = {
    file = { type = "string", default = "users.csv" },
    connection = { type = "string", default = "Username-Password-Authentication" },
  },
}

local rows = csv.read(params.file)
local result = parallel.each(rows, { key = "email", on_error = "continue" }, function(row)
  auth0.users.create {
    connection = params.connection,
    email = row.email,
    given_name = row.given_name,
    family_name = row.family_name,
    password = random.hex(16) .. "Aa1!",
  }
end)
print(result.done .. " users created")
for _, f in ipairs(result.failed) do
  print("not created: " .. f.key .. ": " .. f.error.message)
end
