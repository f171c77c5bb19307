package store

import (
	"maps"
	"slices"
)

// records are a collection's by their ids. There is a collection for each user who
// has a role, and a map takes 250 bytes for the one record in it: few are a list.
type records struct {
	few  []*record
	many map[string]*record // nil as long as there are few
}

// aFew is up to how many are a list.
const aFew = 8

func (rs *records) get(id string) *record {
	if rs.many != nil {
		return rs.many[id]
	}
	for _, r := range rs.few {
		if r.id == id {
			return r
		}
	}
	return nil
}

// set puts a record in the place of the one that has its id, or beside the others.
func (rs *records) set(r *record) {
	if rs.many == nil {
		for i, old := range rs.few {
			if old.id == r.id {
				rs.few[i] = r
				return
			}
		}
		if len(rs.few) < aFew {
			rs.few = append(rs.few, r)
			return
		}
		rs.many = make(map[string]*record, 2*aFew)
		for _, old := range rs.few {
			rs.many[old.id] = old
		}
		rs.few = nil
	}
	rs.many[r.id] = r
}

func (rs *records) remove(id string) {
	delete(rs.many, id)
	rs.few = slices.DeleteFunc(rs.few, func(r *record) bool { return r.id == id })
}

func (rs *records) len() int { return len(rs.few) + len(rs.many) }

func (rs *records) ids() []string {
	ids := slices.Collect(maps.Keys(rs.many))
	for _, r := range rs.few {
		ids = append(ids, r.id)
	}
	return ids
}

func (rs *records) clone() records { return records{slices.Clone(rs.few), maps.Clone(rs.many)} }
