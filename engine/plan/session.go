package plan

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"a0run/engine"
)

// A session is a listing of the tenant by page numbers, read to its end or as
// far as page numbers reach: the pages of one walk are cut from one reading.
type session struct {
	name  string
	items []item
	wrap  *engine.Object // the form of an answer with totals
	total int            // the tenant's own count; that of the items where it does not tell
	more  bool           // the tenant has more than it shows
}

// An item is one of the tenant's, read once.
type item struct {
	raw  json.RawMessage
	tree *engine.Object
}

func parsed(items []json.RawMessage) []item {
	out := make([]item, len(items))
	for i, raw := range items {
		out[i] = item{raw, object(raw)}
	}
	return out
}

// sessions are the last few readings; guarded by the Planner's mutex.
type sessions struct{ list []*session }

// keptSessions is how many walks may run side by side.
const keptSessions = 8

func (s *sessions) get(name string) *session {
	if i := slices.IndexFunc(s.list, func(x *session) bool { return x.name == name }); i >= 0 {
		return s.list[i]
	}
	return nil
}

func (s *sessions) put(x *session) {
	s.list = slices.DeleteFunc(s.list, func(old *session) bool { return old.name == x.name })
	if len(s.list) >= keptSessions {
		s.list = slices.Delete(s.list, 0, 1)
	}
	s.list = append(s.list, x)
}

// session reads the listing, anew for its first page.
func (l *listing) session(anew bool) (*session, *engine.Error) {
	args := l.tenantArgs("page", "per_page", "include_totals")
	name := l.Tenant + " " + l.op.ID + " " + string(canonical(args))
	if l.alone {
		return &session{name: name}, nil
	}
	l.p.mu.Lock()
	s := l.p.sessions.get(name)
	l.p.mu.Unlock()
	if s != nil && !anew {
		return s, nil
	}
	s = &session{name: name, total: -1}
	if err := l.load(s, args); err != nil {
		return nil, err
	}
	if err := l.goOn(s); err != nil {
		return nil, err
	}
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	l.p.sessions.put(s)
	return s, nil
}

// load reads page after page.
func (l *listing) load(s *session, args *engine.Object) *engine.Error {
	size := l.op.Paging.MaxPerPage
	if size == 0 {
		size = 100
	}
	args.Set("per_page", int64(size))
	if takes(l.op, "include_totals") {
		args.Set("include_totals", true)
	}
	for n := 0; ; n++ {
		args.Set("page", int64(n))
		out, items := l.request(args)
		switch {
		case out.Err != nil && n > 0 && out.Err.StatusCode == http.StatusBadRequest:
			s.more = true
			s.total = max(s.total, len(s.items)+1)
			return nil
		case out.Err != nil:
			return out.Err
		}
		raw, _ := out.Value.(json.RawMessage)
		if wrap := object(raw); wrap != nil {
			s.wrap = wrap
			if v, ok := wrap.Get("total"); ok {
				if total, ok := v.(int64); ok {
					s.total = int(total)
				}
			}
		}
		s.items = append(s.items, parsed(items)...)
		switch {
		case len(items) == 0, len(items) < size && s.total < 0, s.total >= 0 && len(s.items) >= s.total:
			s.total = len(s.items)
			return nil
		case len(s.items)+size > reach:
			s.more = true
			s.total = max(s.total, len(s.items)+1)
			return nil
		}
	}
}

// goOn reads on where page numbers do not reach, in slices by created_at, until
// as many items are left as page numbers would show: those that the plan has
// taken out leave room for others.
func (l *listing) goOn(s *session) *engine.Error {
	by := l.filter.order
	if !s.more || !l.op.Paging.Sliced || by == nil || by.path[0] != "created_at" {
		return nil
	}
	l.p.mu.Lock()
	left := len(l.kept(s.items))
	l.p.mu.Unlock()
	if left == len(s.items) {
		return nil
	}
	seen := map[string]bool{}
	for _, i := range s.items {
		seen[field(i.tree, l.at.kind.field)] = true
	}
	edge := field(s.items[len(s.items)-1].tree, "created_at")
	args := l.tenantArgs("page", "per_page", "include_totals", "q")
	clause := "created_at:[" + edge + " TO *]"
	if by.way < 0 {
		clause = "created_at:[* TO " + edge + "]"
	}
	if q := withoutPlaceholders(l.filter.text); strings.TrimSpace(q) != "" {
		clause = "(" + q + ") AND " + clause
	}
	args.Set("q", clause)
	args.Set("search_engine", "v3")
	s.more = false
	return l.walk(l.op, args, func(o *engine.Object, raw json.RawMessage) bool {
		if seen[field(o, l.at.kind.field)] {
			return true
		}
		if left >= reach {
			s.more = true
			return false
		}
		one := item{raw, o}
		s.items = append(s.items, one)
		l.p.mu.Lock()
		defer l.p.mu.Unlock()
		if l.corrected(one) != nil {
			left++
		}
		return true
	})
}
