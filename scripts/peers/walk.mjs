// Calls every method of the Management client of Auth0's SDK for Node once,
// against a local tenant: the methods are found on the client itself, so that
// none is forgotten; what each needs is made first, and each refusal is a
// failure. What no request makes is in the seed.
//
//	node walk.mjs READY
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ManagementClient, ManagementError } from "auth0";
import { live } from "./life.mjs";
import { caller, furnish, steps } from "./rich.mjs";

const [ready] = process.argv.slice(2);
const tenant = JSON.parse(readFileSync(ready, "utf8"));
const { made, ids } = await furnish(ready);

// methods walks the client: [name, the function bound, names of its arguments].
function methods(client, path = []) {
  const out = [];
  for (let proto = Object.getPrototypeOf(client); proto && proto !== Object.prototype; proto = Object.getPrototypeOf(proto)) {
    for (const [name, d] of Object.entries(Object.getOwnPropertyDescriptors(proto))) {
      if (d.get) {
        const sub = client[name];
        if (sub?.constructor.name.endsWith("Client")) out.push(...methods(sub, [...path, name]));
      } else if (name !== "constructor" && !name.startsWith("_") && path.length > 0) {
        const args = d.value.toString().match(/\((.*?)\)/s)[1].split(",").map((a) => a.trim().replace(/_\d+$/, "").replace(/ *=.*/, ""));
        out.push({ name: [...path, name].join("."), call: (...a) => client[name](...a), args: args.filter((a) => a && !a.startsWith("request")) });
      }
    }
  }
  return out;
}

// What a method asks for is seen by calling it with marks in the place of ids.
let seen;
const probe = new ManagementClient({ domain: "probe.example", token: "t", maxRetries: 0, fetch: async (url, init) => {
  seen = { verb: init.method, path: decodeURIComponent(new URL(url).pathname).replace("/api/v2", "").replaceAll(/~\d+~/g, "{}") };
  return new Response("{}", { status: 200, headers: { "content-type": "application/json" } });
} });
const client = new ManagementClient({ domain: tenant.domain, clientId: tenant.client_id, clientSecret: tenant.client_secret, maxRetries: 0 });
const all = methods(client);
for (const m of methods(probe)) {
  seen = undefined;
  await Promise.resolve(m.call(...m.args.map((_, i) => `~${i}~`), {})).catch(() => {});
  const mine = all.find((o) => o.name === m.name);
  if (seen) Object.assign(mine, seen, { shape: `${seen.verb} ${seen.path}` });
}

// An import wants a file, which the probe does not have.
Object.assign(all.find((m) => m.name === "jobs.usersImports.create"), { verb: "POST", path: "/jobs/users-imports", shape: "POST /jobs/users-imports" });

// Bodies, by verb and path: those of the rich tenant, and these.
const bodies = {};
for (const [, verb, path, body] of steps) {
  const at = (typeof path === "function" ? path(made) : path).split("/").map((s) => (known(s) ? "{}" : s)).join("/");
  bodies[`${verb} ${at}`] ??= typeof body === "function" ? body(made) : body;
}
function known(segment) {
  return Object.values(ids).includes(segment) || Object.values(ids).some((id) => typeof id === "string" && encodeURIComponent(id) === segment);
}
const json = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const extra = json("./walk.json");
Object.assign(bodies, extra.bodies);
const desk = await caller(ready);
Object.assign(ids, extra.ids, { database: made.database }, await live(desk, "Username-Password-Authentication"));

