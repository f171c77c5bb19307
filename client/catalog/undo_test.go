package catalog

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNothingIsUnknown: a fact that nobody has looked up is no fact.
func TestNothingIsUnknown(t *testing.T) {
	vague := regexp.MustCompile(`(?i)^(unknown|todo|tbd|\?+)`)
	for _, op := range Default().All() {
		for fact, reason := range map[string]string{
			"natural key": op.NaturalKey.None, "takes with it": op.TakesWithIt.None, "inverse": op.Inverse.None, "note": op.Inverse.Note,
		} {
			if vague.MatchString(reason) {
				t.Errorf("%s: its %s is %q; look it up, or say why there is none", op.ID, fact, reason)
			}
		}
		if op.TakesWithIt.None != "" && (op.TakesWithIt.None != "nothing" || len(op.TakesWithIt.Kinds) > 0) {
			t.Errorf("%s: takes %v and %q with it", op.ID, op.TakesWithIt.Kinds, op.TakesWithIt.None)
		}
	}
}

// TestFactsSayTheirSource: a fact is only as good as the place that it is from.
func TestFactsSayTheirSource(t *testing.T) {
	said := map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`(?m)^\t\tID: +"([^"]+)"`)
	for _, f := range files {
		if f.IsDir() || !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for entry := range strings.SplitSeq(string(text), "\n\t{\n") {
			if m := id.FindStringSubmatch(entry); m != nil {
				said[m[1]] = strings.Contains(entry, "\t\t// source: ")
			}
		}
	}
	for _, op := range Default().All() {
		if op.Effect.Mutates() && !said[op.ID] {
			t.Errorf("%s: no comment `// source: …` above its natural key, takes_with_it or inverse", op.ID)
		}
	}
}

// eachInverse visits the inverses with the operation that undoes.
func eachInverse(visit func(op, with *Operation)) {
	for _, op := range Default().All() {
		if with, ok := Default().Lookup(op.Inverse.With); ok {
			visit(op, with)
		}
	}
}

// TestInversesCanBeBuilt: every required argument of an inverse has a source
// that the table names, by the rules in the comment of Inverse.
func TestInversesCanBeBuilt(t *testing.T) {
	eachInverse(func(op, with *Operation) {
		given := map[string]bool{"body": op.Inverse.Body != ArgsOnly}
		for _, a := range op.Inverse.Args {
			name, _, _ := strings.Cut(a.Name, ".")
			given[name] = true
			if _, ok := with.Arg(name); !ok {
				t.Errorf("%s: %s has no argument %s", op.ID, with.ID, a.Name)
			}
		}
		to, _, _ := strings.Cut(op.Inverse.Elements.To, ".")
		given[to] = true
		for _, a := range with.Args {
			if !a.Required || given[a.Name] {
				continue
			}
			own, ok := op.Arg(a.Name)
			switch {
			case ok && own.Name == a.Name && own.In == a.In && a.In != InField:
			case a.In == InField && (op.Inverse.Body == SentFields || op.Inverse.Body == WholeBefore):
			case op.Effect == Create && a.Name == with.Subject.ID && op.Subject.Field != "" && op.Answer == JSONAnswer:
			default:
				t.Errorf("%s: nothing says what %s of %s is", op.ID, a.Name, with.ID)
			}
		}
	})
}

// TestBeforeCanBeRead: what stands before a call can be asked with its arguments.
func TestBeforeCanBeRead(t *testing.T) {
	for _, op := range Default().All() {
		before, ok := Default().Lookup(op.Inverse.Before)
		if !ok {
			if len(op.Inverse.BeforeArgs)+len(op.Inverse.BeforeItem) > 0 {
				t.Errorf("%s: arguments for no Before", op.ID)
			}
			continue
		}
		for _, a := range op.Inverse.BeforeArgs {
			if _, ok := before.Arg(a.Name); !ok || !strings.Contains(a.From, "args.") && a.From != "item" {
				t.Errorf("%s: %s of %s cannot be %s before the call", op.ID, a.Name, before.ID, a.From)
			}
		}
		for _, a := range before.Positional() {
			own, ok := op.Arg(a.Name)
			ok = ok && own.Name == a.Name && own.In == a.In
			if !ok && !slices.ContainsFunc(op.Inverse.BeforeArgs, func(b ArgFrom) bool { return b.Name == a.Name }) {
				t.Errorf("%s: nothing says what %s of %s is", op.ID, a.Name, before.ID)
			}
		}
		listed := len(op.Inverse.BeforeItem) > 0 || op.Inverse.Body == SomeElements || op.ID == "guardian.policies.set"
		if before.IsListing() && !listed {
			t.Errorf("%s: which item of %s is the before-image?", op.ID, before.ID)
		}
	}
}

