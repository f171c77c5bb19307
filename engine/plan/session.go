package plan

import (
	"encoding/json"
	"net/http"
	"slices"

	"a0run/engine"
)

// A session is a listing of the tenant by page numbers, read to its end or as
// far as page numbers reach: the pages of one walk are cut from one reading.
type session struct {
	name  string
	items []json.RawMessage
	wrap  *engine.Object // the form of an answer with totals
	total int            // the tenant's own count; that of the items where it does not tell
	more  bool           // the tenant has more than it shows
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
		s.items = append(s.items, items...)
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
