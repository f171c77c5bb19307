// Looks at a local tenant and writes JSON: its requests, or the state of
// everything that deploy-cli writes.
//
//	node look.mjs READY requests|forget|state
import { caller } from "./rich.mjs";

const [ready, what] = process.argv.slice(2);
const { api, control } = await caller(ready);

// What changes by itself: times, and what a deploy makes anew.
const moving = new Set(["created_at", "updated_at", "built_at", "updated_on", "deployed_version", "current_since"]);
function still(v) {
  if (Array.isArray(v)) return v.map(still);
  if (v === null || typeof v !== "object") return v;
  return Object.fromEntries(Object.entries(v).filter(([k]) => !moving.has(k)).sort().map(([k, x]) => [k, still(x)]));
}

const single = [
  "tenants/settings", "branding", "branding/themes/default", "branding/templates/universal-login", "emails/provider", "prompts", "prompts/login/custom-text/en",
  "prompts/signup/custom-text/de", "prompts/login/partials", "prompts/login-id/screen/login-id/rendering", "attack-protection/brute-force-protection",
  "attack-protection/breached-password-detection", "attack-protection/suspicious-ip-throttling", "attack-protection/bot-detection", "attack-protection/captcha",
  "risk-assessments/settings", "risk-assessments/settings/new-device", "supplemental-signals", "guardian/factors", "guardian/policies", "guardian/factors/phone/message-types",
  "guardian/factors/phone/selected-provider", "guardian/factors/sms/providers/twilio", "guardian/factors/sms/templates", "guardian/factors/push-notification/providers/sns",
  "email-templates/verify_email", "email-templates/welcome_email",
];
const lists = [
  "clients", "client-grants", "resource-servers", "connections", "roles", "organizations", "actions/actions", "actions/modules", "rules", "rules-configs", "hooks", "custom-domains",
  "log-streams", "network-acls", "user-attribute-profiles", "connection-profiles", "self-service-profiles", "token-exchange-profiles", "rate-limit-policies", "flows", "flows/vault/connections",
  "forms", "event-streams", "branding/phone/providers", "branding/phone/templates",
];
// Below the items of a list: [list, what stands below].
const below = {
  roles: ["permissions"], organizations: ["enabled_connections", "client-grants", "discovery-domains"], connections: ["clients"],
  flows: [""], forms: [""], "flows/vault/connections": [""], "event-streams": [""], "network-acls": [""], "token-exchange-profiles": [""], "actions/modules": [""],
};

async function state() {
  const out = {};
  const get = async (path) => (out[path] = still(await api("GET", `/${path}`)));
  for (const path of single) await get(path);
  for (const path of lists) {
    await get(path);
    const items = Array.isArray(out[path]) ? out[path] : Object.values(out[path]).find(Array.isArray);
    for (const item of items) for (const name of below[path] ?? []) await get(`${path}/${item.id}${name && `/${name}`}`);
  }
  for (const trigger of ["post-login", "credentials-exchange"]) {
    const { bindings } = await api("GET", `/actions/triggers/${trigger}/bindings`);
    out[trigger] = bindings.map((b) => `${b.display_name}: ${b.action.id}`); // each import binds anew
  }
  return out;
}

const answers = {
  requests: async () => (await control("GET", "/requests")).requests,
  forget: () => control("DELETE", "/requests"),
  state,
};
console.log(JSON.stringify(await answers[what]()));
