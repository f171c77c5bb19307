package sim_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"a0run/client/sim"
)

// exportYAML is what deploy-cli 8 writes of a tenant, shortened.
const exportYAML = `
rules:
  - {name: Old rule, script: "./rules/Old rule.js", stage: login_success, enabled: false, order: 1}
pages: [{name: login, html: ./pages/login.html}]
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
tenant: {friendly_name: Acme, session_lifetime: 24}
emailTemplates:
  - {template: verify_email, body: ./emailTemplates/verify_email.html, enabled: true, from: no@example.com, subject: Hello, syntax: liquid}
clientGrants:
  - {client_id: Machine, audience: "https://orders.example.com", scope: ["read:orders"]}
  - {client_id: Machine, audience: "https://acme.eu.auth0.com/api/v2/", scope: ["read:users"]}
guardianPolicies: {policies: [all-applications]}
roles:
  - {name: reader, permissions: [{permission_name: "read:orders", resource_server_identifier: "https://orders.example.com"}]}
prompts: {identifier_first: true, customText: {de: {login: {login: {title: Willkommen}}}}, partials: {}}
actions:
  - {name: After, code: ./actions/After/code.js, supported_triggers: [{id: post-login, version: v3}]}
organizations:
  - {name: acme, display_name: Acme, connections: [{name: google, assign_membership_on_login: true}]}
attackProtection: {bruteForceProtection: {enabled: true, max_attempts: 7}}
tokenExchangeProfiles: [{name: legacy, action: After, subject_token_type: "urn:acme:legacy", type: custom_authentication}]
forms: [{name: Tell us, body: ./forms/Tell us.json}]
`

func exportFiles() fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"rules/Old rule.js": "function old() {}", "databases/people/login.js": "function login() {}", "emailTemplates/verify_email.html": "<p>Hello</p>",
		"actions/After/code.js": "exports.onExecutePostLogin = 1", "forms/Tell us.json": `{"name":"Tell us","nodes":[]}`,
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
		"clients/Web.json":                              `{"name":"Web","app_type":"regular_web"}`,
		"resource-servers/Orders.json":                  `{"name":"Orders","identifier":"https://orders.example.com","scopes":[{"value":"read:orders","description":"see orders"}]}`,
		"database-connections/people/database.json":     `{"name":"people","strategy":"auth0","enabled_clients":["Web"],"options":{"import_mode":false,"customScripts":{"login":"./login.js"}}}`,
		"database-connections/people/login.js":          "function login() {}",
		"connections/google.json":                       `{"name":"google","strategy":"google-oauth2","enabled_clients":["Web","Machine"],"options":{"client_id":"abc"}}`,
		"grants/Machine.json":                           `{"client_id":"Machine","audience":"https://orders.example.com","scope":["read:orders"]}`,
		"grants/Machine (2).json":                       `{"client_id":"Machine","audience":"https://acme.eu.auth0.com/api/v2/","scope":["read:users"]}`,
		"roles/reader.json":                             `{"name":"reader","permissions":[{"permission_name":"read:orders","resource_server_identifier":"https://orders.example.com"}]}`,
		"actions/After.json":                            `{"name":"After","code":"./actions/After/code.js","supported_triggers":[{"id":"post-login","version":"v3"}]}`,
		"actions/After/code.js":                         "exports.onExecutePostLogin = 1",
		"organizations/acme.json":                       `{"name":"acme","display_name":"Acme","connections":[{"name":"google","assign_membership_on_login":true}]}`,
		"attack-protection/brute-force-protection.json": `{"enabled":true,"max_attempts":7}`,
		"emails/verify_email.json":                      `{"template":"verify_email","body":"./verify_email.html","enabled":true,"from":"no@example.com","subject":"Hello","syntax":"liquid"}`,
		"emails/verify_email.html":                      "<p>Hello</p>",
		"rules/Old rule.json":                           `{"name":"Old rule","script":"./Old rule.js","stage":"login_success","enabled":false,"order":1}`,
		"rules/Old rule.js":                             "function old() {}",
		"token-exchange-profiles/legacy.json":           `{"name":"legacy","action":"After","subject_token_type":"urn:acme:legacy","type":"custom_authentication"}`,
		"prompts/prompts.json":                          `{"identifier_first":true}`,
		"prompts/custom-text.json":                      `{"de":{"login":{"login":{"title":"Willkommen"}}}}`,
		"guardian/policies.json":                        `{"policies":["all-applications"]}`,
		"pages/login.json":                              `{"name":"login","html":"./login.html"}`,
		"forms/Tell us.json":                            `{"name":"Tell us","nodes":[]}`,
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
			} {
				if a := d.want(200, "GET", path, ""); !strings.Contains(a.text, want) {
					t.Errorf("%s: %s lacks %s", path, a.text, want)
				}
			}
			token := d.want(200, "POST", "/oauth/token", `{"grant_type":"client_credentials","client_id":"`+ids["Machine"]+`","client_secret":"`+secretOf(t, d, ids["Machine"])+`","audience":"https://orders.example.com"}`)
			if token.object(t)["scope"] != "read:orders" {
				t.Errorf("the machine gets %s", token.text)
			}
			if notes := strings.Join(d.tenant.SeedNotes(), " "); !strings.Contains(notes, "pages") || strings.Contains(notes, "clients") {
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
