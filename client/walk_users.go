package client

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The tenant gives the first 1,000 users that a search finds and no more. All
// of them are found by asking in slices: sorted by created_at, each slice goes
// from the last created_at of the one before to the end, and ends where the
// tenant ends. A slice is read wholly before its first user is handed out.
//
// More than 1,000 users of one created_at (an import) have no order that
// created_at could give: they are parted by the beginning of their user_id.
const (
	createdAt = "created_at"
	userID    = "user_id"
)

// users walks the users of a tenant.
func (w *walk) users() error {
	query, err := w.text("q")
	if err != nil {
		return err
	}
	order, err := w.text("sort")
	if err != nil {
		return err
	}
	s := &slicer{walk: w, query: query, descending: order == createdAt+":-1", tally: newTally()}
	if s.fields, err = w.fieldPlan(); err != nil {
		return err
	}
	if order == "" || strings.HasPrefix(order, createdAt+":") {
		return s.complete()
	}
	return s.sorted(order)
}

// text reads an argument as text.
func (w *walk) text(name string) (string, error) {
	v, ok := w.args[name]
	if !ok {
		return "", nil
	}
	text, err := plain(v)
	if err != nil {
		return "", &ArgumentError{Operation: w.op.ID, Argument: name, Problem: err.Error()}
	}
	return text, nil
}

// slicer is a walk over users, slice by slice.
type slicer struct {
	*walk
	query      string
	descending bool
	fields     fieldPlan
	tally      *tally
	// edge is the created_at that the last slice ended with, atEdge the users
	// of it that were handed out.
	edge   string
	atEdge map[string]bool
	// past says that all of the edge was handed out: the next slice begins
	// behind it.
	past bool
}

// user is what the walk must know of one.
type user struct {
	ID      string
	Created json.RawMessage
	raw     json.RawMessage
}

// run hands out slice after slice.
func (s *slicer) run() error {
	for {
		found, more, err := s.ask(s.clause(), false)
		if err != nil {
			return err
		}
		if more {
			var done bool
			if done, err = s.tied(found); err != nil {
				return err
			} else if done {
				continue
			}
		}
		if err := s.hand(found); err != nil || !more {
			return err
		}
	}
}

// clause is the search for what comes at the edge, or past it, and after.
func (s *slicer) clause() string {
	at := "["
	if s.past {
		at = "{"
	}
	switch {
	case s.edge == "":
		return ""
	case s.descending:
		return createdAt + ":[* TO " + s.edge + map[string]string{"[": "]", "{": "}"}[at]
	default:
		return createdAt + ":" + at + s.edge + " TO *]"
	}
}

// ask reads one slice; more says that the tenant has more than it gives, and
// then a peek is content with a part.
func (s *slicer) ask(clause string, peek bool) (found []user, more bool, err error) {
	set := Args{"sort": createdAt + ":1"}
	if s.descending {
		set["sort"] = createdAt + ":-1"
	}
	if clause != "" {
		set["q"] = both(s.query, clause)
		set["search_engine"] = "v3"
	}
	s.fields.set(set)
	got, err := s.slice(0, set, peek)
	if err == nil {
		err = s.count(got.total)
	}
	if err != nil {
		return nil, false, err
	}
	seen := make(map[string]bool, len(got.items))
	for _, raw := range got.items {
		u := user{raw: raw, ID: textOf(raw, userID), Created: memberOf(raw, createdAt)}
		if u.ID == "" {
			return nil, false, s.strange("a user in it has no user_id")
		}
		if !seen[u.ID] {
			seen[u.ID] = true
			found = append(found, u)
		}
	}
	return found, got.more, s.inOrder(found)
}

// inOrder sorts users by created_at: a slice that was read more than once has
// them in the order in which they were seen. The edge is the last one's.
func (s *slicer) inOrder(found []user) error {
	at := make(map[string]string, len(found))
	for _, u := range found {
		moment, err := s.moment(u)
		if err != nil {
			return err
		}
		at[u.ID] = moment
	}
	slices.SortStableFunc(found, func(a, b user) int {
		if s.descending {
			a, b = b, a
		}
		return cmp.Compare(at[a.ID], at[b.ID])
	})
	return nil
}

