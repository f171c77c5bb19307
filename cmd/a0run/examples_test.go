package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"a0run/client"
	"a0run/client/sim"
	"a0run/engine"
)

// An example is a pair of playbooks and the tenant they run against.
type example struct {
	seed   string
	target string // the seed of the role target, where there are two
	limits sim.Limits
	args   func(t *testing.T, tenant *sim.Tenant) []string
	// want are texts that the output holds.
	want []string
	// chat is the host of a webhook in the playbook, which a host on a loopback
	// socket stands for; code is the exit code.
	chat string
	code int
	// sent says of each request prefix how many there are.
	sent map[string]int
}

const exampleUsers = `
users:
  - {user_id: auth0|old, email: old@example.com, connection: Username-Password-Authentication, password: Passw0rd-old, last_login: '2020-01-01T00:00:00.000Z'}
  - {user_id: auth0|new, email: new@example.com, connection: Username-Password-Authentication, last_login: '2999-01-01T00:00:00.000Z'}
connections:
  - {id: con_db, name: Username-Password-Authentication, strategy: auth0}
  - {id: con_amazon, name: Amazon-Connection, strategy: amazon, options: {profile: true}}
roles:
  - {id: rol_a, name: editor, description: edits, permissions: [{resource_server_identifier: 'https://api', permission_name: 'write:all'}]}
  - {id: rol_b, name: reader, description: reads}
resource_servers:
  - {id: rs_1, identifier: 'https://api', name: api, scopes: [{value: 'write:all'}]}
`

func examples() map[string]example {
	return map[string]example{
		"connections": {
			seed: exampleUsers, args: flags("id=con_amazon", "name=MyNewName"),
			want: []string{"Amazon-Connection", "now it is MyNewName"},
			sent: map[string]int{"PATCH /api/v2/connections/con_amazon": 1, "GET /api/v2/connections/con_amazon": 1},
		},
		"private_key_jwt": {
			args: func(_ *testing.T, tenant *sim.Tenant) []string {
				c := tenant.Credentials()
				return pairs("client_id="+c.PrivateKeyClientID, "signing_key="+c.PrivateKey, "audience=https://"+c.Domain+"/api/v2/")
			},
			want: []string{"Bearer token for 86400 seconds: [secret]"},
			sent: map[string]int{"POST /oauth/token": 1},
		},
		"verify_id_token": {
			seed: exampleUsers, args: flags("username=old@example.com", "password=Passw0rd-old"),
			want: []string{"verified: auth0|old", `refused: Audience (aud) claim mismatch in the ID token; expected "somebody-else"`},
			sent: map[string]int{"POST /oauth/token": 1, "GET /.well-known/jwks.json": 1},
		},
		"error_handling": {
			// One token every 20 s: the eleventh call at the latest would wait
			// longer than the playbook's patience.
			limits: sim.Limits{Rate: 0.05, Burst: 10, Reset: "token"}, args: flags(),
			want: []string{"Auth0Error\t404\tinexistent_user\tThe user does not exist.", "RateLimitError\t429\ttrue"},
		},
		"concurrent": {
			seed: exampleUsers,
			args: func(t *testing.T, tenant *sim.Tenant) []string {
				t.Helper()
				return pairs("user_id=auth0|old", "connection_id=con_amazon", "access_token="+userToken(t, tenant))
			},
			want: []string{"old@example.com\tAmazon-Connection\tauth0|old", "2 users updated"},
			sent: map[string]int{"PATCH /api/v2/users/": 2, "GET /userinfo": 1},
		},
		"block_inactive": {
			seed: exampleUsers, args: flags(), want: []string{"1 users blocked", "info: blocked old@example.com"},
			sent: map[string]int{"PATCH /api/v2/users/auth0|old": 1, "PATCH /api/v2/users/": 1},
		},
		"users_from_csv": {
			seed: exampleUsers + "\n", args: flags(), want: []string{"3 users created"},
			sent: map[string]int{"POST /api/v2/users": 3},
		},
		"report_to_chat": {
			seed: exampleUsers, args: flags(), chat: "hooks.slack.com", code: engine.ExitItems,
			want: []string{"posted: ok"}, sent: map[string]int{"PATCH /api/v2/users/": 2, "POST /services/T0": 1},
		},
		"copy_tenant": {
			seed: exampleUsers, target: "roles:\n  - {id: rol_x, name: reader}\nresource_servers:\n  - {id: rs_1, identifier: 'https://api', name: api, scopes: [{value: 'write:all'}]}\n",
			args: flags(), want: []string{"connection Amazon-Connection", "role editor", "role reader"},
		},
		"move_users": {
			seed: strings.Replace(exampleUsers, "con_db", "con_db00000000000001", 1), target: strings.Replace(exampleUsers, "con_db", "con_db00000000000002", 1),
			args: flags(), want: []string{"0 users inserted, 2 updated, 0 failed"},
			sent: map[string]int{"POST /api/v2/jobs/users-exports": 1},
		},
		"main_job": {
			args: func(_ *testing.T, tenant *sim.Tenant) []string {
				return pairs("users=30", "audience=https://"+tenant.Credentials().Domain+"/api/v2/")
			},
			want: []string{"30 users seen, 15 blocked", "renamed to partners-2026", "a Management API token: [secret]", "ID token verified for auth0|"},
			sent: map[string]int{"POST /api/v2/users": 30, "PATCH /api/v2/users/": 15},
		},
	}
}

