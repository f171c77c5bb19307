package sim_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"a0run/client/sim"
)

// exportYAML is what deploy-cli 8 writes of a tenant, shortened.
const exportYAML = `
rules:
  - {name: Old rule, script: "./rules/Old rule.js", stage: login_success, enabled: false, order: 1}
pages:
  - {name: login, html: ./pages/login.html, enabled: true}
  - {name: error_page, html: ./pages/error.html, show_log_link: true, url: ""}
  - {name: guardian_multifactor, html: <p>two</p>, enabled: true}
hooks: [{name: old, script: "./hooks/old.js", triggerId: credentials-exchange, secrets: {KEY: _VALUE_NOT_SHOWN_}}]
triggers: {post-login: [{action_name: After, display_name: Then}]}
guardianFactorTemplates: [{name: sms, enrollment_message: "{{code}} in", verification_message: "{{code}} on"}]
guardianFactorProviders: [{name: sms, provider: twilio, from: "+15555550100", sid: AC0}]
themes: []
userAttributeProfiles: [{name: people, user_attributes: {}}]
selfServiceProfiles: [{name: customers, user_attribute_profile_id: people, customText: {en: {get-started: {introduction: Welcome}}}}]
hookSecrets: {a: b}
keys: []
resourceServers:
  - {name: Orders, identifier: "https://orders.example.com", scopes: [{value: "read:orders", description: see orders}]}
  - {name: Auth0 Management API, identifier: "https://acme.eu.auth0.com/api/v2/", is_system: true}
clients:
  - {name: Machine, app_type: non_interactive, grant_types: [client_credentials]}
  - {name: Web, app_type: regular_web}
databases:
  - name: people
    strategy: auth0
    enabled_clients: [Web]
    options: {import_mode: false, customScripts: {login: ./databases/people/login.js}}
connections:
  - {name: google, strategy: google-oauth2, enabled_clients: [Web, Machine], options: {client_id: abc}}
  - {name: mail, strategy: email, options: {email: {body: ./mail.html}}}
  - {name: work, strategy: oidc, options: {client_id: w}, scim_configuration: {user_id_attribute: id1, mapping: [{scim: a, auth0: b}]}}
  - {name: saml, strategy: samlp, options: {idpinitiated: {client_id: Web, enabled: true}, signingCert: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t}}
tenant: {friendly_name: Acme, session_lifetime: 24}
emailTemplates:
  - {template: verify_email, body: ./emailTemplates/verify_email.html, enabled: true, from: no@example.com, subject: Hello, syntax: liquid}
clientGrants:
  - {client_id: Machine, audience: "https://orders.example.com", scope: ["read:orders"], organization_usage: allow}
  - {client_id: Machine, audience: "https://acme.eu.auth0.com/api/v2/", scope: ["read:users"]}
guardianPolicies: {policies: [all-applications]}
roles:
  - {name: reader, permissions: [{permission_name: "read:orders", resource_server_identifier: "https://orders.example.com"}]}
prompts: {identifier_first: true, customText: {de: {login: {login: {title: Willkommen}}}}, partials: {signup: {signup: {form-content-start: <p>hi</p>}}}, screenRenderers: [{login-id: {login-id: ./prompts/r.json}}]}
actions:
  - {name: After, code: ./actions/After/code.js, supported_triggers: [{id: post-login, version: v3}], deployed: true}
organizations:
  - name: acme
    display_name: Acme
    connections: [{name: google, assign_membership_on_login: true}]
    clients: [{client_id: Web, use_for_member_access: true}]
    client_grants: [{client_id: Machine}]
    discovery_domains: [{domain: acme.example.com, status: verified, verification_host: v.acme.example.com}]
attackProtection: {bruteForceProtection: {enabled: true, max_attempts: 7}}
phoneProviders: [{name: twilio, disabled: false, configuration: {sid: AC0}}]
supplementalSignals: {akamai_enabled: true}
riskAssessment: {settings: {enabled: true}, new_device: {remember_for: 14}}
tokenExchangeProfiles: [{name: legacy, action: After, subject_token_type: "urn:acme:legacy", type: custom_authentication}]
forms: [{name: Tell us, body: ./forms/Tell us.json}]
`

