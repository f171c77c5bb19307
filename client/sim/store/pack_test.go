package store

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
)

// anything is a random value as JSON decodes it.
func anything(rng *rand.Rand, depth int) any {
	n := rng.IntN(9)
	if depth == 0 {
		n = rng.IntN(6)
	}
	switch n {
	case 0:
		return nil
	case 1:
		return rng.IntN(2) == 0
	case 2:
		return json.Number(fmt.Sprint(rng.Int64() - 1<<62))
	case 3:
		return json.Number("12345678901234567890.50")
	case 4, 5:
		return strings.Repeat("é", rng.IntN(200))
	case 6:
		list := make([]any, rng.IntN(4))
		for i := range list {
			list[i] = anything(rng, depth-1)
		}
		return list
	}
	return someObject(rng, depth-1)
}

func someObject(rng *rand.Rand, depth int) Object {
	o := Object{}
	for range rng.IntN(12) {
		// Few have one name, more than the list of names takes have all.
		name := []string{"", "name", "$id", fmt.Sprint("n", rng.IntN(100)), fmt.Sprint("m", rng.IntN(mostNames)), strings.Repeat("x", 101)}[rng.IntN(6)]
		o[name] = anything(rng, depth)
	}
	return o
}

// TestPacked: what was packed comes out as it was, whole or in part, also when the
// list of names is full.
func TestPacked(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	names := newNames()
	for i := range 6000 {
		o := someObject(rng, 3)
		packed, ok := names.pack(o)
		ref := Ref{&record{packed: packed}, names}
		if got := ref.Object(); !ok || !reflect.DeepEqual(got, o) {
			t.Fatalf("%d: %v became %v", i, o, got)
		}
		wanted := []string{"name", "", fmt.Sprint("n", rng.IntN(20)), "never"}
		for k := range o {
			wanted = append(wanted, k)
			if rng.IntN(2) == 0 {
				break
			}
		}
		wanted = wanted[rng.IntN(4):]
		want := Object{}
		for _, k := range wanted {
			if v, has := o[k]; has {
				want[k] = v
			}
		}
		if got := ref.Some(Object{"old": true}, names.pick(wanted)); !reflect.DeepEqual(got, want) {
			t.Fatalf("%d: %q of %v are %v, want %v", i, wanted, o, got, want)
		}
	}
	if len(*names.list.Load()) != mostNames {
		t.Fatalf("%d names: the list was never full", len(*names.list.Load()))
	}
}

// TestNotPacked: what JSON does not have stays as it is, and so does what has no
// text but null.
func TestNotPacked(t *testing.T) {
	s := New(nil)
	s.Pack(testKey.Kind)
	odd := Object{"n": 1, "texts": []string{"a"}, "deep": []any{Object{"n": int64(2)}}}
	s.Update(func(tx *Tx) {
		tx.Put(testKey, "odd", odd)
		tx.Put(testKey, "none", Object{"list": []any(nil), "object": Object(nil)})
		tx.Put(testKey, "empty", Object{})
		if got := tx.Get(testKey, "odd"); !reflect.DeepEqual(got, odd) {
			t.Errorf("%v became %v", odd, got)
		}
		if got := tx.Get(testKey, "none"); !reflect.DeepEqual(got, Object{"list": nil, "object": nil}) {
			t.Errorf("got %#v", got)
		}
		if got := tx.Get(testKey, "empty"); got == nil || len(got) != 0 {
			t.Errorf("got %#v", got)
		}
		if tx.Packed(testKey) != 2 {
			t.Errorf("%d of 3 lie packed", tx.Packed(testKey))
		}
	})
}

// TestPackedBeside: a store and its snapshot pack and read beside each other.
func TestPackedBeside(t *testing.T) {
	s := testStore()
	s.Pack(testKey.Kind)
	snap := s.Snapshot()
	var all sync.WaitGroup
	for i, each := range []*Store{s, snap, s, snap} {
		all.Go(func() {
			for j := range 300 {
				id := fmt.Sprint(i, j%10)
				o := Object{"id": id, fmt.Sprint("n", i, j): json.Number(fmt.Sprint(j))}
				each.Update(func(tx *Tx) { tx.Put(testKey, id, o) })
				each.View(func(tx *Tx) {
					if got := tx.Get(testKey, id); !reflect.DeepEqual(got, o) {
						t.Errorf("%v became %v", o, got)
					}
				})
			}
		})
	}
	all.Wait()
}
