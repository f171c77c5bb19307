package catalog

import (
	"sort"
	"strings"
	"sync"
)

// A Table is the whole catalogue, indexed by every name. It is read-only: the
// operations it hands out are shared by everybody.
type Table struct {
	all    []*Operation
	byName map[string]*Operation
	groups map[string][]*Operation
}

// Default is the one table of this program, built at its first use.
func Default() *Table { return defaultTable() }

var defaultTable = sync.OnceValue(newTable) //nolint:gochecknoglobals // the table is immutable and the same for everybody; OnceValue builds it at most once, and never for `a0run version`

func newTable() *Table {
	size := 0
	for _, ops := range tables() {
		size += len(ops)
	}
	t := &Table{
		all:    make([]*Operation, 0, size),
		byName: make(map[string]*Operation, 2*size),
		groups: make(map[string][]*Operation, size/4),
	}
	for _, ops := range tables() {
		for i := range ops {
			t.all = append(t.all, &ops[i])
		}
	}
	sort.Slice(t.all, func(i, j int) bool { return t.all[i].ID < t.all[j].ID })
	for _, op := range t.all {
		t.byName[op.ID] = op
		group := op.Group()
		t.groups[group] = append(t.groups[group], op)
	}
	for _, op := range t.all {
		for _, alias := range op.Aliases {
			if _, taken := t.byName[alias]; !taken {
				t.byName[alias] = op
			}
		}
	}
	return t
}

// All lists every operation, sorted by ID. The slice is the table's own.
func (t *Table) All() []*Operation { return t.all }

// Lookup finds an operation by its ID or one of its aliases.
func (t *Table) Lookup(name string) (*Operation, bool) {
	op, ok := t.byName[name]
	return op, ok
}

// Group lists the operations whose ID is directly in group ("users"), sorted.
func (t *Table) Group(group string) []*Operation { return t.groups[group] }

// Groups lists the groups that have operations, sorted.
func (t *Table) Groups() []string {
	names := make([]string, 0, len(t.groups))
	for name := range t.groups {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Names lists every name that Lookup knows, sorted.
func (t *Table) Names() []string {
	names := make([]string, 0, len(t.byName))
	for name := range t.byName {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Group is the part of the ID before its last dot: "users" of "users.update".
func (o *Operation) Group() string {
	return o.ID[:max(strings.LastIndexByte(o.ID, '.'), 0)]
}

// Method is the part of the ID behind its last dot: "update" of "users.update".
func (o *Operation) Method() string {
	return o.ID[strings.LastIndexByte(o.ID, '.')+1:]
}

// Arg finds an argument by its name, its name in the Python SDK or its name on
// the wire, in this order.
func (o *Operation) Arg(name string) (*Arg, bool) {
	for _, is := range []func(*Arg) bool{
		func(a *Arg) bool { return a.Name == name },
		func(a *Arg) bool { return a.Python == name && name != "" },
		func(a *Arg) bool { return a.Wire == name && name != "" },
	} {
		for i := range o.Args {
			if is(&o.Args[i]) {
				return &o.Args[i], true
			}
		}
	}
	return nil, false
}

// Positional are the arguments given by position: the required ones, in order.
func (o *Operation) Positional() []Arg {
	n := 0
	for n < len(o.Args) && o.Args[n].Required {
		n++
	}
	return o.Args[:n:n]
}

// IsListing reports whether the operation's answer is a list of objects, which
// list, all and each walk.
func (o *Operation) IsListing() bool { return o.Paging.Style != NoPaging }

// TakesBody reports whether the operation has a request body.
func (o *Operation) TakesBody() bool { return o.Body != NoBody }
