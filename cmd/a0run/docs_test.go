package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"a0run/client/sim"
	"a0run/engine"
	"a0run/engine/project"
)

// The documentation is run: every fenced block of README.md and docs/*.md is of
// a known kind, told by its info string, and what it shows is true.
//
//	lua, yaml             run by the command with --local; exit code 0
//	lua exit=N            the same, with another exit code
//	lua check             only checked
//	lua wrong             check finds a mistake
//	lua lib/users.lua     a file that later blocks of the page find in their folder
//	yaml fragment         steps, or keys of a head; checked
//	yaml seed             the local tenant of the later blocks of the page
//	yaml a0run.yaml       a project file
//	yaml params           a file for --params
//	text output           what the block above printed
//	text error            lines that the block above said on stderr
//	text problems         what check said about the block above
//	json event            lines of run --json
//	json, csv FILE        parsed; a file
//	text, python          free; python shows what a playbook replaces
//	go                    stands, word for word, in an example of client/
//	console               "$ a0run …": command and flags exist; "$ make …": so does the target

// A block is one fenced block of a page.
type block struct {
	page string
	line int
	info []string
	text string
}

// kind is the language with the word behind it that says what is done.
func (b block) kind() string {
	if len(b.info) == 0 {
		return ""
	}
	return strings.Join(b.info[:min(2, len(b.info))], " ")
}

// blocksOf finds the fenced blocks of a page.
func blocksOf(page, text string) []block {
	var out []block
	var open *block
	for i, line := range strings.Split(text, "\n") {
		switch {
		case open != nil && line == "```":
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			open = &block{page: page, line: i + 1, info: strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "```"))}
			if line != strings.TrimSpace(line) {
				open.info = nil // an indented fence: of no kind
			}
		}
	}
	if open != nil {
		out = append(out, block{page: page, line: open.line})
	}
	return out
}

// A desktop is the folder in which the blocks of one page are tried.
type desktop struct {
	dir  string
	last result
}

// A result is what a block's command did.
type result struct {
	code           int
	stdout, stderr string
}

// command runs the real command in the page's folder, in virtual time.
func (d *desktop) command(t *testing.T, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	var code int
	synctest.Test(t, func(*testing.T) {
		code = execute(&world{
			args: args, dir: d.dir, stdin: strings.NewReader(""), stdout: &out, stderr: &err,
			getenv: stateIn(d.dir), now: time.Now,
		})
	})
	return result{code, out.String(), err.String()}
}

// stateIn is an environment that has nothing but a place for the journal.
func stateIn(dir string) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		return filepath.Join(dir, ".state"), name == "XDG_STATE_HOME"
	}
}

