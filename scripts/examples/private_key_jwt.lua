-- Fetch a Management API token with a signed assertion (private_key_jwt).
--   a0run run private_key_jwt.lua -p client_id=my-client-id -p signing_key="$(cat key.pem)"
playbook {
  name = "private_key_jwt",
  params = {
    client_id = "string",
    signing_key = { type = "secret", description = "the private key in PEM" },
    audience = { type = "string", description = "https://DOMAIN/api/v2/" },
  },
}

local token = get_token.client_credentials(params.audience, {
  client_id = params.client_id,
  client_assertion_signing_key = params.signing_key,
})
print(token.token_type .. " token for " .. token.expires_in .. " seconds: " .. token.access_token)
