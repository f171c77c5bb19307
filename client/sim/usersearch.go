package sim

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"a0run/client/search"
	"a0run/client/sim/store"
)

// The orders in which users are kept. A walk through a large tenant asks for
// slices of them, a thousand users each.
const (
	byCreated = "created_at"
	byUserID  = "user_id"
)

func orders() []store.Order {
	return []store.Order{
		{Kind: usersKind, Name: byCreated, Of: "created_at", Key: func(u store.Object) (string, bool) {
			s, _ := u["created_at"].(string)
			return s, plainStamp(s)
		}},
		{Kind: usersKind, Name: byUserID, Of: "user_id", Key: func(u store.Object) (string, bool) {
			s, _ := u["user_id"].(string)
			return s, strings.Contains(s, "|") // so that it is never a time
		}},
	}
}

// plainStamp reports whether a text is a time as stamp writes it: such texts
// are in the order of their times. It is asked with each comparison, so it
// parses only what may be a day that its month does not have.
func plainStamp(s string) bool {
	const form = "0000-00-00T00:00:00.000Z"
	if len(s) != len(form) {
		return false
	}
	for i := range len(form) {
		if form[i] == '0' && (s[i] < '0' || s[i] > '9') || form[i] != '0' && s[i] != form[i] {
			return false
		}
	}
	month, day := s[5:7], s[8:10]
	if month < "01" || month > "12" || day < "01" || s[11:13] > "23" || s[14:16] > "59" || s[17:19] > "59" {
		return false
	}
	if day <= "28" {
		return true
	}
	_, err := time.Parse(time.DateOnly, s[:10])
	return err == nil
}

// A userSearch is what a request asks of the users.
type userSearch struct {
	query *search.Query // nil: no search
	keep  []func(object) bool
	// looksAt are the members that keep looks at; whole says that it may look at
	// any.
	looksAt []string
	whole   bool
	field   string // to sort by, "" for the order of creation
	way     int
	asked   string // by what the answer is remembered
	kept    *answers
}

// listUsers searches. It is unlike other listings: a search, a sort, and no
// more than 1,000 results however they are reached.
func listUsers(c *call) reply {
	s := &userSearch{kept: c.t.answers, asked: askedFor(c.query), way: 1}
	if q := c.query.Get("q"); q != "" {
		query, err := search.Parse(q)
		if err != nil {
			return failure(http.StatusBadRequest, "Query validation error: 'Invalid search query: "+err.Error()+"'.", "invalid_query_string")
		}
		s.query = query
	}
	if by := c.query.Get("sort"); by != "" {
		field, order, _ := strings.Cut(by, ":")
		way, err := strconv.Atoi(cmp.Or(order, "1"))
		if err != nil || way != 1 && way != -1 {
			return invalidQuery("String does not match pattern: %s' on property sort", by)
		}
		s.field, s.way = field, way
	}
	l := listing{key: usersKey(), length: true}
	// Fields compared by the table's names would not find the connection.
	l.filters(c, "connection")
	s.whole = len(l.keep) > 0
	if name := c.query.Get("connection"); name != "" {
		l.keep = append(l.keep, func(u object) bool { return hasConnection(u, name) })
		s.looksAt = []string{"identities"}
	}
	s.keep, l.keep = l.keep, nil
	if c.stale > 0 {
		l.chosen, l.fixed = store.Objects(s.sort(c.tx, s.among(c.tx, c.lagging(), s.query))), true
		return c.pageOf(l)
	}
	if s.query != nil || s.field != "" || len(s.keep) > 0 {
		l.choose = s.page
	}
	return c.pageOf(l)
}

// askedFor is a request without what chooses a page or fields of its answer.
func askedFor(query url.Values) string {
	rest := make(url.Values, len(query))
	for k, v := range query {
		switch k {
		case "page", "per_page", "include_totals", "fields", "include_fields":
		default:
			rest[k] = v
		}
	}
	return rest.Encode()
}

