package sim

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// TestTakeKeepsItsWord: whatever the limit, what a bucket grants over any stretch
// of time is never more than burst + rate × time, and a caller who comes when
// reset says finds a token.
func TestTakeKeepsItsWord(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		l := Limit{Rate: []float64{0.5, 2, 10, 16, 50, 200.0 / 60, 2.5, 200}[rng.IntN(8)], Burst: 1 + rng.IntN(50)}
		l.Every = []time.Duration{0, time.Millisecond, time.Second}[rng.IntN(3)]
		if l.Every == time.Second {
			l.Per = time.Minute
		}
		keepsItsWord(t, rng, l, rng.IntN(2) == 0)
	}
}

func keepsItsWord(t *testing.T, rng *rand.Rand, l Limit, full bool) {
	t.Helper()
	bucket, err := l.whole()
	if err != nil {
		t.Fatal(err)
	}
	perSecond := l.Rate / max(l.Per, time.Second).Seconds()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now, s, granted := start, level{}, 0
	for range 500 {
		now = now.Add(time.Duration(rng.Int64N(int64(time.Second / 2))))
		var d draw
		s, d = bucket.take(s, now, full)
		if d.ok {
			granted++
		}
		if most := float64(l.Burst) + perSecond*now.Sub(start).Seconds() + 1e-3; float64(granted) > most {
			t.Fatalf("%+v granted %d after %s, at most %.1f are there", l, granted, now.Sub(start), most)
		}
		if d.remaining < 0 || d.remaining > l.Burst || d.limit != l.Burst {
			t.Fatalf("%+v says %+v", l, d)
		}
		if d.ok {
			continue
		}
		// Who waits until the reset is served, under both meanings.
		if _, again := bucket.take(s, time.Unix(d.reset, 0), full); !again.ok {
			t.Fatalf("%+v: refused at %s, and again at its reset %d (full: %v)", l, now, d.reset, full)
		}
		if _, again := bucket.take(s, d.again, full); !again.ok {
			t.Fatalf("%+v: refused at %s, and again when a token should be there, %s", l, now, d.again)
		}
		if full {
			_, back := bucket.take(s, time.Unix(d.reset, 0), full)
			if back.remaining != l.Burst-1 {
				t.Fatalf("%+v: the reset is the second by which the bucket is full, but %d remain", l, back.remaining)
			}
		}
	}
}

// TestLimitOfAClockSetBack: a tenant whose time is set back a year does not stay
// empty for a year; requests that overtake each other bring no token back.
func TestLimitOfAClockSetBack(t *testing.T) {
	b, err := Limit{Rate: 1, Burst: 1, Every: time.Millisecond}.whole()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	s, d := b.take(level{}, now, false)
	for range 10 {
		s, _ = b.take(s, now.Add(-100*time.Millisecond), false)
		if s, d = b.take(s, now, false); d.ok {
			t.Fatal("a request that was overtaken filled the bucket")
		}
	}
	then := now.AddDate(-1, 0, 0)
	if s, d = b.take(s, then, false); d.ok {
		t.Fatal("setting the clock back fills the bucket")
	}
	if _, d = b.take(s, then.Add(time.Second), false); !d.ok {
		t.Fatal("a second after the clock was set back there is no token")
	}
}

func TestLimitsThatCannotBe(t *testing.T) {
	for _, l := range []Limits{{Rate: -1}, {Burst: 3}, {Rate: 1, Reset: "soon"}, {Groups: map[string]Limit{"users.write": {}}}, {Groups: map[string]Limit{"users.write": {Rate: 1, By: "moon"}}}, {Rate: 1, Burst: math.MaxInt}} {
		if _, err := newLimiter(l); err == nil {
			t.Errorf("%+v is taken", l)
		}
	}
}

func TestParseRate(t *testing.T) {
	for s, want := range map[string]Limit{
		"50": {Rate: 50, Per: time.Second, Every: time.Millisecond}, "50/s": {Rate: 50, Per: time.Second, Every: time.Millisecond},
		"120/min": {Rate: 120, Per: time.Minute, Every: time.Second}, "2.5/s": {Rate: 2.5, Per: time.Second, Every: time.Millisecond},
		"50/hour": {Rate: 50, Per: time.Hour, Every: time.Second}, "5/day": {Rate: 5, Per: 24 * time.Hour, Every: time.Second},
	} {
		if got, err := ParseRate(s); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "x", "5/week", "-1/s", "/s", "NaN", "Inf/s"} {
		if _, err := ParseRate(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}
