// Makes a rich tenant of an empty one: one or more of everything that Auth0's
// deploy-cli knows, by the Management API.
import { readFileSync } from "node:fs";

// A step is [name, verb, path, body]. Its answer stands in `made` under the
// name; paths and bodies that need an earlier answer are functions of `made`.
const database = "Username-Password-Authentication";
const script = "function login(email, password, callback) { return callback(null, null); }";
const html = (text) => `<html><body>${text}</body></html>`;
const node = (id, next) => ({ id, type: "STEP", coordinates: { x: 0, y: 0 }, config: { components: [{ id: "full_name", category: "FIELD", type: "TEXT", label: "Your name", required: true }], next_node: next } });
const colors = {
  body_text: "#1e212a", error: "#d03c38", header: "#1e212a", icons: "#65676e", input_background: "#ffffff", input_border: "#c9cace",
  input_filled_text: "#000000", input_labels_placeholders: "#65676e", links_focused_components: "#635dff", primary_button: "#635dff",
  primary_button_label: "#ffffff", secondary_button_border: "#c9cace", secondary_button_label: "#1e212a", success: "#13a688", widget_background: "#ffffff", widget_border: "#c9cace",
};
const text = { bold: false, size: 87.5 };
const theme = {
  displayName: "Company", colors, borders: { button_border_radius: 3, button_border_weight: 1, buttons_style: "rounded", input_border_radius: 3, input_border_weight: 1, inputs_style: "rounded", show_widget_shadow: true, widget_border_weight: 0, widget_corner_radius: 5 },
  fonts: { body_text: text, buttons_text: text, font_url: "", input_labels: text, links: text, links_style: "normal", reference_text_size: 16, subtitle: text, title: { bold: true, size: 150 } },
  page_background: { background_color: "#000000", background_image_url: "", page_layout: "center" },
  widget: { header_text_alignment: "center", logo_height: 52, logo_position: "center", logo_url: "", social_buttons_layout: "bottom" },
};
const action = (name, trigger, version) => ({ name, supported_triggers: [{ id: trigger, version }], code: "exports.onExecute = async () => {};", runtime: "node22", dependencies: [{ name: "lodash", version: "4.17.21" }], secrets: [{ name: "KEY", value: "s3cret" }], deploy: true });

