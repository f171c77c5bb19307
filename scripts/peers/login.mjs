// A log-in through the tenant's pages, code flow with PKCE: the ID token is
// verified by Auth0's own package and by jose, the refresh token is exchanged,
// revoked and then refused.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { AuthenticationClient, UserInfoClient } from "auth0/legacy";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { browser, callback, question } from "./browser.mjs";

const tenant = JSON.parse(readFileSync(process.argv[2], "utf8"));
const issuer = `https://${tenant.domain}/`;
const auth = new AuthenticationClient({ domain: tenant.domain, clientId: tenant.client_id, clientSecret: tenant.client_secret });
const pages = browser();
const visit = (...what) => pages.visit(...what);

const { verifier, ask, url } = question(tenant, { nonce: "nonce-1" });
const page = await visit(url);
assert.match(page.text, /Log in/);
const wrong = await visit(page.url, { username: "ann@example.com", password: "wrong" });
assert.match(wrong.text, /Wrong email or password/);
const back = new URL((await visit(page.url, { username: "ann@example.com", password: "Correct-horse-9" })).url);
assert.equal(back.searchParams.get("state"), "state-1");

const { data: tokens } = await auth.oauth.authorizationCodeGrantWithPKCE(
  { code: back.searchParams.get("code"), code_verifier: verifier, redirect_uri: callback },
  { idTokenValidateOptions: { nonce: "nonce-1" } },
);
const keys = createRemoteJWKSet(new URL(`${tenant.base_url}/.well-known/jwks.json`));
const { payload } = await jwtVerify(tokens.id_token, keys, { issuer, audience: tenant.client_id, algorithms: ["RS256"] });
assert.equal(payload.sub, "auth0|ann");
assert.equal(payload.nonce, "nonce-1");
console.log("ok    code flow with PKCE: the ID token is verified by auth0 and by jose");

const { data: who } = await new UserInfoClient({ domain: tenant.domain }).getUserInfo(tokens.access_token);
assert.equal(who.email, "ann@example.com");
const { data: fresh } = await auth.oauth.refreshTokenGrant({ refresh_token: tokens.refresh_token });
assert.ok(fresh.access_token);
await auth.oauth.revokeRefreshToken({ token: tokens.refresh_token });
await assert.rejects(auth.oauth.refreshTokenGrant({ refresh_token: tokens.refresh_token }), (e) => e.error === "invalid_grant" && e.statusCode === 403);
console.log("ok    userinfo, and a refresh token exchanged, revoked and refused");

ask.set("prompt", "none");
const silent = new URL((await visit(`${tenant.base_url}/authorize?${ask}`)).url);
assert.ok(silent.searchParams.get("code"), silent.href);
pages.forget();
const refused = new URL((await visit(`${tenant.base_url}/authorize?${ask}`)).url);
assert.equal(refused.searchParams.get("error"), "login_required");
console.log("ok    the session spares a log-in, and without it prompt=none is refused");