// page is n of the users found from the start-th on, and how many were found.
func (s *userSearch) page(tx *store.Tx, start, n int) ([]object, int) {
	if len(s.keep) == 0 {
		if in, ok := s.within(tx, s.field); ok && in.rest == nil && s.field == in.order {
			if s.way > 0 {
				return store.Objects(in.users.Page(in.lo, in.hi, start, n)), in.hi - in.lo
			}
			return store.Objects(in.users.Backward(in.lo, in.hi, start, n)), in.hi - in.lo
		}
	}
	found := s.remembered(tx)
	if start >= len(found) {
		return nil, len(found)
	}
	return store.Objects(found[start:min(start+n, len(found))]), len(found)
}

// remembered is all the users found: as they were found before, or as they
// were found before with what changed since, or found now.
func (s *userSearch) remembered(tx *store.Tx) []store.Ref {
	version := tx.Version(usersKey())
	a, ok := s.kept.get(s.asked)
	if ok && a.version == version {
		return a.users
	}
	a.asked = s.asked
	if ok {
		ok = s.follow(tx, &a)
	}
	if !ok {
		a.users = s.find(tx)
	}
	a.version = version
	s.kept.put(a)
	return a.users
}

// follow makes the changes since an answer to it, and reports whether it
// could: users that are found now and were not, or elsewhere, have it found
// anew. So a walk whose every page is followed by changes of its users does
// not search all of them for each page.
func (s *userSearch) follow(tx *store.Tx, a *answer) bool {
	changes, ok := tx.Since(usersKey(), a.version)
	if !ok || s.field == "" {
		return false
	}
	path := strings.Split(s.field, ".")
	users := slices.Clone(a.users) // others may be reading it
	for _, change := range changes {
		was, is := s.finds(change.Old), s.finds(change.New)
		switch {
		case !was && !is:
			continue
		case !was || is && compareField(change.Old, change.New, path) != 0:
			return false
		}
		i := s.place(tx, users, change.Old)
		switch {
		case i < 0:
			return false
		case is:
			users[i] = change.Ref
		default:
			users = slices.Delete(users, i, i+1)
		}
	}
	a.users = users
	return true
}

// place is where a user stands among sorted ones, -1 when nowhere.
func (s *userSearch) place(tx *store.Tx, users []store.Ref, u object) int {
	path := strings.Split(s.field, ".")
	into, of := object{}, tx.Pick(path[0])
	compare := func(r store.Ref) int { return compareField(r.Some(into, of), u, path) }
	i, _ := slices.BinarySearchFunc(users, u, func(r store.Ref, _ object) int { return s.way * compare(r) })
	for ; i < len(users) && compare(users[i]) == 0; i++ {
		if users[i].ID() == str(u, "user_id") {
			return i
		}
	}
	return -1
}

// finds reports whether a user is searched for.
func (s *userSearch) finds(u object) bool {
	l := listing{keep: s.keep}
	return u != nil && l.matches(u) && (s.query == nil || s.query.Match(u))
}

// A stretch is the users between two places of an order, and what else is
// asked of them.
type stretch struct {
	order  string
	users  store.Sorted
	lo, hi int
	rest   *search.Query // nil: nothing
}

// within is the shortest stretch of an order that has all users searched for;
// false says that there is none. Of stretches of one length it is that of the
// order which is wanted.
func (s *userSearch) within(tx *store.Tx, wanted string) (stretch, bool) {
	best, found := stretch{}, false
	for _, order := range []string{byCreated, byUserID} {
		if order != wanted && s.query == nil {
			continue
		}
		in := stretch{order: order, rest: s.query}
		bounds, bounded := search.Range{}, false
		if s.query != nil {
			bounds, bounded = s.query.Range(order)
		}
		if !bounded && order != wanted {
			continue
		}
		var ok bool
		if in.users, ok = tx.Sorted(usersKey(), order); !ok {
			continue
		}
		in.hi = in.users.Len()
		if bounded {
			in.lo = in.users.Find(func(at string) bool { return !bounds.Before(at) })
			in.hi = max(in.lo, in.users.Find(bounds.Behind))
			in.rest = bounds.Rest
			if in.rest.Everything() {
				in.rest = nil
			}
		}
		shorter := in.hi-in.lo < best.hi-best.lo
		if !found || shorter || in.hi-in.lo == best.hi-best.lo && order == wanted {
			best, found = in, true
		}
	}
	return best, found
}

