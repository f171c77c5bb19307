package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// RenderOptions say how a plan is shown.
type RenderOptions struct {
	// Full shows every object, however many change in the same way, and values
	// unshortened.
	Full bool
	// Limit is how many objects of one shape of change are shown; 0 means 200.
	Limit int
	// Paint colours a text by its sign ("+", "~", "-", "!", "=" or "" for
	// headings); nil leaves it as it is.
	Paint func(sign, text string) string
	// Rate is that of Plan.Estimate; nil means no limits.
	Rate func(tenant, bucket string) Rate
	// Catalogue is the table of operations; nil means the default one.
	Catalogue *catalog.Table
	// Redact hides what it knows; nil hides nothing beyond what the plan hides.
	Redact func(string) string
}

func (o RenderOptions) filled() RenderOptions {
	if o.Limit <= 0 {
		o.Limit = 200
	}
	if o.Paint == nil {
		o.Paint = func(_, text string) string { return text }
	}
	if o.Catalogue == nil {
		o.Catalogue = catalog.Default()
	}
	if o.Redact == nil {
		o.Redact = func(s string) string { return s }
	}
	return o
}

// A group is one object with its changes.
type group struct {
	sign    string
	title   string
	where   string
	lines   []line
	shape   string
	kind    string
	changes []*Change
	first   *Change // by task and call
}

// A line is one line of a diff.
type line struct{ sign, text string }

// A block is a run of groups: all of them, or the first of many of one shape.
type block struct {
	groups []group
	more   int // of the same shape, not shown
	of     group
}

// A view prepares a plan for showing.
type view struct {
	plan  *Plan
	o     RenderOptions
	names map[string]string // of what the plan creates, by its placeholder's core
}

func newView(p *Plan, o RenderOptions) *view {
	v := &view{plan: p, o: o.filled(), names: map[string]string{}}
	for _, c := range p.Changes {
		if core := coreOf(c.Object); core != "" && v.names[core] == "" {
			name := "the new " + c.Kind
			if c.Name != "" {
				name += " " + quoted(c.Name)
			}
			v.names[core] = name
		}
	}
	return v
}

// say makes a text fit to be shown: without control characters, with names in
// the place of placeholders.
func (v *view) say(s string) string {
	for i := findPlaceholder(s); i >= 0; i = findPlaceholder(s) {
		core := s[i : i+len(placeholderMark)+placeholderDigits]
		begin := i
		for begin > 0 && isWord(s[begin-1]) {
			begin--
		}
		name := v.names[core]
		if name == "" {
			name = "(known after apply)"
		}
		s = s[:begin] + "‹" + name + "›" + s[i+len(core):]
	}
	return printable(v.o.Redact(s))
}

// value is a JSON value for people.
func (v *view) value(raw json.RawMessage, hidden bool) string {
	switch {
	case hidden:
		return hiddenText
	case len(raw) == 0:
		return "(not there)"
	}
	s := v.say(string(raw))
	if !v.o.Full {
		s = shorten(s, 100)
	}
	return s
}

// groups are the objects that change, in the order of the first call that
// changes each.
func (v *view) groups() []group {
	at := map[string]int{}
	var out []group
	for _, c := range v.plan.Changes {
		if c.NoChange {
			continue
		}
		key := c.place()
		if c.Object == "" || c.Refused != nil || c.Kind == engine.KindHosts {
			key = c.Key
		}
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, group{first: c})
		}
		g := &out[i]
		g.changes = append(g.changes, c)
		if compareCalls(c, g.first) < 0 {
			g.first = c
		}
	}
	slices.SortStableFunc(out, func(a, b group) int { return compareCalls(a.first, b.first) })
	for i := range out {
		g := &out[i]
		arrange(g.changes)
		c := g.changes[0]
		g.sign, g.title, g.where, g.kind = signOf(c), v.title(c), c.Where, c.Kind
		for n, c := range g.changes {
			if n > 0 {
				g.lines = append(g.lines, line{signOf(c), v.say(fmt.Sprintf("then %s %s", verbOf(c), c.Where))})
			}
			g.lines = append(g.lines, v.lines(c)...)
		}
		g.shape = v.shape(g)
	}
	return out
}

// signOf is how a change is marked.
func signOf(c *Change) string {
	switch {
	case c.Refused != nil:
		return "="
	case c.Effect == catalog.Create:
		return "+"
	case c.Effect == catalog.Delete:
		return "-"
	case c.Effect == catalog.Act, len(c.Fields) == 0:
		return "!"
	}
	return "~"
}

func (v *view) title(c *Change) string {
	title := c.title()
	switch {
	case c.Kind == engine.KindHosts:
		title = c.Operation + ": " + title
	case c.Effect == catalog.Act || signOf(c) == "!":
		title = c.Operation + " on " + title
	}
	if c.Tenant != "" && len(v.plan.Tenants) > 1 {
		title = c.Tenant + ": " + title
	}
	return v.say(title)
}

// lines are the lines of one change.
func (v *view) lines(c *Change) []line {
	var out []line
	width := 0
	for _, f := range c.Fields {
		width = max(width, min(len(f.Path), 40))
	}
	for _, f := range c.Fields {
		out = append(out, v.field(c, f, width)...)
	}
	if len(c.With) > 0 {
		out = append(out, line{"-", "with it: " + strings.Join(c.With, ", ")})
	}
	if c.Refused != nil {
		out = append(out, line{"=", v.say(fmt.Sprintf("the tenant refuses it: %d: %s", c.Refused.Status, c.Refused.Message))})
	}
	for _, u := range c.Unknown {
		out = append(out, line{"!", v.say("cannot know " + u)})
	}
	return out
}

