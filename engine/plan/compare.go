package plan

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"a0run/engine"
)

// A Difference is one way in which a run is not what the plan says.
type Difference struct {
	// What is "playbook", "file", "params", "tenant", "input", "change" or
	// "before".
	What  string `json:"what"`
	Key   string `json:"key,omitempty"`
	Where string `json:"where,omitempty"`
	// Text is a sentence that names object and field.
	Text string `json:"text"`
	// beside says that a task of a parallel call would write something else.
	beside bool
}

// What to do about a plan that is not what would be done now, and about one of
// which that may have no other reason than the order of its tasks' answers: making
// it again helps nothing then.
const (
	planAgain  = "make the plan again and look at it"
	besideHint = "; where tasks side by side decide together what is written, every plan is another one: concurrency = 1 makes it repeatable"
)

// beside reports whether a task is one of a parallel call.
func beside(task string) bool { return strings.Contains(task, "/") }

// Compare tells in what a fresh plan differs from a saved one; nothing where it
// would change the very same. The inputs' own differences (Inputs.Differences)
// are not among them.
func Compare(saved, fresh *Plan) []Difference {
	out := compareHeads(saved, fresh)
	was, is := saved.byKey(), fresh.byKey()
	before, now := saved.touches(), fresh.touches()
	var lost, came []*Change
	for _, c := range saved.Changes {
		same := is[c.Key]
		if same == nil {
			lost = append(lost, c)
			continue
		}
		text := otherRefusal(c, same)
		switch a, b := before[c.place()], now[same.place()]; {
		case text != "":
		case !a.many() && !b.many():
			text = moved(saved, fresh, c, same)
		case a != nil && b != nil && a.first == c:
			text = compareTouch(saved, fresh, a, b)
		}
		if text != "" {
			out = append(out, Difference{What: "before", Key: c.Key, Where: c.Where, Text: text})
		}
	}
	for _, c := range fresh.Changes {
		if was[c.Key] == nil {
			came = append(came, c)
		}
	}
	out = append(out, compareEnds(saved, fresh)...)
	return append(out, compareSets(lost, came)...)
}

// compareEnds tells of a playbook that ends otherwise.
func compareEnds(saved, fresh *Plan) []Difference {
	switch {
	case saved.Error == fresh.Error:
		return nil
	case fresh.Error == "":
		return []Difference{{What: "change", Text: "the playbook now reaches its end; when the plan was made it ended with: " + saved.Error}}
	}
	return []Difference{{What: "change", Text: "the playbook ended with an error: " + fresh.Error}}
}

func compareHeads(saved, fresh *Plan) []Difference {
	var out []Difference
	add := func(what, format string, args ...any) {
		out = append(out, Difference{What: what, Text: fmt.Sprintf(format, args...)})
	}
	if saved.Playbook.Hash != fresh.Playbook.Hash {
		add("playbook", "the playbook %s was changed since the plan was made", fresh.Playbook.Path)
	}
	for _, f := range saved.Files {
		i := slices.IndexFunc(fresh.Files, func(x File) bool { return x.Path == f.Path })
		switch {
		case i < 0:
			add("file", "%s is not used any more", f.Path)
		case fresh.Files[i].Hash != f.Hash:
			add("file", "%s was changed since the plan was made", f.Path)
		}
	}
	for _, f := range fresh.Files {
		if !slices.ContainsFunc(saved.Files, func(x File) bool { return x.Path == f.Path }) {
			add("file", "%s was not used when the plan was made", f.Path)
		}
	}
	for _, t := range saved.Tenants {
		i := slices.IndexFunc(fresh.Tenants, func(x Tenant) bool { return x.Role == t.Role })
		switch {
		case i < 0:
			add("tenant", "no tenant stands for the role %s, which was %s", t.Role, t.Domain)
		case fresh.Tenants[i].Domain != t.Domain:
			add("tenant", "the role %s is the tenant %s; the plan was made for %s", t.Role, fresh.Tenants[i].Domain, t.Domain)
		}
	}
	if !bytes.Equal(canonical(plain(saved.Params)), canonical(plain(fresh.Params))) {
		add("params", "the parameters are not those of the plan")
	}
	return out
}

