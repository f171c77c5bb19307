package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// typedKinds is one of each typed object.
func typedKinds() []typedObject {
	return []typedObject{
		&User{}, &Role{}, &Permission{}, &Connection{}, &Application{}, &Organization{}, &OrganizationConnection{},
		&Invitation{}, &Job{}, &JobError{},
	}
}

// TestTypedFields: the table of a type and the fields that its readers see are
// the same, in the same order.
func TestTypedFields(t *testing.T) {
	t.Parallel()
	for _, kind := range typedKinds() {
		v := reflect.ValueOf(kind).Elem()
		known := kind.known()
		n := 0
		for i := range v.NumField() {
			name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			if n >= len(known) || known[n].name != name || option != "omitzero" {
				t.Fatalf("%T: field %d is %s, the table is at %v", kind, i, name, known[min(n, len(known)-1)].name)
			}
			if reflect.ValueOf(known[n].at).Pointer() != v.Field(i).Addr().Pointer() {
				t.Errorf("%T: %s stands elsewhere in the table", kind, name)
			}
			n++
		}
		if n != len(known) {
			t.Errorf("%T: %d fields, %d in the table", kind, n, len(known))
		}
	}
}

// TestTypedKeepsEverything: whatever a tenant sends comes out again, whatever the
// types of its fields are, and none of it counts as changed.
func TestTypedKeepsEverything(t *testing.T) {
	t.Parallel()
	scalar := rapid.SampledFrom([]string{
		`null`, `true`, `false`, `""`, `"x"`, `"ü\n\ud83d\ude00"`, `0`, `1`, `-5`, `1.5`, `12345678901234567890`, `1e300`, `0.1234567890123456789`,
		`"2026-01-02T03:04:05.678Z"`, `"2026-01-02T03:04:05.1234567+02:00"`, `[]`, `{}`, `["a","b"]`, `{"a":null,"b":[1,{"c":9007199254740993}]}`, `[{"user_id":7}]`,
	})
	for i, kind := range typedKinds() {
		names := []string{"unknown", "x-y", "Email", "__proto__"}
		for _, m := range kind.known() {
			names = append(names, m.name)
		}
		rapid.Check(t, func(rt *rapid.T) {
			var text bytes.Buffer
			text.WriteByte('{')
			for j, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(rt, "names") {
				if j > 0 {
					text.WriteByte(',')
				}
				fmt.Fprintf(&text, "%q:%s", name, scalar.Draw(rt, name))
			}
			text.WriteByte('}')
			p := typedKinds()[i]
			if err := json.Unmarshal(text.Bytes(), p); err != nil {
				rt.Fatalf("%s: %v", &text, err)
			}
			if changed, err := changesOf(p); err != nil || len(changed) > 0 {
				rt.Fatalf("%s: %s counts as changed, %v", &text, changed.object(), err)
			}
			again := typedKinds()[i]
			body := fieldsOfTyped(p, true).object()
			if err := json.Unmarshal(body, again); err != nil {
				rt.Fatal(err)
			}
			if second := fieldsOfTyped(again, true).object(); !bytes.Equal(body, second) {
				rt.Fatalf("%s became %s, then %s", &text, body, second)
			}
			var sent, came map[string]json.RawMessage
			if json.Unmarshal(body, &sent) != nil || json.Unmarshal(text.Bytes(), &came) != nil {
				rt.Fatalf("%s", body)
			}
			for name, raw := range came {
				if empty := string(raw) == "null" || string(raw) == `""` || string(raw) == "0"; !empty && !sameJSON(raw, sent[name]) && !sameTime(raw, sent[name]) && !strings.Contains(string(raw), "user_id") {
					rt.Errorf("%s: %s came as %s, goes as %s", &text, name, raw, sent[name])
				}
			}
		})
	}
}

