package image_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"a0run/bindings"
	"a0run/client"
	"a0run/client/catalog"
	"a0run/client/sim"
	"a0run/engine"
	"a0run/engine/image"
)

// A desk makes calls against a local tenant, with before-images.
type desk struct {
	t      *testing.T
	tenant *sim.Tenant
	api    engine.API
	images *image.Reader
	now    time.Time
	cfg    engine.Config
	last   *image.Image // of the last write
}

func newDesk(t *testing.T, seed string) *desk {
	t.Helper()
	tenant, err := sim.New(sim.Options{Seed: []byte(seed), SeedName: "seed.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	cred := tenant.Credentials()
	d := &desk{t: t, tenant: tenant, now: time.Now()}
	clients := map[string]*client.Client{}
	for _, role := range []string{"default", "other"} {
		clients[role], err = client.New(cred.BaseURL, client.WithClientSecret(cred.ClientID, cred.ClientSecret),
			client.WithTransport(tenant.Transport()), client.WithoutRetry(), client.WithoutValidation())
		if err != nil {
			t.Fatal(err)
		}
	}
	d.api = bindings.API(bindings.Config{Tenants: clients})
	d.images = image.NewReader(image.Options{API: d.api, Now: func() time.Time { return d.now }})
	before := func(next engine.Doer) engine.Doer {
		return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
			if c.Mutates() {
				i, err := d.images.Of(ctx, c)
				if err != nil && !errors.Is(err, image.ErrNone) {
					return engine.Outcome{Err: engine.AsError(err)}
				}
				d.last = i
			}
			return next.Do(ctx, c)
		})
	}
	d.cfg = engine.Config{Stages: []engine.Stage{before, d.images.Watch}}
	return d
}

