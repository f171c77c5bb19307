// Auth0's deploy-cli against local tenants: what it exports of a rich tenant it
// imports into an empty one; that one's export is equal; a second import
// changes nothing. In both of its formats.
//
//	node deploy.mjs A0RUN
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const [binary] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), "a0run-peers-"));
const need = createRequire(import.meta.url);
const cli = need.resolve("auth0-deploy-cli").replace(/([\\/]auth0-deploy-cli[\\/]).*/, "$1");
const version = JSON.parse(readFileSync(join(cli, "package.json"), "utf8")).version;
const secret = "s3cret";

// start runs a tenant and gives its ready file. A program that trusts the
// tenant's certificate must be told before it begins, so each question to a
// tenant is a process of its own.
const running = [];
async function start(name, ...more) {
  const ready = join(dir, `${name}.json`);
  const child = spawn(binary, ["sim", "--tls", "--ready-file", ready, ...more], { stdio: ["ignore", "ignore", "pipe"] });
  running.push(child);
  let told = "";
  child.stderr.on("data", (text) => (told += text));
  for (let i = 0; !existsSync(ready); i++) {
    assert.ok(i < 300 && child.exitCode === null, `the tenant ${name} does not begin: ${told}`);
    await pause(100);
  }
  return { ready, told: () => told, ...JSON.parse(readFileSync(ready, "utf8")) };
}

function run(tenant, file, args, env = {}) {
  const all = {
    PATH: process.env.PATH, HOME: dir, NODE_NO_WARNINGS: "1", NODE_EXTRA_CA_CERTS: tenant.ca_file, AUTH0_DOMAIN: tenant.domain,
    AUTH0_CLIENT_ID: tenant.client_id, AUTH0_CLIENT_SECRET: tenant.client_secret, ...env,
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [file, ...args], { env: all, maxBuffer: 64 << 20 }, (err, out, bad) =>
      err ? reject(new Error(`${relative(dir, file)} ${args.join(" ")}\n${out}${bad}`)) : resolve(out));
  });
}

const deployCLI = (tenant, ...args) => run(tenant, join(cli, "lib/index.js"), args, {
  AUTH0_KEYWORD_REPLACE_MAPPINGS: JSON.stringify({ DOMAIN: tenant.domain, HIDDEN: secret, TWILIO_AUTH_TOKEN: secret }),
});
const look = async (tenant, what) => JSON.parse(await run(tenant, join(import.meta.dirname, "look.mjs"), [tenant.ready, what]));

// tree reads what an export wrote: text by path, with the tenant's own domain
// as the keyword that a user would write there.
function tree(root, tenant) {
  const out = {};
  for (const path of readdirSync(root, { recursive: true }).sort()) {
    const file = join(root, path);
    if (statSync(file).isFile()) out[path] = readFileSync(file, "utf8").replaceAll(tenant.domain, "##DOMAIN##");
  }
  return out;
}

// The providers of factors, which the rich tenant has and deploy-cli 8.44 does
// not export: it reads a field "data" that the answers do not have. It imports
// them.
const providers = [
  { name: "sms", provider: "twilio", from: "+15555550100", sid: "AC0123", auth_token: secret },
  { name: "push-notification", provider: "sns", aws_access_key_id: "AKIA", aws_secret_access_key: secret, aws_region: "eu-west-1", sns_apns_platform_application_arn: "arn:aws:sns:eu-west-1:1:app/APNS/x", sns_gcm_platform_application_arn: "arn:aws:sns:eu-west-1:1:app/GCM/x" },
];
const providersOf = async (tenant) => {
  const state = await look(tenant, "state");
  return providers.map((p) => state[`guardian/factors/${p.name}/providers/${p.provider}`]);
};

