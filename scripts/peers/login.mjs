// A log-in through the tenant's pages, code flow with PKCE: the ID token is
// verified by Auth0's own package and by jose, the refresh token is exchanged,
// revoked and then refused.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { AuthenticationClient, UserInfoClient } from "auth0-v4";
import { createRemoteJWKSet, jwtVerify } from "jose";

const tenant = JSON.parse(readFileSync(process.argv[2], "utf8"));
const issuer = `https://${tenant.domain}/`;
const callback = "https://app.example/callback";
const auth = new AuthenticationClient({ domain: tenant.domain, clientId: tenant.client_id, clientSecret: tenant.client_secret });

// A browser: it keeps cookies, follows the tenant's redirects and stops where
// the application begins.
const cookies = new Map();
async function visit(url, form) {
  for (let hops = 0; hops < 20; hops++) {
    const response = await fetch(url, {
      redirect: "manual",
      method: form ? "POST" : "GET",
      body: form && new URLSearchParams(form),
      headers: { accept: "text/html", cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join("; ") },
    });
    form = undefined;
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      cookies.set(name, value);
    }
    const to = response.headers.get("location");
    if (!to) return { url, status: response.status, text: await response.text() };
    url = new URL(to, url).href;
    if (url.startsWith(callback)) return { url, status: response.status, text: "" };
  }
  throw new Error("the log-in goes round in circles");
}

const verifier = randomBytes(32).toString("base64url");
const ask = new URLSearchParams({
  client_id: tenant.client_id, response_type: "code", redirect_uri: callback, scope: "openid profile email offline_access",
  state: "state-1", nonce: "nonce-1", code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256",
});
const page = await visit(`${tenant.base_url}/authorize?${ask}`);
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
cookies.clear();
const refused = new URL((await visit(`${tenant.base_url}/authorize?${ask}`)).url);
assert.equal(refused.searchParams.get("error"), "login_required");
console.log("ok    the session spares a log-in, and without it prompt=none is refused");
