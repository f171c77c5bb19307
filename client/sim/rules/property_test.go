package rules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
	"a0run/client/sim/rules"
)

// A bench is a tenant with something of everything in it.
type bench struct {
	t      *testing.T
	tenant *sim.Tenant
	token  string
	maker  *rules.Maker
	known  map[string]bool
}

func newBench(t *testing.T) *bench {
	t.Helper()
	seed := []byte(`
connections: [{name: Username-Password-Authentication, strategy: auth0, id: con_0000000000000001}]
clients: [{client_id: app0000000000000000000000000001, name: app, organization_usage: allow, initiate_login_uri: "https://app.example/login"}]
resource_servers: [{id: 0123456789abcdef01234567, identifier: "https://api.example", name: api, scopes: [{value: "read:a"}]}]
roles: [{id: rol_0000000000000001, name: admin}]
users: [{user_id: "auth0|0123456789abcdef01234567", email: one@example.com, password: Secret-123}]
organizations: [{id: org_0000000000000001, name: acme, members: ["auth0|0123456789abcdef01234567"]}]
`)
	tenant, err := sim.New(sim.Options{Seed: seed, LogLimit: 10})
	if err != nil {
		t.Fatal(err)
	}
	token, err := tenant.Token()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, tenant: tenant, token: token, known: map[string]bool{}, maker: &rules.Maker{Text: samples}}
	for _, at := range rules.Operations() {
		b.known[at] = true
	}
	return b
}

type answer struct {
	status int
	code   string
	text   string
	body   any
}

func (b *bench) send(verb, path string, body any) answer {
	var r io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	req := httptest.NewRequest(verb, "https://tenant.local/api/v2"+path, r)
	req.Header.Set("Authorization", "Bearer "+b.token)
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	b.tenant.ServeHTTP(w, req)
	a := answer{status: w.Code, text: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &a.body)
	if o, ok := a.body.(map[string]any); ok {
		a.code, _ = o["errorCode"].(string)
	}
	return a
}

// fixed are ids of objects that are there, or of things that need not be made.
func fixed(collection string) string {
	return map[string]string{
		"/users": "auth0|0123456789abcdef01234567", "/roles": "rol_0000000000000001", "/organizations": "org_0000000000000001",
		"/connections": "con_0000000000000001", "/clients": "app0000000000000000000000000001",
		"/resource-servers": "0123456789abcdef01234567", "/prompts": "login", "/guardian/factors": "otp",
		"/organizations/{}/members": "auth0|0123456789abcdef01234567", "/actions/triggers": "post-login",
		"/prompts/{}/screen": "login", "/prompts/{}/custom-text": "en", "/rules-configs": "KEY",
		"/risk-assessments/settings": "new-device", "/organizations/name": "acme", "/stats": "daily",
		"/user-blocks": "auth0|0123456789abcdef01234567", "/self-service-profiles/{}/custom-text": "en",
		"/self-service-profiles/{}/custom-text/{}": "get-started", "/anomaly/blocks/ips": "203.0.113.7",
		"/users/{}/multifactor": "duo", "/email-templates": "verify_email",
		"/organizations/{}/connections": "con_0000000000000001", "/organizations/{}/enabled_connections": "con_0000000000000001",
		"/prompts/{}/screen/{}/rendering": "x",
	}[collection]
}

// address fills the parameters of a path with things that are there, made first
// where they are not.
func (b *bench) address(at string) (string, bool) {
	_, path, _ := strings.Cut(at, " ")
	var done []string
	n := 0
	segs := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, seg := range segs {
		if seg != "{}" {
			done = append(done, seg)
			continue
		}
		collection := "/" + strings.Join(segs[:i], "/")
		id := fixed(collection)
		if id == "" {
			id = b.make(collection, "/"+strings.Join(done, "/"))
		}
		if made := id; made == "" || rules.Of(at).Path(n, made) != nil {
			id = b.maker.PathText(rules.Of(at), n)
		}
		n++
		done = append(done, url.PathEscape(id))
	}
	return "/" + strings.Join(done, "/"), true
}

