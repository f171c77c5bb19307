package pace

import (
	"math"
	"testing"
	"time"
)

// users are the buckets of a bulk patch, and of the listing before it.
var (
	writes = []string{"management", "users.write"}
	reads  = []string{"management", "users.read"}
)

// Proof 4: two processes on one budget share by weight, whatever the network
// between them and the tenant, and never send more in a second than the tenant
// allows.
func TestProcessesShareByWeight(t *testing.T) {
	t.Parallel()
	for _, weights := range [][2]float64{{1, 3}, {1, 1}, {2, 5}} {
		for seed := range uint64(limiters(t, 1)) { //nolint:gosec // small
			w := newWorld(t, seed)
			w.sheet = &Memory{Now: func() time.Time { return w.now }}
			w.global = &bucket{rate: 50, burst: 100, full: seed%2 == 0}
			w.net = network{latency: 20*time.Millisecond + time.Duration(seed)*30*time.Millisecond, jitter: 0.5, tail: 0.02}
			one := w.process("one", settings{}).work(&job{flow: Flow{Weight: weights[0]}, buckets: writes, n: 3000, callers: 16})
			two := w.process("two", settings{}).work(&job{flow: Flow{Weight: weights[1]}, buckets: writes, n: 3000, callers: 16})
			// What counts is the time in which both want more than there is.
			two.finished = func(*job) { one.n = one.done + one.open; one.todo = 0 }
			w.run()
			until := two.ended
			if one.ended.Before(until) {
				until = one.ended
			}
			a, b := 0, 0
			for _, at := range one.served {
				if at.Before(until) {
					a++
				}
			}
			for _, at := range two.served {
				if at.Before(until) {
					b++
				}
			}
			got, want := float64(b)/float64(a), weights[1]/weights[0]
			t.Logf("weights %v, latency %s: %d and %d, %.3f; refused %d of %d, most in a second %d", weights, w.net.latency, a, b, got, w.refused, w.sent, w.worst())
			if math.Abs(got/want-1) > 0.05 {
				t.Errorf("they share as 1:%.3f, want 1:%.3f", got, want)
			}
			if w.worst() > 150 {
				t.Errorf("%d requests in one second, the tenant allows 150", w.worst())
			}
			if w.refused*200 > w.sent {
				t.Errorf("%d of %d were refused", w.refused, w.sent)
			}
			took := until.Sub(w.since).Seconds()
			if ideal := float64(a+b-100) / 50; took > 1.05*ideal {
				t.Errorf("both together took %.1f s, ideal %.1f", took, ideal)
			}
		}
	}
}

// A small run is not stuck behind a bulk job, in its process or in another.
func TestSmallRunBesideBulk(t *testing.T) {
	t.Parallel()
	for _, apart := range []bool{false, true} {
		for _, rate := range []float64{10, 50, 200} {
			small := func(beside bool) time.Duration {
				w := newWorld(t, 7)
				w.global = &bucket{rate: rate, burst: int(2 * rate)}
				w.net = network{latency: 60 * time.Millisecond, jitter: 0.3}
				if apart {
					w.sheet = &Memory{Now: func() time.Time { return w.now }}
				}
				p := w.process("bulk", settings{})
				q := p
				if apart {
					q = w.process("small", settings{})
				}
				if beside {
					p.work(&job{flow: Flow{Run: "bulk"}, buckets: writes, n: 10_000, callers: 64})
				} else {
					w.global.tokens, w.global.begun, w.global.at = 1, true, w.now // as empty as it is beside the bulk
				}
				j := q.work(&job{flow: Flow{Run: "small"}, buckets: writes, n: 10, callers: 1, start: 10 * time.Second})
				if !beside {
					w.global.at = w.now.Add(10 * time.Second)
				}
				j.finished = func(*job) {
					for _, other := range p.jobs {
						if other != j {
							other.todo, other.n = 0, other.done+other.open
						}
					}
				}
				w.run()
				return j.took()
			}
			alone, beside := small(false), small(true)
			t.Logf("apart %v, %v/s: alone %s, beside 10,000 calls %s (%.2f)", apart, rate, alone, beside, beside.Seconds()/alone.Seconds())
			if beside > 3*alone {
				t.Errorf("apart %v, %v/s: it took %s, alone %s", apart, rate, beside, alone)
			}
		}
	}
}

