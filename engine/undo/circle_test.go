package undo_test

import (
	"encoding/json"
	"strings"
	"testing"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/engine/undo"
)

// bodies are what a create needs where a name is not enough.
func bodies() map[string]string {
	return map[string]string{
		"/users":                    `{"connection": "staff", "email": "new@example.com", "password": "Secret-9-and-long"}`,
		"/connections":              `{"name": "circle", "strategy": "auth0"}`,
		"/client-grants":            `{"client_id": "app2", "audience": "https://api.example.com", "scope": []}`,
		"/resource-servers":         `{"name": "circle", "identifier": "https://circle.example.com"}`,
		"/custom-domains":           `{"domain": "login.example.com", "type": "auth0_managed_certs"}`,
		"/rules":                    `{"name": "circle", "script": "function () {}"}`,
		"/hooks":                    `{"name": "circle", "script": "x", "triggerId": "credentials-exchange"}`,
		"/log-streams":              `{"name": "circle", "type": "http", "sink": {"httpEndpoint": "https://l.example.com"}}`,
		"/network-acls":             `{"description": "circle", "active": true, "priority": 1, "rule": {"action": {"block": true}, "scope": "tenant", "match": {"asns": [1]}}}`,
		"/rate-limit-policies":      `{"consumer": "client", "consumer_selector": "x", "resource": "oauth_authentication_api", "configuration": {"action": "block", "limit": 1}}`,
		"/branding/phone/templates": `{"type": "otp_verify"}`,
		"/branding/phone/providers": `{"name": "twilio", "credentials": {"auth_token": "t"}, "configuration": {"sid": "s", "delivery_methods": ["text"]}}`,
		"/branding/themes":          theme,
		"/actions/actions":          `{"name": "circle", "supported_triggers": [{"id": "post-login"}]}`,
		"/actions/modules":          `{"name": "circle", "code": "x"}`,
		"/device-credentials":       `{"device_name": "d", "type": "public_key", "value": "x", "device_id": "de-1", "client_id": "app2"}`,
		"/emails/provider":          `{"name": "sendgrid", "credentials": {"api_key": "k"}}`,
		"/event-streams":            `{"name": "circle", "destination": {"type": "action", "configuration": {"action_id": "a"}}}`,
		"/experimentation/experiments": `{"name": "circle", "feature_flag_id": "flg_abc", "authentication_flow": "login", "allocation_strategy": "percentage",
			"assignment_config": {"subject": "device"}, "allocations": [{"is_control": true, "variation_id": "var_abc"}]}`,
		"/experimentation/feature-flags": `{"name": "circle", "parameters": {"a": {"type": "string", "value": "x"}}}`,
		"/experimentation/segments":      `{"name": "circle", "rules": [{"match": {"user_agent": {"starts_with": ["x"]}}}]}`,
		"/flows/vault/connections":       `{"name": "circle", "app_id": "HTTP", "setup": {"type": "BEARER", "token": "t"}}`,
		"/keys/encryption":               `{"type": "tenant-encryption-key"}`,
		"/token-exchange-profiles":       `{"name": "circle", "subject_token_type": "https://a.example/x", "action_id": "a", "type": "custom_authentication"}`,
		"/user-attribute-profiles":       `{"name": "circle", "user_attributes": {"a": {"description": "d", "label": "l", "profile_required": false, "auth0_mapping": "a"}}}`,
		"/verifiable-credentials/verification/templates": `{"name": "circle", "type": "mdl", "dialect": "simplified/1.0", "well_known_trusted_issuers": "aamva",
			"presentation": {"org.iso.18013.5.1.mDL": {"org.iso.18013.5.1": {"family_name": true}}}}`,
	}
}

// theme is the least that one has.
const theme = `{
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

func bodyFor(t *testing.T, path string) map[string]any {
	t.Helper()
	text := bodies()[path]
	if text == "" {
		return map[string]any{"name": "circle"}
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatal(err)
	}
	return body
}

// TestCircle makes one object of every resource that stands by itself and undoes
// that, and deletes one and undoes that, by what the catalogue says.
func TestCircle(t *testing.T) {
	t.Parallel()
	d := newDesk(t, world)
	byRoute := map[string]*catalog.Operation{}
	for _, op := range catalog.Default().All() {
		if op.API == catalog.Management {
			byRoute[op.Verb+" "+op.Path] = op
		}
	}
	circles := 0
	for _, create := range catalog.Default().All() {
		with, ok := catalog.Default().Lookup(create.Inverse.With)
		if !ok || create.API != catalog.Management || create.Effect != catalog.Create || strings.Contains(create.Path, "{") {
			continue
		}
		circles++
		before := d.snapshot()
		body, err := json.Marshal(bodyFor(t, create.Path))
		if err != nil {
			t.Fatal(err)
		}
		call := `auth0.call("` + create.ID + `", {body = json.decode([[` + string(body) + `]])})`
		e := d.try("p.lua", call)
		if e.err != nil {
			t.Errorf("%s: %v", create.ID, e.err)
			continue
		}
		u := d.undo(e.run)
		if u.result.Counts[undo.Undone] != 1 {
			t.Errorf("%s is not undone:\n%s", create.ID, tell(u.result))
		}
		if diff := compare(before, d.snapshot(), nil); diff != "" && create.ID != "keys.encryption.create" { // a destroyed key stays to be seen
			t.Errorf("%s: something remains:\n%s", create.ID, diff)
		}
		if with.Inverse.With != "" && with.Subject.ID != "" {
			d.deleteCircle(create, with, bodyFor(t, create.Path))
		}
	}
	if circles < 25 {
		t.Errorf("only %d circles were tried", circles)
	}
}

// deleteCircle deletes an object that stood there before, and undoes that.
func (d *desk) deleteCircle(create, remove *catalog.Operation, body map[string]any) {
	t := d.t
	t.Helper()
	made, _ := d.do(create.ID, client.Args{"body": body}).(map[string]any)
	id, _ := made[create.Subject.Field].(string)
	before := d.snapshot()
	run := d.play("p.lua", `auth0.call("`+remove.ID+`", {`+remove.Subject.ID+` = "`+id+`"})`)
	u := d.undo(run)
	if u.result.Counts[undo.Undone] != 1 {
		t.Errorf("%s is not undone:\n%s", remove.ID, tell(u.result))
		return
	}
	ids := renamed(u)
	if diff := compare(before, d.snapshot(), ids); diff != "" && remove.ID != "clients.delete" { // it has a new secret
		t.Errorf("%s: it is not as before:\n%s", remove.ID, diff)
	}
	if again, ok := ids[id]; ok {
		id = again
	}
	d.do(remove.ID, client.Args{remove.Subject.ID: id})
}