export const steps = [
  ["settings", "PATCH", "/tenants/settings", { friendly_name: "A rich tenant", support_email: "help@example.com", session_lifetime: 24, idle_session_lifetime: 12, default_redirection_uri: "https://app.example.com/login", flags: { enable_client_connections: false }, enabled_locales: ["en", "de"], error_page: { html: html("error"), show_log_link: false, url: "" }, change_password: { enabled: true, html: html("reset") }, guardian_mfa_page: { enabled: true, html: html("second factor") } }],
  ["web", "POST", "/clients", { name: "Web", app_type: "regular_web", callbacks: ["https://app.example.com/callback"], allowed_logout_urls: ["https://app.example.com"], web_origins: ["https://app.example.com"], grant_types: ["authorization_code", "refresh_token"], oidc_conformant: true, jwt_configuration: { alg: "RS256", lifetime_in_seconds: 36000 }, client_metadata: { team: "web" }, refresh_token: { rotation_type: "rotating", expiration_type: "expiring", leeway: 10, token_lifetime: 86400, idle_token_lifetime: 3600, infinite_token_lifetime: false, infinite_idle_token_lifetime: false } }],
  ["spa", "POST", "/clients", { name: "Single page", app_type: "spa", token_endpoint_auth_method: "none", grant_types: ["authorization_code"], oidc_conformant: true }],
  ["machine", "POST", "/clients", { name: "Machine", app_type: "non_interactive", grant_types: ["client_credentials"] }],
  ["api", "POST", "/resource-servers", { name: "Orders", identifier: "https://orders.example.com", scopes: [{ value: "read:orders", description: "see orders" }, { value: "write:orders", description: "change orders" }], signing_alg: "RS256", token_lifetime: 3600, allow_offline_access: true, enforce_policies: true, token_dialect: "access_token_authz" }],
  ["grant", "POST", "/client-grants", (m) => ({ client_id: m.machine.client_id, audience: "https://orders.example.com", scope: ["read:orders"], organization_usage: "allow", allow_any_organization: false })],
  ["", "PATCH", (m) => `/connections/${m.database}/clients`, (m) => [{ client_id: m.web.client_id, status: true }, { client_id: m.spa.client_id, status: true }]],
  // deploy-cli sends the flag with every import, whether the tenant shows it or not.
  ["", "PATCH", (m) => `/connections/${m.database}`, (m) => ({ options: { ...m.options, passwordPolicy: undefined, disable_self_service_change_password: false } })],
  ["scripted", "POST", "/connections", (m) => ({ name: "scripted", strategy: "auth0", enabled_clients: [m.web.client_id], options: { disable_self_service_change_password: false, enabledDatabaseCustomization: true, import_mode: false, customScripts: { login: script, get_user: script }, configuration: {}, passwordPolicy: "excellent", password_history: { enable: true, size: 5 } } })],
  ["google", "POST", "/connections", (m) => ({ name: "google", strategy: "google-oauth2", enabled_clients: [m.web.client_id], options: { client_id: "abc", client_secret: "s3cret", scope: ["email", "profile"] } })],
  ["oidc", "POST", "/connections", (m) => ({ name: "work", strategy: "oidc", display_name: "Work", enabled_clients: [m.web.client_id], options: { type: "back_channel", client_id: "work", client_secret: "s3cret", issuer: "https://idp.example.com/", authorization_endpoint: "https://idp.example.com/authorize", token_endpoint: "https://idp.example.com/token", jwks_uri: "https://idp.example.com/jwks", scope: "openid email" } })],
  ["", "POST", (m) => `/connections/${m.oidc.id}/scim-configuration`, { user_id_attribute: "externalId", mapping: [{ scim: "externalId", auth0: "app_metadata.external_id" }, { scim: "userName", auth0: "email" }] }],
  ["reader", "POST", "/roles", { name: "reader", description: "may read orders" }],
  ["", "POST", (m) => `/roles/${m.reader.id}/permissions`, { permissions: [{ resource_server_identifier: "https://orders.example.com", permission_name: "read:orders" }] }],
  ["editor", "POST", "/roles", { name: "editor", description: "may change orders" }],
  ["acme", "POST", "/organizations", { name: "acme", display_name: "ACME", metadata: { plan: "gold" }, branding: { colors: { primary: "#aa0000", page_background: "#ffffff" } } }],
  ["", "POST", (m) => `/organizations/${m.acme.id}/enabled_connections`, (m) => ({ connection_id: m.google.id, assign_membership_on_login: true, show_as_button: false })],
  ["", "POST", (m) => `/organizations/${m.acme.id}/client-grants`, (m) => ({ grant_id: m.grant.id })],
  ["", "POST", (m) => `/organizations/${m.acme.id}/discovery-domains`, { domain: "acme.example.com", status: "pending" }],
  ["module", "POST", "/actions/modules", { name: "shared", code: "module.exports = { one: 1 };", dependencies: [], secrets: [] }],
  ["login", "POST", "/actions/actions", action("After log-in", "post-login", "v3")],
  ["machines", "POST", "/actions/actions", action("For machines", "credentials-exchange", "v2")],
  ["exchange", "POST", "/actions/actions", action("Exchange", "custom-token-exchange", "v1")],
  ["phone", "POST", "/actions/actions", action("Phone", "custom-phone-provider", "v1")],
  ["", "POST", (m) => `/actions/actions/${m.login.id}/deploy`],
  ["", "POST", (m) => `/actions/actions/${m.machines.id}/deploy`],
  ["", "POST", (m) => `/actions/actions/${m.exchange.id}/deploy`],
  ["", "PATCH", "/actions/triggers/post-login/bindings", (m) => ({ bindings: [{ ref: { type: "action_id", value: m.login.id }, display_name: "After log-in" }] })],
  ["", "PATCH", "/actions/triggers/credentials-exchange/bindings", (m) => ({ bindings: [{ ref: { type: "action_id", value: m.machines.id }, display_name: "For machines" }] })],
  ["profile", "POST", "/token-exchange-profiles", (m) => ({ name: "legacy", subject_token_type: "https://example.com/legacy", action_id: m.exchange.id, type: "custom_authentication" })],
  ["", "PUT", "/rules-configs/REGION", { value: "eu" }],
  ["rule", "POST", "/rules", { name: "Old rule", script: "function (user, context, callback) { callback(null, user, context); }", order: 1, enabled: false }],
  ["hook", "POST", "/hooks", { name: "old-hook", script: "module.exports = function (client, scope, audience, context, cb) { cb(null, {}); };", triggerId: "credentials-exchange", enabled: false, dependencies: {} }],
  ["", "POST", "/emails/provider", { name: "smtp", enabled: true, default_from_address: "noreply@example.com", credentials: { smtp_host: "smtp.example.com", smtp_port: 587, smtp_user: "mailer", smtp_pass: "s3cret" }, settings: { headers: { "X-SES-Configuration-Set": "example" } } }],
  ["", "POST", "/email-templates", { template: "verify_email", body: html("{{ url }}"), from: "noreply@example.com", resultUrl: "https://app.example.com", subject: "Is this you?", syntax: "liquid", urlLifetimeInSeconds: 432000, enabled: true }],
  ["", "POST", "/email-templates", { template: "welcome_email", body: html("hello"), from: "noreply@example.com", subject: "Welcome", syntax: "liquid", enabled: false }],
  ["domain", "POST", "/custom-domains", { domain: "login.example.com", type: "auth0_managed_certs", tls_policy: "recommended" }],
  ["", "PUT", "/branding/templates/universal-login", { template: `<html><head>{%- auth0:head -%}</head><body>{%- auth0:widget -%}</body></html>` }],
  ["", "PATCH", "/branding", { colors: { primary: "#aa0000", page_background: "#ffffff" }, logo_url: "https://example.com/logo.png", favicon_url: "https://example.com/favicon.png" }],
  ["theme", "POST", "/branding/themes", theme],
  ["", "POST", "/branding/phone/providers", { name: "twilio", disabled: false, configuration: { sid: "AC0123456789012345678901234567890a", default_from: "+15555550100", delivery_methods: ["text"] }, credentials: { auth_token: "s3cret" } }],
  ["", "POST", "/branding/phone/templates", { type: "otp_verify", disabled: false, content: { syntax: "liquid", from: "+15555550100", body: { text: "{{code}} is your code", voice: "your code is {{code}}" } } }],
  ["", "PATCH", "/prompts", { universal_login_experience: "new", identifier_first: true }],
  ["", "PUT", "/prompts/login/custom-text/en", { login: { title: "Come in", description: "to the rich tenant" } }],
  ["", "PUT", "/prompts/signup/custom-text/de", { signup: { title: "Neu hier?" } }],
  ["", "PUT", "/prompts/login/partials", { login: { "form-content-start": "<p>hello</p>" } }],
  ["", "PATCH", "/prompts/login-id/screen/login-id/rendering", { rendering_mode: "advanced", context_configuration: ["branding.settings", "screen.texts"], default_head_tags_disabled: false, head_tags: [{ tag: "script", attributes: { src: "https://cdn.example.com/a.js", defer: true } }] }],
  ["", "PUT", "/guardian/factors/otp", { enabled: true }],
  ["", "PUT", "/guardian/factors/sms", { enabled: true }],
  ["", "PUT", "/guardian/policies", ["all-applications"]],
  ["", "PUT", "/guardian/factors/phone/message-types", { message_types: ["sms", "voice"] }],
  ["", "PUT", "/guardian/factors/phone/selected-provider", { provider: "twilio" }],
  ["", "PUT", "/guardian/factors/sms/providers/twilio", { from: "+15555550100", sid: "AC0123", auth_token: "s3cret" }],
  ["", "PUT", "/guardian/factors/sms/templates", { enrollment_message: "{{code}} to enrol", verification_message: "{{code}} to go on" }],
  ["", "PUT", "/guardian/factors/push-notification/providers/sns", { aws_access_key_id: "AKIA", aws_secret_access_key: "s3cret", aws_region: "eu-west-1", sns_apns_platform_application_arn: "arn:aws:sns:eu-west-1:1:app/APNS/x", sns_gcm_platform_application_arn: "arn:aws:sns:eu-west-1:1:app/GCM/x" }],
  ["", "PATCH", "/attack-protection/brute-force-protection", { enabled: true, shields: ["block"], mode: "count_per_identifier", allowlist: ["203.0.113.7"], max_attempts: 5 }],
  ["", "PATCH", "/attack-protection/breached-password-detection", { enabled: true, shields: ["block"], method: "standard", admin_notification_frequency: ["daily"] }],
  ["", "PATCH", "/attack-protection/suspicious-ip-throttling", { enabled: true, shields: ["block"], allowlist: ["203.0.113.0/24"], stage: { "pre-login": { max_attempts: 50, rate: 864000 }, "pre-user-registration": { max_attempts: 20, rate: 1200 } } }],
  ["", "PATCH", "/attack-protection/bot-detection", { bot_detection_level: "medium", challenge_password_policy: "when_risky", allowlist: ["203.0.113.7"] }],
  ["", "PATCH", "/attack-protection/captcha", { active_provider_id: "simple_captcha" }],
  ["", "PATCH", "/risk-assessments/settings", { enabled: true }],
  ["", "PATCH", "/risk-assessments/settings/new-device", { remember_for: 14 }],
  ["", "PATCH", "/supplemental-signals", { akamai_enabled: true }],
  ["stream", "POST", "/log-streams", { name: "To our log", type: "http", sink: { httpEndpoint: "https://logs.example.com", httpContentType: "application/json", httpContentFormat: "JSONLINES", httpAuthorization: "Bearer s3cret" }, filters: [{ type: "category", name: "auth.login.fail" }] }],
  ["", "POST", "/log-streams", { name: "Events", type: "eventbridge", sink: { awsAccountId: "123456789012", awsRegion: "eu-west-1" } }],
  ["", "POST", "/network-acls", { description: "no bots", active: true, priority: 1, rule: { action: { block: true }, scope: "tenant", match: { ipv4_cidrs: ["198.51.100.0/24"], user_agents: ["bot"] } } }],
  ["", "POST", "/user-attribute-profiles", { name: "people", user_id: { oidc_mapping: "sub", saml_mapping: ["nameid"], scim_mapping: "externalId" }, user_attributes: { email: { label: "E-mail", description: "where to write to", auth0_mapping: "email", profile_required: true } } }],
  ["", "POST", "/connection-profiles", { name: "enterprise", organization: { show_as_button: "required", assign_membership_on_login: "required" }, connection_name_prefix_template: "template1", enabled_features: ["scim"] }],
  ["selfService", "POST", "/self-service-profiles", { name: "for customers", description: "let them do it", allowed_strategies: ["oidc"], user_attributes: [{ name: "email", description: "where to write to", is_optional: false }], branding: { logo_url: "https://example.com/logo.png", colors: { primary: "#aa0000" } } }],
  ["", "PUT", (m) => `/self-service-profiles/${m.selfService.id}/custom-text/en/get-started`, { introduction: "Welcome" }],
  ["", "POST", "/rate-limit-policies", { resource: "oauth_authentication_api", consumer: "client", consumer_selector: "cimd", configuration: { action: "block", limit: 10 } }],
  ["vault", "POST", "/flows/vault/connections", { name: "hook", app_id: "HTTP", setup: { type: "BEARER", token: "s3cret" } }],
  ["flow", "POST", "/flows", { name: "notify", actions: [{ id: "say", type: "FLOW", action: "RETURN_JSON", allow_failure: false, mask_output: false, params: { payload: { a: "b" } } }] }],
  ["form", "POST", "/forms", { name: "Tell us", languages: { primary: "en" }, nodes: [node("step_1", "$ending")], start: { next_node: "step_1", coordinates: { x: 0, y: 0 } }, ending: { resume_flow: true, coordinates: { x: 500, y: 0 } }, translations: {}, messages: {} }],
  ["", "POST", "/event-streams", { name: "users", subscriptions: [{ event_type: "user.created" }], destination: { type: "webhook", configuration: { webhook_endpoint: "https://events.example.com", webhook_authorization: { method: "bearer", token: "s3cret" } } } }],
];

