package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"a0run/engine"
)

func TestStage(t *testing.T) {
	t.Parallel()
	const (
		update = `users.update {"id": "auth0|u1", "body": {"blocked": true}}`
		remove = `users.delete {"id": "auth0|u1"}`
	)
	tests := map[string]struct {
		rules []string
		calls []string
		want  []string // of the refusal; none where nothing is refused
	}{
		"no rules":                  {nil, []string{update, remove}, nil},
		"read_only":                 {[]string{`{"read_only": true}`}, []string{`users.get {"id": "auth0|u1"}`, update}, []string{"playbook.lua:7: GuardError: users.update: nothing is written in the tenant production (the guard read_only, <read_only>)"}},
		"tokens are read":           {[]string{`{"read_only": true}`}, []string{"get_token.client_credentials {\"audience\": \"https://acme.local/api/v2/\"}"}, nil},
		"sign-ups write":            {[]string{`{"read_only": true}`}, []string{`authentication.database.signup {"email": "x@example.com", "password": "Long-Enough-1", "connection": "Username-Password-Authentication"}`}, []string{"authentication.database.signup: nothing is written"}},
		"allowed":                   {[]string{`{"allow": ["users.*"]}`}, []string{update, "roles.list", `users.add_roles {"id": "auth0|u1", "roles": ["rol_a"]}`}, nil},
		"allowed by its other name": {[]string{`{"allow": ["users.roles.assign"]}`}, []string{`users.add_roles {"id": "auth0|u1", "roles": ["rol_a"]}`}, nil},
		"not allowed": {
			[]string{`{"allow": ["users.*"]}`},
			[]string{`roles.update {"id": "rol_a", "body": {"name": "x"}}`},
			[]string{"roles.update: the operation is not among those that are allowed to write in the tenant production (the guard allow, <allow>)", "add roles.update to the list there"},
		},
		"both must allow": {[]string{`{"allow": ["users.*"]}`, `{"allow": ["*.update"]}`}, []string{update, remove}, []string{"users.delete: the operation is not among"}},
		"nothing allowed": {[]string{`{"allow": []}`}, []string{update}, []string{"not among those that are allowed"}},
		"denied": {
			[]string{`{"allow": ["*"], "deny": ["*.delete"]}`},
			[]string{update, remove},
			[]string{"users.delete: the operation is denied by *.delete in the tenant production (the guard deny, <deny.1>)"},
		},
		"a denied read": {[]string{`{"deny": ["users.list"]}`}, []string{"roles.list", "users.list"}, []string{"users.list: the operation is denied"}},
		"a limit": {
			[]string{`{"limits": {"users": {"delete": 1}}}`},
			[]string{update, remove, remove, `users.delete {"id": "auth0|u2"}`},
			[]string{"users.delete: at most 1 user may be deleted in the tenant production: 1 already, and users/auth0|u2 would be one more (the guard limits.users.delete, <limits.users.delete>)"},
		},
		"a deletion is a change": {[]string{`{"limits": {"users": 1}}`}, []string{update, `users.delete {"id": "auth0|u2"}`}, []string{"at most 1 user may be changed or deleted", "(the guard limits.users, <limits.users>)"}},
		"a limit of none":        {[]string{`{"limits": {"roles": {"create": 0}}}`}, []string{`roles.create {"body": {"name": "x"}}`}, []string{"at most 0 roles may be created in the tenant production: 0 already, and a new object of roles would be one more"}},
		"what is made is no change": {
			[]string{`{"limits": {"roles": {"create": 1, "change": 0}}}`},
			[]string{`roles.create {"body": {"name": "x"}}`, `roles.create {"body": {"name": "y"}}`},
			[]string{"at most 1 role may be created"},
		},
		"all that a call names": {
			[]string{`{"limits": {"users": 2}}`},
			[]string{`roles.add_users {"id": "rol_a", "users": ["auth0|u1", "auth0|u2", "auth0|u1"]}`, `roles.add_users {"id": "rol_b", "body": {"users": ["auth0|u2", "auth0|u3", "auth0|u4"]}}`},
			[]string{"2 already, and this call writes 2 more, users/auth0|u3 first"},
		},
		"a percentage": {
			[]string{`{"limits": {"users": {"change": "10%"}}}`},
			[]string{update, `users.update {"id": "auth0|u2", "body": {"blocked": true}}`, `users.update {"id": "auth0|u3", "body": {"blocked": true}}`},
			[]string{"users.update: at most 10% of the 20 users may be changed or deleted in the tenant production, that is 2: 2 already, and users/auth0|u3 would be one more"},
		},
		"what goes with it": {
			[]string{`{"limits": {"users": {"delete": 5}}}`},
			[]string{`connections.delete {"id": "con_x"}`},
			[]string{"connections.delete: the call also takes or changes users, and how many cannot be said beforehand", "limits.users.delete"},
		},
		"an import":            {[]string{`{"limits": {"users": 5}}`}, []string{`jobs.import_users {"connection_id": "con_x", "users": "[]"}`}, []string{"the call also takes or changes users"}},
		"protected with it":    {[]string{`{"protect": {"users": ["auth0|u1"]}}`}, []string{`connections.delete {"id": "con_x"}`}, []string{"protected ones may be among them"}},
		"deleted by a filter":  {[]string{`{"limits": {"refresh_tokens": 5}}`}, []string{`refresh_tokens.revoke {"user_id": "auth0|u1"}`}, []string{"the call also takes or changes refresh_tokens"}},
		"deleted by their ids": {[]string{`{"limits": {"refresh_tokens": {"delete": 1}}}`}, []string{`refresh_tokens.revoke {"ids": ["a", "b"]}`}, []string{"at most 1 refresh_token may be deleted"}},
		"protected by id": {
			[]string{`{"protect": {"users": [{"id": "auth0|u1"}]}}`},
			[]string{`users.update {"id": "auth0|u2", "body": {"blocked": true}}`, update},
			[]string{"users.update: users/auth0|u1 is protected (the guard protect.users, <protect.users.1>)"},
		},
		"protected by name": {
			[]string{`{"protect": {"clients": ["production *"]}}`},
			[]string{`clients.update {"id": "bbbb", "body": {"description": "x"}}`, `clients.delete {"id": "aaaa"}`},
			[]string{"clients.delete: clients/aaaa, called Production Web, is protected by production * (the guard protect.clients, <protect.clients.1>)"},
		},
		"protected by address":  {[]string{`{"protect": {"users": ["u3@*"]}}`}, []string{update, `users.add_roles {"id": "auth0|u3", "roles": ["rol_a"]}`}, []string{"users/auth0|u3, called u3@example.com, is protected"}},
		"an id is no name":      {[]string{`{"protect": {"clients": [{"name": "aaaa"}]}}`}, []string{`clients.update {"id": "bbbb", "body": {"description": "x"}}`}, nil},
		"the other side":        {[]string{`{"protect": {"roles": ["alpha"]}}`}, []string{`users.add_roles {"id": "auth0|u1", "roles": ["rol_b"]}`, `users.add_roles {"id": "auth0|u1", "roles": ["rol_b", "rol_a"]}`}, []string{"roles/rol_a, called alpha, is protected"}},
		"whatever the case":     {[]string{`{"protect": {"users": ["auth0|u2"]}}`}, []string{`connections.delete_user_by_email {"id": "con_x", "email": "U2@Example.com"}`}, []string{"users/U2@Example.com of con_x, called auth0|u2, is protected"}},
		"by e-mail address":     {[]string{`{"protect": {"users": ["auth0|u2"]}}`}, []string{`connections.delete_user_by_email {"id": "con_x", "email": "u2@example.com"}`}, []string{"users/u2@example.com of con_x, called auth0|u2, is protected"}},
		"what the run has made": {[]string{`{"protect": {"clients": ["*"]}}`}, []string{`clients.create {"body": {"name": "New"}}`, `clients.delete {"id": "aaaa"}`}, []string{"clients/aaaa is protected by *"}},
		"confirm_above": {
			[]string{`{"confirm_above": 2}`},
			[]string{update, update, `roles.create {"body": {"name": "x"}}`, remove, `users.delete {"id": "auth0|u2"}`},
			[]string{"users.delete: a run that writes more than 2 objects in the tenant production must be confirmed: 2 already, and users/auth0|u2 would be one more (the guard confirm_above, <confirm_above>)", "say --yes"},
		},
		"outside the hours": {
			[]string{`{"hours": {"zone": "Europe/Berlin", "days": "mon-fri", "between": ["14:00", "18:00"]}}`},
			[]string{"users.list", update},
			[]string{"it is Wed 13:00, and nothing is written outside mon-fri 14:00-18:00 Europe/Berlin", "the hours begin again on Wed 7 Jan 14:00 CET"},
		},
		"within the hours": {[]string{`{"hours": {"zone": "Europe/Berlin", "days": "mon-fri", "between": ["13:00", "18:00"]}}`}, []string{update}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, setting{seed: seedUsers(20), rules: tc.rules})
			err := d.calls(t, tc.calls...)
			if tc.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			refusedBy(t, d, err, tc.want...)
			var e *engine.Error
			errors.As(err, &e)
			writes := slices.DeleteFunc(d.requests(), func(r string) bool { return strings.HasPrefix(r, "GET ") })
			if last := tc.calls[len(tc.calls)-1]; len(writes) > len(tc.calls)-1 || e.Operation != strings.Fields(last)[0] {
				t.Errorf("%s was refused, and sent were %v", e.Operation, writes)
			}
		})
	}
}