func (d *desktop) write(name, text string) error {
	path := filepath.Join(d.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// try says what is wrong with a block; nil when nothing is.
func (d *desktop) try(t *testing.T, b block) error {
	t.Helper()
	if len(b.info) == 0 {
		return errors.New("the block is of no kind, is indented, or is not closed")
	}
	switch b.kind() {
	case "lua", "yaml":
		return d.run(t, b, 0)
	case "lua check", "yaml check", "lua wrong", "yaml wrong":
		return d.check(t, b, b.text, strings.HasSuffix(b.kind(), "wrong"))
	case "yaml fragment":
		return d.check(t, b, whole(b.text), false)
	case "yaml seed":
		if _, err := sim.New(sim.Options{Seed: []byte(b.text), SeedName: "seed"}); err != nil {
			return err
		}
		return d.write("seed.yaml", b.text)
	case "yaml a0run.yaml":
		_, err := project.Parse(project.FileName, []byte(b.text))
		return err
	case "yaml params":
		_, err := project.ParseTree("params.yaml", []byte(b.text))
		return err
	case "text output":
		return same("printed", d.last.stdout, b.text)
	case "text problems":
		return same("check said", d.last.stdout, b.text)
	case "text error":
		return said(d.last.stderr, b.text)
	case "json event":
		return events(b.text)
	case "json":
		if _, err := engine.ParseJSON([]byte(b.text)); err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		return nil
	case "console":
		return console(b.text)
	case "text", "python", "go go-auth0": // of others: it is shown, not run
		return nil
	case "go":
		return inExamples(b.text)
	}
	return d.other(t, b)
}

// inExamples wants a block of Go to be a part of an example that is run, without
// regard to how far it is indented.
func inExamples(text string) error {
	files, err := filepath.Glob("../../client/*example*_test.go")
	if err != nil {
		return err
	}
	flush := func(s string) string { return regexp.MustCompile(`(?m)^\s+|\s+$`).ReplaceAllString(s, "") }
	for _, name := range files {
		all, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if strings.Contains(flush(string(all)), flush(text)) {
			return nil
		}
	}
	return errors.New("the block stands in no example of client/")
}

// other are the kinds whose second word is no fixed one.
func (d *desktop) other(t *testing.T, b block) error {
	t.Helper()
	word := b.info[len(b.info)-1]
	var code int
	if n, err := fmt.Sscanf(word, "exit=%d", &code); n == 1 && err == nil {
		return d.run(t, b, code)
	}
	if ext := filepath.Ext(word); len(b.info) == 2 && ext != "" && "."+b.info[0] == ext {
		return d.write(word, b.text)
	}
	return fmt.Errorf("unknown kind of block: %s", strings.Join(b.info, " "))
}

// run plays a playbook against a local tenant.
func (d *desktop) run(t *testing.T, b block, want int) error {
	t.Helper()
	name := "playbook." + b.info[0]
	if err := d.write(name, b.text); err != nil {
		return err
	}
	args := []string{"run", name, "--local"}
	if _, err := os.Stat(filepath.Join(d.dir, "seed.yaml")); err == nil {
		args = append(args, "--seed", "seed.yaml")
	}
	d.last = d.command(t, args...)
	if d.last.code != want {
		return fmt.Errorf("exit code %d, want %d\n%s", d.last.code, want, d.last.stderr)
	}
	return nil
}

// check lets the command look for mistakes.
func (d *desktop) check(t *testing.T, b block, text string, wrong bool) error {
	t.Helper()
	name := "playbook." + b.info[0]
	if err := d.write(name, text); err != nil {
		return err
	}
	d.last = d.command(t, "check", name)
	if found := d.last.code != engine.ExitOK; found != wrong {
		return fmt.Errorf("check: exit code %d\n%s%s", d.last.code, d.last.stdout, d.last.stderr)
	}
	return nil
}

// whole makes a playbook of steps or of keys of a head.
func whole(fragment string) string {
	for line := range strings.Lines(fragment) {
		switch {
		case strings.HasPrefix(line, "- "):
			return "steps:\n" + fragment
		case !strings.HasPrefix(line, "#"):
			return fragment + "steps: [{print: done}]\n"
		}
	}
	return fragment
}

// same compares texts without regard to spaces at line ends.
func same(what, got, want string) error {
	trim := func(s string) string {
		return strings.TrimSpace(regexp.MustCompile(`[ \t]+\n`).ReplaceAllString(s, "\n"))
	}
	if trim(got) != trim(want) {
		return fmt.Errorf("%s\n%s", what, got)
	}
	return nil
}

// said compares lines with those of stderr, which holds others beside them.
func said(stderr, want string) error {
	var lines []string
	for line := range strings.Lines(stderr) {
		lines = append(lines, strings.TrimSpace(line))
	}
	for line := range strings.Lines(want) {
		if !slices.Contains(lines, strings.TrimSpace(line)) {
			return fmt.Errorf("stderr has no line %q\n%s", strings.TrimSpace(line), stderr)
		}
	}
	return nil
}

// events are lines of --json with no field that an event does not have.
func events(text string) error {
	for line := range strings.Lines(text) {
		var e engine.Event
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&e); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(line), err)
		}
		if e.Version != engine.EventVersion || e.Kind == "" {
			return fmt.Errorf("no event of version %d: %s", engine.EventVersion, line)
		}
	}
	return nil
}

// console looks at the lines that a user types.
func console(text string) error {
	for line := range strings.Lines(text) {
		typed, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		for _, command := range piped(words(typed)) {
			if err := typedCommand(command); err != nil {
				return fmt.Errorf("%s: %w", strings.TrimSpace(line), err)
			}
		}
	}
	return nil
}

// words splits a line as a shell does, without its comment and without
// variables set before the command.
func words(line string) []string {
	quoted := regexp.MustCompile(`'[^']*'|"[^"]*"|[^\s'"]+`)
	var out []string
	for _, field := range regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"])+`).FindAllString(line, -1) {
		if field[0] == '#' {
			break
		}
		word := quoted.ReplaceAllStringFunc(field, func(s string) string { return strings.Trim(s, `'"`) })
		if len(out) == 0 && regexp.MustCompile(`^[A-Z0-9_]+=`).MatchString(word) {
			continue
		}
		out = append(out, word)
	}
	return out
}

// piped splits a line's words at its pipes.
func piped(line []string) [][]string {
	commands := [][]string{nil}
	for _, word := range line {
		if word == "|" {
			commands = append(commands, nil)
			continue
		}
		commands[len(commands)-1] = append(commands[len(commands)-1], word)
	}
	return commands
}

func typedCommand(typed []string) error {
	if len(typed) == 0 {
		return errors.New("nothing is typed")
	}
	switch typed[0] {
	case "a0run", "./bin/a0run":
		return parsed(typed[1:])
	case "make":
		makefile, err := os.ReadFile("../../Makefile")
		if err != nil {
			return err
		}
		for _, target := range typed[1:] {
			if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).Match(makefile) {
				return fmt.Errorf("the Makefile has no target %s", target)
			}
		}
		return nil
	case "export", "jq", "cat", "curl", "source", "sqlite3":
		return nil
	}
	return fmt.Errorf("%s is no command of this documentation", typed[0])
}