func (v *view) field(c *Change, f Field, width int) []line {
	path := fmt.Sprintf("%-*s", width, v.say(f.Path))
	switch {
	case c.Kind == engine.KindFiles && len(f.Old) > 0 && !f.Hidden && strings.HasPrefix(string(f.New), `"--- `):
		return v.textDiff(f)
	case len(f.Old) == 0 && len(f.New) == 0:
		return nil
	case len(f.Old) == 0 || len(f.Old) == 4 && string(f.Old) == "null" && c.Effect == catalog.Create:
		return []line{{"+", path + "  " + v.value(f.New, f.Hidden)}}
	case len(f.New) == 0:
		return []line{{"-", path + "  " + v.value(f.Old, f.Hidden)}}
	}
	return []line{{"~", path + "  " + v.value(f.Old, f.Hidden) + " → " + v.value(f.New, f.Hidden)}}
}

// textDiff are the changed lines of a file.
func (v *view) textDiff(f Field) []line {
	var diff string
	if json.Unmarshal(f.New, &diff) != nil {
		return nil
	}
	var out []line
	for i, l := range strings.Split(strings.TrimSuffix(diff, "\n"), "\n") {
		if i < 2 || strings.HasPrefix(l, "\\") {
			continue // names of the two sides
		}
		if len(out) == 40 && !v.o.Full {
			return append(out, line{"", "…"})
		}
		sign := ""
		if l != "" && (l[0] == '+' || l[0] == '-') {
			sign = l[:1]
		}
		out = append(out, line{sign, v.say(strings.TrimPrefix(l, sign))})
	}
	return out
}

// shape is what objects that change in the same way have in common.
func (v *view) shape(g *group) string {
	if len(g.changes) != 1 {
		return ""
	}
	c := g.changes[0]
	parts := []string{g.sign, c.Tenant, c.Kind, c.Operation}
	for _, f := range c.Fields {
		path := f.Path
		if i := strings.IndexByte(path, '['); i >= 0 {
			path = path[:i]
		}
		parts = append(parts, path)
	}
	return strings.Join(parts, "\x00")
}

// blocks are the groups with what is of one shape cut to the limit.
func (v *view) blocks() []block {
	groups := v.groups()
	sizes := map[string]int{}
	for _, g := range groups {
		sizes[g.shape]++
	}
	shown := map[string]int{}
	var out []block
	var current block
	flush := func() {
		if len(current.groups) > 0 || current.more > 0 {
			out = append(out, current)
		}
		current = block{}
	}
	for _, g := range groups {
		shown[g.shape]++
		if v.o.Full || g.shape == "" || sizes[g.shape] <= v.o.Limit || shown[g.shape] <= v.o.Limit {
			current.groups = append(current.groups, g)
			continue
		}
		if shown[g.shape] == v.o.Limit+1 {
			current.more, current.of = sizes[g.shape]-v.o.Limit, v.common(groups, g)
			flush()
		}
	}
	flush()
	return out
}

// common is a group of what all of one shape have in common: values only where
// they are the same.
func (v *view) common(groups []group, of group) group {
	out := of
	first := of.changes[0]
	out.lines = nil
	for i, f := range first.Fields {
		same := true
		for _, g := range groups {
			if g.shape == of.shape {
				other := g.changes[0].Fields[i]
				same = same && string(other.Old) == string(f.Old) && string(other.New) == string(f.New)
			}
		}
		path, _, _ := strings.Cut(f.Path, "[")
		if same {
			out.lines = append(out.lines, v.field(first, Field{Path: path, Old: f.Old, New: f.New, Hidden: f.Hidden}, 0)...)
		} else {
			out.lines = append(out.lines, line{"~", path})
		}
	}
	return out
}

// unchanged counts the calls that find everything as they want it.
func (v *view) unchanged() int {
	n := 0
	for _, c := range v.plan.Changes {
		if c.NoChange {
			n++
		}
	}
	return n
}

// scopes are lines of scopes by tenant.
func (v *view) scopes() []string {
	var out []string
	all := v.plan.Scopes(v.o.Catalogue)
	var roles []string
	for role := range all {
		roles = append(roles, role)
	}
	slices.Sort(roles)
	for _, role := range roles {
		text := strings.Join(all[role], " ")
		if len(roles) > 1 {
			text = role + ": " + text
		}
		out = append(out, text)
	}
	return out
}

// headline is the plan in one sentence.
func (v *view) headline() string {
	n := map[string]int{}
	for _, c := range v.plan.Changes {
		if c.pending() {
			n[signOf(c)]++
		}
	}
	if len(n) == 0 {
		return "Nothing would change."
	}
	var parts []string
	for _, x := range [][2]string{{"+", "to add"}, {"~", "to change"}, {"-", "to delete"}, {"!", "action"}} {
		switch m := n[x[0]]; {
		case m > 0 && x[0] == "!":
			parts = append(parts, count(m, x[1]))
		case m > 0:
			parts = append(parts, fmt.Sprintf("%s %s", thousands(m), x[1]))
		}
	}
	return strings.Join(parts, ", ") + "."
}

// thousands writes a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count is a number of things.
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + one + "s"
}

// findAll is what is said of n calls that would change nothing.
func findAll(n int) string {
	if n == 1 {
		return "call finds everything as it wants it"
	}
	return "calls find everything as they want it"
}

// work is the estimate in a sentence.
func (v *view) work() string {
	e := v.plan.Estimate(v.o.Catalogue, v.o.Rate)
	text := fmt.Sprintf("Applying it takes about %s: %s, %s, %s at what stands there",
		count(e.Calls, "request"), count(e.Writes, "write"), count(e.Calls-e.Writes-e.Checks, "read"), count(e.Checks, "look"))
	if e.Takes > 0 {
		text += "; at the tenant's rate at least " + e.Takes.Round(1e9).String()
	}
	return text + "."
}
