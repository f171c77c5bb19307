package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"a0run/engine"
	"a0run/engine/cron"
	"a0run/engine/guard"
	"a0run/engine/lua"
	"a0run/engine/yaml"
)

// playbook is a parsed playbook of either language.
type playbook struct {
	name    string // as shown
	dir     string // absolute; "" for standard input
	path    string // likewise
	text    []byte
	fixed   *engine.Head // of what is no playbook but made of records
	files   fs.FS        // the folder, for modules and includes; nil for standard input
	sources *sources     // the same
	lua     *lua.Playbook
	yaml    *yaml.Playbook
}

func (p *playbook) head() engine.Head {
	if p.fixed != nil {
		return *p.fixed
	}
	if p.lua != nil {
		return p.lua.Head()
	}
	return p.yaml.Head()
}

func (p *playbook) check(globals *engine.Namespace) engine.Problems {
	_, problems := guard.OfHead(p.head())
	_, wrong := cron.OfHead(p.head(), p.name)
	problems = append(problems, wrong...)
	if p.lua != nil {
		return append(problems, p.lua.Check(globals, p.files)...)
	}
	return append(problems, p.yaml.Check(globals)...)
}

func (p *playbook) run(t *engine.Task, globals *engine.Namespace, vm *lua.VM) error {
	if p.lua != nil {
		return vm.RunPlaybook(t, p.lua)
	}
	return p.yaml.Run(t, globals, vm)
}

// maxPlaybook bounds what is read as a playbook.
const maxPlaybook = 4 << 20

// loadPlaybook reads and parses FILE; "-" is standard input.
func loadPlaybook(w *world, name string) (*playbook, error) {
	p := &playbook{name: name}
	text, err := readPlaybook(w, name)
	if err != nil {
		return nil, err
	}
	p.text = text
	if name == "-" {
		p.name = "stdin"
	} else {
		p.path = w.path(name)
		p.dir = filepath.Dir(p.path)
		p.sources = newSources(os.DirFS(p.dir))
		if root, err := os.OpenRoot(p.dir); err == nil {
			p.sources = newSources(root.FS()) // follows no symbolic link out of the folder
		}
		p.sources.dir, p.sources.overlay = p.dir, w.overlay
		p.files = p.sources
	}
	switch language(name, text) {
	case "lua":
		p.lua, err = lua.Parse(p.name, text)
	case "yaml":
		p.yaml, err = yaml.Parse(p.name, text, p.files)
	default:
		err = &usageError{name + ": neither .lua nor .yaml", "a playbook's name ends in .lua, .yaml or .yml"}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

func readPlaybook(w *world, name string) ([]byte, error) {
	if text, ok := w.overlay[w.path(name)]; ok {
		return []byte(text), nil
	}
	r := w.stdin
	if name != "-" {
		f, err := os.Open(w.path(name))
		if err != nil {
			return nil, &usageError{fmt.Sprintf("cannot read %s: %v", name, reason(err)), nearFiles(w, name)}
		}
		defer f.Close() //nolint:errcheck // only read from
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, maxPlaybook+1))
	switch {
	case err != nil:
		return nil, &usageError{fmt.Sprintf("cannot read %s: %v", name, reason(err)), ""}
	case len(text) > maxPlaybook:
		return nil, &usageError{name + " is larger than 4 MB; that is no playbook", ""}
	}
	return text, nil
}

// reason is the cause of a file error without the path, which stands there
// already.
func reason(err error) error {
	if pathErr, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost is of interest
		return pathErr.Err
	}
	return err
}

// nearFiles suggests a playbook of a similar name in the same folder.
func nearFiles(w *world, name string) string {
	entries, err := os.ReadDir(filepath.Dir(w.path(name)))
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		switch filepath.Ext(e.Name()) {
		case ".lua", ".yaml", ".yml":
			names = append(names, e.Name())
		}
	}
	if n := engine.Nearest(filepath.Base(name), names); n != "" {
		return "did you mean " + filepath.Join(filepath.Dir(name), n) + "?"
	}
	return ""
}

var yamlStart = regexp.MustCompile(`^(---|[A-Za-z_]+:(\s|$))`)

// language is told by the name; for standard input by the first line that says
// something.
func language(name string, text []byte) string {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".lua":
		return "lua"
	case ".yaml", ".yml":
		return "yaml"
	}
	if name != "-" {
		return ""
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0, line[0] == '#':
			continue
		case yamlStart.Match(line), line[0] == '{': // JSON is YAML
			return "yaml"
		}
		return "lua"
	}
	return "lua"
}
