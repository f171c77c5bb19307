package catalog

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	for _, tt := range []struct{ asked, want string }{
		{"users.lst", "users.list"},
		{"user.list", "users.list"},
		{"users.udpate", "users.update"},
		{"users.remove", "users.delete"},
		{"users.all", "users.list"},
		{"users.search", "users.list"},
		{"users.list_org", "users.list_organizations"},
		{"users.listRoles", "users.list_roles"},
		{"auth0.users.lits", "users.list"},
		{"users.role.list", "users.roles.list"},
		{"user.list_roles", "users.list_roles"},
		{"members.list_tokensets", "users.list_tokensets"},
		{"organizations.list_members", "organizations.members.list"},
		{"connection.all", "connections.all"},
		{"Connections.Update", "connections.update"},
		{"clients.rotate_secrets", "clients.rotate_secret"},
		{"actions.deploy", "actions.deploy_action"},
		{"get_tokens.client_credentials", "get_token.client_credentials"},
		{"authentication.get_token.client_credentials", "get_token.client_credentials"},
		{"users.userinfo", "authentication.users.userinfo"},
		{"xyzzy", ""},
		{"", ""},
		{"totally.different", ""},
	} {
		if _, exists := Default().Lookup(tt.asked); exists && tt.asked != "actions.deploy" {
			t.Errorf("%s exists; the case asks nothing", tt.asked)
		}
		if got := Default().Nearest(tt.asked); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", tt.asked, got, tt.want)
		}
	}
}

func TestArgFindsEveryName(t *testing.T) {
	op, _ := Default().Lookup("actions.get_actions")
	for name, want := range map[string]string{"trigger_id": "trigger_id", "triggerId": "trigger_id", "page": "page", "nothing": "", "": ""} {
		a, ok := op.Arg(name)
		if (want != "") != ok || (ok && a.Name != want) {
			t.Errorf("Arg(%q) = %v, %v; want %q", name, a, ok, want)
		}
	}
	logs, _ := Default().Lookup("logs.search")
	if a, ok := logs.Arg("from_param"); !ok || a.Name != "from" {
		t.Errorf("logs.search: Arg(from_param) = %v, %v; want from", a, ok)
	}
	// The user linked to is id on the wire and user_id in Python.
	link, _ := Default().Lookup("users.link_user_account")
	if a, ok := link.Arg("user_id"); !ok || a.Name != "id" {
		t.Errorf("users.link_user_account: Arg(user_id) = %v, %v; want id", a, ok)
	}
	// Here user_id is a parameter of its own and must not be taken for another's old name.
	unlink, _ := Default().Lookup("users.unlink_user_account")
	if a, ok := unlink.Arg("user_id"); !ok || a.Name != "user_id" {
		t.Errorf("users.unlink_user_account: Arg(user_id) = %v, %v; want itself", a, ok)
	}
}

