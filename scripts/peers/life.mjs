// Somebody lives in a tenant: logs in, has a second factor and another account.
// What the Management API only reads is there afterwards.
import { createHmac } from "node:crypto";
import { browser, callback, question } from "./browser.mjs";

// totp is the code of an authenticator (RFC 6238) for a secret in base 32.
function totp(secret) {
  const bits = [...secret.replaceAll("=", "")].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const sum = createHmac("sha1", key).update(step).digest();
  return String((sum.readUInt32BE(sum[19] & 15) & 0x7fffffff) % 1e6).padStart(6, "0");
}

export async function live({ tenant, api }, connection) {
  const person = { username: "life@example.com", password: "Correct-horse-9" };
  const user = await api("POST", "/users", { connection, email: person.username, password: person.password });
  const other = await api("POST", "/users", { connection, email: "other@example.com", password: person.password });
  const post = async (path, body, token) => {
    const answer = await fetch(tenant.base_url + path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) } });
    return answer.json();
  };

  const policies = await api("GET", "/guardian/policies");
  await api("PUT", "/guardian/policies", []);
  const pages = browser();
  const { verifier, url } = question(tenant);
  const back = new URL((await pages.visit((await pages.visit(url)).url, person)).url);
  const app = { client_id: tenant.client_id, client_secret: tenant.client_secret };
  await post("/oauth/token", { grant_type: "authorization_code", code: back.searchParams.get("code"), code_verifier: verifier, redirect_uri: callback, ...app });

  await api("PUT", "/guardian/policies", ["all-applications"]);
  const { mfa_token } = await post("/oauth/token", { grant_type: "http://auth0.com/oauth/grant-type/password-realm", realm: connection, ...person, ...app });
  const { secret } = await post("/mfa/associate", { authenticator_types: ["otp"] }, mfa_token);
  await post("/oauth/token", { grant_type: "http://auth0.com/oauth/grant-type/mfa-otp", mfa_token, otp: totp(secret), ...app });
  await api("PUT", "/guardian/policies", policies);

  const id = encodeURIComponent(user.user_id);
  const first = async (path) => {
    const answer = await api("GET", path);
    return (Array.isArray(answer) ? answer : Object.values(answer).find(Array.isArray))[0];
  };
  return {
    "/sessions/{}": (await first(`/users/${id}/sessions`)).id,
    "/refresh-tokens/{}": (await first(`/users/${id}/refresh-tokens`)).id,
    "/guardian/enrollments/{}": (await first(`/users/${id}/enrollments`)).id,
    "/logs/{}": (await first("/logs")).log_id,
    "/users/{}/identities/{}": "auth0",
    "/users/{}/identities/{}/{}": other.user_id.replace("auth0|", ""),
  };
}