// Proof 5: with a reserve of 20 % another client that needs 15 % of the rate is
// not refused, and the bulk job takes no more than its share.
func TestReserveIsLeftToOthers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(limiters(t, 5)) { //nolint:gosec // small
		w := newWorld(t, seed)
		w.global = &bucket{rate: 50, burst: 100, full: seed%2 == 0}
		w.net = network{latency: 80 * time.Millisecond, jitter: 0.5, tail: 0.02}
		o := w.compete(&other{rate: 7.5, lump: 1 + int(seed%3), buckets: []string{"management"}})
		j := w.process("p", settings{reserve: 0.2}).work(&job{buckets: writes, n: 3000, callers: 32})
		w.run()
		ideal := (3000 - 0.8*100) / (0.8 * 42.5)
		t.Logf("seed %d: the other was refused %d of %d; %s for %.1f s, %d refused", seed, o.refused, o.sent, j.took(), ideal, w.refused)
		if o.refused > 0 {
			t.Errorf("seed %d: the other client was refused %d of %d times", seed, o.refused, o.sent)
		}
		if took := j.took().Seconds(); took > 1.1*ideal || took < (3000-0.8*100)/(0.8*50)*0.94 {
			t.Errorf("seed %d: it took %.1f s, want about %.1f", seed, took, ideal)
		}
	}
}

// Proof 6: the limits change in mid-run from 50 a second to 10 and back.
func TestLimitsChangeInMidRun(t *testing.T) {
	t.Parallel()
	for _, resized := range []bool{true, false} {
		for seed := range uint64(limiters(t, 4)) { //nolint:gosec // small
			w := newWorld(t, seed)
			w.global = &bucket{rate: 50, burst: 100, full: seed%2 == 0}
			w.net = network{latency: 60 * time.Millisecond, jitter: 0.5, tail: 0.02}
			j := w.process("p", settings{}).work(&job{buckets: writes, n: 4000, callers: 32})
			before := *w.global
			w.after(20*time.Second, func() {
				low := &bucket{rate: 10, burst: 100, full: before.full}
				if resized {
					low.burst = 20
				}
				low.refill(w.now)
				low.tokens = 0
				w.global = low
			})
			w.after(50*time.Second, func() {
				high := before
				high.at, high.tokens, high.begun = w.now, 0, true
				w.global = &high
			})
			refusedBefore := 0
			w.after(20*time.Second, func() { refusedBefore = w.refused })
			w.run()
			full := 0
			for _, at := range j.served {
				if since := at.Sub(w.since); since > 55*time.Second && since <= 60*time.Second {
					full++
				}
			}
			t.Logf("resized %v, seed %d: %d refused, %d before; in the 5 s after 5 s %d", resized, seed, w.refused, refusedBefore, full)
			if w.refused > 20 {
				t.Errorf("seed %d: %d refused", seed, w.refused)
			}
			if full < 235 {
				t.Errorf("seed %d: %d in the five seconds that begin 5 s after the limit rose, want 250", seed, full)
			}
		}
	}
}

