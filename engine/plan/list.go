package plan

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// reach is how many results a listing shows by page numbers.
const reach = 1000

// readList answers a listing of a collection. While the plan has changed
// nothing in it, and while its changes cannot move an item in or out, pages are
// the tenant's with the changed items in their place. Else the listing is read
// to its end, or as far as page numbers reach, and pages are cut from what the
// plan makes of it: so that a walk neither misses nor doubles an item.
func (x *call) readList(at place) engine.Outcome {
	if err := x.ownerMissing(at); err != nil {
		return engine.Outcome{Status: err.StatusCode, Err: err}
	}
	l := &listing{call: x, at: at, op: x.Operation, filter: newFilter(x, at)}
	p := x.p
	p.mu.Lock()
	coll := p.over.coll(at.tenant, at.coll)
	drops := p.over.hasDrops(at.tenant, at.kind.path)
	alone := p.aloneLocked(at)
	relinked := at.kind.path == "/connections" && (p.over.touched[at.tenant+" /clients"] || p.over.touched[at.tenant+" /connections"])
	p.mu.Unlock()
	holding := holds(x.Args, IsPlaceholder)
	switch {
	case alone || holding:
	case coll == nil && !drops && !relinked:
		out := x.pass()
		if raw, ok := out.Value.(json.RawMessage); ok && out.Err == nil {
			if _, chosen := x.Args.Get("fields"); !chosen {
				p.learnList(at, x.Operation, itemsOf(raw, x.Operation.Paging.Items))
			}
		}
		return out
	}
	l.coll, l.alone = coll, alone || holding && !l.filter.searches()
	return l.answer()
}

// A listing is one answer of a list, as the plan corrects it.
type listing struct {
	*call
	at     place
	op     *catalog.Operation
	filter *filter
	coll   *collection // nil where only drops matter
	side   *relSide    // for the list of a relation
	owner  string      // whose relation it is
	alone  bool        // the tenant has nothing to say
	// entered are objects of the tenant that a change has moved into the listing.
	entered []*engine.Object
	// lost are elements whose objects went together with another one.
	lost map[string]bool
	// late says that the fields wanted are chosen at the end.
	late bool
}

// A listPage is a page of a listing by number.
type listPage struct {
	start, limit, total int
	numbered            bool
}

// answer chooses the way.
func (l *listing) answer() engine.Outcome {
	if l.isSet() {
		return l.setList()
	}
	l.enter()
	style := l.op.Paging.Style
	byCursor := hasAny(l.Args, "from", "take")
	switch {
	case style == catalog.Whole:
		return l.whole()
	case style == catalog.Checkpoint, style == catalog.Both && byCursor:
		return l.checkpoint()
	case l.moves():
		return l.numbered()
	}
	return l.inPlace()
}

func hasAny(args *engine.Object, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { _, ok := args.Get(n); return ok })
}

// isSet reports whether the plan has set the list as a whole.
func (l *listing) isSet() bool {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	return l.coll != nil && l.coll.isSet
}

func (l *listing) setList() engine.Outcome {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	list := l.coll.replaced
	return l.given(wrapped(l.op, l.Args, list, listPage{limit: len(list), total: len(list), numbered: true}))
}

// moves reports whether the plan's changes can move an item in, out of, or
// within the listing.
func (l *listing) moves() bool {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	if l.alone || l.side != nil || l.p.over.hasDrops(l.at.tenant, l.at.kind.path) {
		return true
	}
	if l.coll == nil {
		return false
	}
	return len(l.coll.made) > 0 || l.coll.gone > 0 || l.filter.dependsOn(l.coll.fields)
}

// tenantArgs are the arguments with which the tenant is asked: whole objects,
// and no placeholders.
func (l *listing) tenantArgs(without ...string) *engine.Object {
	out := engine.NewObject(l.Args.Len())
	for name, v := range l.Args.All() {
		if name == "fields" || name == "include_fields" || slices.Contains(without, name) {
			continue
		}
		if name == "q" {
			v = withoutPlaceholders(textOf(v))
		}
		out.Set(name, v)
	}
	return out
}

// request asks the tenant for one answer, as whole objects.
func (l *listing) request(args *engine.Object) (engine.Outcome, []json.RawMessage) {
	out := l.ask(l.op, args)
	raw, _ := out.Value.(json.RawMessage)
	if out.Err != nil {
		return out, nil
	}
	items := itemsOf(raw, l.op.Paging.Items)
	if l.side == nil {
		l.p.learnList(l.at, l.op, items)
	} else {
		l.findLost(items)
	}
	return out, items
}

