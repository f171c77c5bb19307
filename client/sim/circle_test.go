package sim_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"a0run/client/catalog"
	"a0run/client/sim"
)

// themeBody is the least that a theme has.
const themeBody = `{
	"borders": {"button_border_radius": 3, "button_border_weight": 1, "buttons_style": "rounded", "input_border_radius": 3,
		"input_border_weight": 1, "inputs_style": "pill", "show_widget_shadow": true, "widget_border_weight": 0, "widget_corner_radius": 5},
	"colors": {"body_text": "#1e212a", "error": "#d03c38", "header": "#1e212a", "icons": "#65676e", "input_background": "#ffffff",
		"input_border": "#c9cace", "input_filled_text": "#000000", "input_labels_placeholders": "#65676e",
		"links_focused_components": "#635dff", "primary_button": "#635dff", "primary_button_label": "#ffffff",
		"secondary_button_border": "#c9cace", "secondary_button_label": "#1e212a", "success": "#13a688",
		"widget_background": "#ffffff", "widget_border": "#c9cace"},
	"fonts": {"body_text": {"bold": false, "size": 87.5}, "buttons_text": {"bold": false, "size": 100}, "font_url": "",
		"input_labels": {"bold": false, "size": 100}, "links": {"bold": true, "size": 87.5}, "links_style": "normal",
		"reference_text_size": 16, "subtitle": {"bold": false, "size": 87.5}, "title": {"bold": false, "size": 150}},
	"page_background": {"background_color": "#000000", "background_image_url": "", "page_layout": "center"},
	"widget": {"header_text_alignment": "center", "logo_height": 52, "logo_position": "center", "logo_url": "", "social_buttons_layout": "bottom"}}`

// circles are the least bodies of creates where a name is not enough, and of
// patches where {"name": "two"} is none.
func circles() map[string]string {
	return map[string]string{
		"POST /users":            `{"connection": "Username-Password-Authentication", "email": "a@b.c", "password": "Secret-1!"}`,
		"PATCH /users":           `{"blocked": true}`,
		"POST /connections":      `{"name": "one", "strategy": "auth0"}`,
		"PATCH /connections":     `{"display_name": "two"}`,
		"POST /client-grants":    `{"client_id": "a0runLocalClientWithASecret00000", "audience": "https://api", "scope": []}`,
		"PATCH /client-grants":   `{"scope": ["a"]}`,
		"POST /resource-servers": `{"name": "one", "identifier": "https://circle"}`,
		"POST /email-templates":  `{"template": "verify_email", "body": "<p/>", "enabled": true, "from": "a@b.c", "subject": "s", "syntax": "liquid"}`,
		"PATCH /email-templates": `{"subject": "t"}`,
		"POST /custom-domains":   `{"domain": "login.example.com", "type": "auth0_managed_certs"}`,
		"PATCH /custom-domains":  `{"tls_policy": "recommended"}`,
		"POST /rules":            `{"name": "one", "script": "function(){}"}`,
		"POST /hooks":            `{"name": "one", "script": "x", "triggerId": "credentials-exchange"}`,
		"POST /actions/actions":  `{"name": "one", "supported_triggers": [{"id": "post-login"}]}`,
		"POST /actions/modules":  `{"name": "one", "code": "x"}`,
		"PATCH /actions/modules": `{"code": "y"}`,
		"POST /branding/themes":  themeBody,
		"PATCH /branding/themes": themeBody,
		"POST /event-streams":    `{"name": "one", "destination": {"type": "action", "configuration": {"action_id": "a"}}}`,
		"POST /forms":            `{"name": "one"}`,
		"POST /keys/encryption":  `{"type": "tenant-encryption-key"}`,
		"POST /log-streams":      `{"name": "one", "type": "http", "sink": {"httpEndpoint": "https://a.example/"}}`,
		"POST /network-acls":     `{"description": "one", "active": true, "rule": {"action": {"block": true}, "scope": "tenant", "match": {"asns": [1]}}}`,
		"PATCH /network-acls":    `{"active": false}`,
		"POST /rate-limit-policies": `{"resource": "oauth_authentication_api", "consumer": "client", "consumer_selector": "x",
			"configuration": {"action": "block", "limit": 1}}`,
		"PATCH /rate-limit-policies":    `{"configuration": {"action": "block", "limit": 2}}`,
		"POST /token-exchange-profiles": `{"name": "one", "subject_token_type": "https://a.example/x", "action_id": "a", "type": "custom_authentication"}`,
		"POST /user-attribute-profiles": `{"name": "one", "user_attributes": {"a": {"description": "d", "label": "l", "profile_required": false, "auth0_mapping": "a"}}}`,
		"POST /branding/phone/providers": `{"name": "twilio", "credentials": {"auth_token": "t"},
			"configuration": {"sid": "s", "delivery_methods": ["text"]}}`,
		"PATCH /branding/phone/providers": `{"disabled": true}`,
		"POST /branding/phone/templates":  `{"type": "otp_verify"}`,
		"PATCH /branding/phone/templates": `{"disabled": true}`,
		"POST /experimentation/experiments": `{"name": "one", "feature_flag_id": "flg_abc", "authentication_flow": "login", "allocation_strategy": "percentage",
			"assignment_config": {"subject": "device"}, "allocations": [{"is_control": true, "variation_id": "var_abc"}]}`,
		"POST /experimentation/feature-flags": `{"name": "one", "parameters": {"a": {"type": "string", "value": "x"}}}`,
		"POST /experimentation/segments":      `{"name": "one", "rules": [{"match": {"user_agent": {"starts_with": ["x"]}}}]}`,
		"POST /flows/vault/connections":       `{"name": "one", "app_id": "HTTP", "setup": {"type": "BEARER", "token": "t"}}`,
		"POST /verifiable-credentials/verification/templates": `{"name": "one", "type": "mdl", "dialect": "simplified/1.0", "well_known_trusted_issuers": "aamva",
			"presentation": {"org.iso.18013.5.1.mDL": {"org.iso.18013.5.1": {"family_name": true}}}}`,
	}
}