// otherRefusal tells of a call that the tenant would refuse in one of two plans
// only; "" where there is none. What stands there is compared apart: an object
// that is changed more than once, perhaps by tasks whose order nobody knows, as
// it was before the first of its changes.
func otherRefusal(was, is *Change) string {
	switch {
	case was.Refused == nil && is.Refused != nil:
		return fmt.Sprintf("%s: the tenant would refuse it now (%d: %s)", was.title(), is.Refused.Status, is.Refused.Message)
	case was.Refused != nil && is.Refused == nil:
		return fmt.Sprintf("%s: the tenant refused it when the plan was made (%d: %s), and would do it now", was.title(), was.Refused.Status, was.Refused.Message)
	}
	return ""
}

// A touch is what a plan does to one object.
type touch struct {
	first    *Change // that found the object as it stood in the tenant
	calls    int
	elements map[string]bool // of a relation: whether it was in before
}

func (t *touch) many() bool { return t != nil && t.calls > 1 }

// touches are the objects that a plan changes, by place.
func (p *Plan) touches() map[string]*touch {
	out := map[string]*touch{}
	for _, c := range p.Changes {
		if c.Refused != nil || c.Object == "" {
			continue
		}
		t := out[c.place()]
		if t == nil {
			t = &touch{first: c}
			out[c.place()] = t
		}
		t.calls++
		if c.Before == nil || c.Before.Digest != "" || !c.Before.Found {
			continue
		}
		for _, f := range c.Fields {
			if t.elements == nil {
				t.elements = map[string]bool{}
			}
			if _, seen := t.elements[f.Path]; !seen {
				t.elements[f.Path] = len(f.Old) > 0
			}
		}
	}
	return out
}

// compareTouch tells in what an object that is changed several times does not
// stand as it did.
func compareTouch(saved, fresh *Plan, was, is *touch) string {
	title := was.first.title()
	for path, in := range was.elements {
		now, known := is.elements[path]
		if !known || now != in {
			return fmt.Sprintf("%s: %s was %s when the plan was made, and is not so now", title, path, map[bool]string{true: "in", false: "absent"}[in])
		}
	}
	for path := range is.elements {
		if _, known := was.elements[path]; !known {
			return title + ": " + path + " was as the plan wants it, and is not so now"
		}
	}
	a, b := was.first.Before, is.first.Before
	switch {
	case a == nil || b == nil, a.Digest == b.Digest && a.Found == b.Found:
		return ""
	case a.Found != b.Found && b.Found:
		return title + ": it was not there when the plan was made"
	case a.Found != b.Found:
		return title + ": it is not there any more"
	}
	return title + ": " + otherFields(saved, fresh, a, b) + " changed since the plan was made"
}

// moved tells in what the place of a change is not as the plan saw it; "" where
// it is.
func moved(saved, fresh *Plan, was, is *Change) string {
	for _, f := range was.Fields {
		i := slices.IndexFunc(is.Fields, func(x Field) bool { return x.Path == f.Path })
		if i < 0 {
			return fmt.Sprintf("%s: %s was %s when the plan was made, and is already as the plan wants it", was.title(), f.Path, valueText(f.Old, f.Hidden))
		}
		if now := is.Fields[i]; !sameOld(f, now, was.Before) {
			return fmt.Sprintf("%s: %s was %s when the plan was made, and is %s now", was.title(), f.Path,
				valueText(f.Old, f.Hidden), valueText(now.Old, now.Hidden))
		}
	}
	for _, f := range is.Fields {
		if !slices.ContainsFunc(was.Fields, func(x Field) bool { return x.Path == f.Path }) {
			return fmt.Sprintf("%s: %s was as the plan wants it, and is %s now", was.title(), f.Path, valueText(f.Old, f.Hidden))
		}
	}
	a, b := was.Before, is.Before
	switch {
	case a == nil || b == nil, a.Digest == b.Digest && a.Found == b.Found:
		return ""
	case a.Found != b.Found && b.Found:
		return was.title() + ": it was not there when the plan was made"
	case a.Found != b.Found:
		return was.title() + ": it is not there any more"
	}
	return was.title() + ": " + otherFields(saved, fresh, a, b) + " changed since the plan was made"
}

