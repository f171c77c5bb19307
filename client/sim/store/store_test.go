package store

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

var testKey = Key{Kind: "things"}

func testStore() *Store {
	return New(map[string][]Index{"things": {{Name: "name", Keys: func(o Object) []string {
		if n, _ := o["name"].(string); n != "" {
			return []string{n}
		}
		return nil
	}}}})
}

func idsOf(objects []Object) []string {
	var out []string
	for _, o := range objects {
		out = append(out, o["id"].(string))
	}
	return out
}

// bothWays runs a test of so many steps on a store whose objects lie as they are,
// and with fewer on one where they lie packed, which the race detector makes slow.
func bothWays(t *testing.T, steps int, test func(t *testing.T, s func(*Store) *Store, steps int)) {
	t.Helper()
	t.Run("plain", func(t *testing.T) { test(t, func(s *Store) *Store { return s }, steps) })
	t.Run("packed", func(t *testing.T) {
		test(t, func(s *Store) *Store {
			s.Pack(testKey.Kind)
			return s
		}, steps/6)
	})
}

// TestAgainstAModel makes thousands of random changes and holds order, pages,
// cursors and the index against a plain slice.
func TestAgainstAModel(t *testing.T) { bothWays(t, 6000, againstAModel) }

func againstAModel(t *testing.T, packs func(*Store) *Store, steps int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	s := packs(testStore())
	var model []Object
	at := func(id string) int {
		return slices.IndexFunc(model, func(o Object) bool { return o["id"] == id })
	}
	for step := range steps {
		id, name := fmt.Sprint(rng.IntN(300)), fmt.Sprint(rng.IntN(20))
		o := Object{"id": id, "name": name, "step": json.Number(fmt.Sprint(step))}
		i := at(id)
		s.Update(func(tx *Tx) {
			if rng.IntN(5) < 2 {
				if tx.Delete(testKey, id) != (i >= 0) {
					t.Fatalf("step %d: delete of %s does not say whether it was there", step, id)
				}
				if i >= 0 {
					model = slices.Delete(model, i, i+1)
				}
				return
			}
			tx.Put(testKey, id, o)
			if i >= 0 {
				model[i] = o
			} else {
				model = append(model, o)
			}
		})
		if step%17 != 0 {
			continue
		}
		s.View(func(tx *Tx) {
			if got := tx.All(testKey); len(got) != len(model) || len(got) > 0 && !reflect.DeepEqual(got, model) {
				t.Fatalf("step %d: the order is %v, want %v", step, idsOf(got), idsOf(model))
			}
			start, n := rng.IntN(50), rng.IntN(30)
			want := model[min(start, len(model)):min(start+n, len(model))]
			if got := tx.Page(testKey, start, n); !slices.Equal(idsOf(got), idsOf(want)) {
				t.Fatalf("step %d: page %d+%d is %v, want %v", step, start, n, idsOf(got), idsOf(want))
			}
			var walked []Object
			for place := uint64(0); ; {
				batch, last := tx.After(testKey, place, 7)
				if len(batch) == 0 {
					break
				}
				walked, place = append(walked, batch...), last
			}
			if !slices.Equal(idsOf(walked), idsOf(model)) {
				t.Fatalf("step %d: the cursor walks %v, want %v", step, idsOf(walked), idsOf(model))
			}
			var named []string
			for _, o := range model {
				if o["name"] == name {
					named = append(named, o["id"].(string))
				}
			}
			got := idsOf(tx.Lookup(testKey, "name", name))
			slices.Sort(got)
			slices.Sort(named)
			if !slices.Equal(got, named) {
				t.Fatalf("step %d: the index finds %v, want %v", step, got, named)
			}
		})
	}
}

func TestCursorSurvivesDeletion(t *testing.T) {
	s := testStore()
	s.Update(func(tx *Tx) {
		for i := range 100 {
			tx.Put(testKey, fmt.Sprint(i), Object{"id": fmt.Sprint(i)})
		}
		_, place := tx.After(testKey, 0, 40)
		for i := range 90 {
			tx.Delete(testKey, fmt.Sprint(i))
		}
		rest, _ := tx.After(testKey, place, 100)
		if got := idsOf(rest); !slices.Equal(got, []string{"90", "91", "92", "93", "94", "95", "96", "97", "98", "99"}) {
			t.Fatalf("after 90 deletions the cursor gives %v", got)
		}
	})
}

func TestSnapshotStandsStill(t *testing.T) {
	s := testStore()
	s.Update(func(tx *Tx) { tx.Put(testKey, "a", Object{"id": "a", "name": "n"}) })
	snap := s.Snapshot()
	s.Update(func(tx *Tx) {
		tx.Put(testKey, "b", Object{"id": "b", "name": "n"})
		tx.Delete(testKey, "a")
	})
	s.Restore(snap)
	s.Update(func(tx *Tx) {
		if got := idsOf(tx.Lookup(testKey, "name", "n")); !slices.Equal(got, []string{"a"}) {
			t.Fatalf("restored to %v", got)
		}
		tx.Put(testKey, "c", Object{"id": "c", "name": "n"})
	})
	snap.View(func(tx *Tx) {
		if tx.Len(testKey) != 1 {
			t.Fatal("the snapshot changes with the store that was restored from it")
		}
	})
}

// TestSnapshotsAgainstCopies writes at random to a store and to snapshots of it,
// restores some, and holds each against a plain copy: order, pages, the index, a
// kept order, and what is told of changes since a version.
func TestSnapshotsAgainstCopies(t *testing.T) { bothWays(t, 4000, snapshotsAgainstCopies) }