func circleBody(verb, path string) string {
	if b := circles()[verb+" "+path]; b != "" {
		return b
	}
	if verb == "PATCH" {
		return `{"name":"two"}`
	}
	return `{"name":"one"}`
}

// TestFullCircle creates, reads, lists, changes and deletes one object of each
// resource that stands by itself, and expects the statuses of the table.
func TestFullCircle(t *testing.T) {
	table := catalog.Default()
	byRoute := map[string]*catalog.Operation{}
	for _, op := range table.All() {
		if op.API == catalog.Management {
			byRoute[op.Verb+" "+shape(op.Path)] = op
		}
	}
	count := 0
	for _, create := range table.All() {
		if create.API != catalog.Management || create.Effect != catalog.Create || strings.Contains(create.Path, "{") {
			continue
		}
		item := create.Path + "/{}"
		get := byRoute["GET "+item]
		if get == nil || strings.HasPrefix(create.Path, "/jobs") {
			continue
		}
		count++
		t.Run(create.ID, func(t *testing.T) {
			d := newDesk(t, sim.Options{Seed: []byte(`resource_servers: [{identifier: "https://api", name: x}]`)})
			body := circleBody("POST", create.Path)
			var sent map[string]any
			if err := json.Unmarshal([]byte(body), &sent); err != nil {
				t.Fatal(err)
			}
			root := "/api/v2" + create.Path
			made := d.want(create.Status, "POST", root, body).object(t)
			id, ok := made[idField(create, get)].(string)
			if !ok {
				t.Fatalf("no %s in %v", idField(create, get), made)
			}
			one := root + "/" + url.PathEscape(id)
			got := d.want(get.Status, "GET", one, "").object(t)
			for k, v := range sent {
				if k != "password" && k != "connection" && k != "credentials" && k != "setup" && !same(got[k], v) {
					t.Errorf("%s is %v, want %v", k, got[k], v)
				}
			}
			if list := byRoute["GET "+create.Path]; list != nil {
				if a := d.want(list.Status, "GET", root, ""); !strings.Contains(a.text, `"`+id+`"`) {
					t.Errorf("the listing lacks it: %s", a.text)
				}
			}
			if patch := byRoute["PATCH "+item]; patch != nil {
				d.want(patch.Status, "PATCH", one, circleBody("PATCH", create.Path))
			}
			if del := byRoute["DELETE "+item]; del != nil {
				d.want(del.Status, "DELETE", one, "")
				if create.Path == "/keys/encryption" {
					return // a destroyed key can still be read
				}
				d.want(404, "GET", one, "")
				if again := d.send("DELETE", one, "").status; again != 204 && again != 404 {
					t.Errorf("the second delete says %d", again)
				}
			}
		})
	}
	if count < 25 {
		t.Fatalf("only %d resources went full circle", count)
	}
}

func idField(create, get *catalog.Operation) string {
	if create.Path == "/email-templates" {
		return "template"
	}
	if get.Subject.Field != "" {
		return get.Subject.Field
	}
	return create.Subject.Field
}

func same(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}