// sameOld compares what stood in a field. Elements of a relation are there or
// not; their values are only names for people.
func sameOld(was, is Field, before *Before) bool {
	if before != nil && before.Found && before.Digest == "" {
		return (len(was.Old) == 0) == (len(is.Old) == 0)
	}
	return bytes.Equal(was.Old, is.Old)
}

// otherFields names the fields in which two objects differ.
func otherFields(saved, fresh *Plan, a, b *Before) string {
	was, is := sumsOf(saved, a), sumsOf(fresh, b)
	var names []string
	for name, sum := range was {
		if is[name] != sum {
			names = append(names, name)
		}
	}
	for name := range is {
		if _, had := was[name]; !had {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "something of it"
	}
	return strings.Join(names, ", ")
}

func sumsOf(p *Plan, b *Before) map[string]string {
	out := map[string]string{}
	if b.Shape >= len(p.Shapes) {
		return out
	}
	for i, name := range strings.Fields(p.Shapes[b.Shape]) {
		if 4*i+4 <= len(b.Sums) {
			out[name] = string(b.Sums[4*i : 4*i+4])
		}
	}
	return out
}

// compareSets tells of changes that are in one plan only. Two of one place and
// operation are one change that has become another.
func compareSets(lost, came []*Change) []Difference {
	var out []Difference
	for _, c := range lost {
		i := slices.IndexFunc(came, func(x *Change) bool { return x.Task == c.Task && x.Operation == c.Operation && x.Object == c.Object })
		if i < 0 {
			out = append(out, Difference{What: "change", Key: c.Key, Where: c.Where, Text: "the plan would " + c.Summary + "; a run would not do so now"})
			continue
		}
		out = append(out, Difference{
			What: "change", Key: c.Key, Where: c.Where,
			Text:   "the plan would " + c.Summary + "; a run would now send other values: " + came[i].argsText(),
			beside: beside(c.Task),
		})
		came = slices.Delete(came, i, i+1)
	}
	for _, c := range came {
		out = append(out, Difference{What: "change", Key: c.Key, Where: c.Where, Text: "a run would now " + c.Summary + "; the plan does not hold that"})
	}
	return out
}

// place names what a change touches, for maps.
func (c *Change) place() string { return c.Tenant + " " + c.Kind + " " + c.Object }

// title names what a change touches.
func (c *Change) title() string {
	switch {
	case c.Kind == engine.KindHosts:
		return c.Name + " to " + c.Object
	case c.Name != "" && c.Object != "" && !IsPlaceholder(c.Object):
		return c.Kind + " " + c.Object + " (" + c.Name + ")"
	case c.Name != "":
		return c.Kind + " " + quoted(c.Name)
	case c.Object != "":
		return c.Kind + " " + c.Object
	}
	return c.Kind
}

func (c *Change) argsText() string { return shorten(string(c.Args), 120) }

// valueText is a value for a sentence.
func valueText(raw []byte, hidden bool) string {
	switch {
	case hidden:
		return hiddenText
	case len(raw) == 0:
		return "absent"
	}
	return shorten(printable(string(raw)), 80)
}

// Moved is the error with which a run ends that is not what the plan says; it
// has exit code 6.
func Moved(differences []Difference) *engine.Error {
	lines := make([]string, 0, len(differences))
	hint := planAgain
	if slices.ContainsFunc(differences, func(d Difference) bool { return d.beside }) {
		hint += besideHint
	}
	for i, d := range differences {
		if i == 10 {
			lines = append(lines, fmt.Sprintf("and %d more", len(differences)-i))
			break
		}
		line := d.Text
		if d.Where != "" {
			line = d.Where + ": " + line
		}
		lines = append(lines, line)
	}
	return &engine.Error{
		Name: engine.NameMovedError, ResetAt: -1,
		Message:  "this is not what the plan says; nothing was written\n" + strings.Join(lines, "\n"),
		HintText: hint,
	}
}