// TestAbsentCanBeCalled: what takes away again what was set where nothing stood
// has the call's own arguments, and something read that nothing stood there.
func TestAbsentCanBeCalled(t *testing.T) {
	for _, op := range Default().All() {
		absent, ok := Default().Lookup(op.Inverse.Absent)
		if !ok {
			continue
		}
		if op.Inverse.Before == "" || (absent.Effect != Delete && absent.Effect != Remove) {
			t.Errorf("%s: %s after reading %q", op.ID, absent.ID, op.Inverse.Before)
		}
		for _, a := range absent.Positional() {
			if own, ok := op.Arg(a.Name); !ok || own.Name != a.Name {
				t.Errorf("%s: nothing says what %s of %s is", op.ID, a.Name, absent.ID)
			}
		}
	}
}

// TestBodyOfInverse: what the body is made of fits what the two operations do.
func TestBodyOfInverse(t *testing.T) {
	eachInverse(func(op, with *Operation) {
		in := op.Inverse
		if (in.Body == SentFields || in.Body == WholeBefore) && in.Before == "" {
			t.Errorf("%s: a body from the before-image, which nothing reads", op.ID)
		}
		if in.Body == SentFields && (op.Effect != Patch || with != op) {
			t.Errorf("%s: the fields sent by %s are no fields of %s", op.ID, op.ID, with.ID)
		}
		if in.Body != ArgsOnly && !with.TakesBody() && !in.Elements.Each {
			t.Errorf("%s: %s takes no body", op.ID, with.ID)
		}
		if in.Body == ArgsOnly && with.BodyRequired && len(in.Args) == 0 {
			t.Errorf("%s: nothing says what the body of %s is", op.ID, with.ID)
		}
		el := in.Elements
		if (in.Body == SomeElements) != (el.To != "" || el.Each) || el.Each && el.To != "" {
			t.Errorf("%s: body %q with elements %+v", op.ID, in.Body, el)
		}
		if in.Body == SomeElements && (el.In == "") != (op.Effect == Replace) || (el.In == "") != (len(el.Match) == 0) {
			t.Errorf("%s: %s with elements %+v", op.ID, op.Effect, el)
		}
		if relation := op.Effect == Add || op.Effect == Remove; relation && in.Body != SomeElements && in.Body != WholeBefore {
			t.Errorf("%s: a relation without elements", op.ID)
		}
		if el.Each && !slices.ContainsFunc(in.Args, func(a ArgFrom) bool { return a.From == "item" }) {
			t.Errorf("%s: called for each element, which no argument names", op.ID)
		}
	})
}

// TestFieldsOfInverse: fields that the inverses name are fields that bodies take.
func TestFieldsOfInverse(t *testing.T) {
	eachInverse(func(op, with *Operation) {
		fields := map[string]bool{}
		for _, f := range BodyFields(with) {
			fields[f.Name] = true
		}
		names := append(slices.Clone(op.Inverse.Unwritable), op.Inverse.Deep...)
		for _, a := range op.Inverse.Args {
			if field, ok := strings.CutPrefix(a.Name, "body."); ok {
				names = append(names, field)
			}
		}
		if to, ok := strings.CutPrefix(op.Inverse.Elements.To, "body."); ok {
			names = append(names, to)
		}
		for _, name := range names {
			if top, _, _ := strings.Cut(name, "."); !fields[top] {
				t.Errorf("%s: the body of %s has no field %s", op.ID, with.ID, name)
			}
		}
	})
	for _, op := range Default().All() {
		fields := BodyFields(op)
		for _, name := range append(slices.Clone(op.Merge), op.NaturalKey.Fields...) {
			top, _, _ := strings.Cut(name, ".")
			if !slices.ContainsFunc(fields, func(f BodyField) bool { return f.Name == top }) {
				t.Errorf("%s: its body has no field %s", op.ID, name)
			}
		}
	}
}

