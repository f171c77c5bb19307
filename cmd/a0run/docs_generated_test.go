package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"a0run/bindings"
	"a0run/client/catalog"
	"a0run/engine"
)

// What a machine can write about the program stands in the documentation
// between marks, and is compared with what would be written now:
//
//	<!-- generated: functions json -->
//	…
//	<!-- end -->
//
// UPDATE_DOCS=1 go test ./cmd/a0run -run TestDocsGenerated writes it anew.

var generatedPart = regexp.MustCompile(`(?s)(<!-- generated: ([a-z0-9_ ]+) -->\n).*?(<!-- end -->)`)

// generators are what can stand between marks, by name.
func generators() map[string]string {
	parts := map[string]string{"operations": operationTables()}
	root := bindings.Offline(engine.Head{})
	for _, key := range root.Keys() {
		switch key {
		case "auth0", "authentication", "get_token", "params":
			continue // the catalogue's, in operations; params are a playbook's own
		}
		v, _ := root.Get(key)
		parts["functions "+key] = functionTexts(key, v)
	}
	for _, name := range []string{"auth0.call", "auth0.users.import", "auth0.users.export"} {
		if f, ok := root.Find(name); ok {
			parts["functions "+strings.ReplaceAll(name, ".", " ")] = functionTexts(name, f)
		}
	}
	for _, cmd := range documented() {
		parts["flags "+strings.TrimPrefix(cmd.CommandPath(), "a0run ")] = flagTable(cmd)
	}
	return parts
}

// documented are all commands that a0run has, those of groups too, without
// cobra's own help and completion, and without second names.
func documented() []*cobra.Command {
	var all []*cobra.Command
	for _, cmd := range rootCommand(&world{}).Commands() {
		if cmd.Name() == "help" || cmd.Name() == "completion" || cmd.Hidden {
			continue
		}
		all = append(all, cmd)
		for _, inner := range cmd.Commands() {
			if !inner.Hidden {
				all = append(all, inner)
			}
		}
	}
	return all
}

// functionTexts describes a function or a group of them.
func functionTexts(name string, v any) string {
	var b strings.Builder
	switch v := v.(type) {
	case *engine.Function:
		functionText(&b, v)
	case *engine.Namespace:
		for _, key := range v.Keys() {
			inner, _ := v.Get(key)
			b.WriteString(functionTexts(name+"."+key, inner))
		}
	}
	return b.String()
}

func functionText(b *strings.Builder, f *engine.Function) {
	fmt.Fprintf(b, "\n### `%s`\n\n%s", bindings.Signature(f), f.Summary)
	if f.Returns != "" {
		fmt.Fprintf(b, " Gives %s.", f.Returns)
	}
	if f.Pure {
		b.WriteString(" Pure.")
	}
	b.WriteString("\n")
	if len(f.Params) == 0 {
		return
	}
	b.WriteString("\n| argument | type | given | |\n|---|---|---|---|\n")
	for _, p := range f.Params {
		given := "by name"
		if p.Positional {
			given = "by position or name"
		}
		if p.Required {
			given += ", always"
		}
		about := p.Summary
		if len(p.Enum) > 0 && f.Name != "tenant" {
			about = strings.TrimSpace(about + " One of " + strings.Join(p.Enum, ", ") + ".")
		}
		if p.Secret {
			about = strings.TrimSpace(about + " Secret.")
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", p.Name, p.Type, given, cell(about))
	}
}

// cell keeps a text from ending its cell.
func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", `\|`), "\n", " ")
}

// operationTables is one table a resource.
func operationTables() string {
	groups := map[string][]*catalog.Operation{}
	for _, op := range catalog.Default().All() {
		top, _, _ := strings.Cut(fullName(op), ".")
		rest, _, _ := strings.Cut(op.ID, ".")
		if top == "auth0" {
			top += "." + rest
		}
		groups[top] = append(groups[top], op)
	}
	names := make([]string, 0, len(groups))
	for name := range groups {
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "\n## %s\n\n| operation | request | scopes | effect | |\n|---|---|---|---|---|\n", name)
		for _, op := range groups[name] {
			operationRow(&b, op)
		}
	}
	return b.String()
}

func operationRow(b *strings.Builder, op *catalog.Operation) {
	var places []string
	for _, a := range op.Positional() {
		places = append(places, a.Name)
	}
	name := fmt.Sprintf("`%s(%s)`", fullName(op), strings.Join(places, ", "))
	for _, alias := range op.Aliases {
		name += "<br>also `" + alias + "`"
	}
	about := op.Summary
	if op.IsListing() {
		about += " A listing."
	}
	if op.Lifecycle != "" {
		about += " Lifecycle: " + op.Lifecycle + "."
	}
	if op.Deprecated != "" {
		about += " Deprecated: " + op.Deprecated
	}
	if op.Removed != "" {
		about += " Removed: " + op.Removed
	}
	fmt.Fprintf(b, "| %s | `%s %s` | %s | %s | %s |\n", name, op.Verb, op.Path,
		strings.Join(op.Scopes, " or "), op.Effect, cell(about))
}

