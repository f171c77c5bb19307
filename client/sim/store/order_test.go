package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

func orderedStore() *Store {
	return New(testStore().indexes, Order{Kind: "things", Name: "name", Of: "name", Key: func(o Object) (string, bool) {
		n, ok := o["name"].(string)
		return n, ok
	}})
}

// TestOrderAgainstAModel makes random changes, with snapshots restored between
// them, and holds stretches and pages against a sorted slice.
func TestOrderAgainstAModel(t *testing.T) { bothWays(t, 5000, orderAgainstAModel) }

func orderAgainstAModel(t *testing.T, packs func(*Store) *Store, steps int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(9, 1))
	s := packs(orderedStore())
	var snap *Store
	odds := 0
	for step := range steps {
		id := fmt.Sprint(rng.IntN(120))
		s.Update(func(tx *Tx) {
			o := Object{"id": id, "name": fmt.Sprint(rng.IntN(30))}
			switch {
			case rng.IntN(3) == 0:
				tx.Delete(testKey, id)
				return
			case rng.IntN(200) == 0:
				delete(o, "name")
			}
			tx.Put(testKey, id, o)
		})
		switch rng.IntN(300) {
		case 0:
			snap = s.Snapshot()
		case 1:
			if snap != nil {
				s.Restore(snap)
			}
		}
		if rng.IntN(10) > 0 {
			continue
		}
		s.View(func(tx *Tx) {
			all := tx.All(testKey)
			got, ok := tx.Sorted(testKey, "name")
			odd := slices.ContainsFunc(all, func(o Object) bool { return o["name"] == nil })
			if ok == odd {
				t.Fatalf("step %d: an object without a name: %v, an order: %v", step, odd, ok)
			}
			if odd {
				odds++
				return
			}
			checkOrder(t, rng, got, all)
		})
	}
	if odds == 0 || odds > 300 {
		t.Fatalf("%d times without an order: the test shows little", odds)
	}
}

func checkOrder(t *testing.T, rng *rand.Rand, got Sorted, all []Object) {
	t.Helper()
	name := func(o Object) string { return o["name"].(string) }
	low, high := fmt.Sprint(rng.IntN(40)), fmt.Sprint(rng.IntN(40))
	in := slices.DeleteFunc(slices.Clone(all), func(o Object) bool { return name(o) < low || name(o) >= high })
	lo := got.Find(func(key string) bool { return key >= low })
	hi := max(lo, got.Find(func(key string) bool { return key >= high }))
	if hi-lo != len(in) || got.Len() != len(all) {
		t.Fatalf("%d of %d lie from %s to %s, want %d of %d", hi-lo, got.Len(), low, high, len(in), len(all))
	}
	if ids := idsOf(Objects(got.Created(lo, hi))); !slices.Equal(ids, idsOf(in)) {
		t.Fatalf("by creation: %v, want %v", ids, idsOf(in))
	}
	start, n := rng.IntN(30), rng.IntN(30)
	page := func(way int) []string {
		sorted := slices.Clone(in)
		slices.SortStableFunc(sorted, func(a, b Object) int { return way * strings.Compare(name(a), name(b)) })
		return idsOf(sorted[min(start, len(in)):min(start+n, len(in))])
	}
	if ids := idsOf(Objects(got.Page(lo, hi, start, n))); !slices.Equal(ids, page(1)) {
		t.Fatalf("%d from %d are %v, want %v", n, start, ids, page(1))
	}
	if ids := idsOf(Objects(got.Backward(lo, hi, start, n))); !slices.Equal(ids, page(-1)) {
		t.Fatalf("backward, %d from %d are %v, want %v", n, start, ids, page(-1))
	}
}

// TestVersionsTellStatesApart asks that no two states that differ have one
// version, also over a snapshot that comes back.
func TestVersionsTellStatesApart(t *testing.T) {
	s := orderedStore()
	version := func() (v uint64) {
		s.View(func(tx *Tx) { v = tx.Version(testKey) })
		return v
	}
	content := func() (ids string) {
		s.View(func(tx *Tx) { ids = fmt.Sprint(idsOf(tx.All(testKey))) })
		return ids
	}
	seen := map[uint64]string{version(): content()}
	put := func(id string) func() {
		return func() { s.Update(func(tx *Tx) { tx.Put(testKey, id, Object{"id": id}) }) }
	}
	var snap *Store
	for i, change := range []func(){
		put("a"), put("a"), func() { snap = s.Snapshot(); put("b")() },
		func() { s.Update(func(tx *Tx) { tx.Delete(testKey, "b") }) },
		func() { s.Restore(snap) }, put("c"), func() { s.Restore(snap) },
		func() { s.Update(func(tx *Tx) { tx.Clear(testKey) }) },
	} {
		change()
		if was, known := seen[version()]; known && was != content() {
			t.Fatalf("change %d leads back to version %d, which was %s and is %s", i, version(), was, content())
		}
		seen[version()] = content()
	}
	if len(seen) < 7 {
		t.Fatalf("%d versions", len(seen))
	}
	put("x")()
	last := version()
	s.Update(func(tx *Tx) { tx.Delete(testKey, "nobody") })
	s.View(func(tx *Tx) { tx.All(testKey) })
	if version() != last {
		t.Fatal("the version changes though nothing did")
	}
}

// TestReadersMakeOneOrder is for the race detector.
func TestReadersMakeOneOrder(t *testing.T) {
	s := orderedStore()
	s.Update(func(tx *Tx) {
		for i := range 500 {
			tx.Put(testKey, fmt.Sprint(i), Object{"id": fmt.Sprint(i), "name": fmt.Sprint(i * 7919 % 500)})
		}
	})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s.View(func(tx *Tx) {
				if got, ok := tx.Sorted(testKey, "name"); !ok || got.Len() != 500 {
					t.Errorf("%d of 500 are in order", got.Len())
				}
			})
		})
	}
	all.Wait()
}