// TestSources: every source in the table can be read and begins in something
// that is there.
func TestSources(t *testing.T) {
	for _, op := range Default().All() {
		in := op.Inverse
		var all []ArgFrom
		for _, list := range [][]ArgFrom{in.Args, in.BeforeArgs, in.BeforeItem, in.Elements.Match, in.Elements.Make} {
			all = append(all, list...)
		}
		if in.Elements.In != "" {
			all = append(all, ArgFrom{From: in.Elements.In})
		}
		for _, touched := range op.Subject.Also {
			all = append(all, ArgFrom{From: touched.From})
		}
		for _, a := range all {
			checkSource(t, op, a.From)
			if when, _, _ := strings.Cut(a.When, "="); when != "" {
				checkSource(t, op, when)
			}
		}
	}
}

func checkSource(t *testing.T, op *Operation, text string) {
	t.Helper()
	s, err := ParseSource(text)
	if err != nil {
		t.Errorf("%s: %v", op.ID, err)
		return
	}
	switch s.Root {
	case "args":
		if len(s.Path) == 0 {
			t.Errorf("%s: %s names no argument", op.ID, text)
			return
		}
		a, ok := op.Arg(s.Path[0])
		if !ok || a.Name != s.Path[0] {
			t.Errorf("%s: %s is no argument", op.ID, text)
		}
		fields := BodyFields(op)
		if len(s.Path) > 1 && s.Path[0] == "body" && len(fields) > 0 && !slices.ContainsFunc(fields, func(f BodyField) bool { return f.Name == s.Path[1] }) {
			t.Errorf("%s: %s is no field of the body", op.ID, text)
		}
	case "before":
		if op.Inverse.Before == "" {
			t.Errorf("%s: %s, and nothing is read before", op.ID, text)
		}
	case "answer":
		if op.Answer != JSONAnswer {
			t.Errorf("%s: %s of an answer that is %s", op.ID, text, op.Answer)
		}
	case "item":
		if op.Inverse.Body != SomeElements {
			t.Errorf("%s: %s without elements", op.ID, text)
		}
	case "literal":
		if !json.Valid([]byte(s.Literal)) {
			t.Errorf("%s: %s is no JSON", op.ID, text)
		}
	}
}

