package undo_test

import (
	"strings"
	"testing"

	"a0run/engine"
	"a0run/engine/undo"
)

// world is what stands in the tenant before a case.
const world = `
users:
  - {user_id: "auth0|ada", connection: staff, email: ada@example.com, nickname: ada, user_metadata: {plan: free, seen: 1}, app_metadata: {level: 1}}
  - {user_id: "auth0|bob", connection: staff, email: bob@example.com, nickname: bob}
  - {user_id: "auth0|cleo", connection: staff, email: cleo@example.com}
roles:
  - {id: rol_editor, name: editor, description: edits}
  - {id: rol_reader, name: reader, description: reads}
connections:
  - {id: con_staff, name: staff, strategy: auth0, options: {mfa: {active: true}, passwordPolicy: good}}
  - {id: con_shop, name: shop, strategy: auth0, options: {brute_force_protection: true}}
clients:
  - {client_id: app1, name: App One, organization_usage: allow, initiate_login_uri: "https://one.example.com/login", callbacks: ["https://one.example.com"], client_metadata: {team: red, tier: "1"}}
  - {client_id: app2, name: App Two}
organizations:
  - {id: org_acme, name: acme, display_name: Acme, metadata: {size: "10"}}
resource_servers:
  - {id: api1, identifier: "https://api.example.com", name: API, scopes: [{value: "read:x"}, {value: "write:x"}]}
`

// further is what the seed cannot say.
const further = `
auth0.roles.add_permissions("rol_editor", {{permission_name = "read:x", resource_server_identifier = "https://api.example.com"}})
auth0.users.add_roles("auth0|ada", {"rol_reader"})
auth0.organizations.create_organization_members("org_acme", {members = {"auth0|ada"}})
auth0.organizations.create_organization_member_roles("org_acme", "auth0|ada", {roles = {"rol_reader"}})
auth0.organizations.create_organization_connection("org_acme", {connection_id = "con_staff", assign_membership_on_login = true})
auth0.client_grants.create({client_id = "app1", audience = "https://api.example.com", scope = {"read:x"}})
auth0.rules.create({name = "rule one", script = "function (user, context, callback) {}", enabled = true, order = 1})
auth0.log_streams.create({name = "stream", type = "http", sink = {httpEndpoint = "https://logs.example.com"}})
auth0.email_templates.create({template = "verify_email", subject = "Hello", body = "<p>", from = "a@example.com", enabled = true, syntax = "liquid"})
auth0.branding.update({logo_url = "https://old.example.com/logo.png", colors = {primary = "#111111"}})
auth0.tenants.update({friendly_name = "Old", flags = {enable_sso = true}})
auth0.prompts.update({universal_login_experience = "classic"})
auth0.connections.clients.update("con_staff", {{client_id = "app1", status = true}})
`

// A tableCase is a few writes, of whose undo nothing remains.
type tableCase struct {
	name string
	lua  string
	// counts are the verdicts where not every write is undone.
	counts map[undo.Verdict]int
	// says are texts that the preview must show.
	says []string
	// stays are parts of the names of reads that may differ afterwards.
	stays []string
	// oneWay says that the undo cannot be undone.
	oneWay bool
}

func TestTable(t *testing.T) {
	t.Parallel()
	for i, tt := range append(tableCases(), moreCases()...) {
		if underRace && i%6 != 0 {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t)
		})
	}
}

func (tt *tableCase) run(t *testing.T) {
	t.Helper()
	d := newDesk(t, world)
	d.play("further.lua", further)
	before := d.snapshot()
	run := d.play("p.lua", tt.lua)
	changed := d.snapshot()
	p := d.preview(run)
	u := d.undo(run)
	if u.err != nil {
		t.Fatal(u.err)
	}
	for verdict, n := range u.result.Counts {
		if want, ok := tt.counts[verdict]; ok && n != want || !ok && verdict != undo.Undone {
			t.Errorf("%d are %s, want %d\n%s", n, verdict, want, tell(u.result))
		}
		if verdict == undo.Undone {
			verdict = undo.PutBack
		}
		if p.Counts[verdict] != n {
			t.Errorf("the preview says that %d will be %s, and %d are", p.Counts[verdict], verdict, n)
		}
	}
	for _, text := range tt.says {
		if !strings.Contains(d.shown.String(), text) {
			t.Errorf("nothing says %q:\n%s", text, d.shown.String())
		}
	}
	after := d.snapshot()
	if diff := compare(before, after, renamed(u)); diff != "" && !excused(diff, tt.stays) {
		t.Errorf("something remains:\n%s\n%s", diff, tell(u.result))
	}
	tt.twice(d, run, u.run, after)
	if !tt.oneWay {
		tt.back(d, u, changed)
	}
}