// Writes of users run at 200 a minute while reads go on at 500.
func TestGroupsGoOnByThemselves(t *testing.T) {
	t.Parallel()
	for _, general := range []bool{false, true} {
		for seed := range uint64(4) {
			w := newWorld(t, seed)
			if general {
				w.global = &bucket{rate: 50, burst: 100, full: seed%2 == 0}
			}
			w.groups["users.read"] = &bucket{rate: 500.0 / 60, burst: 40, every: time.Second, full: seed%2 == 0}
			w.groups["users.write"] = &bucket{rate: 200.0 / 60, burst: 20, every: time.Second, full: seed%2 == 0}
			w.net = network{latency: 60 * time.Millisecond, jitter: 0.3}
			p := w.process("p", settings{})
			r := p.work(&job{buckets: reads, n: 540, callers: 8})
			x := p.work(&job{buckets: writes, n: 220, callers: 8})
			w.run()
			t.Logf("general %v seed %d: reads %s (60), writes %s (60), %d refused of %d", general, seed, r.took(), x.took(), w.refused, w.sent)
			for _, j := range []*job{r, x} {
				if j.took() > 63*time.Second {
					t.Errorf("%v took %s, want a minute", j.buckets, j.took())
				}
			}
			if w.refused > 30 {
				t.Errorf("%d of %d refused", w.refused, w.sent)
			}
		}
	}
}

// Headers that are absent, lie, or are stuck in a cache, and a clock that is
// wrong by an hour, cost time and refusals, but nothing is lost and nobody runs
// amok.
func TestDishonestTenants(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		net     network
		ratio   float64
		refused float64
	}{
		"no headers":    {network{headless: true}, 1.5, 0.04},
		"wrong numbers": {network{wrong: 0.2}, 1.3, 0.05},
		"cached":        {network{cached: true}, 1.3, 0.08},
		"clock ahead":   {network{skew: time.Hour}, 1.05, 0.01},
		"clock behind":  {network{skew: -time.Hour}, 1.05, 0.01},
		"half lost":     {network{lossy: 0.5}, 1.1, 0.02},
	} {
		for seed := range uint64(6) {
			w := newWorld(t, seed)
			w.net = c.net
			w.net.latency, w.net.jitter = 60*time.Millisecond, 0.5
			w.global = &bucket{rate: 20, burst: 40, full: seed%2 == 0}
			j := w.process("p", settings{}).work(&job{buckets: writes, n: 1500, callers: 16})
			w.run()
			ratio, refused := j.took().Seconds()/w.ideal(j, 0).Seconds(), float64(w.refused)/float64(w.sent)
			t.Logf("%s, seed %d: %.3f of the ideal, %.2f %% refused", name, seed, ratio, 100*refused)
			if ratio > c.ratio {
				t.Errorf("%s, seed %d: %.3f of the ideal", name, seed, ratio)
			}
			if refused > c.refused {
				t.Errorf("%s, seed %d: %.2f %% refused", name, seed, 100*refused)
			}
		}
	}
}

// Without a limit the width finds how many at once reach the tenant's speed.
func TestWidthFindsTheTenantsSpeed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hands, callers int
		most           int // of flying requests, in the end
	}{{4, 256, 16}, {20, 256, 64}, {100, 400, 512}} {
		w := newWorld(t, 3)
		w.net = network{latency: 20 * time.Millisecond, jitter: 0.2}
		w.serves, w.hands = 20*time.Millisecond, make([]time.Time, c.hands)
		p := w.process("p", settings{})
		j := p.work(&job{buckets: writes, n: 20_000, callers: c.callers})
		w.run()
		ideal := 20_000 / float64(c.hands) * 0.02
		wide := p.s.widths["management"].now()
		t.Logf("%d hands: %s for %.1f s, %d at once", c.hands, j.took(), ideal, wide)
		if j.took().Seconds() > 1.1*ideal || wide > c.most {
			t.Errorf("%d hands: %s for %.1f s, %d at once", c.hands, j.took(), ideal, wide)
		}
	}
}