// An object that is protected by a name is looked at once for many calls, and
// none is where nothing of the kind is protected by a name.
func TestLooksNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	d := newDesk(t, setting{seed: seedUsers(9), rules: []string{
		`{"protect": {"roles": ["gamma"], "users": ["auth0|nobody"], "clients": ["Production *"]}, "limits": {"users": 100}}`,
	}})
	var calls []string
	for i := range 9 {
		calls = append(calls, fmt.Sprintf(`users.add_roles {"id": "auth0|u%d", "roles": ["rol_a"]}`, i))
	}
	if err := d.calls(t, calls...); err != nil {
		t.Fatal(err)
	}
	if got := d.requests(); len(got) != 10 || got[0] != "GET /api/v2/roles/rol_a" {
		t.Errorf("got %v", got)
	}
}

// The before-image of a call is what its names are taken from.
func TestImage(t *testing.T) {
	t.Parallel()
	asked := 0
	d := newDesk(t, setting{seed: seedUsers(3), rules: []string{`{"protect": {"users": ["VIP"]}}`}, options: Options{
		Image: func(_ context.Context, c *engine.Call) (json.RawMessage, error) {
			asked++
			if c.Name == "users.delete" {
				return nil, nil // nothing stands there
			}
			return json.RawMessage(`{"user_id": "auth0|u1", "name": "VIP"}`), nil
		},
	}})
	err := d.calls(t, `users.delete {"id": "auth0|u2"}`, `users.update {"id": "auth0|u1", "body": {"blocked": true}}`)
	refusedBy(t, d, err, "users/auth0|u1, called VIP, is protected")
	if got := d.requests(); asked != 2 || len(got) != 1 {
		t.Errorf("asked %d times, sent %v", asked, got)
	}
}