func TestParseSource(t *testing.T) {
	for text, want := range map[string]Source{
		"args.id":                           {Root: "args", Path: []string{"id"}},
		"args.body[].client_id":             {Root: "args", Path: []string{"body", "[]", "client_id"}},
		"before.identities[0].user_id":      {Root: "before", Path: []string{"identities", "[0]", "user_id"}},
		"answer[-1].provider":               {Root: "answer", Path: []string{"[-1]", "provider"}},
		"answer.ticket?ticket":              {Root: "answer", Path: []string{"ticket"}, Query: "ticket"},
		"[args.id]":                         {Root: "args", Path: []string{"id"}, List: true},
		`="action_id"`:                      {Root: "literal", Literal: `"action_id"`},
		"item":                              {Root: "item", Path: []string{}},
		"random":                            {Root: "random", Path: []string{}},
		"args.body.identity.connection[12]": {Root: "args", Path: []string{"body", "identity", "connection", "[12]"}},
	} {
		got, err := ParseSource(text)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("ParseSource(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "id", "argument.id", "args.", "args..id", "args.list[x]", "args.list[1", "[args]x"} {
		if got, err := ParseSource(text); err == nil {
			t.Errorf("ParseSource(%q) = %+v, want an error", text, got)
		}
	}
}

// TestSubjects: a create answers with the id of what it made, and what an
// operation touches beside its subject is a kind of the catalogue.
func TestSubjects(t *testing.T) {
	kinds := map[string]bool{}
	for _, op := range Default().All() {
		kinds[op.Subject.Kind] = true
	}
	for _, op := range Default().All() {
		singleton := op.NaturalKey.Unique && len(op.NaturalKey.Fields) == 0
		if op.Effect == Create && op.API == Management && op.Subject.Field == "" && !singleton {
			t.Errorf("%s: which field of its answer is the id?", op.ID)
		}
		for _, touched := range op.Subject.Also {
			if !kinds[touched.Kind] {
				t.Errorf("%s: touches %q, which no operation is about", op.ID, touched.Kind)
			}
		}
		if names := op.SubjectArgs(); op.Subject.ID != "" && (len(names) == 0 || names[len(names)-1] != op.Subject.ID) {
			t.Errorf("%s: its subject %s is named by %v", op.ID, op.Subject.ID, names)
		}
	}
	op, _ := Default().Lookup("client_credentials.delete")
	if got := op.SubjectArgs(); !slices.Equal(got, []string{"client_id", "credential_id"}) {
		t.Errorf("SubjectArgs of client_credentials.delete = %v", got)
	}
	for _, p := range idPrefixes {
		if !kinds[p.kind] {
			t.Errorf("ids of %q begin with %s, and no operation is about them", p.kind, p.prefix)
		}
	}
	if IDPrefix("roles") != "rol_" || IDPrefix("clients") != "" {
		t.Errorf("IDPrefix: roles %q, clients %q", IDPrefix("roles"), IDPrefix("clients"))
	}
}

// TestBodyFieldsAreGenerated: the table is sorted, of this catalogue, and as the
// generator wrote it.
func TestBodyFieldsAreGenerated(t *testing.T) {
	rows := make([]string, len(bodyFields))
	for i, row := range bodyFields {
		rows[i] = row.id + " " + row.fields
		op, ok := Default().Lookup(row.id)
		if !ok || op.ID != row.id || (i > 0 && bodyFields[i-1].id >= row.id) {
			t.Errorf("%s is no operation or not sorted", row.id)
			continue
		}
		for _, f := range BodyFields(op) {
			if !slices.Contains([]Type{String, Integer, Number, Boolean, Object, Array, Strings, Any}, f.Type) {
				t.Errorf("%s: %s has no type: %q", row.id, f.Name, f.Type)
			}
		}
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(rows, "\n")))); sum != bodyFieldsSum {
		t.Errorf("the rows of body_fields_table.go have the sum %s: they are generated (client/catalog/gen -fields), edit the generator or its input", sum)
	}
}

// TestBodiesHaveFields: which operations take an object of any keys is said here.
func TestBodiesHaveFields(t *testing.T) {
	open := []string{
		"branding.phone.templates.reset", "guardian.update_factor_providers", "hooks.add_secrets", "hooks.update_secrets",
		"prompts.partials.set", "prompts.update_custom_text", "self_service_profiles.update_custom_text",
	}
	for _, op := range Default().All() {
		whole := slices.ContainsFunc(op.Args, func(a Arg) bool { return a.In == InBody && a.Type == Object })
		if whole && (len(BodyFields(op)) == 0) != slices.Contains(open, op.ID) {
			t.Errorf("%s: takes the fields %v", op.ID, BodyFields(op))
		}
	}
	users, _ := Default().Lookup("users.update")
	for _, want := range []BodyField{{"email", String, true}, {"blocked", Boolean, false}, {"user_metadata", Object, false}} {
		if !slices.Contains(BodyFields(users), want) {
			t.Errorf("users.update: no field %+v in %+v", want, BodyFields(users))
		}
	}
	roles, _ := Default().Lookup("roles.add_users")
	if got := BodyFields(roles); !slices.Equal(got, []BodyField{{Name: "users", Type: Strings}}) {
		t.Errorf("roles.add_users: %+v", got)
	}
}
