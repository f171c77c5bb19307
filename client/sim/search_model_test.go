package sim_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"a0run/client/sim"
)

// The model of the user search is a tree that is evaluated by looking at every
// user, and written down as a query on the way to the tenant. It has no parser,
// and knows what is documented of Auth0's search: docs/sim.md names it.

// A term is one node of a query.
type term struct {
	text string
	// binds is how tight: 0 an OR, 1 an AND, 2 what is one.
	binds int
	holds func(u map[string]any) bool
	// refused: Auth0 does not take it.
	refused bool
}

// foldedFields are those whose values compare without regard to case.
var foldedFields = []string{"email", "name", "given_name", "family_name", "nickname"}

// valuesAt are the indexed values of a field: through objects and arrays, without
// what is empty.
func valuesAt(v any, parts []string) []any {
	switch v := v.(type) {
	case []any:
		var out []any
		for _, e := range v {
			out = append(out, valuesAt(e, parts)...)
		}
		return out
	case map[string]any:
		if len(parts) > 0 {
			return valuesAt(v[parts[0]], parts[1:])
		}
		if len(v) > 0 {
			return []any{v}
		}
	case string:
		if len(parts) == 0 && v != "" {
			return []any{v}
		}
	case bool, float64:
		if len(parts) == 0 {
			return []any{v}
		}
	}
	return nil
}

func anyValue(field string, f func(v any) bool) func(map[string]any) bool {
	return func(u map[string]any) bool { return slices.ContainsFunc(valuesAt(u, strings.Split(field, ".")), f) }
}

// searcher makes random queries.
type searcher struct {
	*rand.Rand
}

func (s searcher) of(from ...string) string { return from[s.IntN(len(from))] }

// words that texts are made of; few, so that queries find something.
func (s searcher) word() string {
	return s.of("ann", "Ann", "bob", "Bob", "carol", "anna", "annabel", "Cäsar", "x1", "o'neil")
}

func (s searcher) stampOf() string {
	return time.Date(2024, 1, 1+s.IntN(40), s.IntN(24), s.IntN(60), s.IntN(60), s.IntN(1000)*1e6, time.UTC).Format("2006-01-02T15:04:05.000Z")
}

// user is a random one, with fields missing, empty, null and nested.
func (s searcher) user(i int) map[string]any {
	u := map[string]any{
		"user_id": fmt.Sprintf("auth0|%04d", i), "email": fmt.Sprintf("%s%d@%s", strings.ToLower(s.of("ann", "bob", "carol")), i, s.of("example.com", "Example.org", "a.test")),
		"created_at": s.stampOf(), "updated_at": s.stampOf(), "logins_count": s.IntN(20), "blocked": s.IntN(2) == 0,
	}
	maybe := func(key string, v any) {
		if s.IntN(3) > 0 {
			u[key] = v
		}
	}
	maybe("name", s.word()+" "+s.word())
	maybe("given_name", s.of(s.word(), ""))
	maybe("nickname", s.word())
	maybe("username", fmt.Sprint(s.word(), i))
	maybe("last_login", s.stampOf())
	maybe("email_verified", s.IntN(2) == 0)
	app := map[string]any{}
	put := func(to map[string]any, key string, v any) {
		if s.IntN(3) > 0 {
			to[key] = v
		}
	}
	put(app, "plan", s.of("free", "gold", "Gold", ""))
	put(app, "level", s.IntN(12)-3)
	put(app, "flag", s.IntN(2) == 0)
	put(app, "roles", []any{s.of("admin", "dev", "ops"), s.of("admin", "qa")})
	put(app, "none", nil)
	put(app, "empty", map[string]any{})
	put(app, "sub", map[string]any{"plan": s.of("free", "gold"), "tiers": []any{map[string]any{"n": s.IntN(4)}, map[string]any{"n": s.IntN(4), "name": s.word()}}})
	maybe("app_metadata", app)
	meta := map[string]any{}
	put(meta, "city", s.of("Paris", "Rome", "ann"))
	put(meta, "age", s.IntN(90))
	put(meta, "home", map[string]any{"city": s.of("Oslo", "Rome")})
	maybe("user_metadata", meta)
	return u
}