// corrected is an item of the tenant as the plan has left it; nil where it is
// not in the listing any more. The Planner's mutex is held.
func (l *listing) corrected(it item) any {
	if l.side != nil {
		return l.element(it)
	}
	raw, o := it.raw, it.tree
	id := field(o, l.at.kind.field)
	at := l.at.child(id)
	e := l.p.over.entry(at)
	now := o
	switch {
	case e != nil && (e.gone || e.made != nil && e.apart), l.p.over.dropped(l.at.tenant, l.at.kind.path, o):
		return nil // what the plan made anew is put in with what it made
	case e != nil && e.made != nil:
		now = e.made
	case e != nil:
		now = e.patch.apply(o)
		if l.filter.dependsOn(l.changedFields()) && !l.filter.matches(now, true) {
			return nil
		}
	}
	now = l.p.connected(at, now)
	if e == nil && now == o && (l.late || !l.picks()) {
		return raw
	}
	return l.pick(readable(l.at.kind.path, now))
}

// pick chooses the fields that the call wants, unless that is done later.
func (l *listing) pick(o *engine.Object) *engine.Object {
	if l.late {
		return o
	}
	return picker(l.Args)(o)
}

// changedFields are the fields that the plan has changed in the collection. The
// Planner's mutex is held.
func (l *listing) changedFields() map[string]bool {
	if c := l.p.over.coll(l.at.tenant, l.at.coll); c != nil {
		return c.fields
	}
	return nil
}

// picked chooses them of a page.
func (l *listing) picked(list []any) []any {
	if !l.picks() {
		return list
	}
	choose, out := picker(l.Args), make([]any, len(list))
	for i, v := range list {
		out[i] = choose(treeOf(v))
	}
	return out
}

// treeOf is an item as an object.
func treeOf(v any) *engine.Object {
	if raw, ok := v.(json.RawMessage); ok {
		return object(raw)
	}
	o, _ := v.(*engine.Object)
	return o
}

func (l *listing) picks() bool { return hasAny(l.Args, "fields") }

// whole answers a list of one answer.
func (l *listing) whole() engine.Outcome {
	var items []json.RawMessage
	out := engine.Outcome{Status: http.StatusOK}
	if !l.alone {
		if out, items = l.request(l.tenantArgs()); out.Err != nil {
			return out
		}
	}
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	list := l.kept(parsed(items))
	for _, o := range l.entering() {
		list = append(list, l.shown(o))
	}
	page := listPage{limit: len(list), total: len(list)}
	return engine.Outcome{Status: out.Status, Value: text(wrapped(l.op, l.Args, list, page))}
}

// shown is an object of the plan as the listing shows it.
func (l *listing) shown(o *engine.Object) any {
	if l.side != nil {
		return l.pick(o)
	}
	now := l.p.connected(l.at.child(field(o, l.at.kind.field)), o)
	return l.pick(readable(l.at.kind.path, now))
}

// kept are the tenant's items that are still in the listing.
func (l *listing) kept(items []item) []any {
	list := []any{}
	for _, it := range items {
		if v := l.corrected(it); v != nil {
			list = append(list, v)
		}
	}
	return list
}

// inPlace answers a page of the tenant with its changed items in their place.
func (l *listing) inPlace() engine.Outcome {
	out, items := l.request(l.tenantArgs())
	if out.Err != nil {
		return out
	}
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	list := l.kept(parsed(items))
	raw, _ := out.Value.(json.RawMessage)
	return engine.Outcome{Status: out.Status, Value: text(refilled(raw, l.op.Paging.Items, list))}
}

// refilled is an answer with another list in it.
func refilled(raw json.RawMessage, member string, list []any) any {
	wrap := object(raw)
	if wrap == nil {
		return list
	}
	out := shallow(wrap)
	out.Set(member, list)
	return out
}

// planCursor begins the cursors by which the overlay goes on by itself.
const planCursor = "a0run-plan:"

// checkpoint answers a page by cursor. What the plan has made comes behind the
// tenant's last page.
func (l *listing) checkpoint() engine.Outcome {
	take := l.number("take", 50)
	v, _ := l.Args.Get("from")
	mine, own := strings.CutPrefix(textOf(v), planCursor)
	var list []any
	next := ""
	if !own && !l.alone {
		out, items := l.request(l.tenantArgs())
		if out.Err != nil {
			return out
		}
		raw, _ := out.Value.(json.RawMessage)
		next = field(object(raw), "next")
		l.p.mu.Lock()
		list = l.kept(parsed(items))
		l.p.mu.Unlock()
	}
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	if next == "" {
		list, next = l.behind(list, mine, take)
	}
	if list == nil {
		list = []any{}
	}
	out := engine.NewObject(2)
	out.Set(l.op.Paging.Items, list)
	if next != "" {
		out.Set("next", next)
	}
	return l.given(out)
}