func snapshotsAgainstCopies(t *testing.T, packs func(*Store) *Store, steps int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	type state struct {
		s     *Store
		model []Object
	}
	// Two names that many have, whose lists are long, and names that few have.
	names := func() string { return fmt.Sprint(min(rng.IntN(8), rng.IntN(8), 7)) }
	main := &state{s: packs(orderedStore())}
	snaps := []*state{}
	type seen struct {
		version uint64
		model   []Object
	}
	var versions []seen // of the main store
	for step := range steps {
		on := main
		if len(snaps) > 0 && rng.IntN(4) == 0 {
			on = snaps[rng.IntN(len(snaps))]
		}
		switch n := rng.IntN(12); {
		case n == 0:
			snaps = append(snaps, &state{on.s.Snapshot(), slices.Clone(on.model)})
			if len(snaps) > 5 {
				snaps = snaps[1:]
			}
		case n == 1 && len(snaps) > 0:
			from := snaps[rng.IntN(len(snaps))]
			on.s.Restore(from.s)
			on.model = slices.Clone(from.model)
		default:
			id := fmt.Sprint(rng.IntN(120))
			i := slices.IndexFunc(on.model, func(o Object) bool { return o["id"] == id })
			on.s.Update(func(tx *Tx) {
				if n < 5 {
					tx.Delete(testKey, id)
					if i >= 0 {
						on.model = slices.Delete(slices.Clone(on.model), i, i+1)
					}
					return
				}
				o := Object{"id": id, "name": names(), "step": json.Number(fmt.Sprint(step))}
				tx.Put(testKey, id, o)
				on.model = slices.Clone(on.model)
				if i >= 0 {
					on.model[i] = o
				} else {
					on.model = append(on.model, o)
				}
			})
		}
		for _, each := range append([]*state{main}, snaps...) {
			each.s.View(func(tx *Tx) {
				if got := tx.All(testKey); len(got) != len(each.model) || len(got) > 0 && !reflect.DeepEqual(got, each.model) {
					t.Fatalf("step %d: %v, want %v", step, idsOf(got), idsOf(each.model))
				}
				got, ok := tx.Sorted(testKey, "name")
				if !ok || got.Len() != len(each.model) || !slices.IsSortedFunc(Objects(got.Page(0, got.Len(), 0, got.Len())), func(a, b Object) int {
					return strings.Compare(a["name"].(string), b["name"].(string))
				}) {
					t.Fatalf("step %d: the order of names is lost", step)
				}
				name := names()
				want := 0
				for _, o := range each.model {
					if o["name"] == name {
						want++
					}
				}
				if found := tx.Lookup(testKey, "name", name); len(found) != want || slices.ContainsFunc(found, func(o Object) bool { return o["name"] != name }) {
					t.Fatalf("step %d: the index finds %d of %d", step, len(found), want)
				}
			})
		}
		main.s.View(func(tx *Tx) {
			if len(versions) > 0 {
				old := versions[rng.IntN(len(versions))]
				if changes, ok := tx.Since(testKey, old.version); ok {
					replay := map[string]Object{}
					for _, o := range old.model {
						replay[o["id"].(string)] = o
					}
					for _, c := range changes {
						if c.New == nil {
							delete(replay, c.Old["id"].(string))
						} else {
							replay[c.New["id"].(string)] = c.Ref.Object()
						}
					}
					want := map[string]Object{}
					for _, o := range main.model {
						want[o["id"].(string)] = o
					}
					if !reflect.DeepEqual(replay, want) {
						t.Fatalf("step %d: the changes since version %d lead elsewhere", step, old.version)
					}
				}
			}
			versions = append(versions, seen{tx.Version(testKey), main.model})
			versions = versions[max(0, len(versions)-40):]
		})
	}
}

func TestLinks(t *testing.T) {
	s := testStore()
	s.Update(func(tx *Tx) {
		tx.Link("has", "u1", "r1", nil)
		tx.Link("has", "u1", "r2", Object{"since": 1})
		tx.Link("has", "u2", "r1", nil)
		tx.Link("has", "u1", "r1", nil)
		count := func(k Key) int { return tx.Len(k) }
		if count(Links("has", "u1")) != 2 || count(LinkedBy("has", "r1")) != 2 || !tx.Linked("has", "u1", "r2") {
			t.Fatal("the links are not there from both sides")
		}
		if tx.Get(Links("has", "u1"), "r2")["since"] != 1 || ID(tx.Get(LinkedBy("has", "r2"), "u1")) != "u1" {
			t.Fatal("a link has lost its value")
		}
		if !tx.Unlink("has", "u1", "r2") || tx.Unlink("has", "u1", "r2") || count(LinkedBy("has", "r2")) != 0 {
			t.Fatal("unlinking leaves the other side")
		}
		tx.UnlinkAll("has", "r1")
		if count(Links("has", "u1")) != 0 || count(Links("has", "u2")) != 0 || count(LinkedBy("has", "r1")) != 0 {
			t.Fatal("a thing that is gone is still linked")
		}
	})
}

func TestWriteInsideViewIsRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("a view wrote")
		}
	}()
	testStore().View(func(tx *Tx) { tx.Put(testKey, "a", Object{}) })
}

// TestReadersAndWriters is for the race detector.
func TestReadersAndWriters(t *testing.T) {
	s := testStore()
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for i := range 200 {
				id := fmt.Sprint(i % 20)
				if w%2 == 0 {
					s.Update(func(tx *Tx) { tx.Put(testKey, id, Object{"id": id, "name": fmt.Sprint(w, i)}) })
					continue
				}
				var got []Object
				s.View(func(tx *Tx) { got = tx.All(testKey) })
				for _, o := range got {
					_ = o["name"]
				}
			}
		})
	}
	all.Wait()
	s.View(func(tx *Tx) {
		if tx.Len(testKey) != 20 {
			t.Fatalf("%d things", tx.Len(testKey))
		}
	})
}