// make makes an object of a collection and gives its id.
func (b *bench) make(collection, at string) string {
	if !b.known["POST "+collection] {
		return ""
	}
	for range 20 {
		a := b.send("POST", at, b.referring(b.maker.Body(rules.Of("POST "+collection))))
		o, _ := a.body.(map[string]any)
		if a.status >= 300 {
			continue
		}
		for _, name := range []string{"id", "client_id", "user_id", "name", "domain_id", "key_id", "kid", "token_id", "themeId", "template"} {
			if id, ok := o[name].(string); ok && (name == "id" || o["id"] == nil) {
				return id
			}
		}
		return ""
	}
	return ""
}

// referring puts ids of objects that are there where a body refers to some.
func (b *bench) referring(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, f := range v {
			switch id := map[string]string{
				"connection": "Username-Password-Authentication", "client_id": "app0000000000000000000000000001", "connection_id": "con_0000000000000001",
				"user_id": "auth0|0123456789abcdef01234567", "audience": "https://api.example", "resource_server_identifier": "https://api.example",
				"permission_name": "read:a", "organization_id": "org_0000000000000001",
			}[k]; {
			case id != "" && isText(f):
				v[k] = id
			default:
				v[k] = b.referring(f)
			}
			if list, ok := f.([]any); ok && len(list) > 0 && isText(list[0]) {
				if id := map[string]string{
					"roles": "rol_0000000000000001", "users": "auth0|0123456789abcdef01234567", "members": "auth0|0123456789abcdef01234567",
					"enabled_clients": "app0000000000000000000000000001",
				}[k]; id != "" {
					v[k] = []any{id}
				}
			}
		}
	case []any:
		for i := range v {
			v[i] = b.referring(v[i])
		}
	}
	return v
}

func isText(v any) bool { _, ok := v.(string); return ok }

// seedOf is the seed of a test with chance in it: A0RUN_SEED repeats a run.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("A0RUN_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("A0RUN_SEED=%d repeats this", seed)
		}
	})
	return seed
}

// TestEveryOperationAgainstItsSchema sends each operation bodies and parameters
// that its schema refuses, and some that it takes.
func TestEveryOperationAgainstItsSchema(t *testing.T) {
	seed := seedOf(t)
	refused, taken := 0, 0
	var b *bench
	for i, at := range rules.Operations() {
		verb, path, _ := strings.Cut(at, " ")
		if verb == http.MethodDelete || i%20 == 0 { // what went is there again
			b = newBench(t)
		}
		b.maker.R = rand.New(rand.NewPCG(seed, uint64(i)))
		if path == "/jobs/users-imports" { // multipart
			continue
		}
		for round := range 6 {
			b.maker.Full = round%2 == 1
			where, ok := b.address(at)
			if !ok {
				t.Errorf("%s: nothing to call it on", at)
				break
			}
			req := rules.Of(at)
			query := queryOf(b.maker.Query(req))
			body := b.maker.Body(req)
			if round == 0 {
				refused += b.wrongQuery(at, verb, where, body)
			}
			if body != nil {
				for _, s := range b.maker.Spoil(req, body) {
					refused++
					if a := b.send(verb, where+query, s.Body); a.status != http.StatusBadRequest || a.code != "invalid_body" {
						t.Errorf("%s %s: got %d %q, want 400 invalid_body: %.200s\n%s", at, s.How, a.status, a.code, a.text, brief(s.Body))
					}
				}
			}
			body = b.referring(body)
			a := b.send(verb, where+query, body)
			taken++
			if a.status >= 300 && rule(at, a) == "" {
				t.Errorf("%s: refused by no rule that is known: %d %s\n%s", at, a.status, a.text, brief(body))
			}
			if t.Failed() && round > 1 {
				break
			}
		}
	}
	if refused < 5000 || taken < 2000 {
		t.Errorf("only %d refused and %d taken", refused, taken)
	}
}

func brief(v any) string {
	text, _ := json.Marshal(v)
	return string(text[:min(len(text), 600)])
}