// parsed reads a command line as cobra does, without running it.
func parsed(args []string) error {
	root := rootCommand(&world{})
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	root.InitDefaultVersionFlag()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	for i, word := range rest {
		if word == ">" || word == "<" || word == "&" {
			rest = rest[:i] // the shell's
			break
		}
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// pages are README.md and everything under docs.
func pages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no docs: %v", err)
	}
	return append(files, "../../README.md")
}

func page(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDocsBlocks tries every block of the documentation.
func TestDocsBlocks(t *testing.T) {
	t.Parallel()
	for _, path := range pages(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			d := &desktop{dir: t.TempDir()}
			for _, b := range blocksOf(path, page(t, path)) {
				if err := d.try(t, b); err != nil {
					t.Errorf("%s:%d: %v", b.page, b.line, err)
				}
			}
		})
	}
}

// TestHelpExamples parses the examples of the help texts.
func TestHelpExamples(t *testing.T) {
	t.Parallel()
	for _, cmd := range append(documented(), rootCommand(&world{})) {
		if cmd.Example == "" && cmd.Name() != "version" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			typed, _, _ := strings.Cut(strings.TrimSpace(line), "   ") // what follows is said about it
			if err := typedCommand(words(typed)); err != nil && typed != "" {
				t.Errorf("%s: %s: %v", cmd.CommandPath(), typed, err)
			}
		}
	}
}

// prose is a page without its blocks: Go's generic calls look like links.
func prose(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
}

// TestDocsLinks follows the links from page to page and to their headings.
func TestDocsLinks(t *testing.T) {
	t.Parallel()
	followed := 0
	for _, path := range pages(t) {
		for _, m := range regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)\s]+))?\)`).FindAllStringSubmatch(prose(page(t, path)), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			followed++
			target := path
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(path), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			if m[2] != "" && !slices.Contains(anchors(page(t, target)), m[2]) {
				t.Errorf("%s: %s has no heading #%s", path, target, m[2])
			}
		}
	}
	if followed < 10 {
		t.Errorf("only %d links were found", followed)
	}
}

// anchors are the headings of a page as links name them.
func anchors(text string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^a-z0-9_ -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(name, " ", "-"))
	}
	return out
}

// TestDocsBlocksNotice plants broken blocks: a check that lets them pass
// proves nothing about the others.
func TestDocsBlocksNotice(t *testing.T) {
	t.Parallel()
	fence := "```"
	planted := map[string]string{
		"no kind":                  fence + "\nx\n" + fence,
		"unknown kind":             fence + "ruby\nx\n" + fence,
		"unknown second word":      fence + "lua maybe\nx = 1\n" + fence,
		"not closed":               fence + "lua\nprint(1)\n",
		"indented":                 "  " + fence + "lua\nprint(1)\n" + fence,
		"Lua that fails":           fence + "lua\nerror('no')\n" + fence,
		"Lua with an unknown name": fence + "lua check\nauth0.user.list()\n" + fence,
		"Lua that is not wrong":    fence + "lua wrong\nprint(1)\n" + fence,
		"another exit code":        fence + "lua exit=4\nprint(1)\n" + fence,
		"YAML that fails":          fence + "yaml\nsteps: [{fail: no}]\n" + fence,
		"a fragment":               fence + "yaml fragment\n- prnt: x\n" + fence,
		"a head's key":             fence + "yaml fragment\npatient: 5m\n" + fence,
		"a seed":                   fence + "yaml seed\nuser: []\n" + fence,
		"a project":                fence + "yaml a0run.yaml\ntenant: {}\n" + fence,
		"parameters":               fence + "yaml params\n- 1\n" + fence,
		"another output":           fence + "lua\nprint(1)\n" + fence + "\n" + fence + "text output\n2\n" + fence,
		"another error":            fence + "lua exit=1\nerror('a')\n" + fence + "\n" + fence + "text error\nb\n" + fence,
		"other problems":           fence + "lua wrong\nx()\n" + fence + "\n" + fence + "text problems\nb\n" + fence,
		"an event":                 fence + "json event\n{\"v\": 1, \"event\": \"log\", \"txt\": \"x\"}\n" + fence,
		"JSON":                     fence + "json\n{\n" + fence,
		"a command":                fence + "console\n$ a0run rum x.lua\n" + fence,
		"a flag":                   fence + "console\n$ a0run run x.lua --lokal\n" + fence,
		"an argument":              fence + "console\n$ a0run run a.lua b.lua\n" + fence,
		"a flag's value":           fence + "console\n$ a0run sim --burst many\n" + fence,
		"a target":                 fence + "console\n$ make sense\n" + fence,
		"another program":          fence + "console\n$ rm -rf x\n" + fence,
	}
	for name, text := range planted {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &desktop{dir: t.TempDir()}
			blocks := blocksOf("planted.md", text)
			noticed := slices.ContainsFunc(blocks, func(b block) bool { return d.try(t, b) != nil })
			if !noticed {
				t.Errorf("nothing was noticed in\n%s", text)
			}
		})
	}
}
