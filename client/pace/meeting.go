package pace

import (
	"maps"
	"slices"
	"time"
)

// A meeting is one process's side of a shared budget: what it granted since it
// last met the others there, and how far it may go before it must meet them
// again. The other side is a document, see document.go.
type meeting struct {
	running bool // one is under way
	joined  bool // there was one
	due     bool // something happened that the others should know
	failed  bool // the last one failed: the budget is this process's own until the next
	last    time.Time
	grants  map[gateKey]*tally
	spent   int // tokens of limited gates since the last
	allowed int // … of at most so many
	others  bool
}

// tally is what was granted at a gate since the last meeting, and whether more
// was wanted.
type tally struct {
	granted int
	wanted  bool
}

// The times of a shared budget.
const (
	meetBusy   = 50 * time.Millisecond  // with others
	meetAlone  = 250 * time.Millisecond // alone: how late a newcomer is noticed
	meetAgain  = 10 * time.Millisecond  // between any two
	meetFailed = time.Second            // after one that failed
)

func (m *meeting) of(key gateKey) *tally {
	t := m.grants[key]
	if t == nil {
		t = &tally{}
		m.grants[key] = t
	}
	return t
}

// want notes that a claim waits for a gate.
func (m *meeting) want(key gateKey) {
	if key.limit > 0 {
		m.of(key).wanted = true
	}
}

// allows reports whether requests may be sent without meeting the others
// first.
func (m *meeting) allows(shared bool) bool {
	return !shared || m.joined && (m.failed || m.spent < m.allowed)
}

// every is how long the others may be left alone.
func (m *meeting) every() time.Duration {
	switch {
	case m.failed:
		return meetFailed
	case m.others:
		return meetBusy
	}
	return meetAlone
}

// next is when a meeting is due at the latest; zero where none is.
func (m *meeting) next(shared, waiting bool) time.Time {
	if !shared || !m.joined || m.running || !waiting {
		return time.Time{}
	}
	return m.last.Add(m.every())
}

// wantsMeeting reports whether it is time to meet.
func (s *state) wantsMeeting(now time.Time) bool {
	m := &s.meeting
	if !s.cfg.shared || m.running {
		return false
	}
	since := now.Sub(m.last)
	switch {
	case !m.joined:
		return true
	case m.failed:
		return since >= meetFailed
	case m.spent >= m.allowed && len(s.waiting) > 0:
		return true
	case m.due:
		return since >= meetAgain
	}
	return since >= m.every()
}

// report is what a process tells at a meeting. The tallies are taken: they
// belong to this meeting. It shares nothing with the state, which goes on changing
// while the meeting is held without the lock.
func (s *state) report(now time.Time) report {
	r := report{Weight: s.weight(now), at: now}
	for key, g := range s.gates {
		if key.limit == 0 || !g.known && g.rate == 0 {
			continue
		}
		n := reportGate{key: key, gate: *g, specifics: maps.Clone(s.members[key])}
		if t := s.meeting.grants[key]; t != nil {
			n.granted, n.wanted = t.granted, t.wanted
		}
		r.gates = append(r.gates, n)
	}
	clear(s.meeting.grants)
	s.meeting.spent, s.meeting.due = 0, false
	return r
}

// weight is that of the runs which ask.
func (s *state) weight(now time.Time) float64 {
	sum := 0.0
	for _, r := range s.runs {
		if now.Sub(r.seen) < 2*time.Second {
			sum += r.weight
		}
	}
	if sum == 0 {
		return 1
	}
	return sum
}

// meet takes what came of a meeting.
func (s *state) meet(v *view, now time.Time) {
	m := &s.meeting
	m.running, m.joined, m.last = false, true, now
	if m.failed = v == nil; m.failed {
		return
	}
	m.others, m.allowed = v.others, newcomer
	for key, told := range v.gates {
		m.allowed = max(m.allowed, key.limit/8)
		g := s.gates[key]
		if g == nil {
			g = s.learned(key, told, now)
		}
		g.served += uint64(max(0, told.others)) //nolint:gosec // not negative
		if until := now.Add(told.shut); told.shut > 0 && until.After(g.shut) {
			g.shut = until
			*g = g.single()
		}
		own := 1 - g.keep
		if !told.contended {
			if g.share != 0 && g.share < own {
				g.lease, g.leaseAt = g.ledgerRoom(now), now
			}
			g.share = own
			continue
		}
		g.share, g.lease, g.leaseAt = own*told.share, told.lease, now
	}
}

// generalOf is the general bucket of a gate that others have seen.
func (s *state) generalOf(specifics []string, bucket string) string {
	for _, d := range s.desks {
		if d.specific == bucket || d.general == bucket || slices.Contains(specifics, d.specific) {
			return d.general
		}
	}
	return bucket
}

// learned makes a gate of what another process, or an earlier run, has found.
func (s *state) learned(key gateKey, told viewGate, now time.Time) *gate {
	g := s.newGate(key, s.generalOf(told.specifics, key.bucket))
	g.known, g.unproven, g.rate, g.sure = true, true, told.rate, told.sure
	g.tokens, g.at = min(told.level, float64(key.limit)), now
	s.gates[key] = g
	s.members[key] = map[string]bool{}
	for _, name := range told.specifics {
		s.members[key][name] = true
	}
	for _, d := range s.desks {
		if s.belongs(d, key) {
			d.add(key)
			s.greet(d)
		}
	}
	return g
}

// belongs reports whether the requests of a desk draw on a gate that others
// have seen.
func (s *state) belongs(d *desk, key gateKey) bool {
	seen := s.members[key]
	return seen[d.specific] && (key.bucket == d.general || key.bucket == d.specific) ||
		key.bucket == d.general && len(seen) > 1
}