// What cannot be looked at is not written.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	d := newDesk(t, setting{seed: seedUsers(3), rules: []string{`{"protect": {"users": ["VIP"]}}`}, scopes: []string{"update:users"}})
	refusedBy(t, d, d.calls(t, `users.update {"id": "auth0|u1", "body": {"blocked": true}}`),
		"whether users/auth0|u1 is protected cannot be told", "a scope that may read it")

	d = newDesk(t, setting{seed: seedUsers(3), rules: []string{`{"limits": {"users": {"delete": "50%"}}}`}, scopes: []string{"update:users", "delete:users"}})
	err := d.calls(t, `users.update {"id": "auth0|u1", "body": {"blocked": true}}`, `users.delete {"id": "auth0|u1"}`)
	refusedBy(t, d, err, "users.delete: how many users there are could not be asked (the guard limits.users.delete", "a scope that may read it")
	if keys := engine.CallKeys(err); len(keys) != 1 {
		t.Errorf("the call that asked is not named, so that no resumed run would ask again: %v", keys)
	}

	d = newDesk(t, setting{seed: seedUsers(3), rules: []string{`{"limits": {"users": {"delete": "50%"}}}`}})
	err = d.run.Main(t.Context(), func(task *engine.Task) error { // Begin was forgotten
		if out := d.do(task, "users.delete", `{"id": "auth0|u1"}`); out.Err != nil {
			return out.Err
		}
		return nil
	})
	refusedBy(t, d, err, "how many users there are is not known")
}