// both joins two searches.
func both(query, clause string) string {
	if strings.TrimSpace(query) == "" {
		return clause
	}
	return "(" + query + ") AND " + clause
}

// hand gives out a slice, leaving out whoever was handed out at its edge.
func (s *slicer) hand(found []user) error {
	if len(found) == 0 {
		return nil
	}
	before, edge := s.atEdge, s.edge
	last, err := s.moment(found[len(found)-1])
	if err != nil {
		return err
	}
	if last != edge || s.atEdge == nil {
		s.atEdge = map[string]bool{}
	}
	s.edge, s.past = last, false
	for _, u := range found {
		at, err := s.moment(u)
		if err != nil {
			return err
		}
		if at == edge && before[u.ID] {
			continue
		}
		if at == last {
			s.atEdge[u.ID] = true
		}
		if err := s.outOnce(u); err != nil {
			return err
		}
	}
	return nil
}

// moment is a user's created_at as text.
func (s *slicer) moment(u user) (string, error) {
	text, err := plainJSON(u.Created)
	if err != nil || text == "" {
		return "", s.strange(fmt.Sprintf("the user %q in it has no created_at", u.ID))
	}
	return text, nil
}

// out hands out one user as the caller wants to see it.
func (s *slicer) out(raw json.RawMessage) error {
	raw, err := s.fields.trim(raw)
	if err != nil {
		return err
	}
	if !s.yield(raw, nil) {
		return errEnough
	}
	return nil
}

// tied deals with a slice that is all of one created_at, so that no edge leads
// out of it: its users are parted by their ids, and the edge moves past them.
func (s *slicer) tied(found []user) (bool, error) {
	if len(found) == 0 {
		return false, nil
	}
	first, err := s.moment(found[0])
	if err != nil {
		return false, err
	}
	last, err := s.moment(found[len(found)-1])
	if err != nil || first != last {
		return false, err
	}
	known := s.atEdge
	if s.edge != first {
		known = nil
	}
	clause := createdAt + ":[" + first + " TO " + first + "]"
	if err := s.part(parting{clause: clause, known: known}); err != nil {
		return false, err
	}
	s.edge, s.past, s.atEdge = first, true, nil
	return true, nil
}

// parting is a set of users of one created_at that is asked for by prefixes of
// their ids.
type parting struct {
	clause string
	prefix string
	known  map[string]bool // handed out before
}

// part asks for a set; where it is too large, for the parts of it that begin
// with each next character seen, and then for whatever begins otherwise.
func (s *slicer) part(p parting) error {
	clause := p.clause
	if p.prefix != "" {
		clause += " AND " + userID + ":" + escapeTerm(p.prefix) + "*"
	}
	var done []string
	for {
		found, more, err := s.ask(without(clause, done), true)
		if err != nil {
			return err
		}
		if !more {
			return s.handNew(found, p.known)
		}
		prefixes := nextPrefixes(found, p.prefix)
		if len(prefixes) == 0 {
			return s.strange(fmt.Sprintf("more than %d users have one created_at and one user_id", reach))
		}
		for _, prefix := range prefixes {
			if slices.Contains(done, prefix) {
				return s.strange("its search does not tell user ids apart")
			}
			if err := s.part(parting{clause: p.clause, prefix: prefix, known: p.known}); err != nil {
				return err
			}
			done = append(done, prefix)
		}
	}
}

// handNew gives out those of a part that were not handed out before.
func (s *slicer) handNew(found []user, known map[string]bool) error {
	for _, u := range found {
		if known[u.ID] {
			continue
		}
		if err := s.outOnce(u); err != nil {
			return err
		}
	}
	return nil
}

// without leaves out of a search the ids that begin with one of the prefixes.
func without(clause string, prefixes []string) string {
	for _, p := range prefixes {
		clause += " AND NOT " + userID + ":" + escapeTerm(p) + "*"
	}
	return clause
}