func exportFiles() fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"rules/Old rule.js": "function old() {}", "databases/people/login.js": "function login() {}", "emailTemplates/verify_email.html": "<p>Hello</p>",
		"actions/After/code.js": "exports.onExecutePostLogin = 1", "forms/Tell us.json": `{"name":"Tell us","nodes":[]}`,
		"pages/login.html": "<p>login</p>", "pages/error.html": "<p>error</p>", "hooks/old.js": "module.exports = 1", "connections/mail.html": "<p>{{code}}</p>",
		"prompts/r.json": `{"prompt":"login-id","screen":"login-id","rendering_mode":"advanced"}`,
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// exportFolder is the same in the form of many files.
func exportFolder() fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"tenant.json": `{"friendly_name":"Acme","session_lifetime":24}`, "clients/Machine.json": `{"name":"Machine","app_type":"non_interactive","grant_types":["client_credentials"]}`,
		"clients/Web.json":                          `{"name":"Web","app_type":"regular_web"}`,
		"resource-servers/Orders.json":              `{"name":"Orders","identifier":"https://orders.example.com","scopes":[{"value":"read:orders","description":"see orders"}]}`,
		"database-connections/people/database.json": `{"name":"people","strategy":"auth0","enabled_clients":["Web"],"options":{"import_mode":false,"customScripts":{"login":"./login.js"}}}`,
		"database-connections/people/login.js":      "function login() {}",
		"connections/google.json":                   `{"name":"google","strategy":"google-oauth2","enabled_clients":["Web","Machine"],"options":{"client_id":"abc"}}`,
		"connections/mail.json":                     `{"name":"mail","strategy":"email","options":{"email":{"body":"./mail.html"}}}`,
		"connections/mail.html":                     "<p>{{code}}</p>",
		"connections/work.json":                     `{"name":"work","strategy":"oidc","options":{"client_id":"w"},"scim_configuration":{"user_id_attribute":"id1","mapping":[{"scim":"a","auth0":"b"}]}}`,
		"connections/saml.json":                     `{"name":"saml","strategy":"samlp","options":{"idpinitiated":{"client_id":"Web","enabled":true},"signingCert":"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"}}`,
		"grants/Machine.json":                       `{"client_id":"Machine","audience":"https://orders.example.com","scope":["read:orders"],"organization_usage":"allow"}`,
		"grants/Machine (2).json":                   `{"client_id":"Machine","audience":"https://acme.eu.auth0.com/api/v2/","scope":["read:users"]}`,
		"roles/reader.json":                         `{"name":"reader","permissions":[{"permission_name":"read:orders","resource_server_identifier":"https://orders.example.com"}]}`,
		"actions/After.json":                        `{"name":"After","code":"./actions/After/code.js","supported_triggers":[{"id":"post-login","version":"v3"}],"deployed":true}`,
		"actions/After/code.js":                     "exports.onExecutePostLogin = 1",
		"organizations/acme.json": `{"name":"acme","display_name":"Acme","connections":[{"name":"google","assign_membership_on_login":true}],"clients":[{"client_id":"Web","use_for_member_access":true}],"client_grants":[{"client_id":"Machine"}],
			"discovery_domains":[{"domain":"acme.example.com","status":"verified","verification_host":"v.acme.example.com"}]}`,
		"attack-protection/brute-force-protection.json":            `{"enabled":true,"max_attempts":7}`,
		"emails/verify_email.json":                                 `{"template":"verify_email","body":"./verify_email.html","enabled":true,"from":"no@example.com","subject":"Hello","syntax":"liquid"}`,
		"emails/verify_email.html":                                 "<p>Hello</p>",
		"rules/Old rule.json":                                      `{"name":"Old rule","script":"./Old rule.js","stage":"login_success","enabled":false,"order":1}`,
		"rules/Old rule.js":                                        "function old() {}",
		"token-exchange-profiles/legacy.json":                      `{"name":"legacy","action":"After","subject_token_type":"urn:acme:legacy","type":"custom_authentication"}`,
		"prompts/prompts.json":                                     `{"identifier_first":true}`,
		"prompts/custom-text.json":                                 `{"de":{"login":{"login":{"title":"Willkommen"}}}}`,
		"guardian/policies.json":                                   `{"policies":["all-applications"]}`,
		"pages/login.json":                                         `{"name":"login","html":"./login.html","enabled":true}`,
		"pages/login.html":                                         "<p>login</p>",
		"pages/error_page.json":                                    `{"name":"error_page","html":"./error.html","show_log_link":true,"url":""}`,
		"pages/error.html":                                         "<p>error</p>",
		"pages/guardian_multifactor.json":                          `{"name":"guardian_multifactor","html":"<p>two</p>","enabled":true}`,
		"hooks/old.json":                                           `{"name":"old","script":"./old.js","triggerId":"credentials-exchange","secrets":{"KEY":"_VALUE_NOT_SHOWN_"}}`,
		"hooks/old.js":                                             "module.exports = 1",
		"triggers/triggers.json":                                   `{"post-login":[{"action_name":"After","display_name":"Then"}]}`,
		"guardian/templates/sms.json":                              `{"name":"sms","enrollment_message":"{{code}} in","verification_message":"{{code}} on"}`,
		"guardian/providers/sms-twilio.json":                       `{"name":"sms","provider":"twilio","from":"+15555550100","sid":"AC0"}`,
		"user-attribute-profiles/people.json":                      `{"name":"people","user_attributes":{}}`,
		"self-service-profiles/customers.json":                     `{"name":"customers","user_attribute_profile_id":"people","customText":{"en":{"get-started":{"introduction":"Welcome"}}}}`,
		"phone-providers/provider.json":                            `[{"name":"twilio","disabled":false,"configuration":{"sid":"AC0"}}]`,
		"supplemental-signals.json":                                `{"akamai_enabled":true}`,
		"risk-assessment/settings.json":                            `{"settings":{"enabled":true},"new_device":{"remember_for":14}}`,
		"prompts/partials.json":                                    `{"signup":[{"signup":[{"name":"form-content-start","template":"partials/signup/signup/form-content-start.liquid"}]}]}`,
		"prompts/partials/signup/signup/form-content-start.liquid": "<p>hi</p>",
		"prompts/screenRenderSettings/login-id_login-id.json":      `{"prompt":"login-id","screen":"login-id","rendering_mode":"advanced"}`,
		"hook-secrets/a.json":                                      `{"a":"b"}`,
		"forms/Tell us.json":                                       `{"name":"Tell us","nodes":[]}`,
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// TestSeedIsAnExport: a tenant is seeded by what deploy-cli exports, in both of
// its forms; names lead to objects, files to what they hold, and what is not
// planted is told.
func TestSeedIsAnExport(t *testing.T) {
	for name, o := range map[string]sim.Options{
		"yaml": {Seed: []byte(exportYAML), SeedName: "tenant.yaml", SeedFS: exportFiles()}, "folder": {SeedName: "export", SeedFS: exportFolder()},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, o)
			ids := map[string]string{}
			for _, v := range d.want(200, "GET", "/api/v2/clients", "").list(t) {
				c := v.(map[string]any)
				ids[c["name"].(string)] = c["client_id"].(string)
			}
			conns := map[string]map[string]any{}
			for _, v := range d.want(200, "GET", "/api/v2/connections", "").list(t) {
				c := v.(map[string]any)
				conns[c["name"].(string)] = c
			}
			enabled := d.want(200, "GET", "/api/v2/connections/"+conns["people"]["id"].(string)+"/clients", "").object(t)["clients"].([]any)
			if len(enabled) != 1 || enabled[0].(map[string]any)["client_id"] != ids["Web"] {
				t.Errorf("enabled clients are %v, want %s", enabled, ids["Web"])
			}
			if got := conns["people"]["options"].(map[string]any)["customScripts"]; got.(map[string]any)["login"] != "function login() {}" {
				t.Errorf("the script is %v", got)
			}
			grants := d.want(200, "GET", "/api/v2/client-grants?client_id="+ids["Machine"], "").text
			if !strings.Contains(grants, "https://orders.example.com") || !strings.Contains(grants, d.tenant.Issuer()+"api/v2/") || strings.Contains(grants, "eu.auth0.com") {
				t.Errorf("grants are %s", grants)
			}
			org := d.want(200, "GET", "/api/v2/organizations/name/acme", "").object(t)["id"].(string)
			for path, want := range map[string]string{
				"/api/v2/tenants/settings": `"friendly_name":"Acme"`, "/api/v2/organizations/" + org + "/enabled_connections": `"name":"google"`,
				"/api/v2/email-templates/verify_email": `"body":"<p>Hello</p>"`, "/api/v2/rules": `"script":"function old() {}"`,
				"/api/v2/actions/actions": `"code":"exports.onExecutePostLogin = 1"`, "/api/v2/attack-protection/brute-force-protection": `"max_attempts":7`,
				"/api/v2/token-exchange-profiles": `"action_id":"`, "/api/v2/prompts": `"identifier_first":true`, "/api/v2/prompts/login/custom-text/de": "Willkommen",
				"/api/v2/guardian/policies": `["all-applications"]`, "/api/v2/forms": `"name":"Tell us"`, "/api/v2/resource-servers": "https://orders.example.com",
				"/api/v2/roles": `"name":"reader"`,

				"/api/v2/clients?is_global=true&fields=custom_login_page,custom_login_page_on": `[{"custom_login_page":"<p>login</p>","custom_login_page_on":true`,
				"/api/v2/tenants/settings?fields=error_page,guardian_mfa_page":                 `{"error_page":{"html":"<p>error</p>","show_log_link":true,"url":""},"guardian_mfa_page":{"enabled":true,"html":"<p>two</p>"}}`,
				"/api/v2/hooks": `"script":"module.exports = 1"`, "/api/v2/actions/triggers/post-login/bindings": `"display_name":"Then"`,
				"/api/v2/guardian/factors/sms/templates": "{{code}} in", "/api/v2/guardian/factors/phone/providers/twilio": `"sid":"AC0"`,
				"/api/v2/prompts/signup/partials": "<p>hi</p>", "/api/v2/prompts/rendering?prompt=login-id": `"rendering_mode":"advanced"`,
				"/api/v2/actions/actions?actionName=After": `"all_changes_deployed":true`, "/api/v2/branding/phone/providers": "twilio",
				"/api/v2/supplemental-signals": "true", "/api/v2/risk-assessments/settings/new-device": "14", "/api/v2/risk-assessments/settings": "true",
				"/api/v2/organizations/" + org + "/clients": `"use_for_member_access":true`, "/api/v2/organizations/" + org + "/client-grants": "https://orders.example.com",
				"/api/v2/organizations/" + org + "/discovery-domains":                              `"verification_host":"v.acme.example.com"`,
				"/api/v2/connections/" + conns["work"]["id"].(string) + "/scim-configuration":      `"user_id_attribute":"id1"`,
				"/api/v2/connections/" + conns["mail"]["id"].(string):                              `"body":"<p>{{code}}</p>"`,
				"/api/v2/connections/" + conns["saml"]["id"].(string) + "?fields=options":          `"client_id":"` + ids["Web"] + `"`,
				"/api/v2/connections/" + conns["saml"]["id"].(string) + "?fields=options,strategy": `"signingCert":"-----BEGIN CERTIFICATE-----"`,
			} {
				if a := d.want(200, "GET", path, ""); !strings.Contains(a.text, want) {
					t.Errorf("%s: %s lacks %s", path, a.text, want)
				}
			}
			token := d.want(200, "POST", "/oauth/token", `{"grant_type":"client_credentials","client_id":"`+ids["Machine"]+`","client_secret":"`+secretOf(t, d, ids["Machine"])+`","audience":"https://orders.example.com"}`)
			if token.object(t)["scope"] != "read:orders" {
				t.Errorf("the machine gets %s", token.text)
			}
			var profile map[string]any
			for _, v := range d.want(200, "GET", "/api/v2/self-service-profiles", "").list(t) {
				profile = v.(map[string]any)
			}
			uap := d.want(200, "GET", "/api/v2/user-attribute-profiles", "").object(t)["user_attribute_profiles"].([]any)[0].(map[string]any)["id"]
			if profile["user_attribute_profile_id"] != uap || profile["customText"] != nil {
				t.Errorf("the profile is %v, and that of the attributes is %v", profile, uap)
			}
			if a := d.want(200, "GET", "/api/v2/self-service-profiles/"+profile["id"].(string)+"/custom-text/en/get-started", ""); !strings.Contains(a.text, "Welcome") {
				t.Error(a.text)
			}
			if notes := strings.Join(d.tenant.SeedNotes(), " "); !slices.Contains([]string{"hookSecrets", "hook-secrets/a.json"}, notes) {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

func secretOf(t *testing.T, d *desk, client string) string {
	t.Helper()
	return d.want(200, "GET", "/api/v2/clients/"+client, "").object(t)["client_secret"].(string)
}

// TestExportThatLacks: what an export names and does not have is an error that
// says where.
func TestExportThatLacks(t *testing.T) {
	for text, want := range map[string]string{
		"databases: [{name: d, strategy: auth0, enabled_clients: [Wed]}]\nclients: [{name: Web}]": `x.yaml:1: connections: there is no client "Wed"; did you mean "Web"?`,
		"organizations: [{name: o, connections: [{name: nosuch}]}]":                               `there is no connection "nosuch"`,
		"tokenExchangeProfiles: [{name: p, action: nosuch}]":                                      `there is no action "nosuch"`,
		"actions: [{name: a, code: ./nosuch.js}]":                                                 "x.yaml:1: code names ./nosuch.js, which is not there",
		"clientGrants: [{client_id: nosuch, audience: x}]":                                        `there is no client "nosuch"`,
		"resourceServer: []": `no resource is called "resourceServer"; did you mean "resource_servers"?`,
	} {
		_, err := sim.New(sim.Options{Seed: []byte(text), SeedName: "x.yaml", SeedFS: fstest.MapFS{}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	for _, files := range []fstest.MapFS{{}, {"clients/a.json": {Data: []byte("{")}}} {
		if _, err := sim.New(sim.Options{SeedName: "dir", SeedFS: files}); err == nil || !strings.Contains(err.Error(), "dir") {
			t.Errorf("%v: got %v", files, err)
		}
	}
}

// TestExportWithEmptyParts: an export has empty lists under names of all kinds.
func TestExportWithEmptyParts(t *testing.T) {
	text := "tenant: {friendly_name: A}\n"
	for _, name := range []string{"pages", "triggers", "guardianFactorProviders", "guardianFactorTemplates", "themes", "clients", "hookSecrets", "keys"} {
		text += name + ": []\n"
	}
	d := newDesk(t, sim.Options{Seed: []byte(text + "guardianPolicies: {policies: []}\nprompts: {partials: {}, screenRenderers: [], customText: {}}\nemailProvider: {}\n"), SeedName: "x.yaml"})
	if notes := d.tenant.SeedNotes(); len(notes) > 0 {
		t.Errorf("notes: %v", notes)
	}
	d.want(404, "GET", "/api/v2/emails/provider", "") // an export of a tenant that has none says {}
}

// TestExportThatIsRefused: what an export wants planted and the tenant's rules
// refuse is an error that says where.
func TestExportThatIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"triggers: {post-login: [{action_name: nosuch, display_name: x}]}":                        `x.yaml:1: actions/triggers/post-login/bindings: Payload validation error: 'bindings[0]: no action is called nosuch'.`,
		"pages: [{name: error_page, html: ./nosuch.html}]":                                        "html names ./nosuch.html, which is not there",
		"clients: [{name: Web}]\norganizations: [{name: o, clients: [{client_id: Wed}]}]":         `there is no client "Wed"; did you mean "Web"?`,
		"prompts: {screenRenderers: [{login-id: {login-id: ./nosuch.json}}]}":                     "login-id names ./nosuch.json, which is not there",
		"connections: [{name: c, strategy: samlp, options: {idpinitiated: {client_id: nosuch}}}]": `there is no client "nosuch"`,
		"resourceServers: [{name: r, identifier: i, client_id: nosuch}]":                          `there is no client "nosuch"`,
	} {
		_, err := sim.New(sim.Options{Seed: []byte(text), SeedName: "x.yaml", SeedFS: fstest.MapFS{}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}