func TestOwnApplication(t *testing.T) {
	t.Parallel()
	probe := newDesk(t, setting{seed: seedUsers(1), own: true})
	own := probe.tenant.Credentials().ClientID
	grant := ""
	if err := probe.main(t, func(task *engine.Task) error {
		out := probe.do(task, "client_grants.all", `{"client_id": "`+own+`"}`)
		var all []struct {
			ID string `json:"id"`
		}
		if raw, ok := out.Value.(json.RawMessage); !ok || json.Unmarshal(raw, &all) != nil || len(all) == 0 {
			t.Fatalf("no grants: %v", out)
		}
		grant = all[0].ID
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for call, want := range map[string]string{
		`clients.delete {"id": "OWN"}`:                                            "the application OWN is the one that a0run itself logs in as, and it would be gone (the guard always on: a0run does not lock itself out)",
		`clients.rotate_secret {"id": "OWN"}`:                                     "its secret would change",
		`clients.update {"id": "OWN", "body": {"grant_types": []}}`:               "its grant_types would change",
		`clients.update {"id": "OWN", "body": {"description": "x"}}`:              "",
		`clients.delete {"id": "aaaa"}`:                                           "",
		`client_credentials.create {"client_id": "OWN", "credential_type": "x"}`:  "its credentials would change",
		`client_grants.create {"client_id": "OWN", "audience": "x", "scope": []}`: "its grants would change",
		`client_grants.create {"body": {"client_id": "OWN", "audience": "x"}}`:    "its grants would change",
		`client_grants.delete {"id": "GRANT"}`:                                    "it is a grant of that application",
		`client_grants.update {"id": "GRANT", "body": {"scope": []}}`:             "it is a grant of that application",
		`client_grants.delete {"id": "cgr_other"}`:                                "",
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, setting{tenant: probe.tenant, own: true})
			fill := strings.NewReplacer("OWN", own, "GRANT", grant)
			err := d.calls(t, fill.Replace(call))
			switch {
			case want == "" && err == nil:
			case want == "":
				t.Errorf("got %v", err)
			default:
				refusedBy(t, d, err, fill.Replace(want))
			}
		})
	}
}