// run runs a program and gives the requests that it sent, by operation.
func (d *desk) run(program func(t *engine.Task)) map[string]int {
	d.t.Helper()
	d.tenant.ForgetRequests()
	err := engine.NewRun(d.cfg).Main(context.Background(), func(t *engine.Task) error {
		program(t)
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	n := map[string]int{}
	for _, r := range d.tenant.Requests() {
		n[r.Operation]++
	}
	return n
}

func (d *desk) do(t *engine.Task, role, name, args string) json.RawMessage {
	d.t.Helper()
	op, ok := catalog.Default().Lookup(name)
	if !ok {
		d.t.Fatal("no operation " + name)
	}
	a, err := d.api.Request(role, op, object(d.t, args))
	if err != nil {
		d.t.Fatal(err)
	}
	out := t.Do(a)
	if out.Err != nil {
		d.t.Fatalf("%s %s: %v", name, args, out.Err)
	}
	raw, _ := out.Value.(json.RawMessage)
	return raw
}

func (d *desk) each(t *engine.Task, name, args string, fn func(item *engine.Object)) {
	op, _ := catalog.Default().Lookup(name)
	for item, err := range d.api.Walk("default", op, object(d.t, args), t.Do) {
		if err != nil {
			d.t.Fatal(err)
		}
		tree, err := engine.ParseJSON(item)
		if err != nil {
			d.t.Fatal(err)
		}
		o, _ := tree.(*engine.Object)
		fn(o)
	}
}

func object(t *testing.T, text string) *engine.Object {
	t.Helper()
	tree, err := engine.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o, _ := tree.(*engine.Object)
	return o
}

func users(n int) string {
	var b strings.Builder
	b.WriteString("users:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {user_id: \"auth0|%05d\", email: u%05d@example.com, nickname: n%d}\n", i, i, i)
	}
	return b.String()
}

// TestListAndPatch: a job that lists and patches is not doubled in requests, in
// the order of the list and out of it.
func TestListAndPatch(t *testing.T) {
	for way, n := range map[string]int{"each": 10_000, "all, then from its end": 2_500} {
		if underRace {
			n /= 10
		}
		d := newDesk(t, users(n))
		sent := d.run(func(task *engine.Task) {
			var ids []string
			patch := func(id string) {
				d.do(task, "default", "users.update", `{"id":"`+id+`","body":{"nickname":"new"}}`)
				if d.last == nil || !d.last.Found || !strings.Contains(string(d.last.Value), `"nickname":"n`) {
					t.Fatalf("the before-image of %s is %+v", id, d.last)
				}
			}
			d.each(task, "users.list", "{}", func(o *engine.Object) {
				v, _ := o.Get("user_id")
				id, _ := v.(string)
				ids = append(ids, id)
				if way == "each" {
					patch(id)
				}
			})
			for i := len(ids) - 1; i >= 0 && way != "each"; i-- {
				patch(ids[i])
			}
		})
		if sent["users.update"] != n || sent["users.get"] > max(n/100, 1) {
			t.Errorf("%s: %d patches, %d reads for before-images", way, sent["users.update"], sent["users.get"])
		}
	}
}

const small = `
users: [{user_id: "auth0|a", email: a@example.com, nickname: a}, {user_id: "auth0|b", email: b@example.com, nickname: b}]
roles: [{id: rol_1, name: one}, {id: rol_2, name: two}]
connections: [{id: con_1, name: db, strategy: auth0}, {id: con_2, name: db2, strategy: auth0}]
`

// TestReuse: what was read whole and not written since stands for a read;
// nothing else does.
func TestReuse(t *testing.T) {
	patch := func(d *desk, task *engine.Task) {
		d.do(task, "default", "users.update", `{"id":"auth0|a","body":{"nickname":"new"}}`)
	}
	for name, tt := range map[string]struct {
		before func(d *desk, task *engine.Task)
		reads  int // for the before-image of the patch
		stood  string
	}{
		"nothing was read":      {func(*desk, *engine.Task) {}, 1, `"nickname":"a"`},
		"a read by id":          {func(d *desk, task *engine.Task) { d.do(task, "default", "users.get", `{"id":"auth0|a"}`) }, 0, `"nickname":"a"`},
		"a page":                {func(d *desk, task *engine.Task) { d.do(task, "default", "users.list", `{"page":0,"per_page":1}`) }, 0, `"nickname":"a"`},
		"another page":          {func(d *desk, task *engine.Task) { d.do(task, "default", "users.list", `{"page":1,"per_page":1}`) }, 1, `"nickname":"a"`},
		"a wrapped page":        {func(d *desk, task *engine.Task) { d.do(task, "default", "users.list", `{"include_totals":true}`) }, 0, `"nickname":"a"`},
		"a choice of fields":    {func(d *desk, task *engine.Task) { d.do(task, "default", "users.list", `{"fields":["user_id"]}`) }, 1, `"nickname":"a"`},
		"another tenant's role": {func(d *desk, task *engine.Task) { d.do(task, "other", "users.get", `{"id":"auth0|a"}`) }, 1, `"nickname":"a"`},
		"long ago": {func(d *desk, task *engine.Task) {
			d.do(task, "default", "users.get", `{"id":"auth0|a"}`)
			d.now = d.now.Add(5*time.Minute + time.Second)
		}, 1, `"nickname":"a"`},
		"the answer of a write": {func(d *desk, task *engine.Task) {
			d.do(task, "default", "users.update", `{"id":"auth0|a","body":{"nickname":"mine"}}`)
			d.tenant.ForgetRequests()
		}, 0, `"nickname":"mine"`},
		"a write under another role": {func(d *desk, task *engine.Task) {
			d.do(task, "default", "users.get", `{"id":"auth0|a"}`)
			d.do(task, "other", "users.update", `{"id":"auth0|a","body":{"nickname":"mine"}}`)
			d.tenant.ForgetRequests()
		}, 1, `"nickname":"mine"`},
		"a search behind a write": {func(d *desk, task *engine.Task) {
			d.do(task, "default", "users.update", `{"id":"auth0|a","body":{"nickname":"mine"}}`)
			d.do(task, "default", "users.add_roles", `{"id":"auth0|a","roles":["rol_1"]}`)
			d.do(task, "default", "users.list", `{}`)
			d.tenant.ForgetRequests()
		}, 1, `"nickname":"mine"`},
		"a write of another user": {func(d *desk, task *engine.Task) {
			d.do(task, "default", "users.get", `{"id":"auth0|a"}`)
			d.do(task, "default", "users.update", `{"id":"auth0|b","body":{"nickname":"mine"}}`)
			d.do(task, "default", "users.create", `{"body":{"connection":"db","email":"n@example.com","password":"Secret-9-and-long"}}`)
			d.tenant.ForgetRequests()
		}, 0, `"nickname":"a"`},
		"an import": {func(d *desk, task *engine.Task) {
			d.do(task, "default", "users.get", `{"id":"auth0|a"}`)
			d.do(task, "default", "jobs.export_users", `{"body":{}}`)
			d.tenant.ForgetRequests()
		}, 1, `"nickname":"a"`},
		"what takes users with it": {func(d *desk, task *engine.Task) {
			d.do(task, "default", "users.get", `{"id":"auth0|a"}`)
			d.do(task, "default", "connections.delete", `{"id":"con_2"}`)
			d.tenant.ForgetRequests()
		}, 1, `"nickname":"a"`},
		"the other side of a relation": {func(d *desk, task *engine.Task) {
			d.do(task, "default", "users.get", `{"id":"auth0|a"}`)
			d.do(task, "default", "roles.add_users", `{"id":"rol_1","users":["auth0|a"]}`)
			d.tenant.ForgetRequests()
		}, 1, `"nickname":"a"`},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, small)
			reads := 0
			d.run(func(task *engine.Task) {
				tt.before(d, task)
				seen := count(d, "users.get")
				patch(d, task)
				reads = count(d, "users.get") - seen
			})
			if reads != tt.reads || d.last == nil || d.last.Reused != (reads == 0) || !strings.Contains(string(d.last.Value), tt.stood) {
				t.Errorf("%d reads, want %d; the image is %+v, want %s", reads, tt.reads, d.last, tt.stood)
			}
		})
	}
}

