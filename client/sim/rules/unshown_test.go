package rules_test

import (
	"regexp"
	"slices"
	"testing"

	"a0run/client/catalog"
	"a0run/client/sim/rules"
)

// What the catalogue says that reads leave out is what the schemas of their
// answers do not have: each row, and each field that a create takes.
func TestUnshownAgainstSchemas(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`\{[^}]*\}`)
	at := map[string]*catalog.Operation{}
	for _, op := range catalog.Default().All() {
		if op.API == catalog.Management {
			at[op.Verb+" "+named.ReplaceAllString(op.Path, "{}")] = op
		}
	}
	hidden := 0
	for key, create := range at {
		path, isPost := key[len(create.Verb)+1:], create.Verb == "POST"
		if !isPost || create.Effect != catalog.Create {
			continue
		}
		for _, read := range []string{path, path + "/{}"} {
			op := at["GET "+read]
			if op == nil || op.IsListing() != (read == path) {
				continue
			}
			left := catalog.Unshown(read)
			for _, name := range left {
				hidden++
				if shows(op, read, name) {
					t.Errorf("%s: its schema has %s", read, name)
				}
			}
			for _, f := range catalog.BodyFields(create) {
				if !shows(op, read, f.Name) && !slices.Contains(left, f.Name) {
					t.Errorf("%s: its schema does not have %s", read, f.Name)
				}
			}
		}
	}
	if hidden < 20 {
		t.Errorf("only %d fields were looked at", hidden)
	}
}

// shows reports whether an answer of a read keeps a field of an object.
func shows(op *catalog.Operation, path, name string) bool {
	r := rules.Of("GET " + path)
	var answer any = map[string]any{name: "x"}
	if op.IsListing() {
		answer = []any{answer}
		if op.Paging.Items != "" {
			answer = map[string]any{op.Paging.Items: answer}
		}
	}
	answer = r.Prune(answer)
	if op.IsListing() {
		if wrap, ok := answer.(map[string]any); ok {
			answer = wrap[op.Paging.Items]
		}
		list, _ := answer.([]any)
		if len(list) != 1 {
			return true
		}
		answer = list[0]
	}
	o, _ := answer.(map[string]any)
	_, has := o[name]
	return has
}
