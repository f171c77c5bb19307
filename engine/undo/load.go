package undo

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"sync"

	"a0run/client/catalog"
	"a0run/engine"
)

// Options say what is to be undone, and with what.
type Options struct {
	Journal engine.Journal
	// Run is the id of the run, Earlier are those of undos of it that were made
	// before, the oldest first: what these brought back under another id is
	// there again.
	Run     string
	Earlier []string
	// Open opens the sealed texts of records.
	Open func(json.RawMessage) (json.RawMessage, error)
	// API makes requests of operations; Files are those that the playbook
	// could write, nil where there are none.
	API   engine.API
	Files Files
	// Redactor hides the run's secrets in what is shown.
	Redactor *engine.Redactor
	// Only restricts the undo to operations ("users.*"), steps and objects; empty means
	// all of it.
	Only []string
	// Force are objects that are put back although they have changed since:
	// "users/auth0|17", or the id alone.
	Force []string
	// Catalogue is the table of operations; nil means the default one.
	Catalogue *catalog.Table
}

// Files are the files of a playbook.
type Files interface {
	// Read gives a file's text; found is false where there is none.
	Read(path string) (text string, found bool, err error)
	// Write writes a whole file, Remove takes it away.
	Write(path, text string) error
	Remove(path string) error
}

// An Undo is what puts a run back.
type Undo struct {
	o       Options
	changes []*change // the newest first
	levels  [][]*change
	// again are the ids under which earlier undos brought objects back, by
	// the object as its key of a task names it; the newest last.
	again map[string][]string
	// earlier are the calls that earlier undos have made (callHash).
	earlier map[uint64]bool

	mu    sync.Mutex
	gates map[*engine.Action]*gate

	result Result // guarded by the baton of the run
}

// A change is one write of the run, as far as it must be known before its turn
// comes; the record itself is read then, so that a long run is not held in
// memory.
type change struct {
	seq    int64
	key    string
	name   string
	op     *catalog.Operation // nil for a file
	tenant string
	kind   string
	object string
	where  string
	step   string
	state  string
	void   bool // made and deleted by the run itself
	level  int
	// What it changes, and what it refers to, as hashes of texts.
	writes, refers []uint64
}

// ref names the object in items, tasks and --force.
func (c *change) ref() string {
	if c.object == "" {
		return c.kind
	}
	return c.kind + "/" + c.object
}

func (c *change) unknown() bool {
	return c.state == engine.StateBegun || c.state == engine.StateDoubt
}

// Load reads the writes of a run. The error is the journal's, or says that Only
// or Force name nothing.
func Load(ctx context.Context, o Options) (*Undo, error) {
	if o.Catalogue == nil {
		o.Catalogue = catalog.Default()
	}
	if o.Redactor == nil {
		o.Redactor = engine.NewRedactor()
	}
	u := &Undo{o: o, again: map[string][]string{}, earlier: map[uint64]bool{}, gates: map[*engine.Action]*gate{}}
	var all []*change
	for rec, err := range o.Journal.Load(ctx, o.Run, 0) {
		if err != nil {
			return nil, err
		}
		if !rec.Mutates || !undoable(rec.State) {
			continue
		}
		c, err := u.read(rec)
		if err != nil {
			return nil, (&change{name: rec.Operation, where: rec.Where}).unreadable(err)
		}
		all = append(all, c)
	}
	// An intent that was never answered has no place in the order of outcomes.
	sort.SliceStable(all, func(i, j int) bool { return all[i].seq > all[j].seq })
	if err := u.choose(all); err != nil {
		return nil, err
	}
	for _, id := range o.Earlier {
		if err := u.readEarlier(ctx, id); err != nil {
			return nil, err
		}
	}
	markVoid(u.changes)
	u.levels = order(u.changes)
	return u, nil
}

func undoable(state string) bool {
	switch state {
	case engine.StateDone, engine.StateResolved, engine.StateBegun, engine.StateDoubt:
		return true
	}
	return false
}

