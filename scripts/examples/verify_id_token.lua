-- Log a user in, verify the ID token, and see a wrong one refused.
--   a0run run verify_id_token.lua -p username=jane@example.com -p password=…
playbook {
  name = "verify_id_token",
  params = {
    username = "string",
    password = "secret",
    realm = { type = "string", default = "Username-Password-Authentication" },
  },
}

local tokens = get_token.login(params.username, params.password, {
  realm = params.realm,
  scope = "openid profile email",
})

-- Issuer, audience and keys are the tenant's own unless told otherwise.
local claims = verify_id_token(tokens.id_token)
print("verified: " .. claims.sub)

local ok, err = pcall(verify_id_token, tokens.id_token, { audience = "somebody-else" })
assert(not ok and err:is("TokenValidationError"), "a token for somebody else must be refused")
print("refused: " .. err.message)