// flagTable are a command's flags with their defaults.
func flagTable(cmd *cobra.Command) string {
	var b strings.Builder
	b.WriteString("\n| flag | default | |\n|---|---|---|\n")
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		placeholder, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if placeholder != "" {
			name += " " + placeholder
		}
		name = "`" + name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		value := ""
		if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" && f.DefValue != "0" {
			value = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, value, cell(usage))
	})
	return b.String()
}

// TestDocsGenerated compares the generated parts with what would be written
// now, and says which parts stand nowhere.
func TestDocsGenerated(t *testing.T) {
	t.Parallel()
	parts := generators()
	used := map[string]bool{}
	_, update := os.LookupEnv("UPDATE_DOCS")
	for _, path := range pages(t) {
		before := page(t, path)
		after := generatedPart.ReplaceAllStringFunc(before, func(whole string) string {
			m := generatedPart.FindStringSubmatch(whole)
			text, ok := parts[m[2]]
			if !ok {
				t.Errorf("%s: there is nothing called %q to generate", path, m[2])
				return whole
			}
			used[m[2]] = true
			return m[1] + text + "\n" + m[3]
		})
		switch {
		case after == before:
		case update:
			if err := os.WriteFile(path, []byte(after), 0o644); err != nil { //nolint:gosec // a file of the repository
				t.Error(err)
			}
		default:
			t.Errorf("%s is not what would be generated: UPDATE_DOCS=1 go test ./cmd/a0run -run TestDocsGenerated", path)
		}
	}
	for name := range parts {
		if !used[name] {
			t.Errorf("nothing in docs/ holds <!-- generated: %s -->", name)
		}
	}
}

// TestDocsNames holds lists that the program has against the pages that must
// name each entry in `code`.
func TestDocsNames(t *testing.T) {
	t.Parallel()
	lists := map[string][]string{
		"../../docs/command.md":   slices.Concat(eventFields(), constants(t, "event.go", "Event"), constants(t, "error.go", "Exit"), environment(t)),
		"../../docs/functions.md": constants(t, "error.go", "Name"),
	}
	head := known(t, "yaml", "zzzzzz: 1\nsteps: []\n")
	lists["../../docs/lua.md"] = known(t, "lua", "playbook { zzzzzz = 1 }\n")
	lists["../../docs/yaml.md"] = append(head, known(t, "yaml", "steps:\n  - {print: x, zzzzzz: 1}\n")...)
	for path, names := range lists {
		if len(names) < 5 {
			t.Errorf("%s: only %q were found: the test looks in the wrong place", path, names)
		}
		text := page(t, path)
		for _, name := range names {
			if !regexp.MustCompile("`" + regexp.QuoteMeta(name) + "[`:= {]").MatchString(text) {
				t.Errorf("%s does not name `%s`", path, name)
			}
		}
	}
	for _, cmd := range documented() {
		if !strings.Contains(page(t, "../../docs/command.md"), "\n## "+cmd.CommandPath()) {
			t.Errorf("docs/command.md has no section %s", cmd.CommandPath())
		}
	}
}

// eventFields are the names of an event's fields in JSON.
func eventFields() []string {
	var names []string
	for f := range reflect.TypeFor[engine.Event]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// constants are the values of the engine's constants of a prefix, as their
// source has them: reflection knows none.
func constants(t *testing.T, file, prefix string) []string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), "../../engine/"+file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) || len(spec.Values) == 0 {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok && spec.Names[0].Name != "EventVersion" {
			value := lit.Value
			if lit.Kind == token.STRING {
				value, _ = strconv.Unquote(value)
			}
			values = append(values, value)
		}
		return true
	})
	return values
}

// environment are the variables that the sources ask for.
func environment(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	for _, file := range []string{"main.go", "../../engine/project/project.go", "../../engine/project/choose.go"} {
		for _, m := range regexp.MustCompile(`"(AUTH0_[A-Z_]+|NO_COLOR|TERM)"`).FindAllStringSubmatch(page(t, file), -1) {
			found[m[1]] = true
		}
	}
	var names []string
	for name := range found {
		names = append(names, name)
	}
	return names
}

// known asks check for the names that it knows, by giving it one that is far
// from all of them.
func known(t *testing.T, language, text string) []string {
	t.Helper()
	d := &desktop{dir: t.TempDir()}
	if err := d.write("playbook."+language, text); err != nil {
		t.Fatal(err)
	}
	said := d.command(t, "check", "playbook."+language).stdout
	m := regexp.MustCompile(`zzzzzz.*\((?:known:|known are|a step has one action and) ([^)]+)\)`).FindStringSubmatch(said)
	if m == nil {
		said = d.command(t, "check", "playbook."+language).stderr
		m = regexp.MustCompile(`zzzzzz.*\((?:known:|known are|a step has one action and) ([^)]+)\)`).FindStringSubmatch(said)
	}
	if m == nil {
		t.Fatalf("check says nothing about the names that it knows:\n%s", said)
	}
	return strings.Split(m[1], ", ")
}