// nextPrefixes are the ways in which the ids of some users go on after what
// they all have in common, which is at least prefix; they are longer than it.
func nextPrefixes(found []user, prefix string) []string {
	common := ""
	for i, u := range found {
		if i == 0 {
			common = u.ID
			continue
		}
		n := 0
		for n < len(common) && n < len(u.ID) && common[n] == u.ID[n] {
			n++
		}
		common = common[:n]
	}
	var out []string
	for _, u := range found {
		if len(u.ID) <= len(common) {
			continue
		}
		next := u.ID[:len(common)+1]
		for len(next) < len(u.ID) && u.ID[len(next)]&0xC0 == 0x80 {
			next = u.ID[:len(next)+1] // a whole character
		}
		if !slices.Contains(out, next) && strings.HasPrefix(next, prefix) {
			out = append(out, next)
		}
	}
	return out
}

// escapeTerm escapes what has a meaning in a search.
func escapeTerm(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`+-&|!(){}[]^"~*?:\/ `, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// sorted walks in another order than created_at: where all fits in one slice
// the tenant sorts, else the users are collected and sorted here.
func (s *slicer) sorted(order string) error {
	set := Args{}
	s.fields.set(set)
	got, err := s.slice(0, set, false)
	if err != nil {
		return err
	}
	if !got.more {
		for _, raw := range got.items {
			if err := s.out(raw); err != nil {
				return err
			}
		}
		return nil
	}
	var all []json.RawMessage
	collect := *s.walk
	collect.yield = func(raw json.RawMessage, _ error) bool { all = append(all, raw); return true }
	inner := &slicer{walk: &collect, query: s.query, fields: s.fields.untrimmed(), tally: s.tally}
	if err := inner.complete(); err != nil && !isEnough(err) {
		return err
	}
	field, direction, _ := strings.Cut(order, ":")
	slices.SortStableFunc(all, func(a, b json.RawMessage) int {
		c := compareJSON(at(a, field), at(b, field))
		if direction == "-1" {
			return -c
		}
		return c
	})
	for _, raw := range all {
		if err := s.out(raw); err != nil {
			return err
		}
	}
	return nil
}

func isEnough(err error) bool { return err == errEnough } //nolint:errorlint // the sentinel itself, made here

// at is the member of an object at a dotted path.
func at(raw json.RawMessage, path string) any {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil
	}
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// compareJSON orders values as a tenant does: nothing last, numbers by size,
// the rest by its text.
func compareJSON(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	x, xok := a.(float64)
	y, yok := b.(float64)
	if xok && yok {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
}

// fieldPlan sees to it that user_id and created_at are in what the tenant
// sends, and not in what the caller gets who did not ask for them.
type fieldPlan struct {
	given  bool
	fields []string
	drop   []string
	// exclude says that the caller's fields are those left out.
	exclude bool
}

// fieldPlan reads fields and include_fields.
func (w *walk) fieldPlan() (fieldPlan, error) {
	text, err := w.text("fields")
	if err != nil || text == "" {
		return fieldPlan{}, err
	}
	include, err := w.text("include_fields")
	if err != nil {
		return fieldPlan{}, err
	}
	p := fieldPlan{given: true, exclude: include == "false"}
	for f := range strings.SplitSeq(text, ",") {
		if f = strings.TrimSpace(f); f != "" {
			p.fields = append(p.fields, f)
		}
	}
	for _, need := range []string{userID, createdAt} {
		named := slices.Contains(p.fields, need)
		switch {
		case p.exclude && named:
			p.fields = slices.DeleteFunc(p.fields, func(f string) bool { return f == need })
			p.drop = append(p.drop, need)
		case !p.exclude && !named:
			p.fields = append(p.fields, need)
			p.drop = append(p.drop, need)
		}
	}
	return p, nil
}

// set puts the fields that are asked for into a page's arguments.
func (p fieldPlan) set(set Args) {
	switch {
	case !p.given:
	case len(p.fields) == 0:
		set["fields"], set["include_fields"] = nil, nil
	default:
		set["fields"] = p.fields
	}
}

// untrimmed is a plan that hands out all that came.
func (p fieldPlan) untrimmed() fieldPlan {
	p.drop = nil
	return p
}

// trim takes away what the caller did not ask for.
func (p fieldPlan) trim(raw json.RawMessage) (json.RawMessage, error) {
	if len(p.drop) == 0 {
		return raw, nil
	}
	members, err := fieldsOf(bytes.TrimSpace(raw))
	if err != nil {
		return nil, err
	}
	members = slices.DeleteFunc(members, func(f field) bool { return slices.Contains(p.drop, f.name) })
	return members.object(), nil
}