func (s searcher) textField() string {
	return s.of("email", "name", "given_name", "nickname", "username", "user_id", "app_metadata.plan", "app_metadata.roles", "app_metadata.sub.plan", "app_metadata.sub.tiers.name",
		"user_metadata.city", "user_metadata.home.city", "identities.connection", "nosuch.field")
}

func (s searcher) value() string {
	switch s.IntN(4) {
	case 0:
		return s.word() + " " + s.word()
	case 1:
		return s.of("free", "gold", "Gold", "admin", "dev", "Paris", "Rome", "rome", "Username-Password-Authentication")
	case 2:
		return s.of(fmt.Sprintf("auth0|%04d", s.IntN(150)), fmt.Sprint(s.word(), s.IntN(150)))
	}
	return s.word()
}

// written is a value as a query may have it.
func (s searcher) written(v string) string {
	if s.IntN(2) == 0 && !strings.ContainsFunc(v, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		return v
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
}

func equalIn(field, a, b string) bool {
	return a == b || slices.Contains(foldedFields, field) && strings.EqualFold(a, b)
}

func (s searcher) exact() term {
	if s.IntN(3) == 0 {
		field := s.of("blocked", "email_verified", "app_metadata.flag")
		want := s.IntN(2) == 0
		return term{text: fmt.Sprintf("%s:%v", field, want), binds: 2, holds: anyValue(field, func(v any) bool { return v == want })}
	}
	if s.IntN(3) == 0 {
		field, n := s.of("logins_count", "app_metadata.level", "app_metadata.sub.tiers.n", "user_metadata.age"), s.IntN(16)-2
		return term{text: fmt.Sprintf("%s:%d", field, n), binds: 2, holds: anyValue(field, func(v any) bool { return v == float64(n) })}
	}
	field, want := s.textField(), s.value()
	return term{text: field + ":" + s.written(want), binds: 2, holds: anyValue(field, func(v any) bool {
		t, ok := v.(string)
		return ok && equalIn(field, t, want)
	})}
}

func (s searcher) wildcard() term {
	field, of := s.textField(), s.of("ann", "bob", "Ann", "gol", "adm", "aut", "exa", "ar", "n", "ol", "auth0\\|00")
	plain := strings.ReplaceAll(of, `\`, "")
	how := s.IntN(3)
	text := map[int]string{0: of + "*", 1: "*" + of + "*", 2: "*" + of}[how]
	if strings.HasPrefix(text, "*") && len([]rune(plain)) < 3 {
		return term{text: field + ":" + text, binds: 2, refused: true, holds: func(map[string]any) bool { return false }}
	}
	return term{text: field + ":" + text, binds: 2, holds: anyValue(field, func(v any) bool {
		t, ok := v.(string)
		if !ok || strings.HasPrefix(field, "user_metadata.") {
			return false
		}
		want := plain
		if slices.Contains(foldedFields, field) {
			t, want = strings.ToLower(t), strings.ToLower(want)
		}
		return how == 0 && strings.HasPrefix(t, want) || how == 1 && strings.Contains(t, want) || how == 2 && strings.HasSuffix(t, want)
	})}
}

// span is a range; an end that is a day means the whole of it.
func (s searcher) span() term {
	kind := s.of("time", "number", "text")
	end := func() string {
		switch kind {
		case "time":
			if s.IntN(2) == 0 {
				return s.stampOf()[:10]
			}
			return s.stampOf()
		case "number":
			return strconv.Itoa(s.IntN(16) - 3)
		}
		return s.of("a", "b", "bob", "c", "gold", "Gold", "m")
	}
	field := map[string]string{
		"time": s.of("created_at", "updated_at", "last_login"), "number": s.of("logins_count", "app_metadata.level", "app_metadata.sub.tiers.n", "user_metadata.age"),
		"text": s.of("name", "username", "app_metadata.plan", "user_metadata.city"),
	}[kind]
	low, high := end(), end()
	lowIn, highIn := s.IntN(2) == 0, s.IntN(2) == 0
	lowOpen, highOpen := s.IntN(4) == 0, s.IntN(4) == 0
	write := func(v string, open bool) string {
		if open {
			return "*"
		}
		if kind == "time" && s.IntN(2) == 0 {
			return `"` + v + `"`
		}
		return v
	}
	text := map[bool]string{true: "[", false: "{"}[lowIn] + write(low, lowOpen) + " TO " + write(high, highOpen) + map[bool]string{true: "]", false: "}"}[highIn]
	if highOpen && !lowOpen && s.IntN(2) == 0 {
		text = map[bool]string{true: ">=", false: ">"}[lowIn] + low
	}
	// order is how a value lies to an end: the day of a value to a day.
	order := func(v any, to string) (int, bool) {
		switch v := v.(type) {
		case float64:
			n, err := strconv.ParseFloat(to, 64)
			return cmp.Compare(v, n), err == nil
		case string:
			if kind == "number" {
				return 0, false
			}
			if kind == "time" {
				return cmp.Compare(v[:len(to)], to), true
			}
			if slices.Contains(foldedFields, field) {
				v, to = strings.ToLower(v), strings.ToLower(to)
			}
			return cmp.Compare(v, to), true
		}
		return 0, false
	}
	return term{text: field + ":" + text, binds: 2, holds: anyValue(field, func(v any) bool {
		if strings.HasPrefix(field, "user_metadata.") {
			return false
		}
		a, oka := order(v, low)
		b, okb := order(v, high)
		return (lowOpen || oka && (a > 0 || a == 0 && lowIn)) && (highOpen || okb && (b < 0 || b == 0 && highIn))
	})}
}

func (s searcher) exists() term {
	field := s.of("name", "given_name", "last_login", "app_metadata", "app_metadata.plan", "app_metadata.none", "app_metadata.empty", "app_metadata.sub.tiers", "app_metadata.sub.tiers.name",
		"user_metadata.city", "phone_number", "blocked")
	return term{text: "_exists_:" + field, binds: 2, holds: anyValue(field, func(any) bool { return true })}
}

// bare is a word without a field: it stands in some text, but not in
// user_metadata.
func (s searcher) bare() term {
	want := s.of("ann", "BOB", "carol", "gold", "Paris", "admin", "oslo", "example")
	var has func(v any) bool
	has = func(v any) bool {
		switch v := v.(type) {
		case string:
			return slices.ContainsFunc(strings.FieldsFunc(v, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '_' }), func(w string) bool {
				return strings.EqualFold(w, want)
			})
		case []any:
			return slices.ContainsFunc(v, has)
		case map[string]any:
			for _, e := range v {
				if has(e) {
					return true
				}
			}
		}
		return false
	}
	return term{text: want, binds: 2, holds: func(u map[string]any) bool {
		for k, v := range u {
			if k != "user_metadata" && has(v) {
				return true
			}
		}
		return false
	}}
}

// bracketed is a node, in brackets if it binds less than that, and at times
// without need.
func (s searcher) bracketed(n term, binds int) string {
	if n.binds >= binds && s.IntN(5) > 0 {
		return n.text
	}
	return "(" + n.text + ")"
}

func (s searcher) query(depth int) term {
	if depth == 0 || s.IntN(3) == 0 {
		switch s.IntN(8) {
		case 0, 1, 2:
			return s.exact()
		case 3, 4:
			return s.wildcard()
		case 5:
			return s.span()
		case 6:
			return s.exists()
		}
		return s.bare()
	}
	a, b := s.query(depth-1), s.query(depth-1)
	refused := a.refused || b.refused
	switch s.IntN(5) {
	case 0:
		n := s.of("NOT ", "-", "!")
		return term{text: n + s.bracketed(a, 2), binds: 2, refused: a.refused, holds: func(u map[string]any) bool { return !a.holds(u) }}
	case 1, 2:
		return term{text: s.bracketed(a, 1) + s.of(" AND ", " && ") + s.bracketed(b, 1), binds: 1, refused: refused, holds: func(u map[string]any) bool { return a.holds(u) && b.holds(u) }}
	case 3:
		// A node that begins with NOT would be a condition of the one before it.
		text := "(" + a.text + ")" + s.of(" OR ", " || ", " ") + "(" + b.text + ")"
		return term{text: text, refused: refused, holds: func(u map[string]any) bool { return a.holds(u) || b.holds(u) }}
	}
	return term{text: a.text + " OR " + b.text, refused: refused, holds: func(u map[string]any) bool { return a.holds(u) || b.holds(u) }}
}

// TestSearchAgainstAModel asks random queries, in between changes of the users,
// and wants whom the model finds, page by page, in the order asked for.
func TestSearchAgainstAModel(t *testing.T) {
	many := 10_000
	if testing.Short() || sim.Raced {
		many = 1000
	}
	if n, err := strconv.Atoi(os.Getenv("A0RUN_SEARCHES")); err == nil {
		many = n
	}
	s := searcher{rand.New(rand.NewPCG(11, 12))}
	var all []any
	for i := range 150 {
		all = append(all, s.user(i))
	}
	seed, err := json.Marshal(map[string]any{"users": all})
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, sim.Options{Seed: seed, LogLimit: 10})
	all = everyone(t, d)
	found, refused := 0, 0
	for n := range many {
		if n%200 == 199 {
			u := all[s.IntN(len(all))].(map[string]any)
			d.want(200, "PATCH", users+"/"+url.PathEscape(u["user_id"].(string)), fmt.Sprintf(`{"nickname":%q,"app_metadata":{"plan":%q}}`, s.word(), s.of("free", "gold")))
			all = everyone(t, d)
		}
		q := s.query(s.IntN(4))
		got, ok := askSearch(d, q, all, s)
		if !ok {
			refused++
		}
		if got > 0 && got < len(all) {
			found++
		}
	}
	if found < many/3 || refused < many/100 {
		t.Errorf("of %d queries %d found some but not all, and %d were refused: this shows little", many, found, refused)
	}
}

// askSearch compares one query, and says how many it found and whether it was
// taken.
func askSearch(d *desk, q term, all []any, s searcher) (int, bool) {
	t := d.t
	t.Helper()
	by, way := s.of("", "created_at", "email", "user_id", "logins_count", "updated_at"), 1-2*s.IntN(2)
	page, size := s.IntN(3), 1+s.IntN(100)
	asked := url.Values{"q": {q.text}, "page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(size)}, "include_totals": {"true"}, "fields": {"user_id"}}
	if by != "" {
		asked.Set("sort", fmt.Sprintf("%s:%d", by, way))
	}
	if s.IntN(3) == 0 {
		asked.Set("search_engine", "v3")
	}
	a := d.send("GET", users+"?"+asked.Encode(), "")
	if q.refused {
		if a.status != 400 || a.object(t)["errorCode"] != "invalid_query_string" {
			t.Fatalf("%s: got %d %s, want a refusal", q.text, a.status, a.text)
		}
		return 0, false
	}
	if a.status != 200 {
		t.Fatalf("%s: got %d %s", q.text, a.status, a.text)
	}
	var want []map[string]any
	for _, v := range all {
		if u := v.(map[string]any); q.holds(u) {
			want = append(want, u)
		}
	}
	if by != "" {
		slices.SortStableFunc(want, func(a, b map[string]any) int {
			x, y := a[by], b[by]
			if n, ok := x.(float64); ok {
				return way * cmp.Compare(n, y.(float64))
			}
			return way * cmp.Compare(x.(string), y.(string))
		})
	}
	var ids, wanted []string
	for _, v := range a.object(t)["users"].([]any) {
		ids = append(ids, v.(map[string]any)["user_id"].(string))
	}
	for _, u := range want[min(page*size, len(want)):min(page*size+size, len(want))] {
		wanted = append(wanted, u["user_id"].(string))
	}
	if !slices.Equal(ids, wanted) || a.object(t)["total"] != float64(len(want)) {
		t.Fatalf("%s\nsort %s:%d, page %d of %d:\ngot  %v of %v\nwant %v of %d", q.text, by, way, page, size, ids, a.object(t)["total"], wanted, len(want))
	}
	return len(want), true
}

// encoded are query arguments, name and value by turns.
func encoded(args ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(args); i += 2 {
		v.Set(args[i], args[i+1])
	}
	return v.Encode()
}