// excused reports whether only those reads differ that may.
func excused(diff string, stays []string) bool {
	for line := range strings.SplitSeq(diff, "\n") {
		ok := strings.HasPrefix(line, "  ")
		for _, part := range stays {
			ok = ok || strings.Contains(line, part)
		}
		if !ok {
			return false
		}
	}
	return true
}

// twice undoes the run once more, which does nothing.
func (tt *tableCase) twice(d *desk, run, first string, after map[string]string) {
	writes := d.writes()
	again := d.undo(run, func(u *undoing) { u.earlier = []string{first} })
	if n := d.writes() - writes; n != 0 || again.result.Counts[undo.Undone] != 0 || again.result.Counts[undo.Failed] != 0 {
		d.t.Errorf("a second undo sent %d writes\n%s", n, tell(again.result))
	}
	if diff := compare(after, d.snapshot(), nil); diff != "" {
		d.t.Errorf("a second undo changed something:\n%s", diff)
	}
}

// back undoes the undo: the tenant is as the run left it.
func (tt *tableCase) back(d *desk, first *undoing, changed map[string]string) {
	u := d.undo(first.run)
	ids := renamed(u)
	for old, id := range renamed(first) {
		ids[id] = old
	}
	for _, item := range u.result.Items {
		if item.Verdict != undo.Undone && item.Verdict != undo.Already && item.Verdict != undo.Impossible {
			d.t.Errorf("the undo cannot be undone:\n%s", tell(u.result))
			break
		}
	}
	if diff := compare(changed, d.snapshot(), ids); diff != "" && len(tt.counts) == 0 && !excused(diff, tt.stays) {
		d.t.Errorf("the undo of the undo is not what the run left:\n%s\n%s", diff, tell(u.result))
	}
	if u.code != engine.ExitOK {
		d.t.Errorf("exit %d", u.code)
	}
}