// What must be so before a method is called and its own making does not do.
const before = {
  "organizations.invitations.create": () => desk.api("PATCH", `/clients/${ids["/clients/{}"]}`, { organization_usage: "allow", initiate_login_uri: "https://app.example.com/login" }),
  "emails.provider.create": () => desk.api("DELETE", "/emails/provider"),
  "keys.customSigning.get": () => desk.api("PUT", "/keys/custom-signing", bodies["PUT /keys/custom-signing"]),
  "organizations.organizationTemplate.get": () => desk.api("PUT", `/organizations/${ids["/organizations/{}"]}/organization-templates/${ids["/organizations/{}/organization-templates/{}"]}`),
};
bodies["PATCH /branding/themes/{}"] = bodies["POST /branding/themes"];
const filled = (text) => text.replaceAll(/<<(.*?)>>/g, (_, key) => ids[key] ?? key);
let count = 0;
function body(m) {
  if (m.path === "/jobs/users-imports") return { users: new Blob(['[{"email":"imported@example.com"}]']), connection_id: made.database };
  const given = bodies[m.shape];
  if (given === undefined) return undefined;
  count++;
  return JSON.parse(filled(JSON.stringify(given)).replaceAll("@@", String(count)));
}

// An item is named by several paths.
function sameItems(path) {
  const more = {
    "/users/{}": ["/organizations/{}/members/{}"], "/clients/{}": ["/organizations/{}/clients/{}"], "/connections/{}": ["/organizations/{}/connections/{}"], "/roles/{}": ["/organizations/{}/roles/{}"], "/keys/encryption/{}": [],
  };
  if (path.startsWith("/jobs/")) return ["/jobs/{}"];
  return [path, ...(more[path] ?? [])];
}
ids["/organizations/{}/enabled_connections/{}"] = made.database;

const rank = { POST: 0, GET: 1, PATCH: 2, PUT: 2.5, DELETE: 4 };
const last = (m) => (m.path.endsWith("/revoke") && m.verb === "PUT" ? 5 : m.verb === "POST" && /\/(revoke|revoke-access|clear|rotate|rotate-secret|rekey)$/.test(m.path) ? 3 : rank[m.verb]);
const depth = (m) => m.path.split("/").length * (m.verb === "DELETE" ? -1 : 1);
const plain = all.filter((m) => m.shape);
plain.sort((a, b) => last(a) - last(b) || depth(a) - depth(b));

let taken = 0;
const wrong = all.filter((m) => !m.shape).map((m) => `${m.name}: sends nothing`);
for (const m of plain) {
  let at = "";
  const parts = m.path.split("/").map((s) => (at += `/${s}`) && s);
  at = "";
  const args = [];
  for (const s of parts.slice(1)) {
    at += `/${s}`;
    if (s.includes("{}")) args.push(String(extra.args[m.name]?.[args.length] ?? ids[at] ?? "none"));
  }
  await before[m.name]?.();
  const request = body(m);
  try {
    const answer = await m.call(...args, ...(request === undefined ? [{}] : [request]));
    const o = answer?.data ?? answer;
    if (m.path.endsWith("/actions/actions/{}/deploy")) ids["/actions/actions/{}/versions/{}"] ??= o.id;
    if (m.verb === "POST" && o && typeof o === "object" && !/\/\{\}\/[^/]*(deploy|test|try|rotate)/.test(m.path)) {
      const id = ["client_id", "custom_domain_id", "themeId", "user_id", "kid", "token_id", "ticket_id", "agent_id", "id"].map((k) => o[k]).find((v) => typeof v === "string");
      if (id) for (const below of sameItems(`${m.path}/{}`)) ids[below] = m.path === "/clients" ? o.client_id : (o.id ?? id);
    }
    taken++;
  } catch (err) {
    wrong.push(`${m.name} (${m.shape}): ${err instanceof ManagementError ? err.statusCode : err} ${JSON.stringify(err.body ?? err.message)}`);
  }
}
for (const w of wrong) console.log(`FAIL  ${w}`);
console.log(`auth0 ${json("./node_modules/auth0/package.json").version}: ${all.length} methods of the Management client, ${taken} taken, ${wrong.length} refused`);
assert.ok(all.length > 400, "the walk finds no methods");
process.exitCode = wrong.length === 0 ? 0 : 1;