// find is all the users found, sorted.
func (s *userSearch) find(tx *store.Tx) []store.Ref {
	in, ok := s.within(tx, s.field)
	var from []store.Ref
	switch {
	case !ok:
		from, in.rest = tx.Refs(usersKey()), s.query
	case s.field == in.order && s.way > 0:
		from = in.users.Page(in.lo, in.hi, 0, in.hi-in.lo)
	case s.field == in.order:
		from = in.users.Backward(in.lo, in.hi, 0, in.hi-in.lo)
	default:
		from = in.users.Created(in.lo, in.hi)
	}
	from = s.among(tx, from, in.rest)
	if ok && s.field == in.order {
		return from
	}
	return s.sort(tx, from)
}

// among are those of some users that are searched for, where query is what is
// left of the search. It unpacks of each what it looks at.
func (s *userSearch) among(tx *store.Tx, from []store.Ref, query *search.Query) []store.Ref {
	if query == nil && len(s.keep) == 0 {
		return from
	}
	looksAt, some := s.looksAt, !s.whole
	if query != nil {
		names, known := query.Members()
		looksAt, some = append(names, looksAt...), some && known
	}
	found := from[:0:0]
	l := listing{keep: s.keep}
	into, of := object{}, tx.Pick(looksAt...)
	for _, r := range from {
		var u object
		if some {
			u = r.Some(into, of)
		} else {
			u = r.Object()
		}
		if l.matches(u) && (query == nil || query.Match(u)) {
			found = append(found, r)
		}
	}
	return found
}

// sort gives users in the order that is asked for.
func (s *userSearch) sort(tx *store.Tx, from []store.Ref) []store.Ref {
	if s.field == "" {
		return from
	}
	type valued struct {
		user  store.Ref
		value object // what it is sorted by, and nothing else
	}
	path := strings.Split(s.field, ".")
	of := tx.Pick(path[0])
	list := make([]valued, len(from))
	for i, r := range from {
		list[i] = valued{r, object{path[0]: r.Some(object{}, of)[path[0]]}}
	}
	slices.SortStableFunc(list, func(a, b valued) int { return s.way * compareField(a.value, b.value, path) })
	out := make([]store.Ref, len(from))
	for i, v := range list {
		out[i] = v.user
	}
	return out
}

func hasConnection(u object, name string) bool {
	return slices.ContainsFunc(items(u, "identities"), func(v any) bool {
		id, _ := v.(object)
		return str(id, "connection") == name
	})
}

func compareField(a, b object, path []string) int {
	va, vb := deep(a, path), deep(b, path)
	if d := cmp.Compare(sortRank(va), sortRank(vb)); d != 0 {
		return d
	}
	if sa, ok := va.(string); ok {
		return strings.Compare(sa, vb.(string))
	}
	na, _ := number(va)
	nb, _ := number(vb)
	return cmp.Compare(na, nb)
}

// sortRank parts what does not compare: texts, numbers, and last what has no
// value.
func sortRank(v any) int {
	if _, ok := v.(string); ok {
		return 0
	}
	if _, ok := number(v); ok {
		return 1
	}
	return 2
}

func deep(o object, path []string) any {
	for _, p := range path[:len(path)-1] {
		o = sub(o, p)
	}
	return o[path[len(path)-1]]
}

// answers are what the last few searches found, so that the pages of one
// search make it once.
type answers struct {
	mu   sync.Mutex
	list []answer // the last one asked for comes last
}

// An answer is what a search found, which nobody changes.
type answer struct {
	asked   string
	version uint64 // of the users
	users   []store.Ref
}

// searches is how many are remembered: as many walks may run side by side.
const searches = 8

func (a *answers) get(asked string) (answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.list, func(o answer) bool { return o.asked == asked })
	if i < 0 {
		return answer{}, false
	}
	one := a.list[i]
	a.list = append(slices.Delete(a.list, i, i+1), one)
	return one, true
}

func (a *answers) put(one answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = slices.DeleteFunc(a.list, func(o answer) bool { return o.asked == one.asked })
	if len(a.list) == searches {
		a.list = slices.Delete(a.list, 0, 1)
	}
	a.list = append(a.list, one)
}
