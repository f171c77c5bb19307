// Every method of the Authentication client of Auth0's SDK for Node and of its
// UserInfo client: the package auth0 7 keeps them under auth0/legacy. Once as an
// application with a secret, once as one with a private key; ID tokens are
// validated as the SDK does it, over TLS.
//
//	node authentication.mjs READY
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { AuthApiError, AuthenticationClient, IdTokenValidatorError, UserInfoClient } from "auth0/legacy";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { browser, callback, question } from "./browser.mjs";
import { caller } from "./rich.mjs";

const [ready] = process.argv.slice(2);
const { tenant, api, control } = await caller(ready);
const { domain } = tenant;
const audience = `https://${domain}/api/v2/`;
const keys = createRemoteJWKSet(new URL(`${tenant.base_url}/.well-known/jwks.json`));
const ann = { username: "ann@example.com", password: "Correct-horse-9", realm: "people" };
const scope = "openid profile email offline_access";

// What every API of the SDK inherits is not a call of its own.
const inherited = new Set(["constructor", "addClientAuthentication", "request", "createFetchParams"]);
const used = new Set();

// noted is an API whose calls are counted once they were answered.
function noted(name, api) {
  return new Proxy(api, {
    get: (target, key) => {
      const method = target[key];
      if (typeof method !== "function" || inherited.has(key)) return method;
      return async (...args) => {
        const answer = await method.apply(target, args);
        used.add(`${name}.${key}`);
        return answer;
      };
    },
  });
}
function methods(name, api) {
  const out = [];
  for (let proto = Object.getPrototypeOf(api); proto && proto !== Object.prototype; proto = Object.getPrototypeOf(proto)) {
    out.push(...Object.getOwnPropertyNames(proto).filter((key) => !inherited.has(key) && typeof api[key] === "function"));
  }
  return [...new Set(out)].map((key) => `${name}.${key}`);
}

let failed = 0;
let passed = 0;
async function check(name, what) {
  try {
    await what();
    passed++;
  } catch (err) {
    failed++;
    console.log(`FAIL  ${name}\n      ${String(err.stack ?? err).replaceAll("\n", "\n      ")}`);
  }
}
async function refused(call, status, error) {
  const err = await call.then(() => assert.fail("no error"), (err) => err);
  assert.ok(err instanceof AuthApiError, `${err.constructor.name}: ${err.message}`);
  assert.deepEqual([err.statusCode, err.error], [status, error], `${err.statusCode} ${err.error}: ${err.message}`);
}

// mailed is the code or the link that the last message to somebody has.
async function mailed(to) {
  const { mail } = await control("GET", "/mail");
  const last = mail.filter((m) => m.to === to).at(-1);
  assert.ok(last, `there is no message to ${to}`);
  return last;
}

// code logs ann in through the pages and gives what the application gets back.
async function code(client, more, plain) {
  const pages = browser();
  const { verifier, ask } = question({ ...tenant, client_id: client }, more);
  if (plain) ["code_challenge", "code_challenge_method"].forEach((k) => ask.delete(k));
  const page = await pages.visit(`${tenant.base_url}/authorize?${ask}`);
  const back = new URL((await pages.visit(page.url, ann)).url);
  assert.ok(back.searchParams.get("code"), back.href);
  return { code: back.searchParams.get("code"), code_verifier: verifier, redirect_uri: callback };
}