func count(d *desk, op string) int {
	n := 0
	for _, r := range d.tenant.Requests() {
		if r.Operation == op {
			n++
		}
	}
	return n
}

// TestShapes: what is read follows the catalogue.
func TestShapes(t *testing.T) {
	var roles strings.Builder
	for i := range 120 {
		fmt.Fprintf(&roles, "  - {id: rol_%d, name: r%d}\n", i, i)
	}
	d := newDesk(t, "users: [{user_id: \"auth0|a\", email: a@example.com}, {user_id: \"auth0|b\", email: b@example.com}]\nroles:\n"+roles.String())
	all := make([]string, 120)
	for i := range all {
		all[i] = fmt.Sprintf("%q", fmt.Sprintf("rol_%d", i))
	}
	d.run(func(task *engine.Task) {
		for from := 0; from < 120; from += 50 {
			d.do(task, "default", "users.add_roles", `{"id":"auth0|a","roles":[`+strings.Join(all[from:min(from+50, 120)], ",")+`]}`)
		}
		d.do(task, "default", "users.remove_roles", `{"id":"auth0|a","roles":["rol_7"]}`)
		var items []any
		if err := json.Unmarshal(d.last.Value, &items); err != nil || len(items) != 120 {
			t.Errorf("a listing of two pages gave %d items: %v", len(items), err)
		}
		d.do(task, "default", "roles.add_users", `{"id":"rol_7","users":["auth0|a","auth0|b","auth0|a"]}`)
		if each := d.last.Each; len(each) != 2 || string(each[1].Item) != `"auth0|b"` || string(each[1].Value) != "[]" || len(each[0].Value) < 100 {
			t.Errorf("the roles of each user are %+v", each)
		}
		d.do(task, "default", "guardian.update_factor", `{"name":"otp","body":{"enabled":true}}`)
		if !d.last.Found || !strings.Contains(string(d.last.Value), `"name":"otp"`) || strings.HasPrefix(string(d.last.Value), "[") {
			t.Errorf("the factor is %s", d.last.Value)
		}
		d.do(task, "default", "branding.update_template_universal_login", `{"template":"<html>{%- auth0:head -%}{%- auth0:widget -%}</html>"}`)
		if d.last.Found {
			t.Errorf("nothing stood there, and the image is %+v", d.last)
		}
		d.do(task, "default", "roles.create", `{"body":{"name":"new"}}`)
		if d.last != nil {
			t.Errorf("a create has the image %+v", d.last)
		}
	})
}