// A caller sends requests to the tenant of a ready file.
export async function caller(ready) {
  const tenant = JSON.parse(readFileSync(ready, "utf8"));
  const ask = async (verb, path, body, token) => {
    const answer = await fetch(tenant.base_url + path, {
      method: verb, body: body === undefined ? undefined : JSON.stringify(body),
      headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    });
    const said = await answer.text();
    if (!answer.ok) throw new Error(`${verb} ${path}: ${answer.status} ${said}`);
    return said === "" ? undefined : JSON.parse(said);
  };
  const { access_token: token } = await ask("POST", "/oauth/token", { grant_type: "client_credentials", client_id: tenant.client_id, client_secret: tenant.client_secret, audience: `https://${tenant.domain}/api/v2/` });
  return { tenant, api: (verb, path, body) => ask(verb, "/api/v2" + path, body, token), control: (verb, path, body) => ask(verb, "/__a0run" + path, body, tenant.control_token) };
}

export async function furnish(ready) {
  const { api } = await caller(ready);
  const made = {};
  const [first] = await api("GET", `/connections?name=${database}`);
  made.database = first.id;
  made.options = first.options;
  const of = (x) => (typeof x === "function" ? x(made) : x);
  const ids = { "/connections/{}": made.database };
  const wrong = [];
  for (const [name, verb, path, body] of steps) {
    try {
      const answer = await api(verb, of(path), of(body));
      if (name) made[name] = answer;
      const id = answer?.client_id && path === "/clients" ? answer.client_id : (answer?.custom_domain_id ?? answer?.themeId ?? answer?.id);
      if (verb === "POST" && typeof path === "string" && id) ids[`${path}/{}`] ??= id;
    } catch (err) {
      wrong.push(err.message);
    }
  }
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  return { made, ids };
}

if (process.argv[1] === import.meta.filename) await furnish(process.argv[2]);