const who = {
  "a secret": { clientId: tenant.client_id, clientSecret: tenant.client_secret },
  "a private key": { clientId: tenant.private_key_client_id, clientAssertionSigningKey: tenant.private_key },
};
for (const { clientId } of Object.values(who)) await api("PATCH", `/clients/${clientId}`, { organization_usage: "allow" });
let all;
for (const [how, credentials] of Object.entries(who)) {
  const client = new AuthenticationClient({ domain, ...credentials, retry: { enabled: false } });
  const apis = Object.fromEntries(Object.entries(client).filter(([, api]) => typeof api === "object").map(([name, api]) => [name, noted(name, api)]));
  const info = noted("userInfo", new UserInfoClient({ domain }));
  all = [...Object.entries(client).flatMap(([name, api]) => methods(name, api)), ...methods("userInfo", new UserInfoClient({ domain }))];
  const { oauth, database, passwordless, backchannel, tokenExchange } = apis;
  const it = (name, what) => check(`${name}, with ${how}`, what);
  const id = credentials.clientId;

  await it("client credentials", async () => {
    const { data } = await oauth.clientCredentialsGrant({ audience });
    assert.equal(data.token_type, "Bearer");
    assert.ok(data.access_token && data.expires_in > 0);
  });
  await it("code, with and without PKCE, nonce, age and organization", async () => {
    const { code_verifier: _, ...plain } = await code(id, { nonce: "n1" }, true);
    const { data } = await oauth.authorizationCodeGrant(plain, { idTokenValidateOptions: { nonce: "n1", maxAge: 600 } });
    assert.ok(data.id_token && data.refresh_token);
    const within = await code(id, { organization: "org_acme" });
    const { data: org } = await oauth.authorizationCodeGrantWithPKCE(within, { idTokenValidateOptions: { organization: "org_acme" } });
    assert.equal((await jwtVerify(org.id_token, keys, { audience: id, issuer: `https://${domain}/` })).payload.org_id, "org_acme");
  });
  await it("an ID token that is not what was asked for", async () => {
    const validated = async (more, options) => oauth.authorizationCodeGrantWithPKCE(await code(id, more), { idTokenValidateOptions: options });
    await assert.rejects(validated({ nonce: "n1" }, { nonce: "n2" }), IdTokenValidatorError);
    await assert.rejects(validated({}, { organization: "org_acme" }), /org_id/);
  });
  await it("a wrong verifier, and a code used twice", async () => {
    const one = await code(id, {});
    await refused(oauth.authorizationCodeGrantWithPKCE({ ...one, code_verifier: "x".repeat(43) }), 403, "invalid_grant");
    const two = await code(id, {});
    await oauth.authorizationCodeGrantWithPKCE({ ...two }); // the SDK writes its assertion into what it is given
    await refused(oauth.authorizationCodeGrantWithPKCE({ ...two }), 403, "invalid_grant");
  });
  await it("a pushed request leads to a code", async () => {
    const { verifier, ask } = question({ ...tenant, client_id: id }, { nonce: "pushed" });
    const { data } = await oauth.pushedAuthorization(Object.fromEntries(ask));
    assert.match(data.request_uri, /^urn:/);
    const pages = browser();
    const page = await pages.visit(`${tenant.base_url}/authorize?${new URLSearchParams({ client_id: id, request_uri: data.request_uri })}`);
    const back = new URL((await pages.visit(page.url, ann)).url);
    await oauth.authorizationCodeGrantWithPKCE({ code: back.searchParams.get("code"), code_verifier: verifier, redirect_uri: callback }, { idTokenValidateOptions: { nonce: "pushed" } });
  });
  let tokens;
  await it("password, refresh, user info, revoke", async () => {
    await oauth.passwordGrant({ username: ann.username, password: ann.password, scope: "openid" });
    await refused(oauth.passwordGrant({ ...ann, password: "wrong" }), 403, "invalid_grant");
    ({ data: tokens } = await oauth.passwordGrant({ ...ann, scope }));
    const { data: fresh } = await oauth.refreshTokenGrant({ refresh_token: tokens.refresh_token });
    assert.ok(fresh.access_token && fresh.id_token);
    const { data: person } = await info.getUserInfo(fresh.access_token);
    assert.deepEqual([person.sub, person.email], ["auth0|ann", ann.username]);
    const { data: more } = await oauth.passwordGrant({ ...ann, scope });
    await oauth.revokeRefreshToken({ token: more.refresh_token });
    await refused(oauth.refreshTokenGrant({ refresh_token: more.refresh_token }), 403, "invalid_grant");
  });
  // The SDK sends no client_id of its own here, so that a secret says nothing.
  await it("the token of a connection", async () => {
    const of = (connection) => oauth.tokenForConnection({ client_id: id, connection, subject_token: tokens.refresh_token });
    assert.ok((await of("google")).data.access_token);
    await refused(of("facebook"), 403, "federated_connection_refresh_token_not_found");
  });
  await it("sign-up and change of password", async () => {
    const email = `${id.toLowerCase()}@example.com`;
    const { data } = await database.signUp({ email, password: "Secret-123!", connection: "people", user_metadata: { a: "b" } });
    assert.deepEqual([data.email, data.email_verified], [email, false]);
    await refused(database.signUp({ email, password: "Secret-123!", connection: "people" }), 400, "invalid_signup");
    const sent = await database.changePassword({ email, connection: "people" });
    assert.match(sent.data, /sent you an email/);
    assert.ok((await mailed(email)).link);
  });
  await it("passwordless by e-mail: a code, and a link", async () => {
    const email = `mail.${id.toLowerCase()}@example.com`;
    await passwordless.sendEmail({ email, send: "code" });
    await refused(passwordless.loginWithEmail({ email, code: "000000", scope }), 403, "invalid_grant");
    const { data } = await passwordless.loginWithEmail({ email, code: (await mailed(email)).code, scope });
    assert.ok(data.id_token && data.refresh_token);
    await passwordless.sendEmail({ email, send: "link", authParams: { scope: "openid", redirect_uri: callback, response_type: "code" } });
    assert.ok((await mailed(email)).link);
  });
  await it("passwordless by message", async () => {
    const phone = `+1555555${id === tenant.client_id ? "0100" : "0101"}`;
    await passwordless.sendSMS({ phone_number: phone });
    const { data } = await passwordless.loginWithSMS({ phone_number: phone, code: (await mailed(phone)).code, scope });
    assert.ok(data.id_token);
  });
  await it("back-channel: pending, approved, rejected", async () => {
    const begun = await backchannel.authorize({ userId: "auth0|ann", binding_message: "1234", scope: "openid" });
    assert.ok(begun.auth_req_id && begun.expires_in > 0);
    await refused(backchannel.backchannelGrant(begun), 400, "authorization_pending");
    await control("POST", "/approvals", { id: begun.auth_req_id, user_id: "auth0|ann" });
    await control("POST", "/clock", { step: `${begun.interval}s` });
    const { id_token } = await backchannel.backchannelGrant(begun);
    assert.equal((await jwtVerify(id_token, keys, { audience: id, clockTolerance: 600 })).payload.sub, "auth0|ann");
    const other = await backchannel.authorize({ userId: "auth0|ann", binding_message: "1234", scope: "openid", requested_expiry: "60" });
    await control("POST", "/approvals", { id: other.auth_req_id });
    await refused(backchannel.backchannelGrant(other), 400, "access_denied");
  });
  await it("an exchange of tokens", async () => {
    const data = await tokenExchange.exchangeToken({ subject_token: tokens.access_token, subject_token_type: "https://app.example/token", audience, scope });
    assert.ok(data.access_token && data.id_token);
  });
}
await check("a wrong secret", async () => {
  const wrong = new AuthenticationClient({ domain, clientId: tenant.client_id, clientSecret: "wrong" });
  await refused(wrong.oauth.clientCredentialsGrant({ audience }), 401, "access_denied");
});
await check("every method is called", async () => {
  assert.ok(all.length >= 17, `only ${all.length} methods are found`);
  assert.deepEqual(all.filter((name) => !used.has(name)), []);
});

const version = JSON.parse(readFileSync(createRequire(import.meta.url).resolve("auth0").replace(/\/dist\/.*/, "/package.json"), "utf8")).version;
console.log(`auth0 ${version}: ${all.length} methods of the Authentication and UserInfo clients, ${passed} checks passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