// filled is an export as a user makes it ready for another tenant: what
// deploy-cli hides is a keyword, what it leaves out is written by hand.
function filled(root, files, format) {
  const copy = `${root}-filled`;
  cpSync(root, copy, { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(copy, path), text.replaceAll("_VALUE_NOT_SHOWN_", "##HIDDEN##"));
  if (format === "yaml") {
    const file = join(copy, "tenant.yaml");
    const text = readFileSync(file, "utf8");
    assert.match(text, /^guardianFactorProviders: \[\]$/m);
    writeFileSync(file, text.replace(/^guardianFactorProviders: .*$/m, `guardianFactorProviders: ${JSON.stringify(providers)}`));
  } else {
    mkdirSync(join(copy, "guardian/providers"), { recursive: true });
    for (const p of providers) writeFileSync(join(copy, `guardian/providers/${p.name}-${p.provider}.json`), JSON.stringify(p));
  }
  return copy;
}

async function exported(tenant, format, name) {
  const root = join(dir, name);
  await deployCLI(tenant, "export", "-f", format, "-o", root, "--export_secrets");
  return { root, files: tree(root, tenant) };
}

// refusals are the requests that a tenant refused; deploy-cli asks for what may
// not be there, and expects to hear so.
const asked = /^404 (GET \/api\/v2\/(emails\/provider|email-templates\/\w+|branding\/themes\/default)|PATCH \/api\/v2\/email-templates\/\w+)$/;
const refusals = (requests) => requests.filter((r) => r.status >= 400).map((r) => `${r.status} ${r.method} ${r.path}`).filter((s) => !asked.test(s));

// differences names the places where two values are not the same.
function differences(at, a, b) {
  const [x, y] = [a, b].map((v) => (v !== null && typeof v === "object" ? v : undefined));
  if (!x || !y || Array.isArray(x) !== Array.isArray(y)) return a === b ? [] : [`${at}: ${JSON.stringify(a)} became ${JSON.stringify(b)}`];
  return [...new Set([...Object.keys(x), ...Object.keys(y)])].flatMap((k) => differences(`${at}/${k}`, x[k], y[k]));
}

let failed = 0;
async function check(name, what) {
  const from = Date.now();
  try {
    await what();
    console.log(`ok    ${name} (${Math.round((Date.now() - from) / 1000)} s)`);
  } catch (err) {
    failed++;
    console.log(`FAIL  ${name}\n      ${String(err.stack ?? err).replaceAll("\n", "\n      ")}`);
  }
}

// Everything that deploy-cli knows, but for what it does not export: the values
// of rules' configs, clients' keys, and the providers of factors.
function kinds() {
  const files = readdirSync(join(cli, "lib/context/yaml/handlers")).filter((f) => /^\w+\.js$/.test(f)).map((f) => f.slice(0, -3));
  return files.filter((k) => !["index", "rulesConfigs", "clientAuthCredentials", "guardianFactorProviders"].includes(k));
}

async function circle(rich, format) {
  const name = `auth0-deploy-cli ${version}, ${format}`;
  const empty = await start(`empty-${format}`);
  let first, again, before;
  await check(`${name}: export of a rich tenant`, async () => {
    first = await exported(rich, format, `rich-${format}`);
    assert.deepEqual(refusals(await look(rich, "requests")), []);
    if (format === "yaml") {
      const text = first.files["tenant.yaml"];
      const bare = kinds().filter((k) => !new RegExp(`^${k}s?:(?! *(\\[\\]|\\{\\}|null)?$\\n\\S)`, "m").test(text));
      assert.deepEqual(bare, [], "the rich tenant has nothing of some kinds");
    }
  });
  if (!first) return;
  const root = filled(first.root, first.files, format);
  const input = format === "yaml" ? join(root, "tenant.yaml") : root;
  await check(`${name}: as a seed of a tenant, its export is equal`, async () => {
    const planted = await start(`planted-${format}`, "--seed", input);
    assert.equal(planted.told(), "");
    again = await exported(planted, format, `planted-${format}`);
    assert.deepEqual(again.files, first.files);
    assert.deepEqual(await providersOf(planted), await providersOf(rich));
  });
  await check(`${name}: import into an empty tenant`, async () => {
    await deployCLI(empty, "import", "-i", input);
    assert.deepEqual(refusals(await look(empty, "requests")), []);
    assert.deepEqual(await providersOf(empty), await providersOf(rich));
  });
  await check(`${name}: its export is equal`, async () => {
    again = await exported(empty, format, `empty-${format}`);
    assert.deepEqual(again.files, first.files);
  });
  await check(`${name}: a second import changes nothing`, async () => {
    before = await look(empty, "state");
    await look(empty, "forget");
    await deployCLI(empty, "import", "-i", input);
    const requests = await look(empty, "requests");
    assert.deepEqual(refusals(requests), []);
    // Each import deploys the actions and gives the roles their permissions
    // anew; it makes and removes nothing else.
    const made = requests.filter((r) => ["POST", "DELETE"].includes(r.method)).map((r) => `${r.method} ${r.path.replace(/(actions\/actions|roles)\/[0-9a-zA-Z_-]+\//, "$1/ID/")}`);
    assert.deepEqual([...new Set(made)].sort(), ["DELETE /api/v2/roles/ID/permissions", "POST /api/v2/actions/actions/ID/deploy", "POST /api/v2/roles/ID/permissions", "POST /oauth/token"]);
    assert.deepEqual(differences("", before, await look(empty, "state")), []);
  });
}

try {
  const rich = await start("rich");
  await run(rich, join(import.meta.dirname, "rich.mjs"), [rich.ready]);
  for (const format of ["directory", "yaml"]) await circle(rich, format);
} catch (err) {
  failed++;
  console.log(err);
} finally {
  for (const tenant of running) tenant.kill();
}
console.log(failed === 0 ? "deploy-cli: no difference" : `deploy-cli: ${failed} failed (files in ${dir})`);
process.exitCode = failed === 0 ? 0 : 1;
