package a0run_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed is the plan of the house: which room may import which (beside the
// standard library). "…/*" stands for a room and everything under it. A room
// that is not named here does not exist; a test package may import what its
// room may, and what tests says besides.
var allowed = map[string][]string{
	"client/catalog":     {},
	"client/catalog/gen": {"client/catalog"},
	"client/schema":      {"client/catalog"},
	"client/pace":        {},
	// What the processes of one machine share, and what every such store must pass.
	"client/pace/pacefile": {},
	"client/pace/pacetest": {"client/pace"},
	"client/search":        {},
	// Hosts that are no tenant's: which a playbook may ask, and how they are
	// asked. Neither knows anything of Auth0.
	"client/hosts":  {},
	"client/egress": {"client/hosts"},
	"client":        {"client/catalog", "client/pace", "client/schema"},
	// Never client: a simulator that shares code with its client proves nothing.
	"client/sim":       {"client/catalog", "client/search", "client/sim/store", "client/sim/rules"},
	"client/sim/rules": {},
	"client/sim/store": {},
	"engine":           {"client/catalog", "client/hosts", "client/pace", "client/search"},
	"engine/lua":       {"engine"},
	"engine/yaml":      {"engine", "engine/lua"},
	"engine/project":   {"engine", "engine/cron", "engine/guard", "engine/notify", "client/pace"},
	// Who is told what became of runs.
	"engine/notify": {"engine"},
	// What makes a run durable: where it is kept, how its secrets rest, what
	// stood there before, what answers a run that is resumed.
	"engine/journal":             {"engine"},
	"engine/journal/journaltest": {"engine"},
	"engine/seal":                {},
	"engine/image":               {"engine", "client/catalog"},
	"engine/durable":             {"engine", "engine/image", "engine/seal", "client/catalog"},
	// What is decided before a run writes, and afterwards.
	"engine/guard": {"engine", "client/catalog"},
	"engine/plan":  {"engine", "client/catalog", "client/search", "client/pace"},
	"engine/undo":  {"engine", "engine/image", "client/catalog"},
	// Schedules decide, the service carries out; neither knows bindings.
	"engine/cron":  {"engine"},
	"engine/serve": {"engine", "engine/cron", "engine/journal", "engine/plan", "engine/project", "engine/seal", "engine/undo"},
	"bindings":     {"engine", "client", "client/catalog", "client/egress", "client/hosts", "client/pace", "client/schema"},
	"cmd/a0run":    {"*"},
	"cmd/bench":    {"*"},
	// Pages see the service through serve.Control, and never the client: who logs
	// in by Auth0 is told by an interface that the command gives.
	"engine/serve/web":              {"engine", "engine/journal", "engine/plan", "engine/serve", "engine/undo", "engine/yaml"},
	"engine/serve/servetest":        {"engine", "engine/journal", "engine/plan", "engine/serve", "engine/undo"},
	"engine/serve/servetest/browse": {},
}

// tests are further imports of test files: the front door of the real thing.
var tests = map[string][]string{
	"client":               {"client/sim", "client/sim/store", "client/pace/pacefile"},
	"client/pace":          {},
	"client/pace/pacefile": {"client/pace", "client/pace/pacetest"},
	"client/sim/rules":     {"client/sim", "client/catalog"},
	"engine/lua":           {"client/catalog"},
	"engine/yaml":          {"client/catalog"},
	"bindings":             {"client/sim", "client/pace", "engine/lua", "engine/yaml"},
	"engine/plan":          {"bindings", "client", "client/sim", "engine/lua", "engine/yaml"},
	"engine/undo":          {"bindings", "client", "client/sim", "engine/lua", "engine/yaml", "engine/durable", "engine/journal", "engine/seal"},
	"engine/guard":         {"bindings", "client", "client/sim", "engine/lua", "engine/yaml"},
	"engine/image":         {"bindings", "client", "client/sim"},
	"engine/durable":       {"bindings", "client", "client/sim", "client/sim/store", "engine/lua", "engine/yaml", "engine/journal"},
	"engine/journal":       {"engine/seal", "engine/journal/journaltest"},
	"engine/serve/web":     {"engine/serve/servetest", "engine/serve/servetest/browse"},
}

// doors are third parties that only a few rooms may import.
var doors = map[string][]string{
	"github.com/yuin/gopher-lua":     {"engine/lua"},
	"gopkg.in/yaml.v3":               {"engine/yaml", "engine/project", "client/sim"},
	"github.com/spf13/cobra":         {"cmd/a0run"},
	"github.com/spf13/pflag":         {"cmd/a0run"},
	"golang.org/x/term":              {"cmd/a0run"},
	"modernc.org/sqlite":             {"engine/journal", "client/sim/store"},
	"github.com/pressly/goose":       {"engine/journal"},
	"github.com/gofrs/flock":         {"engine/journal", "client/pace/pacefile"},
	"github.com/netresearch/go-cron": {"engine/cron"},
	"github.com/nicholas-fedor":      {"engine/notify"},
	"github.com/alexedwards/scs":     {"engine/serve/web"},
	"github.com/chromedp":            {"engine/serve/servetest/browse"},
}

// TestImports reads the imports with go/parser: a version that asks `go list`
// passes from the test cache after a bad import is planted.
func TestImports(t *testing.T) {
	t.Parallel()
	seen := 0
	for file, imports := range sources(t) {
		room := path.Dir(file)
		rooms, known := allowed[room]
		if room == "." {
			continue // this file
		}
		if !known {
			t.Errorf("%s: the room %s is not in the plan", file, room)
			continue
		}
		if strings.HasSuffix(file, "_test.go") {
			rooms = append(slices.Clone(rooms), tests[room]...)
			rooms = append(rooms, room)
		}
		for _, imported := range imports {
			seen++
			if local, ok := strings.CutPrefix(imported, "a0run/"); ok && !covers(rooms, local) {
				t.Errorf("%s imports %s, which the plan does not allow", file, imported)
			}
			for module, may := range doors {
				if (imported == module || strings.HasPrefix(imported, module+"/")) && !covers(may, room) {
					t.Errorf("%s imports %s, whose only doors are %v", file, imported, may)
				}
			}
		}
	}
	if seen < 100 {
		t.Fatalf("only %d imports were read: the test does not look where the code is", seen)
	}
}

func covers(rooms []string, room string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool { return r == "*" || r == room })
}

// sources are the imports of every Go file of the module, by path.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "tools") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imports []string
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, imported)
		}
		files[filepath.ToSlash(name)] = imports
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestNames keeps drawers out of the house, and init functions and the like
// are the linter's.
func TestNames(t *testing.T) {
	t.Parallel()
	for file := range sources(t) {
		for _, part := range strings.Split(path.Dir(file), "/") {
			if slices.Contains([]string{"util", "utils", "common", "lib", "misc", "helpers"}, part) {
				t.Errorf("%s: a room is named by what it does, not %q", file, part)
			}
		}
	}
}