func queryOf(params map[string]string) string {
	q := url.Values{}
	for k, v := range params {
		q.Set(k, v)
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// wrongQuery sends parameters that the operation does not take.
func (b *bench) wrongQuery(at, verb, where string, body any) int {
	n := 0
	for _, p := range append([]string{"no_such_parameter=x"}, rules.WrongQueries(rules.Of(at))...) {
		n++
		required := b.maker.Query(rules.Of(at))
		name, _, _ := strings.Cut(p, "=")
		delete(required, name)
		q := queryOf(required)
		if q == "" {
			q = "?" + p
		} else {
			q += "&" + p
		}
		if a := b.send(verb, where+q, body); a.status != http.StatusBadRequest || a.code != "invalid_query_string" {
			b.t.Errorf("%s?%s: got %d %q, want 400 invalid_query_string: %.200s", at, p, a.status, a.code, a.text)
		}
	}
	return n
}

// A refusal is a rule of the tenant beyond the schemas, with where it is known
// from.
type refusal struct{ at, text, source string }

// rule is the rule by which a valid request was refused, "" where there is none.
func rule(at string, a answer) string {
	if a.status == http.StatusNotFound {
		return "what the request is about, or refers to, is not there"
	}
	i := slices.IndexFunc(refusals(), func(r refusal) bool {
		return strings.HasPrefix(at, r.at) && strings.Contains(a.text, r.text)
	})
	if i < 0 {
		return ""
	}
	return fmt.Sprint(refusals()[i].source)
}

func refusals() []refusal {
	const (
		docs     = "Auth0's public documentation"
		recorded = "seen in recordings of real tenants"
	)
	return []refusal{
		{"POST /organizations", "An organization with this name already exists", docs + ": names are unique"},
		{"POST /connections", "A connection with the same name already exists", docs + ": names are unique"},
		{"POST /roles", "is already taken", docs + ": names are unique"},
		{"POST /resource-servers", "same identifier already exists", docs + ": identifiers are unique"},
		{"POST /email-templates", "already exists", recorded},
		{"POST /emails/provider", "already exists", docs + ": there is one provider"},
		{"POST /client-grants", "already exists", docs + ": one grant a client and audience"},
		{"POST /client-grants", "Missing required property: client_id", docs + ": a grant is for a client or for a default"},
		{"POST /connections/{}/scim-configuration", "already exists", docs + ": there is one"},
		{"POST /connections/{}/directory-provisioning", "already exists", docs + ": there is one"},
		{"POST /organizations/{}/", "support is_signup_enabled", recorded},
		{"PATCH /organizations/{}/", "support is_signup_enabled", recorded},
		{"POST /organizations/{}/", "already enabled for the organization", docs},
		{"POST /users", "Missing required property: ", docs + ": a database user needs a name to log in by and a password"},
		{"POST /users", "The user already exists", docs + ": e-mail, user name and number are unique in a connection"},
		{"POST /users", "PasswordStrengthError", docs + ": a password follows its connection's policy, good unless told otherwise"},
		{"PATCH /users/{}", "PasswordStrengthError", docs + ": a password follows its connection's policy, good unless told otherwise"},
		{"POST /users/{}/identities", "Invalid link_with token", docs + ": link_with is an ID token of the other account"},
		{"PATCH /users/{}", "Too few properties defined", docs},
		{"PATCH /users/{}", "Additional properties not allowed", docs},
		{"PATCH /users/{}", "The connection is required", docs + ": changes of log-in names need connection"},
		{"PATCH /users/{}", "simultaneously", docs + ": one at a time"},
		{"PATCH /users/{}", "already exists", docs + ": e-mail, user name and number are unique in a connection"},
		{"DELETE /users/{}/identities/", "cannot be unlinked", docs + ": a specific secondary account is unlinked"},
		{"POST /tickets/password-change", "Missing required property: user_id", docs + ": a ticket is for a user, or for the email of a connection"},
		{"POST /organizations/{}/invitations", "do not exist", docs + ": the answers of Invite Members"},
		{"DELETE /resource-servers", "A system API cannot be deleted", recorded + ": system APIs are not changed"},
		{"POST /clients", "Invalid PEM", docs + ": pem is a key or a certificate"},
		{"PATCH /clients", "Invalid PEM", docs + ": pem is a key or a certificate"},
		{"PATCH /actions/triggers/{}/bindings", "no action is called", docs + ": a binding is of an action"},
		{"PATCH /resource-servers", "A system API cannot be modified", recorded},
		{"POST /connections", "Cannot set both", recorded},
		{"PATCH /connections", "Cannot set both", recorded},
		{"POST /connections", "must contain one active identifier", recorded},
		{"PATCH /connections", "must contain one active identifier", recorded},
		{"POST /connections", "must also be required on signup", recorded},
		{"PATCH /connections", "must also be required on signup", recorded},
		{"", "allowed maximum of 1000 records", docs + ": at most 1,000 results by page numbers"},
	}
}