func TestPositional(t *testing.T) {
	for name, want := range map[string][]string{
		"users.add_roles":                          {"id", "roles"},
		"users.update":                             {"id", "body"},
		"users.list":                               nil,
		"jobs.import_users":                        {"connection_id", "users"},
		"users.roles.assign":                       {"id", "roles"}, // by its alias, the same operation
		"connections.clients.update":               {"id", "body"},
		"users.effective_permissions.list":         {"id", "resource_server_identifier"},
		"get_token.authorization_code_pkce":        {"code_verifier", "code", "redirect_uri"},
		"get_token.client_credentials":             {"audience"},
		"authentication.users.userinfo":            {"access_token"},
		"actions.rollback_action_version":          {"action_id", "id"},
		"branding.update_template_universal_login": {"template"},
	} {
		op, ok := Default().Lookup(name)
		if !ok {
			t.Errorf("%s is not there", name)
			continue
		}
		var got []string
		for _, a := range op.Positional() {
			got = append(got, a.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s takes %v by position, want %v", name, got, want)
		}
	}
}

// TestPythonBeatsTheCurrentName: network_acls.update is PUT in the Python SDK
// and PATCH in the current ones.
func TestPythonBeatsTheCurrentName(t *testing.T) {
	op, _ := Default().Lookup("network_acls.update")
	if op == nil || op.Verb != "PUT" {
		t.Fatalf("network_acls.update is %+v, want the PUT", op)
	}
	if set, _ := Default().Lookup("network_acls.set"); set != op {
		t.Errorf("network_acls.set is not the same operation")
	}
	if patch, _ := Default().Lookup("network_acls.update_partial"); patch == nil || patch.Verb != "PATCH" {
		t.Errorf("network_acls.update_partial is %+v, want the PATCH", patch)
	}
}

// TestStatusesOfRealTenants: what tenants were seen to answer is right where
// the API document says otherwise, and stays right when people edit the table.
func TestStatusesOfRealTenants(t *testing.T) {
	for name, want := range map[string]int{
		"roles.create": 200, "log_streams.create": 200, "branding.create_branding_theme": 200, "flows.vault.connections.create": 200,
		"jobs.export_users": 200, "guardian.create_enrollment_ticket": 200, "clients.rotate_secret": 200, "actions.deploy_action": 200,
		"branding.update_template_universal_login": 201, "roles.add_permissions": 201, "users.add_permissions": 201,
		"hooks.add_secrets": 201, "hooks.update_secrets": 201, "roles.add_users": 200, "roles.delete": 200,
		"organizations.create_organization_members": 204, "organizations.create_organization_member_roles": 204, "users.add_roles": 204,
		"blacklists.create": 204, "keys.encryption.rekey": 204, "users.risk_assessments.clear": 204,
		"users.invalidate_remembered_browsers": 204, "connections.clients.update": 204,
		"sessions.delete": 202, "users.sessions.delete": 202, "users.refresh_token.delete": 202, "sessions.revoke": 202,
		"event_streams.redeliveries.create": 202, "event_streams.redeliveries.create_by_id": 202, "refresh_tokens.delete": 204,
		"event_streams.test": 202, "branding.phone.templates.test": 202, "branding.phone.providers.test": 202,
		"connections.delete": 202, "network_acls.delete": 200, "flows.create": 201, "forms.create": 201,
		"users.create": 201, "users.get": 200, "users.update": 200, "users.delete": 204, "users.remove_roles": 204, "connections.create": 201,
		"connections.update": 200, "clients.create": 201, "clients.delete": 204, "organizations.create_organization": 201,
		"client_grants.create": 201, "roles.remove_permissions": 200, "roles.update": 200, "jobs.import_users": 202,
		"connections.keys.rotate": 201, "users.link_user_account": 201, "users.unlink_user_account": 200,
	} {
		if op, ok := Default().Lookup(name); !ok || op.Status != want {
			t.Errorf("%s: %+v, want status %d", name, op, want)
		}
	}
}

// TestSecretsAreMarked: a canary for the paths that the redactor lives on.
func TestSecretsAreMarked(t *testing.T) {
	for _, tt := range []struct{ name, body, answer string }{
		{name: "users.create", body: "password"},
		{name: "users.update", body: "password"},
		{name: "connections.create", body: "options.client_secret", answer: "options.client_secret"},
		{name: "connections.update", body: "options.configuration.*"},
		{name: "connections.all", answer: "connections[].options.client_secret"},
		{name: "clients.create", body: "client_secret", answer: "client_secret"},
		{name: "clients.all", answer: "clients[].client_secret"},
		{name: "clients.rotate_secret", answer: "client_secret"},
		{name: "emails.config", body: "credentials.smtp_pass"},
		{name: "actions.create_action", body: "secrets[].value"},
		{name: "rules_configs.set", body: "value"},
		{name: "hooks.add_secrets", body: "*"},
		{name: "log_streams.create", body: "sink.splunkToken"},
		{name: "tickets.create_pswd_change", answer: "ticket"},
		{name: "connections.scim_configuration.tokens.create", answer: "token"},
		{name: "get_token.login", body: "password", answer: "access_token"},
		{name: "get_token.refresh_token", body: "refresh_token", answer: "refresh_token"},
		{name: "authentication.database.signup", body: "password"},
	} {
		op, ok := Default().Lookup(tt.name)
		if !ok {
			t.Errorf("%s is not there", tt.name)
			continue
		}
		if tt.body != "" && !slices.Contains(op.Secrets, tt.body) {
			t.Errorf("%s: %s is no secret of the body: %v", tt.name, tt.body, op.Secrets)
		}
		if tt.answer != "" && !slices.Contains(op.SecretAnswers, tt.answer) {
			t.Errorf("%s: %s is no secret of the answer: %v", tt.name, tt.answer, op.SecretAnswers)
		}
	}
	// Arguments that are secret themselves are marked as such too.
	for _, op := range Default().All() {
		for _, a := range op.Args {
			if a.In == InField && a.Secret && !slices.Contains(op.Secrets, a.WireName()) {
				t.Errorf("%s: the secret argument %s is no secret of the body", op.ID, a.Name)
			}
			if a.In == InField && !a.Secret && slices.Contains(op.Secrets, a.WireName()) {
				t.Errorf("%s: the argument %s is a secret of the body and not marked", op.ID, a.Name)
			}
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	for b.Loop() {
		newTable()
	}
}