func flags(params ...string) func(*testing.T, *sim.Tenant) []string {
	return func(*testing.T, *sim.Tenant) []string { return pairs(params...) }
}

func pairs(params ...string) []string {
	var out []string
	for _, p := range params {
		out = append(out, "-p", p)
	}
	return out
}

// userToken logs the seed's user in.
func userToken(t *testing.T, tenant *sim.Tenant) string {
	t.Helper()
	c := tenant.Credentials()
	login, err := client.New(c.BaseURL, client.WithClientSecret(c.ClientID, c.ClientSecret), client.WithTransport(tenant.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	token, err := login.GetToken(t.Context(), "login", client.Args{
		"username": "old@example.com", "password": "Passw0rd-old", "realm": "Username-Password-Authentication", "scope": "openid profile",
	})
	if err != nil {
		t.Fatal(err)
	}
	tenant.ForgetRequests()
	return token.AccessToken.Reveal()
}

// TestExamples runs every example against a tenant on a socket, with the real
// command, in both languages; the pair asks the tenant for the same.
func TestExamples(t *testing.T) {
	t.Parallel()
	all := examples()
	files, err := filepath.Glob("../../scripts/examples/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), filepath.Ext(f))
		if _, ok := all[name]; !ok && filepath.Ext(f) != ".csv" {
			t.Errorf("%s is not run by any test", f)
		}
	}
	for name, ex := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lua := ex.run(t, name+".lua")
			yaml := ex.run(t, name+".yaml")
			if diff := cmp.Diff(lua, yaml); diff != "" {
				t.Errorf("requests differ (-lua +yaml)\n%s", diff)
			}
		})
	}
}

// serve puts a tenant on a loopback socket.
func serveTenant(t *testing.T, o sim.Options) *sim.Tenant {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	o.Domain = server.Listener.Addr().String()
	o.BaseURL = "http://" + o.Domain
	tenant, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = tenant
	server.Start()
	t.Cleanup(server.Close)
	return tenant
}

