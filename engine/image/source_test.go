package image

import (
	"encoding/json"
	"testing"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
)

func tree(t *testing.T, text string) any {
	t.Helper()
	if text == "" {
		return nil
	}
	v, err := engine.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestScope(t *testing.T) {
	t.Parallel()
	args, _ := tree(t, `{"id":"auth0|1","body":{"email":"a@b.c","roles":[{"id":"r1"},{"id":"r2"}],"none":null}}`).(*engine.Object)
	s := Scope{
		Args: args, Answer: tree(t, `[{"provider":"x"},{"provider":"y","ticket":"https://t.test/a?ticket=abc"}]`),
		Before: tree(t, `{"deep":{"list":[1,2,3]}}`), Item: "it", Random: func() string { return "random text" },
	}
	for source, want := range map[string]string{
		"args.id":                  `"auth0|1"`,
		"args.body.email":          `"a@b.c"`,
		"args.email":               `"a@b.c"`, // a field that came inside the whole body
		"args.body.roles[].id":     `["r1","r2"]`,
		"args.body.roles[].name":   ``,
		"args.body.roles[-1].id":   `"r2"`,
		"args.body.roles[2].id":    ``,
		"args.body.none":           ``,
		"args.nothing":             ``,
		"answer[-1].provider":      `"y"`,
		"answer[1].ticket?ticket":  `"abc"`,
		"answer[1].ticket?missing": ``,
		"answer[0].ticket?ticket":  ``,
		"before.deep.list[0]":      `1`,
		"before.deep.list[-4]":     ``,
		"item":                     `"it"`,
		"item.field":               ``,
		"[args.id]":                `["auth0|1"]`,
		"[args.nothing]":           ``,
		"=false":                   `false`,
		`="action_id"`:             `"action_id"`,
		"random":                   `"random text"`,
		"nonsense":                 ``,
	} {
		v, ok := s.Value(source)
		got, err := engine.FormatJSON(v)
		if ok != (want != "") || ok && (err != nil || string(got) != want) {
			t.Errorf("%s: %s, %v, want %s", source, got, ok, want)
		}
	}
	for when, want := range map[string]bool{
		"": true, "args.id": true, "args.id=auth0|1": true, "args.id=auth0|2": false, "before.missing": false,
	} {
		if got := s.Holds(when); got != want {
			t.Errorf("%q holds: %v", when, got)
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":[1,{"c":null}]}`, `{"b":[1,{}],"a":1.0}`, true},
		{`null`, ``, true},
		{`{"a":null}`, `{}`, true},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`"x"`, `"y"`, false},
		{`0`, ``, false},
		{`false`, ``, false},
		{`"1"`, `1`, false},
	} {
		if got := Same(tree(t, tt.a), tree(t, tt.b)); got != tt.want {
			t.Errorf("%s and %s: %v", tt.a, tt.b, got)
		}
	}
	if !Same(engine.Secret("s"), "s") {
		t.Error("a secret is not its text")
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	fields := []catalog.ArgFrom{{Name: "name", From: "item.name"}, {Name: "api", From: "item.api"}}
	s := Scope{Item: tree(t, `{"name":"read","api":"b"}`)}
	if got, ok := s.Match(tree(t, `[{"name":"read","api":"a"},{"name":"read","api":"b","more":1}]`), fields); !ok || Field(got, "more") == nil {
		t.Errorf("in a list: %v", got)
	}
	if _, ok := s.Match(tree(t, `{"name":"read","api":"b"}`), fields); !ok {
		t.Error("an object is its only item")
	}
	keys := Scope{Item: "k"}
	if _, ok := keys.Match(tree(t, `{"k":"_VALUE_NOT_SHOWN_"}`), []catalog.ArgFrom{{From: "item"}}); !ok {
		t.Error("the keys are the items")
	}
	if _, ok := s.Match(nil, fields); ok {
		t.Error("nothing has no items")
	}
}

// TestWritesUnderWay: what is being written stands for nothing, whenever the
// read began.
func TestWritesUnderWay(t *testing.T) {
	t.Parallel()
	now := time.Now()
	k := key{"/users", "a"}
	answer := func(m *memory, began uint64) {
		m.read(page{tenant: "t", collection: "/users", field: "user_id", began: began, at: now, raw: json.RawMessage(`{"user_id":"a"}`)})
	}
	known := func(m *memory) bool {
		_, _, ok := m.whole("t", k, now)
		return ok
	}
	m := newMemory()
	early := m.begin()
	m.writing([]key{k})
	late := m.begin()
	answer(m, early)
	if known(m) {
		t.Error("known while it is written")
	}
	answer(m, late)
	if known(m) {
		t.Error("a read that began while it was written is known")
	}
	behind := m.written([]key{k}, now)
	if known(m) {
		t.Error("a read that began before the write's end is known")
	}
	answer(m, behind)
	if !known(m) {
		t.Error("what the write answered is not known")
	}
	m.writing([]key{k, k})
	m.written([]key{k, k}, now)
	if m.writes[k].underWay != 0 || known(m) {
		t.Error("twice the same object in one write")
	}
}

// TestMemoryIsBounded: neither answers nor writes grow without end.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := newMemory()
	now := time.Now()
	big := make([]byte, 1<<20)
	for i := range big {
		big[i] = 'x'
	}
	for i := range 40 {
		id := string(rune('a'+i%26)) + string(rune('a'+i/26))
		m.read(page{tenant: "t", collection: "/users", field: "user_id", began: m.begin(), at: now, raw: json.RawMessage(`{"user_id":"` + id + `","x":"` + string(big) + `"}`)})
		m.whole("t", key{"/users", id}, now)
	}
	if m.bytes > keptBytes || len(m.objects["t"]) > 32 || len(m.pages) > 32 {
		t.Errorf("%d bytes, %d objects, %d pages", m.bytes, len(m.objects["t"]), len(m.pages))
	}
	for i := range keptWrites + keptWrites/2 {
		keys := []key{{"/users", time.Duration(i).String()}}
		m.writing(keys)
		m.written(keys, now)
	}
	if len(m.writes) > keptWrites+1 {
		t.Errorf("%d writes are remembered", len(m.writes))
	}
	if _, _, ok := m.whole("t", key{"/users", "nb"}, now); ok {
		t.Error("what may have been written since is known")
	}
}