func TestBefore(t *testing.T) {
	t.Parallel()
	marked := Production(engine.Position{File: "a0run.yaml", Line: 5, Column: 3})
	shut := mustRules(t, `{"hours": {"zone": "UTC", "between": "13:00-14:00"}}`)
	clock := func() time.Time { return noon }
	tests := map[string]struct {
		rules   []Rules
		options Options
		want    string
	}{
		"production":           {[]Rules{marked}, Options{}, "GuardError: writing to a production tenant needs a plan, or --yes in the tenant main (the guard production, a0run.yaml:5:3)"},
		"production confirmed": {[]Rules{marked}, Options{Confirmed: true}, ""},
		"production planned":   {[]Rules{marked}, Options{Planning: true}, ""},
		"production read":      {[]Rules{marked}, Options{OnlyReads: true}, ""},
		"hours":                {[]Rules{shut}, Options{}, "it is Wed 12:00, and nothing is written outside mon-sun 13:00-14:00 UTC in the tenant main"},
		"hours confirmed":      {[]Rules{shut}, Options{Confirmed: true}, "nothing is written outside"},
		"hours in a plan":      {[]Rules{shut}, Options{Planning: true}, ""},
		"none":                 {nil, Options{}, ""},
	}
	for name, tc := range tests {
		o := tc.options
		o.Now = clock
		o.Tenants = map[string]Tenant{"default": {Name: "main", Domain: "d", Rules: tc.rules}}
		err := New(o).Before()
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
	// What is known to read only is held to it.
	d := newDesk(t, setting{seed: seedUsers(2), rules: []string{`{"hours": {"zone": "UTC", "between": "13:00-14:00"}}`}, options: Options{OnlyReads: true}})
	refusedBy(t, d, d.calls(t, "users.list", `users.delete {"id": "auth0|u1"}`), "nothing is written outside")
}

// In a plan the limits hold, and what only asks for a plan does not.
func TestPlanning(t *testing.T) {
	t.Parallel()
	d := newDesk(t, setting{seed: seedUsers(3), rules: []string{
		`{"confirm_above": 0, "hours": {"zone": "UTC", "between": "13:00-14:00"}, "limits": {"users": 1}}`,
	}, options: Options{Planning: true}})
	err := d.calls(t, `users.update {"id": "auth0|u1", "body": {"blocked": true}}`, `users.update {"id": "auth0|u2", "body": {"blocked": true}}`)
	refusedBy(t, d, err, "limits.users")
}

// 64 tasks at once write exactly as many objects as the limit says, and ask for
// the total once.
func TestLimitsAreExact(t *testing.T) {
	t.Parallel()
	const users, tasks = 128, 64
	for name, rule := range map[string]string{"a number": `{"limits": {"users": 32}}`, "a percentage": `{"limits": {"users": {"delete": "25%"}}}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, setting{seed: seedUsers(users), rules: []string{rule}})
			next := 0
			err := d.main(t, func(task *engine.Task) error {
				_, err := task.Each(engine.EachOptions{Concurrency: tasks}, func(*engine.Task) (any, bool, error) {
					next++
					return int64(next - 1), next <= users, nil
				}, func(task *engine.Task, _ int, item any) (any, error) {
					for range 2 { // a second write of the same object counts no more
						if out := d.do(task, "users.update", fmt.Sprintf(`{"id": "auth0|u%d", "body": {"blocked": true}}`, item)); out.Err != nil {
							return nil, out.Err
						}
					}
					if out := d.do(task, "users.delete", fmt.Sprintf(`{"id": "auth0|u%d"}`, item)); out.Err != nil {
						return nil, out.Err
					}
					return nil, nil
				})
				return err
			})
			refusedBy(t, d, err, "32 already")
			written, totals := map[string]bool{}, 0
			for _, r := range d.requests() {
				switch method, path, _ := strings.Cut(r, " "); {
				case method == "GET":
					totals++
				case method == "DELETE" || name == "a number":
					written[path] = true
				}
			}
			if len(written) != 32 || totals != strings.Count(rule, "%") {
				t.Errorf("%d objects were written, %d totals asked for", len(written), totals)
			}
		})
	}
}

// What earlier executions wrote counts in a resumed run, once, and what they
// made is still the run's own.
func TestSeen(t *testing.T) {
	t.Parallel()
	const rules = `{"limits": {"users": 3, "roles": {"create": 2, "change": 0}}, "confirm_above": 6}`
	rec := &recorder{}
	var mu sync.Mutex
	record := func(next engine.Doer) engine.Doer {
		return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
			out := next.Do(ctx, c)
			if c.Mutates() && out.Err == nil {
				mu.Lock()
				defer mu.Unlock()
				rec.records = append(rec.records, recordOf(c, out))
			}
			return out
		})
	}
	first := newDesk(t, setting{seed: seedUsers(9), rules: []string{rules}, stages: []engine.Stage{record}})
	role := ""
	if err := first.main(t, func(task *engine.Task) error {
		out := first.do(task, "roles.create", `{"body": {"name": "x"}}`)
		raw, _ := out.Value.(json.RawMessage)
		var made struct{ ID string }
		if err := json.Unmarshal(raw, &made); err != nil {
			return err
		}
		role = made.ID
		if out := first.do(task, "roles.add_users", `{"id": "`+role+`", "users": ["auth0|u1", "auth0|u2"]}`); out.Err != nil {
			return out.Err
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ call, want string }{
		"a user that counted": {`users.update {"id": "auth0|u2", "body": {"blocked": true}}`, ""},
		"the role it made":    {`roles.update {"id": "` + role + `", "body": {"name": "y"}}`, ""},
		"too many users":      {`roles.add_users {"id": "` + role + `", "users": ["auth0|u3", "auth0|u4"]}`, "at most 3 users may be changed or deleted in the tenant production: 2 already, and this call writes 2 more"},
		"a second role":       {`roles.create {"body": {"name": "z"}}`, ""},
		"another role":        {`roles.update {"id": "rol_a", "body": {"name": "y"}}`, "at most 0 roles may be changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			second := newDesk(t, setting{tenant: first.tenant, rules: []string{rules}})
			if !second.guards.Counts() {
				t.Error("nothing has to be told")
			}
			rec.seen(second.guards)
			rec.seen(second.guards) // twice is once
			second.guards.Seen(&engine.CallRecord{Operation: "users.delete", Tenant: "default", State: engine.StateRefused, Args: []byte(`{"id": "auth0|u9"}`)}, []byte(`{"id": "auth0|u9"}`))
			second.guards.Seen(&engine.CallRecord{Operation: "file.write", Key: "k", Mutates: true}, nil)
			err := second.calls(t, tc.call)
			if tc.want != "" {
				refusedBy(t, second, err, tc.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	if newDesk(t, setting{tenant: first.tenant, rules: []string{`{"deny": ["users.delete"]}`}}).guards.Counts() {
		t.Error("no rule counts")
	}
}

// Roles of one tenant count together; other tenants count for themselves.
func TestTenantsCountApart(t *testing.T) {
	t.Parallel()
	rules := []Rules{mustRules(t, `{"limits": {"users": 1}}`)}
	g := New(Options{Tenants: map[string]Tenant{
		"a": {Name: "x", Domain: "x", Rules: rules}, "b": {Name: "x", Domain: "x", Rules: rules}, "c": {Name: "y", Domain: "y", Rules: rules},
	}})
	if g.tenants["a"] != g.tenants["b"] || g.tenants["a"] == g.tenants["c"] || len(g.roles) != 2 {
		t.Errorf("got %+v", g.tenants)
	}
}

// A secret that stands where an id should is never shown.
func TestSecretIDs(t *testing.T) {
	t.Parallel()
	if got := textOf(engine.Secret("hush")); got != "[secret]" {
		t.Errorf("got %s", got)
	}
}

// Whoever waits for what another finds out stops waiting when it is told to.
func TestOnce(t *testing.T) {
	t.Parallel()
	o := newOnce[int]()
	if _, err := o.get(t.Context(), func() (int, error) { return 0, errors.New("failed") }); err == nil {
		t.Error("no error")
	}
	working, goOn, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_, _ = o.get(context.Background(), func() (int, error) { // what it gives is looked at below
			close(working)
			<-goOn
			return 7, nil
		})
	}()
	<-working
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("told to"))
	if _, err := o.get(ctx, nil); err == nil || err.Error() != "told to" {
		t.Errorf("got %v", err)
	}
	close(goOn)
	<-done
	if v, err := o.get(t.Context(), nil); v != 7 || err != nil {
		t.Errorf("got %d, %v", v, err)
	}
}
