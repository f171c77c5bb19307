package sim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"a0run/client/catalog"
	"a0run/client/sim/store"
)

// reachable is how many results a listing shows by page numbers.
const reachable = 1000

func joined(ids []string) string { return strings.Join(ids, "\x1f") }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// A listing is what a list operation walks: a collection, or the objects of
// one already chosen.
type listing struct {
	key store.Key
	// view makes the object shown of the object stored; nil leaves it out.
	view func(object) object
	// chosen are the objects themselves, where there is no collection.
	chosen []object
	fixed  bool // chosen is set, even when it is empty
	keep   []func(object) bool
	length bool // answers with totals have a length too
	// total is how many there are beyond those chosen.
	beyond int
	// choose, where it is set, finds a page and how many there are: a listing
	// that knows a shorter way than to look at everything.
	choose func(tx *store.Tx, start, n int) ([]object, int)
}

// filters adds a condition for each query argument that is not about paging
// nor one of those that the caller reads itself.
func (l *listing) filters(c *call, but ...string) {
	for i := range c.op.Args {
		a := &c.op.Args[i]
		if a.In != catalog.InQuery || pagingArg(a.WireName()) || !c.query.Has(a.WireName()) || slices.Contains(but, a.WireName()) {
			continue
		}
		name := a.WireName()
		want := strings.Split(strings.Join(c.query[name], ","), ",")
		l.keep = append(l.keep, func(o object) bool { return fieldIs(o, name, want) })
	}
}

// pagingArg names the query arguments that do not compare a field.
func pagingArg(name string) bool {
	switch name {
	case "page", "per_page", "include_totals", "from", "take", "fields", "include_fields", "sort", "q",
		"search_engine", "primary_order", "installed", "consider_brute_force_enablement", "name_filter",
		"from_timestamp", "disabled", "to", "identifier", "date_from", "date_to", "default_for", "include_client_association_for",
		"hydrate", "synchronous":
		return true
	}
	return false
}

func fieldIs(o object, name string, want []string) bool {
	switch name { // parameters whose field has another name
	case "is_global":
		name = "global"
	case "actionName":
		name = "name"
	case "statuses":
		name = "status"
	case "event_types":
		name = "event_type"
	case "client_id":
		if o["clientID"] != nil { // a grant's
			name = "clientID"
		}
	case "search": // of a group
		return slices.ContainsFunc(want, func(s string) bool { return strings.Contains(strings.ToLower(str(o, "name")), strings.ToLower(s)) })
	case "deployed":
		name = "all_changes_deployed"
	case "triggerId":
		if o[name] != nil { // a hook's
			break
		}
		return slices.ContainsFunc(items(o, "supported_triggers"), func(v any) bool {
			t, _ := v.(object)
			return slices.Contains(want, str(t, "id"))
		})
	case "identifiers":
		return slices.Contains(want, str(o, "identifier"))
	case "grant_ids":
		return slices.Contains(want, str(o, "id"))
	}
	v, has := o[name]
	if !has {
		// A flag that was never set is off.
		return len(want) == 1 && want[0] == "false"
	}
	if l, ok := v.([]any); ok {
		return slices.ContainsFunc(l, func(e any) bool { return slices.Contains(want, fmt.Sprint(e)) })
	}
	return slices.Contains(want, fmt.Sprint(v))
}

func (l *listing) matches(o object) bool {
	for _, keep := range l.keep {
		if !keep(o) {
			return false
		}
	}
	return true
}

// seen is the object shown for one stored, nil when the listing leaves it out.
func (l *listing) seen(o object) object {
	if l.view != nil {
		if o = l.view(o); o == nil {
			return nil
		}
	}
	if !l.matches(o) {
		return nil
	}
	return o
}

func (l *listing) all(tx *store.Tx) []object {
	from := l.chosen
	if !l.fixed {
		from = tx.All(l.key)
	}
	if l.view == nil && len(l.keep) == 0 {
		return from
	}
	var out []object
	for _, o := range from {
		if o = l.seen(o); o != nil {
			out = append(out, o)
		}
	}
	return out
}

