package undo_test

import "a0run/engine/undo"

// moreCases are operations that are used less.
func moreCases() []tableCase {
	impossible := func(n int) map[undo.Verdict]int { return map[undo.Verdict]int{undo.Impossible: n} }
	return []tableCase{
		{name: "clients.rotate_secret", lua: `auth0.clients.rotate_secret("app1")`},
		{name: "branding themes", lua: "local body = json.decode([[" + theme + "]]) body.displayName = 'x' local t = auth0.branding.create_branding_theme(body) body.displayName = 'y' auth0.branding.update_branding_theme(t.themeId, body)"},
		{name: "partials", lua: `auth0.prompts.partials.set("login", {login = {["form-content-end"] = "<p>"}})`},
		{name: "rendering", lua: `auth0.prompts.rendering.update("login", "login", {rendering_mode = "advanced"})`, counts: impossible(1), stays: []string{"rendering"}},
		{name: "rules configs", lua: `auth0.rules_configs.set("k", "v")`, oneWay: true},
		{name: "hooks", lua: `local h = auth0.hooks.create({name = "h", script = "s", triggerId = "credentials-exchange"}) auth0.hooks.add_secrets(h.id, {a = "1", b = "2"}) auth0.hooks.update(h.id, {name = "h2"})`, oneWay: true},
		{name: "network acls", lua: `local a = auth0.network_acls.create({description = "a", active = true, priority = 1, rule = {action = {block = true}, scope = "tenant", match = {asns = {1}}}}) auth0.network_acls.update(a.id, {description = "b", active = false, priority = 2, rule = {action = {allow = true}, scope = "tenant", match = {asns = {2}}}}) auth0.network_acls.update_partial(a.id, {active = true})`},
		{name: "self service profiles", lua: `local p = auth0.self_service_profiles.create({name = "p"}) auth0.self_service_profiles.update(p.id, {description = "d"}) auth0.self_service_profiles.update_custom_text(p.id, "en", "get-started", {introduction = "hi"})`},
		{name: "event streams", lua: `local s = auth0.event_streams.create({name = "s", destination = {type = "webhook", configuration = {webhook_endpoint = "https://w.example.com", webhook_authorization = {method = "bearer", token = "tok"}}}, subscriptions = {{event_type = "user.created"}}}) auth0.event_streams.update(s.id, {name = "t"})`, oneWay: true},
		{name: "discovery domains", lua: `local o = auth0.organizations.discovery_domains.create("org_acme", {domain = "acme.example.com"}) auth0.organizations.discovery_domains.update("org_acme", o.id, {use_for_organization_discovery = false}) auth0.organizations.discovery_domains.delete("org_acme", o.id)`, counts: map[undo.Verdict]int{undo.Already: 3}},
		{name: "scim", lua: `auth0.connections.scim_configuration.create("con_staff", {body = {user_id_attribute = "id"}}) auth0.connections.scim_configuration.update("con_staff", {user_id_attribute = "externalId", mapping = array {}})`},
		{
			name: "trigger bindings", lua: `local a = auth0.actions.create_action({name = "act", supported_triggers = {{id = "post-login", version = "v3"}}, code = "x"}) auth0.actions.deploy_action(a.id) auth0.actions.update_trigger_bindings("post-login", {bindings = {{ref = {type = "action_id", value = a.id}, display_name = "one"}}})`,
			counts: map[undo.Verdict]int{undo.Impossible: 1, undo.Undone: 2},
		},
		{name: "linked users", lua: `auth0.users.link_user_account("auth0|ada", {provider = "auth0", user_id = "cleo"})`, oneWay: true, stays: []string{"users."}},
		{name: "custom domain default", lua: `local c = auth0.custom_domains.create_new({domain = "login.example.com", type = "auth0_managed_certs"})`},
		{name: "user attribute profiles", lua: `local p = auth0.user_attribute_profiles.create({name = "p", user_attributes = {a = {label = "A", description = "d", profile_required = false, auth0_mapping = "a"}}}) auth0.user_attribute_profiles.update(p.id, {name = "q"})`},
		{name: "phone provider", lua: `local p = auth0.branding.phone.providers.create({name = "twilio", credentials = {auth_token = "t"}}) auth0.branding.phone.providers.update(p.id, {disabled = true})`, oneWay: true},
		{name: "risk assessments", lua: `auth0.risk_assessments.settings.update({enabled = true})`},
		{name: "signals", lua: `auth0.supplemental_signals.patch({akamai_enabled = true})`},
		{name: "sms templates", lua: `auth0.guardian.factors.phone.set_message_types({message_types = {"voice"}}) auth0.guardian.factors.phone.set_templates({enrollment_message = "e", verification_message = "v"})`},
		{name: "signup", lua: `authentication.database.signup("s@example.com", "Secret-9-and-long", "staff")`, counts: impossible(1), says: []string{"users.delete of the Management API can"}, stays: []string{"users"}},
	}
}
