package engine

import "hash/fnv"

// A keySet holds hashes of keys in eight bytes each and a little air: a
// parallel call over a tenant's users keeps one, and a map takes four times
// as much.
type keySet struct {
	slots []uint64 // a power of two; 0 is free
	n     int
}

// add adds a key and reports whether it was not there before.
func (s *keySet) add(key string) bool {
	if s.n >= len(s.slots)/8*7 {
		s.grow()
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // a hash's Write never fails
	return s.put(max(h.Sum64(), 1))
}

// has reports whether a key was added.
func (s *keySet) has(key string) bool {
	if s.n == 0 {
		return false
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // a hash's Write never fails
	hash := max(h.Sum64(), 1)
	mask := uint64(len(s.slots) - 1)
	for i := hash & mask; s.slots[i] != 0; i = (i + 1) & mask {
		if s.slots[i] == hash {
			return true
		}
	}
	return false
}

func (s *keySet) put(h uint64) bool {
	mask := uint64(len(s.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case h:
			return false
		case 0:
			s.slots[i] = h
			s.n++
			return true
		}
	}
}

func (s *keySet) grow() {
	old := s.slots
	s.slots, s.n = make([]uint64, max(64, 2*len(old))), 0
	for _, h := range old {
		if h != 0 {
			s.put(h)
		}
	}
}
