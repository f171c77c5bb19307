package client

import (
	"errors"
	"hash/maphash"
)

// This file proves that a walk over users is complete, as far as that can be
// proved of a tenant that goes on changing.
//
// Guaranteed is: a user that the search finds from the beginning of the walk to
// its end is handed out exactly once. Who comes, goes, or changes so that the
// search finds him no more, or only now, may be handed out or not. The search of a
// tenant lags behind its writes, and a user that was made shortly before may
// appear in a slice that is read already. So the tenant is asked at the end how
// many there are: where that is more than were handed out, all slices are read
// once more, and whoever was not seen is handed out then.

// A WalkWatch makes the requests of a walk and hears how one over users goes.
// Begin and End may be nil.
type WalkWatch struct {
	// Do is one call of one page.
	Do DoFunc
	// Begin is told how many users the tenant counts, before the first one is
	// handed out; an error of it ends the walk.
	Begin func(total int) error
	// End is told at the end of a walk of more than one slice.
	End func(WalkCount)
}

// A WalkCount compares what a walk handed out with what the tenant counted.
type WalkCount struct {
	// Users were handed out. First and Last are the tenant's own counts, at the
	// beginning and at the end.
	Users, First, Last int
	// Again says that the slices were read a second time because some were
	// missing; Found is how many that gave.
	Again bool
	Found int
}

// Complete reports whether no fewer users were handed out than the tenant counts
// at the end.
func (c WalkCount) Complete() bool { return c.Users >= c.Last }

// ErrWalkElsewhere is what WalkWatch.Begin gives to end a walk before its first
// item, because the items are read in another way.
var ErrWalkElsewhere = errors.New("the users are read in another way")

// tally counts the users of a walk. Only a hash is kept of each id: eight bytes
// for a user of a million.
type tally struct {
	seed  maphash.Seed
	seen  map[uint64]struct{}
	first int // -1: not told yet
}

func newTally() *tally {
	return &tally{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, first: -1}
}

// outOnce hands out a user unless the walk did so before.
func (s *slicer) outOnce(u user) error {
	h := maphash.String(s.tally.seed, u.ID)
	if _, again := s.tally.seen[h]; again {
		return nil
	}
	s.tally.seen[h] = struct{}{}
	return s.out(u.raw)
}

// count hears the total of a slice; the first one is that of the whole search.
func (s *slicer) count(total int) error {
	if s.tally.first >= 0 || total < 0 {
		return nil
	}
	s.tally.first = total
	if s.watch.Begin == nil {
		return nil
	}
	return s.watch.Begin(total)
}

// complete walks all slices, and again where the tenant counts more users than
// came.
func (s *slicer) complete() error {
	if err := s.run(); err != nil || s.tally.first <= reach {
		return err // one slice is held against its own total
	}
	c := WalkCount{Users: len(s.tally.seen), First: s.tally.first}
	var err error
	if c.Last, err = s.totalNow(); err != nil {
		return err
	}
	if !c.Complete() {
		before := c.Users
		s.edge, s.atEdge, s.past = "", nil, false
		if err := s.run(); err != nil {
			return err
		}
		c.Again, c.Users = true, len(s.tally.seen)
		c.Found = c.Users - before
		if c.Last, err = s.totalNow(); err != nil {
			return err
		}
	}
	if s.watch.End != nil {
		s.watch.End(c)
	}
	return nil
}

// totalNow asks how many users the search finds.
func (s *slicer) totalNow() (int, error) {
	set := Args{"page": 0, "per_page": 1, "include_totals": true, "sort": nil}
	if s.query != "" {
		set["q"] = s.query
	}
	if s.fields.given {
		set["fields"], set["include_fields"] = userID, true
	}
	p, err := s.get(set)
	if err != nil {
		return 0, err
	}
	if p.total < 0 {
		return len(s.tally.seen), nil // who does not count cannot be held to it
	}
	return p.total, nil
}
