package sim

import (
	"math/rand/v2"
	"testing"
	"time"

	"a0run/client/catalog"
)

// TestTakeAgainstAModel holds the bucket against a slow model that counts
// tokens in whole microseconds of refill: what it grants over any stretch of
// time is never more than burst + rate × time, and a caller who comes when
// reset says finds a token.
func TestTakeAgainstAModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		l := Limit{Rate: []float64{0.5, 2, 10, 16, 50, 200.0 / 60}[rng.IntN(6)], Burst: 1 + rng.IntN(50)}
		if rng.IntN(2) == 0 {
			l.Every = []time.Duration{time.Millisecond, time.Second}[rng.IntN(2)]
		}
		full := rng.IntN(2) == 0
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		now, s, granted := start, level{}, 0
		for range 500 {
			now = now.Add(time.Duration(rng.Int64N(int64(time.Second / 2))))
			var d draw
			s, d = l.take(s, now, full)
			if d.ok {
				granted++
			}
			if most := float64(l.Burst) + l.Rate*now.Sub(start).Seconds() + 1e-6; float64(granted) > most {
				t.Fatalf("%+v granted %d after %s, at most %.1f are there", l, granted, now.Sub(start), most)
			}
			if d.remaining < 0 || d.remaining > l.Burst || d.limit != l.Burst {
				t.Fatalf("%+v says %+v", l, d)
			}
			if d.ok {
				continue
			}
			// Who waits until the reset is served, under both meanings.
			if _, again := l.take(s, time.Unix(d.reset, 0), full); !again.ok {
				t.Fatalf("%+v: refused at %s, and again at its reset %d (full: %v)", l, now, d.reset, full)
			}
			if _, again := l.take(s, d.again, full); !again.ok {
				t.Fatalf("%+v: refused at %s, and again when a token should be there, %s", l, now, d.again)
			}
			if full {
				_, back := l.take(s, time.Unix(d.reset, 0), full)
				if back.remaining != l.Burst-1 {
					t.Fatalf("%+v: the reset is the second by which the bucket is full, but %d remain", l, back.remaining)
				}
			}
		}
	}
}

func TestLimiterGroups(t *testing.T) {
	lim, err := newLimiter(Limits{Rate: 1, Burst: 5, Groups: map[string]Limit{"users.write": {Rate: 1, Burst: 2}, "oauth.token": {Rate: 1, Burst: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	table := catalog.Default()
	now := time.Unix(1000, 0)
	ask := func(id string) draw {
		op, ok := table.Lookup(id)
		if !ok {
			t.Fatal(id)
		}
		d, limited := lim.draw(op, now)
		if !limited {
			t.Fatalf("%s stands under no limit", id)
		}
		return d
	}
	for i, c := range []struct {
		id        string
		ok        bool
		limit     int
		remaining int
	}{
		{"users.update", true, 2, 1},
		{"users.update", true, 2, 0},
		{"users.update", false, 2, 0}, // by the group; the global token is gone all the same
		{"users.get", true, 5, 1},
		{"users.get", true, 5, 0},
		{"users.update", false, 5, 0}, // by the global limit, which is asked first
		{"get_token.client_credentials", true, 1, 0},
		{"get_token.client_credentials", false, 1, 0},
	} {
		d := ask(c.id)
		if d.ok != c.ok || d.limit != c.limit || d.remaining != c.remaining {
			t.Fatalf("%d: %s: got %+v, want %+v", i, c.id, d, c)
		}
	}
}

func TestLimitsThatCannotBe(t *testing.T) {
	for _, l := range []Limits{{Rate: -1}, {Burst: 3}, {Rate: 1, Reset: "soon"}, {Groups: map[string]Limit{"users.write": {}}}} {
		if _, err := newLimiter(l); err == nil {
			t.Errorf("%+v is taken", l)
		}
	}
}

func TestParseRate(t *testing.T) {
	for s, want := range map[string]float64{"50": 50, "50/s": 50, "120/min": 2, "2.5/s": 2.5, "3600/hour": 1, "86400/day": 1} {
		if got, _, err := ParseRate(s); err != nil || got != want {
			t.Errorf("%s: got %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "x", "5/week", "-1/s", "/s"} {
		if _, _, err := ParseRate(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}