// read makes the change of a record.
func (u *Undo) read(rec *engine.CallRecord) (*change, error) {
	c := &change{
		seq: rec.Seq, key: rec.Key, name: rec.Operation, tenant: rec.Tenant, kind: rec.Kind,
		object: rec.Object, where: rec.Where, step: rec.Step, state: rec.State,
	}
	c.op, _ = u.o.Catalogue.Lookup(rec.Operation)
	w, err := u.open(c, rec, nil)
	if err != nil {
		return nil, err
	}
	if id := w.id(); id != "" {
		c.object = id
	}
	u.touch(c, w)
	return c, nil
}

// choose applies Only, and checks that Only and Force name something.
func (u *Undo) choose(all []*change) error {
	for _, pattern := range u.o.Only {
		if !anyOf(all, func(c *change) bool { return c.matches(pattern) }) {
			return nothing("--only", pattern, "no write of the run is of this operation, step or object", names(all))
		}
	}
	for _, object := range u.o.Force {
		if !anyOf(all, func(c *change) bool { return c.is(object) }) {
			return nothing("--force", object, "the run has written no such object", refs(all))
		}
	}
	for _, c := range all {
		chosen := len(u.o.Only) == 0
		for _, pattern := range u.o.Only {
			chosen = chosen || c.matches(pattern)
		}
		if chosen {
			u.changes = append(u.changes, c)
		}
	}
	return nil
}

func anyOf(all []*change, is func(c *change) bool) bool {
	for _, c := range all {
		if is(c) {
			return true
		}
	}
	return false
}

// matches reports whether a pattern of Only means a change.
func (c *change) matches(pattern string) bool {
	return glob(pattern, c.name) || c.step != "" && glob(pattern, c.step) || c.is(pattern) || glob(pattern, c.ref())
}

// is reports whether a name of Force means a change's object.
func (c *change) is(object string) bool {
	return object == c.ref() || c.object != "" && object == c.object
}

func (u *Undo) forced(c *change) bool {
	for _, object := range u.o.Force {
		if c.is(object) {
			return true
		}
	}
	return false
}

// glob matches a text against a pattern in which * stands for anything.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	rest, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, last)
}

// A NothingError says that a name given on the command line means nothing.
type NothingError struct {
	Option, Name, Problem, Nearest string
}

func (e *NothingError) Error() string { return fmt.Sprintf("%s %s: %s", e.Option, e.Name, e.Problem) }

// Hint is the nearest right name.
func (e *NothingError) Hint() string {
	if e.Nearest == "" {
		return "a0run undo RUN --plan lists what the run has written"
	}
	return "did you mean " + e.Nearest + "?"
}

// ExitCode is that of a usage error.
func (*NothingError) ExitCode() int { return engine.ExitUsage }

func nothing(option, name, problem string, known []string) error {
	return &NothingError{Option: option, Name: name, Problem: problem, Nearest: engine.Nearest(name, known)}
}

func names(all []*change) []string {
	return distinct(all, func(c *change) []string { return []string{c.name, c.step} })
}

func refs(all []*change) []string {
	return distinct(all, func(c *change) []string { return []string{c.ref()} })
}

func distinct(all []*change, of func(c *change) []string) []string {
	seen := map[string]bool{"": true}
	var out []string
	for _, c := range all {
		for _, name := range of(c) {
			if !seen[name] {
				seen[name] = true
				out = append(out, name)
			}
		}
	}
	return out
}

// readEarlier learns what an earlier undo has done, and under which ids it
// brought objects back: its tasks are named by the objects.
func (u *Undo) readEarlier(ctx context.Context, run string) error {
	for rec, err := range u.o.Journal.Load(ctx, run, 0) {
		if err != nil {
			return err
		}
		if !rec.Mutates || rec.State != engine.StateDone && rec.State != engine.StateResolved {
			continue
		}
		args, err := u.tree(rec.Args)
		if err != nil {
			return (&change{name: rec.Operation, where: rec.Where}).unreadable(err)
		}
		u.earlier[callHash(rec.Operation, args)] = true
		if rec.Effect == string(catalog.Create) && rec.Object != "" {
			ref := taskKey(rec.Task)
			u.again[ref] = append(u.again[ref], rec.Object)
		}
	}
	return nil
}

// taskKey is the key of the item whose task a path names.
func taskKey(path string) string {
	last := path[strings.LastIndexByte(path, '/')+1:]
	_, key, _ := strings.Cut(last, ".")
	return strings.ReplaceAll(strings.ReplaceAll(key, "%2F", "/"), "%25", "%")
}