// behind appends what the plan has put in, from a cursor on, as far as the page
// has room.
func (l *listing) behind(list []any, cursor string, take int) ([]any, string) {
	from, _ := strconv.Atoi(cursor)
	entering := l.entering()
	for i := min(from, len(entering)); i < len(entering); i++ {
		if len(list) >= take {
			return list, planCursor + strconv.Itoa(i)
		}
		list = append(list, l.shown(entering[i]))
	}
	return list, ""
}

// number is an argument that counts.
func (l *listing) number(name string, preset int) int {
	v, _ := l.Args.Get(name)
	switch n := v.(type) {
	case int64:
		return int(n)
	case float64:
		return int(n)
	case string:
		if i, err := strconv.Atoi(n); err == nil {
			return i
		}
	}
	return preset
}

// numbered answers a page by number, cut from the whole.
func (l *listing) numbered() engine.Outcome {
	page, size := l.number("page", 0), l.number("per_page", 50)
	if (page+1)*size > reach || size < 0 || page < 0 {
		if !l.alone && !holds(l.Args, IsPlaceholder) {
			return l.pass() // the tenant refuses it in its own words
		}
		err := refusal(http.StatusBadRequest, "invalid_paging", "Requesting page exceeds the allowed maximum of 1000 records.", l.Name)
		return engine.Outcome{Status: err.StatusCode, Err: err}
	}
	s, err := l.session(page == 0)
	if err != nil {
		return engine.Outcome{Status: err.StatusCode, Err: err}
	}
	p := l.p
	p.mu.Lock()
	defer p.mu.Unlock()
	l.late = true
	list := l.kept(s.items)
	list = l.placed(list, s.more)
	total := len(list)
	if s.more {
		total = max(s.total-len(s.items)+total, total+1)
		list = list[:min(len(list), reach)]
	}
	start := min(page*size, len(list))
	cut := l.picked(list[start:min(start+size, len(list))])
	at := listPage{start: page * size, limit: size, total: total, numbered: true}
	if s.wrap != nil {
		return l.given(l.rewrapped(s.wrap, cut, at))
	}
	return l.given(wrapped(l.op, l.Args, cut, at))
}

// rewrapped is the tenant's own form of a page with other contents.
func (l *listing) rewrapped(wrap *engine.Object, cut []any, at listPage) any {
	if asked, ok := l.Args.Get("include_totals"); takes(l.op, "include_totals") && (!ok || fmt.Sprint(asked) != "true") {
		return cut
	}
	out := shallow(wrap)
	for name, n := range map[string]int{"start": at.start, "limit": at.limit, "length": len(cut), "total": at.total} {
		if _, has := out.Get(name); has {
			out.Set(name, int64(n))
		}
	}
	out.Set(l.op.Paging.Items, cut)
	return out
}

func takes(op *catalog.Operation, name string) bool {
	a, ok := op.Arg(name)
	return ok && a.Name == name
}

// wrapped is the answer of a listing of which the tenant has given no example.
func wrapped(op *catalog.Operation, args *engine.Object, list []any, at listPage) any {
	if list == nil {
		list = []any{}
	}
	v, _ := args.Get("include_totals")
	asked := fmt.Sprint(v) == "true"
	if op.Paging.Items == "" || takes(op, "include_totals") && !asked && !hasAny(args, "from", "take") && op.Paging.Style != catalog.Checkpoint {
		return list
	}
	out := engine.NewObject(5)
	if op.Paging.Style == catalog.Offset || asked {
		limit := at.limit
		if limit == 0 {
			limit = 50
		}
		out.Set("start", int64(at.start))
		out.Set("limit", int64(limit))
		if op.Paging.Sliced {
			out.Set("length", int64(len(list)))
		}
		out.Set("total", int64(at.total))
	}
	out.Set(op.Paging.Items, list)
	return out
}

// placed puts what the plan has put in into its place in the order; without an
// order, or where the tenant has more than it shows, only where that is known.
func (l *listing) placed(list []any, more bool) []any {
	entering := l.entering()
	by := l.filter.order
	if by == nil {
		if more {
			return list
		}
		for _, o := range entering {
			list = append(list, l.shown(o))
		}
		return list
	}
	if l.coll != nil && l.coll.fields[by.path[0]] {
		slices.SortStableFunc(list, func(a, b any) int { return by.compare(treeOf(a), treeOf(b)) })
	}
	slices.SortStableFunc(entering, by.compare)
	var out []any
	i := 0
	for _, o := range entering {
		for i < len(list) && by.compare(treeOf(list[i]), o) <= 0 {
			out = append(out, list[i])
			i++
		}
		if i == len(list) && more {
			return out // further on, where page numbers do not reach
		}
		out = append(out, l.shown(o))
	}
	return append(out, list[i:]...)
}