// slice is one page by number, and how many there are.
func (l *listing) slice(tx *store.Tx, start, n int) ([]object, int) {
	if l.choose != nil {
		return l.choose(tx, start, n)
	}
	if !l.fixed && l.view == nil && len(l.keep) == 0 {
		return tx.Page(l.key, start, n), tx.Len(l.key)
	}
	all := l.all(tx)
	if start >= len(all) {
		return nil, len(all) + l.beyond
	}
	return all[start:min(start+n, len(all))], len(all) + l.beyond
}

// after is one page by cursor, and the next cursor.
func (l *listing) after(tx *store.Tx, place uint64, n int) ([]object, uint64) {
	if l.fixed {
		all := l.all(tx)
		if int(place) >= len(all) {
			return nil, place
		}
		page := all[place:min(int(place)+n, len(all))]
		return page, place + uint64(len(page))
	}
	var out []object
	for len(out) < n {
		batch, last := tx.After(l.key, place, n-len(out))
		if len(batch) == 0 {
			break
		}
		place = last
		for _, o := range batch {
			if o = l.seen(o); o != nil {
				out = append(out, o)
			}
		}
	}
	return out, place
}

// page answers a listing as its operation pages.
func (c *call) page(l listing) reply {
	if l.choose == nil {
		l.filters(c)
	}
	return c.pageOf(l)
}

// pageOf is page for a listing whose conditions stand.
func (c *call) pageOf(l listing) reply {
	p := c.op.Paging
	if p.Style == catalog.Whole {
		return c.whole(l)
	}
	wraps := p.Items != "" && !c.takes("include_totals")
	asked := c.query.Has("take") || c.query.Has("from")
	switch {
	case p.Style == catalog.LogPaging && asked:
		return c.logPage(l)
	case c.rt.path == "/custom-domains" && !asked:
		return c.ok(c.showAll(l.all(c.tx))) // older than its checkpoints
	case p.Style == catalog.Checkpoint || p.Style == catalog.Both && asked:
		return c.checkpoint(l)
	}
	page, size, rep := c.pageArgs()
	if rep != nil {
		return *rep
	}
	objects, total := l.slice(c.tx, page*size, size)
	shownAll := c.showAll(objects)
	totals, _ := strconv.ParseBool(c.query.Get("include_totals"))
	switch {
	case wraps:
		return c.ok(object{p.Items: shownAll, "total": total, "per_page": size})
	case !totals || p.Items == "":
		return c.ok(shownAll)
	}
	out := object{"start": page * size, "limit": size, "total": total, p.Items: shownAll}
	if l.length {
		out["length"] = len(shownAll)
	}
	return c.ok(out)
}

// takes reports whether the operation has a query argument.
func (c *call) takes(name string) bool {
	for i := range c.op.Args {
		if a := &c.op.Args[i]; a.In == catalog.InQuery && a.WireName() == name {
			return true
		}
	}
	return false
}

func (c *call) whole(l listing) reply {
	all := c.showAll(l.all(c.tx))
	if c.op.Paging.Items != "" {
		return c.ok(object{c.op.Paging.Items: all})
	}
	return c.ok(all)
}

// showAll is never nil: an empty listing is [], not null.
func (c *call) showAll(objects []object) []object {
	out := make([]object, 0, len(objects))
	pick := c.picker()
	for _, o := range objects {
		out = append(out, pick(shown(c.rt.model.kind, o)))
	}
	return out
}

const defaultPage = 50