// A process that is killed leaves its share to the others within two seconds.
func TestKilledProcessLapses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.sheet = &Memory{Now: func() time.Time { return w.now }}
	w.global = &bucket{rate: 50, burst: 100}
	w.net = network{latency: 40 * time.Millisecond, jitter: 0.3}
	one, two := w.process("one", settings{}), w.process("two", settings{})
	one.work(&job{buckets: writes, n: 1000, callers: 16, flow: Flow{Weight: 9}})
	two.work(&job{buckets: writes, n: 1000, callers: 16})
	w.after(5*time.Second, one.kill)
	w.run()
	n := 0
	for _, at := range two.jobs[0].served {
		if since := at.Sub(w.since); since > 7*time.Second && since <= 12*time.Second {
			n++
		}
	}
	if n < 235 {
		t.Errorf("the other got %d in the five seconds that begin 2 s after the kill, want 250", n)
	}
}

// The cells of `make bench`, in virtual time.
func TestBenchCells(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rate  float64
		burst int
		n     int
		every time.Duration
		most  float64
	}{{2, 10, 101, 0, 1.03}, {16, 50, 1010, 0, 1.03}, {50, 100, 2020, 0, 1.03}, {200.0 / 60, 20, 100, 0, 1.03}, {200.0 / 60, 20, 100, time.Second, 1.08}, {200, 500, 10_100, 0, 1.03}} {
		for _, full := range []bool{false, true} {
			for seed := range uint64(limiters(t, 3)) { //nolint:gosec // small
				w := newWorld(t, seed)
				w.sheet = &Memory{Now: func() time.Time { return w.now }}
				w.global = &bucket{rate: c.rate, burst: c.burst, full: full, every: c.every}
				w.net = network{latency: 4 * time.Millisecond, jitter: 0.5, tail: 0.02}
				j := w.process("p", settings{width: 16}).work(&job{buckets: writes, n: c.n, callers: 16})
				w.run()
				ratio := j.took().Seconds() / (float64(c.n-c.burst) / c.rate)
				t.Logf("%.1f/s, %d at once, every %s, full %v, seed %d: %.3f, %d refused", c.rate, c.burst, c.every, full, seed, ratio, w.refused)
				if ratio > c.most || w.refused > 10 {
					t.Errorf("%.1f/s, %d at once, every %s, full %v, seed %d: %.3f of the ideal, %d refused", c.rate, c.burst, c.every, full, seed, ratio, w.refused)
				}
			}
		}
	}
}

// After the first tenth of a job the estimate of its end is right within 10 %, with
// the burst behind it, which a count of the speed so far would take for the rate.
func TestEstimateAfterATenth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rate  float64
		burst int
		n     int
	}{{2, 10, 300}, {16, 50, 1500}, {50, 100, 3000}, {200, 500, 20_000}} {
		for seed := range uint64(limiters(t, 3)) { //nolint:gosec // small
			w := newWorld(t, seed)
			w.global = &bucket{rate: c.rate, burst: c.burst, full: seed%2 == 0}
			w.net = network{latency: 40 * time.Millisecond, jitter: 0.5, tail: 0.02}
			p := w.process("p", settings{})
			j := p.work(&job{buckets: writes, n: c.n, callers: 32})
			var said time.Duration
			var at time.Time
			var look func()
			look = func() {
				if j.done*10 < c.n {
					w.after(50*time.Millisecond, look)
					return
				}
				var known bool
				said, known = p.s.estimate([]Load{{Buckets: writes, Requests: c.n - j.done}}, w.now)
				if at = w.now; !known {
					t.Errorf("%.0f/s, seed %d: nothing is known after a tenth", c.rate, seed)
				}
			}
			w.after(0, look)
			w.run()
			left := j.ended.Sub(at)
			t.Logf("%.0f/s, seed %d: said %s, it took %s", c.rate, seed, said.Round(time.Second/10), left.Round(time.Second/10))
			if off := math.Abs(said.Seconds()/left.Seconds() - 1); off > 0.10 {
				t.Errorf("%.0f/s, seed %d: said %s, it took %s (%.0f %% off)", c.rate, seed, said, left, 100*off)
			}
		}
	}
}