func (ex example) run(t *testing.T, file string) []string {
	t.Helper()
	tenant := serveTenant(t, sim.Options{Seed: []byte(ex.seed), SeedName: "seed.yaml", Limits: ex.limits})
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../scripts/examples")); err != nil {
		t.Fatal(err)
	}
	c := tenant.Credentials()
	project := fmt.Sprintf("default: local\ntenants:\n  local: {domain: '%s', client_id: '%s', client_secret: {env: SECRET}}\n", c.BaseURL, c.ClientID)
	args := append([]string{"run", file}, ex.args(t, tenant)...)
	tenants := []*sim.Tenant{tenant}
	if ex.target != "" {
		target := serveTenant(t, sim.Options{Seed: []byte(ex.target), SeedName: "target.yaml"})
		tc := target.Credentials()
		project += fmt.Sprintf("  other: {domain: '%s', client_id: '%s', client_secret: {env: OTHER}}\n", tc.BaseURL, tc.ClientID)
		args = append(args, "--tenant", "source=local", "--tenant", "target=other")
		tenants = append(tenants, target)
	}
	if err := os.WriteFile(filepath.Join(dir, "a0run.yaml"), []byte(project), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"SECRET": c.ClientSecret, "OTHER": tenants[len(tenants)-1].Credentials().ClientSecret}
	var chat *hooks
	if ex.chat != "" {
		chat = ex.openChat(t, filepath.Join(dir, file))
		args = append(args, "-p", "webhook=http://"+chat.host+"/services/T0/B0/secret")
	}
	out, code := command(dir, env, args...)
	if code != ex.code {
		t.Fatalf("%s: exit %d\n%s", file, code, out)
	}
	for _, text := range ex.want {
		if !strings.Contains(out, text) {
			t.Errorf("%s: the output does not hold %q\n%s", file, text, out)
		}
	}
	return ex.requests(t, file, tenants, chat)
}

// openChat starts the host of a webhook and writes it into the playbook.
func (ex example) openChat(t *testing.T, playbook string) *hooks {
	t.Helper()
	chat := &hooks{}
	server := httptest.NewServer(chat)
	t.Cleanup(server.Close)
	chat.host = server.Listener.Addr().String()
	text, err := os.ReadFile(playbook)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.ReplaceAll(string(text), ex.chat, `"`+chat.host+`"`))
	text = []byte(strings.ReplaceAll(string(text), `""`, `"`))
	if err := os.WriteFile(playbook, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return chat
}

// requests are what reached the tenants, without what is random by nature.
func (ex example) requests(t *testing.T, file string, tenants []*sim.Tenant, chat *hooks) []string {
	t.Helper()
	var lines []string
	if chat != nil {
		for _, r := range chat.requests {
			body, _, _ := strings.Cut(r.text, "\n") // what follows are headers
			lines = append(lines, fmt.Sprintf("0 %s %s %s", r.method, r.path, body))
		}
	}
	for i, tenant := range tenants {
		for _, r := range tenant.Requests() {
			body := string(r.Body)
			if strings.Contains(body, "assertion") || strings.Contains(body, "password") || strings.Contains(body, "client_secret") {
				body = "…"
			}
			if _, boundary, form := strings.Cut(r.Header.Get("Content-Type"), "boundary="); form {
				body = strings.ReplaceAll(body, boundary, "boundary")
			}
			query := r.Query
			if strings.Contains(query, "last_login") {
				query = "q=…" // the time of day
			} else if strings.Contains(query, "Signature") {
				query = "…" // the address of an export's file
			}
			path := newID.ReplaceAllString(r.Path, "/ID") // given out by the tenant
			lines = append(lines, fmt.Sprintf("%d %s %s?%s %s", i, r.Method, path, query, body))
		}
	}
	for prefix, want := range ex.sent {
		n := 0
		for _, l := range lines {
			if strings.HasPrefix(l, "0 "+prefix) {
				n++
			}
		}
		if strings.HasPrefix(prefix, "POST /oauth") {
			n = min(n, want) // the client's own token may be there too
		}
		if n != want {
			t.Errorf("%s: %d requests %s, want %d\n%s", file, n, prefix, want, strings.Join(lines, "\n"))
		}
	}
	slices.Sort(lines)
	return lines
}

var newID = regexp.MustCompile(`/(rol_\w{16}|con_\w{16}|job_\w{16}|auth0\|[0-9a-f]{24})`)

// command runs the command in this process and gives its output and exit code.
func command(dir string, env map[string]string, args ...string) (string, int) {
	var out strings.Builder
	w := outside()
	w.args, w.dir, w.terminal, w.color = args, dir, false, false
	w.stdin, w.stdout, w.stderr = strings.NewReader(""), &out, &out
	w.getenv = func(name string) (string, bool) {
		if v, ok := env[name]; ok {
			return v, ok
		}
		return stateIn(dir)(name)
	}
	code := execute(w)
	return out.String(), code
}