func (c *call) pageArgs() (page, size int, bad *reply) {
	size = defaultPage
	refuse := func(format string, args ...any) (int, int, *reply) {
		rep := invalidQuery(format, args...)
		return 0, 0, &rep
	}
	if c.query.Has("page") {
		page, _ = strconv.Atoi(c.query.Get("page"))
		if page < 0 {
			return refuse("Value %d is less than minimum 0' on property page", page)
		}
	}
	if c.query.Has("per_page") {
		size, _ = strconv.Atoi(c.query.Get("per_page"))
		limit := 100
		if m := c.op.Paging.MaxPerPage; m > 0 {
			limit = m
		}
		if size < 0 {
			return refuse("Value %d is less than minimum 0' on property per_page", size)
		}
		if size > limit {
			return refuse("Value %d is greater than maximum %d' on property per_page", size, limit)
		}
	}
	if (page+1)*size > reachable {
		rep := failure(http.StatusBadRequest, "Requesting page exceeds the allowed maximum of 1000 records.", "invalid_paging")
		return 0, 0, &rep
	}
	return page, size, nil
}

// checkpoint answers take and from: the page and, when it is full, where the
// next one begins. So a full last page is followed by an empty one.
func (c *call) checkpoint(l listing) reply {
	take, rep := c.takeArg()
	if rep != nil {
		return *rep
	}
	place, ok := readCursor(c.query.Get("from"))
	if !ok {
		return invalidQuery("Invalid checkpoint' on property from")
	}
	objects, last := l.after(c.tx, place, take)
	out := object{c.op.Paging.Items: c.showAll(objects)}
	if len(objects) == take {
		out["next"] = writeCursor(last)
	}
	return c.ok(out)
}

func (c *call) takeArg() (int, *reply) {
	take := defaultPage
	if !c.query.Has("take") {
		return take, nil
	}
	take, _ = strconv.Atoi(c.query.Get("take"))
	limit := 100
	if m := c.op.Paging.MaxPerPage; m > 0 {
		limit = m
	}
	if take < 1 || take > limit {
		rep := invalidQuery("Value %d is not between 1 and %d' on property take", take, limit)
		return 0, &rep
	}
	return take, nil
}

// logPage answers from (the id of the last log seen) and take with a bare
// array, oldest first.
func (c *call) logPage(l listing) reply {
	take, rep := c.takeArg()
	if rep != nil {
		return *rep
	}
	place := uint64(0)
	if from := c.query.Get("from"); from != "" {
		if place = c.tx.Place(l.key, from); place == 0 {
			return invalidQuery("Log not found: %s' on property from", from)
		}
	}
	objects, _ := l.after(c.tx, place, take)
	return c.ok(c.showAll(objects))
}

func writeCursor(place uint64) string {
	return base64.RawURLEncoding.EncodeToString([]byte("after:" + strconv.FormatUint(place, 10)))
}

func readCursor(s string) (uint64, bool) {
	if s == "" {
		return 0, true
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(string(raw), "after:"), 10, 64)
	return n, err == nil
}

// fields keeps of an object what the caller asked for.
func (c *call) fields(o object) object { return c.picker()(o) }

// picker is the choice of fields of a call, made once for all its objects.
func (c *call) picker() func(object) object {
	if !c.query.Has("fields") || c.query.Get("fields") == "" {
		return func(o object) object { return o }
	}
	names := strings.Split(strings.Join(c.query["fields"], ","), ",")
	for i, n := range names {
		names[i] = strings.TrimSpace(n)
	}
	with := true
	if c.query.Has("include_fields") {
		with, _ = strconv.ParseBool(c.query.Get("include_fields"))
	}
	if c.rt.path == "/clients" && with {
		names = append(names, "tenant") // clients carry it whatever is asked
	}
	return func(o object) object {
		out := make(object, len(names))
		if !with {
			maps.Copy(out, o)
			for _, n := range names {
				delete(out, n)
			}
			return out
		}
		for _, n := range names {
			if v, ok := o[n]; ok {
				out[n] = v
			}
		}
		return out
	}
}

// number reads a whole number out of decoded JSON.
func number(v any) (int64, bool) {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	case int:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		return int64(v), v == float64(int64(v))
	}
	return 0, false
}
