package engine

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// passed reports whether a turn has come.
func (t *turn) passed() bool {
	select {
	case <-t.come:
		return true
	default:
		return false
	}
}

// held is a baton in somebody's hand, that repeats the wakes up to last.
func held(last int64) *baton {
	b := &baton{}
	if last > 0 {
		b.repeat(last)
	}
	b.enqueue()
	return b
}

// TestBatonOrder: those that a holder made ready go before those that arrived.
func TestBatonOrder(t *testing.T) {
	t.Parallel()
	b := held(0)
	arrived := b.arrive()
	ready := b.enqueue()
	second := b.arrive()
	if arrived.passed() || ready.passed() {
		t.Fatal("somebody passed while the baton was held")
	}
	for _, next := range []*turn{ready, arrived, second} {
		b.release()
		if !next.passed() {
			t.Fatal("the wrong one passed")
		}
	}
}

// TestBatonKeepsReservedPlaces: a place that was taken first passes first, also
// when it is settled last.
func TestBatonKeepsReservedPlaces(t *testing.T) {
	t.Parallel()
	b := held(0)
	var wakes []int64
	note := func(wake int64) { wakes = append(wakes, wake) }
	first, second := b.reserve(note), b.reserve(note)
	b.release()
	b.settle(second)
	if first.passed() || second.passed() {
		t.Fatal("a place that is not settled passed, or was passed over")
	}
	b.settle(first)
	if !first.passed() || second.passed() {
		t.Fatal("the first does not pass alone")
	}
	b.release()
	if !second.passed() || !slices.Equal(wakes, []int64{1, 2}) {
		t.Fatalf("the second does not pass, or the wakes are %v", wakes)
	}
}

// TestBatonRepeats: recorded wakes pass in their order, whatever order they come
// up in, and before everything that is live.
func TestBatonRepeats(t *testing.T) {
	t.Parallel()
	b := held(3)
	for range 4 {
		b.ask()
	}
	live := func() *turn {
		b.live()
		return b.reserve(func(wake int64) {
			if wake != 4 {
				t.Errorf("the first live wake is %d, want 4", wake)
			}
		})
	}()
	b.settle(live)
	third := b.answer(3)
	b.settle(third)
	b.release()
	if third.passed() || live.passed() {
		t.Fatal("somebody passed before the wake that is due")
	}
	first := b.answer(1)
	second := b.answer(2)
	b.settle(second)
	if first.passed() || second.passed() {
		t.Fatal("an unsettled place passed, or was passed over")
	}
	b.settle(first)
	for _, next := range []*turn{first, second, third, live} {
		if !next.passed() {
			t.Fatal("the wrong one is next")
		}
		b.release()
	}
}

// TestBatonWithoutAMissingWake: a wake that no call on its way can be is passed
// over, since an edited playbook does not make it any more.
func TestBatonWithoutAMissingWake(t *testing.T) {
	t.Parallel()
	b := held(5)
	b.ask()
	b.ask()
	b.ask()
	fifth, second := b.answer(5), b.answer(2)
	b.settle(fifth)
	b.settle(second)
	b.release()
	if second.passed() || fifth.passed() {
		t.Fatal("one passed while another call might be the due one")
	}
	b.live() // it is none of them
	if !second.passed() || fifth.passed() {
		t.Fatal("the lowest does not pass")
	}
	// A record of a wake that has passed is an arrival like any other.
	b.ask()
	late := b.answer(1)
	b.settle(late)
	b.release()
	if !fifth.passed() {
		t.Fatal("the recorded one does not pass")
	}
	b.release()
	if !late.passed() {
		t.Fatal("the late one does not pass")
	}
}

// TestBatonTwiceTheSameWake: two calls with the record of one wake (a playbook
// that was edited between three executions) both pass.
func TestBatonTwiceTheSameWake(t *testing.T) {
	t.Parallel()
	b := held(1)
	b.ask()
	b.ask()
	one, two := b.answer(1), b.answer(1)
	b.settle(one)
	b.settle(two)
	b.release()
	if !one.passed() {
		t.Fatal("the first does not pass")
	}
	b.release()
	if !two.passed() {
		t.Fatal("the second does not pass")
	}
}

// TestBatonRandomOrders lets recorded wakes come up in random orders from many
// goroutines: they pass in the order of the record, one at a time.
func TestBatonRandomOrders(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 7))
		const n = 40
		b := held(n)
		for range n {
			b.ask()
		}
		var order []int64 // guarded by the baton
		var all sync.WaitGroup
		for _, i := range rng.Perm(n) {
			all.Add(1)
			go func() {
				defer all.Done()
				place := b.answer(int64(i + 1))
				b.settle(place)
				<-place.come
				order = append(order, int64(i+1))
				b.release()
			}()
		}
		b.release()
		all.Wait()
		if len(order) != n || !slices.IsSorted(order) {
			t.Fatalf("seed %d: they passed in the order %v", seed, order)
		}
	}
}

// A queue keeps its order, and needs no more memory than what stands in it at most.
func TestTurns(t *testing.T) {
	var q turns
	in, out := 0, 0
	all := map[*turn]int{}
	push := func() { t := newTurn(); all[t] = in; in++; q.push(t) }
	for range 5 {
		push()
	}
	for range 10_000 { // it never runs empty
		push()
		if got := all[q.shift()]; got != out {
			t.Fatalf("the %d. came as the %d.", got, out)
		}
		out++
	}
	if q.len() != 5 || all[q.first()] != out || cap(q.all) > 32 {
		t.Errorf("%d stand in it, the first is %d, there is room for %d", q.len(), all[q.first()], cap(q.all))
	}
}