func tableCases() []tableCase {
	return []tableCase{
		{name: "users.update", lua: `auth0.users.update("auth0|ada", {nickname = "x", blocked = true, email = "new@example.com", connection = "staff", user_metadata = {plan = "pro", more = {1}}, app_metadata = {level = null}})`},
		{name: "users.update twice", lua: `auth0.users.update("auth0|ada", {nickname = "x"}) auth0.users.update("auth0|ada", {nickname = "y", given_name = "Ada"})`},
		{name: "users.update with metadata emptied", lua: `auth0.users.update("auth0|ada", {user_metadata = {}})`},
		{name: "users.update of a password", lua: `auth0.users.update("auth0|ada", {password = "Secret-9-and-long", connection = "staff"})`, counts: map[undo.Verdict]int{undo.Impossible: 1}, says: []string{"it wrote only what cannot be put back: password"}},
		{name: "users.update that changes nothing", lua: `auth0.users.update("auth0|ada", {nickname = "ada"})`, counts: map[undo.Verdict]int{undo.Already: 1}, says: []string{"the call changed nothing"}},
		{name: "users.create", lua: `local u = auth0.users.create({connection = "staff", email = "n@example.com", password = "Secret-9-and-long"}) auth0.users.add_roles(u.user_id, {"rol_editor"}) auth0.users.update(u.user_id, {nickname = "other"})`},
		{name: "users.delete", lua: `auth0.users.delete("auth0|bob")`, says: []string{"roles, permissions, organizations"}},
		{name: "users made and deleted", lua: `local u = auth0.users.create({connection = "staff", email = "n@example.com", password = "Secret-9-and-long"}) auth0.users.update(u.user_id, {nickname = "n"}) auth0.users.delete(u.user_id)`, counts: map[undo.Verdict]int{undo.Already: 3}, says: []string{"the run itself made the object and deleted it again"}},
		{name: "users changed and deleted", lua: `auth0.users.update("auth0|bob", {nickname = "z"}) auth0.users.delete("auth0|bob")`},
		{name: "users.add_roles", lua: `auth0.users.add_roles("auth0|ada", {"rol_reader", "rol_editor"})`},
		{name: "users.remove_roles", lua: `auth0.users.remove_roles("auth0|ada", {"rol_reader", "rol_editor"})`},
		{name: "users permissions", lua: `auth0.users.add_permissions("auth0|ada", {{permission_name = "read:x", resource_server_identifier = "https://api.example.com"}})`},
		{name: "roles.create", lua: `local r = auth0.roles.create({name = "fresh", description = "d"}) auth0.users.add_roles("auth0|bob", {r.id}) auth0.roles.add_permissions(r.id, {{permission_name = "write:x", resource_server_identifier = "https://api.example.com"}})`},
		{name: "roles.update", lua: `auth0.roles.update("rol_editor", {name = "writer", description = "writes"})`},
		{name: "roles renamed and the name given on", lua: `auth0.roles.update("rol_editor", {name = "writer"}) auth0.roles.create({name = "editor"})`},
		{name: "roles emptied and deleted", lua: `auth0.roles.remove_permissions("rol_editor", {{permission_name = "read:x", resource_server_identifier = "https://api.example.com"}}) auth0.roles.delete("rol_editor")`, says: []string{"comes back as a new object"}},
		{name: "roles taken from users and deleted", lua: `
			auth0.organizations.delete_organization_member_roles("org_acme", "auth0|ada", {roles = {"rol_reader"}})
			auth0.users.remove_roles("auth0|ada", {"rol_reader"}) auth0.roles.delete("rol_reader")`},
		{name: "roles.add_users", lua: `auth0.roles.add_users("rol_reader", {"auth0|ada", "auth0|bob", "auth0|cleo"})`},
		{name: "roles permissions", lua: `auth0.roles.add_permissions("rol_editor", {{permission_name = "read:x", resource_server_identifier = "https://api.example.com"}, {permission_name = "write:x", resource_server_identifier = "https://api.example.com"}})`},
		{name: "connections.update", lua: `auth0.connections.update("con_staff", {options = {passwordPolicy = "excellent"}, metadata = {a = "b"}})`},
		{name: "connections.create with a user", lua: `
			local c = auth0.connections.create({name = "fresh", strategy = "auth0", options = {mfa = {active = false}}})
			auth0.users.create({connection = "fresh", email = "in@example.com", password = "Secret-9-and-long"})
			auth0.connections.clients.update(c.id, {{client_id = "app2", status = true}})`, says: []string{"deleting it takes with it"}},
		{name: "connections.delete", lua: `auth0.connections.delete("con_shop")`, says: []string{"under a new id and without its users"}, stays: []string{"connections"}},
		{name: "connections.clients.update", lua: `auth0.connections.clients.update("con_staff", {{client_id = "app1", status = false}, {client_id = "app2", status = true}})`},
		{name: "clients.create", lua: `auth0.clients.create({name = "Fresh", app_type = "spa", callbacks = {"https://f.example.com"}})`, stays: []string{"clients"}},
		{name: "clients.update", lua: `auth0.clients.update("app1", {name = "Renamed", callbacks = array {}, client_metadata = {team = "blue", tier = null, extra = "1"}})`},
		{name: "clients.delete", lua: `auth0.clients.delete("app2")`, says: []string{"under a new client_id with a new secret"}, stays: []string{"client"}},
		{name: "client_grants", lua: `local g = auth0.client_grants.create({client_id = "app2", audience = "https://api.example.com", scope = {"read:x"}}) auth0.client_grants.update(g.id, {scope = {"read:x", "write:x"}})`},
		{name: "client_grants.delete", lua: `for g in auth0.client_grants.each() do if g.client_id == "app1" then auth0.client_grants.update(g.id, {scope = {"write:x"}}) auth0.client_grants.delete(g.id) end end`},
		{name: "resource_servers", lua: `local s = auth0.resource_servers.create({identifier = "https://new.example.com", name = "New", scopes = {{value = "a"}}}) auth0.resource_servers.update(s.id, {name = "Newer"}) auth0.resource_servers.update("api1", {name = "Renamed", scopes = {{value = "read:x"}, {value = "write:x"}, {value = "z"}}, token_lifetime = 60})`},
		{name: "organizations", lua: `
			local o = auth0.organizations.create_organization({name = "fresh", display_name = "Fresh"})
			auth0.organizations.create_organization_members(o.id, {members = {"auth0|ada", "auth0|bob"}})
			auth0.organizations.create_organization_member_roles(o.id, "auth0|ada", {roles = {"rol_editor"}})
			auth0.organizations.create_organization_connection(o.id, {connection_id = "con_shop", assign_membership_on_login = false})
			auth0.organizations.update_organization(o.id, {display_name = "Fresher"})`},
		{name: "organizations.update", lua: `auth0.organizations.update_organization("org_acme", {display_name = "New", metadata = {size = "20"}})`},
		{name: "organizations emptied and deleted", lua: `
			auth0.organizations.delete_organization_member_roles("org_acme", "auth0|ada", {roles = {"rol_reader"}})
			auth0.organizations.delete_organization_members("org_acme", {members = {"auth0|ada", "auth0|bob"}})
			auth0.organizations.delete_organization_connection("org_acme", "con_staff")
			auth0.organizations.delete_organization("org_acme")`},
		{name: "organizations connection", lua: `auth0.organizations.update_organization_connection("org_acme", "con_staff", {assign_membership_on_login = false}) auth0.organizations.create_organization_connection("org_acme", {connection_id = "con_shop"})`},
		{name: "organizations invitation", lua: `auth0.organizations.create_organization_invitation("org_acme", {inviter = {name = "i"}, invitee = {email = "x@example.com"}, client_id = "app1"})`, says: []string{"the mail has been sent"}, oneWay: true},
		{name: "branding", lua: `auth0.branding.update({logo_url = "https://new.example.com/l.png", colors = {primary = "#222222", page_background = "#ffffff"}, font = {url = "https://f.example.com/f.woff"}})`},
		{name: "branding template", lua: `auth0.branding.update_template_universal_login("<html>{%- auth0:head -%}{%- auth0:widget -%}</html>")`, oneWay: true},
		{name: "prompts", lua: `auth0.prompts.update({universal_login_experience = "new", identifier_first = true}) auth0.prompts.update_custom_text("login", "en", {login = {title = "Hi"}})`},
		{name: "attack protection", lua: `auth0.attack_protection.update_brute_force_protection({enabled = false, max_attempts = 3}) auth0.attack_protection.update_suspicious_ip_throttling({enabled = false}) auth0.attack_protection.update_breached_password_detection({enabled = true, shields = {"block"}})`},
		{name: "tenants", lua: `auth0.tenants.update({friendly_name = "New", support_email = "s@example.com", flags = {enable_sso = false, disable_impersonation = true}})`, says: []string{"stays as it is: support_email"}, stays: []string{"tenants"}},
		{name: "actions", lua: `local a = auth0.actions.create_action({name = "act", supported_triggers = {{id = "post-login", version = "v3"}}, code = "exports.onExecutePostLogin = async () => {}"}) auth0.actions.update_action(a.id, {code = "//"})`},
		{name: "rules", lua: `auth0.rules.create({name = "two", script = "s"}) for r in auth0.rules.each() do if r.name == "rule one" then auth0.rules.update(r.id, {enabled = false, script = "other"}) end end`},
		{name: "rules.delete", lua: `for _, r in ipairs(auth0.rules.list()) do auth0.rules.delete(r.id) end`},
		{name: "log streams", lua: `auth0.log_streams.create({name = "two", type = "http", sink = {httpEndpoint = "https://two.example.com"}}) for _, s in ipairs(auth0.log_streams.list()) do if s.name == "stream" then auth0.log_streams.update(s.id, {name = "renamed", status = "paused"}) auth0.log_streams.delete(s.id) end end`},
		{name: "custom domains", lua: `local c = auth0.custom_domains.create_new({domain = "login.example.com", type = "auth0_managed_certs"}) auth0.custom_domains.update(c.custom_domain_id, {tls_policy = "recommended"})`, counts: map[undo.Verdict]int{undo.Impossible: 1, undo.Undone: 1}},
		{name: "email templates", lua: `auth0.email_templates.update("verify_email", {subject = "Changed", enabled = false})`},
		{name: "email templates set", lua: `auth0.email_templates.set("verify_email", {template = "verify_email", subject = "Changed", body = "b", from = "b@example.com", enabled = false, syntax = "liquid"})`},
		{name: "email provider", lua: `auth0.emails.config({name = "smtp", credentials = {smtp_host = "h", smtp_port = 25, smtp_user = "u", smtp_pass = "pw"}, default_from_address = "a@example.com"}) auth0.emails.update({default_from_address = "b@example.com"})`, oneWay: true},
		{name: "guardian", lua: `auth0.guardian.update_factor("otp", {enabled = true}) auth0.guardian.policies.set({"all-applications"})`},
		{name: "forms and flows", lua: `local f = auth0.forms.create({name = "form", nodes = {{id = "n", type = "STEP"}}}) auth0.forms.update(f.id, {name = "formular"}) auth0.flows.create({name = "flow"})`},
		{name: "mails", lua: `auth0.jobs.send_verification_email({user_id = "auth0|ada"}) auth0.users.update("auth0|ada", {nickname = "x"})`, counts: map[undo.Verdict]int{undo.Impossible: 1, undo.Undone: 1}, says: []string{"the mail has been sent"}},
		{name: "files", lua: `file.write("new/out.txt", "one") file.write("new/out.txt", "two")`},
		{name: "in tasks", lua: `
			parallel.each({"auth0|ada", "auth0|bob", "auth0|cleo"}, function(id)
				auth0.users.update(id, {nickname = "n-" .. id})
				auth0.users.add_roles(id, {"rol_editor"})
				local r = auth0.roles.create({name = "of " .. id})
				auth0.users.add_roles(id, {r.id})
			end)`},
	}
}