// changesOf is changes of any typed object.
func changesOf(p typedObject) (fields, error) {
	switch p := p.(type) {
	case *User:
		return changes(p, []string{"user_metadata"})
	case *Role:
		return changes(p, nil)
	case *Permission:
		return changes(p, nil)
	case *Connection:
		return changes(p, nil)
	case *Application:
		return changes(p, []string{"client_metadata"})
	case *Organization:
		return changes(p, nil)
	case *OrganizationConnection:
		return changes(p, nil)
	case *Invitation:
		return changes(p, nil)
	case *Job:
		return changes(p, nil)
	case *JobError:
		return changes(p, nil)
	default:
		return nil, fmt.Errorf("%T is not known here", p)
	}
}

func sameTime(a, b json.RawMessage) bool {
	var x, y moment
	return len(a) > 20 && len(b) > 20 && x.read(a) && y.read(b)
}

// TestUpdateSendsChanges: what a PATCH holds, for objects that were made and for
// ones that were read.
func TestUpdateSendsChanges(t *testing.T) {
	t.Parallel()
	const came = `{"user_id":"auth0|1","email":"a@example.com","email_verified":"yes","blocked":true,"nickname":"a","logins_count":3,
		"created_at":"2026-01-01T00:00:00.123Z","identities":[{"user_id":1,"provider":"auth0","connection":"db","isSocial":false,"access_token":"x"}],
		"user_metadata":{"plan":"gold","seats":12345678901234567890,"old":{"a":1}},"app_metadata":{"a":1},"family":"x"}`
	read := func() *User {
		u := &User{}
		if err := json.Unmarshal([]byte(came), u); err != nil {
			t.Fatal(err)
		}
		return u
	}
	with := func(change func(*User)) *User { u := read(); change(u); return u }
	for name, tc := range map[string]struct {
		user *User
		want string // "" means no request
	}{
		"made":                       {&User{Blocked: Set(false), Nickname: Null[string](), Name: Set("")}, `{"name":"","nickname":null,"blocked":false}`},
		"made, with a password":      {&User{Password: NewSecret("p"), Connection: "db"}, `{"connection":"db","password":"p"}`},
		"made, with fields unknown":  {&User{Extra: Object{"new": []int{1}, "z": nil}}, `{"new":[1],"z":null}`},
		"made, metadata emptied":     {&User{AppMetadata: Object{}}, `{"app_metadata":{}}`},
		"read, nothing changed":      {read(), ""},
		"read, unblocked":            {with(func(u *User) { u.Blocked = Set(false) }), `{"blocked":false}`},
		"read, nickname cleared":     {with(func(u *User) { u.Nickname = Null[string]() }), `{"nickname":null}`},
		"read, said as it was":       {with(func(u *User) { u.Nickname = Set("a") }), ""},
		"read, no longer said":       {with(func(u *User) { u.Nickname = Opt[string]{} }), ""},
		"read, foreign type mended":  {with(func(u *User) { u.EmailVerified = Set(true) }), `{"email_verified":true}`},
		"read, key set":              {with(func(u *User) { u.UserMetadata["plan"] = "free" }), `{"user_metadata":{"plan":"free"}}`},
		"read, key set to same":      {with(func(u *User) { u.UserMetadata["plan"] = "gold"; u.AppMetadata["a"] = 1 }), ""},
		"read, key deleted":          {with(func(u *User) { delete(u.UserMetadata, "old") }), `{"user_metadata":{"old":null}}`},
		"read, nested changed":       {with(func(u *User) { u.UserMetadata["old"] = Object{"a": 2} }), `{"user_metadata":{"old":{"a":2}}}`},
		"read, metadata emptied":     {with(func(u *User) { u.AppMetadata = Object{} }), `{"app_metadata":{"a":null}}`},
		"read, unknown field change": {with(func(u *User) { u.Extra["family"] = "y" }), `{"family":"y"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []line
			c := tenant(t, config{Token: "t"}, record(&got, 200, came))
			after, err := c.Users().Update(t.Context(), "auth0|1", tc.user)
			if err != nil {
				t.Fatal(err)
			}
			if after.UserID != "auth0|1" {
				t.Errorf("what comes back is %+v", after)
			}
			sent := ""
			for _, l := range got {
				sent += l.Body
				if l.Method != http.MethodPatch {
					t.Errorf("sent %+v", l)
				}
			}
			if sent != tc.want {
				t.Errorf("sent %s, want %s", sent, tc.want)
			}
		})
	}
}

// TestCopyLeavesOut: an object that was read makes another elsewhere without what
// that tenant fills in by itself.
func TestCopyLeavesOut(t *testing.T) {
	t.Parallel()
	var got []line
	c := tenant(t, config{Token: "t"}, record(&got, 201, `{"id":"con_2"}`))
	var read Connection
	if err := json.Unmarshal([]byte(`{"id":"con_1","name":"db","strategy":"auth0","options":{"a":1},"enabled_clients":["x"],"new_field":true}`), &read); err != nil {
		t.Fatal(err)
	}
	made, err := c.Connections().Create(t.Context(), &read)
	if err != nil || made.ID != "con_2" {
		t.Fatalf("%+v, %v", made, err)
	}
	if want := `{"name":"db","strategy":"auth0","options":{"a":1},"new_field":true}`; got[0].Body != want {
		t.Errorf("sent %s, want %s", got[0].Body, want)
	}
}

// TestSecretsInBodies: a request holds a Secret's text wherever it stands,
// json.Marshal and fmt never do.
func TestSecretsInBodies(t *testing.T) {
	t.Parallel()
	pass := NewSecret("hunter2")
	for name, body := range map[string]any{
		"typed": &User{Password: pass}, "typed by value": User{Password: pass}, "map": map[string]any{"password": pass},
		"object": Object{"password": pass}, "deep": Object{"a": []any{Object{"b": pass}}},
	} {
		text, err := encode(body)
		if err != nil || !strings.Contains(string(text), "hunter2") {
			t.Errorf("%s: sent %s, %v", name, text, err)
		}
	}
	u := User{Password: pass, Email: Set("a@example.com"), AppMetadata: Object{"deep": []any{pass}}, Extra: Object{"x": pass}}
	text, err := json.Marshal(u)
	if err != nil || string(text) != `{"email":"a@example.com","app_metadata":{"deep":["[secret]"]},"password":"[secret]","x":"[secret]"}` {
		t.Errorf("%s, %v", text, err)
	}
	if printed := fmt.Sprintf("%v %+v %#v", u, u, u); strings.Contains(printed, "hunter2") || !strings.Contains(printed, "a@example.com") {
		t.Error(printed)
	}
}

// TestOpt: three states that differ, in encoding/json too.
func TestOpt(t *testing.T) {
	t.Parallel()
	type doc struct {
		A Opt[string] `json:"a,omitzero"`
		B Opt[bool]   `json:"b,omitzero"`
		C Opt[int64]  `json:"c,omitzero"`
	}
	in := doc{A: Set(""), B: Null[bool]()}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `{"a":"","b":null}` {
		t.Fatalf("%s, %v", text, err)
	}
	var out doc
	if err := json.Unmarshal(text, &out); err != nil || out != in {
		t.Errorf("%+v, %v", out, err)
	}
	if _, ok := out.B.Get(); ok || !out.B.IsNull() || out.B.Or(true) != true || out.C.Or(7) != 7 || !out.C.IsZero() || out.A.Or("x") != "" {
		t.Errorf("%+v", out)
	}
	if got := fmt.Sprintf("%q %v %v %05d", out.A, out.B, out.C, Set(int64(42))); got != `"" null unset 00042` {
		t.Error(got)
	}
	if json.Unmarshal([]byte(`{"b":"x"}`), &out) == nil {
		t.Error("a string was taken for a boolean")
	}
}
