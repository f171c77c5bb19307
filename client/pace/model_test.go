package pace

import (
	"fmt"
	"os"
	"sort"
	"strconv"
	"testing"
	"time"
)

// limiters is how many random tenants the model meets: a moderate number in
// make test, many in make torture (A0RUN_LIMITERS).
func limiters(t *testing.T, few int) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("A0RUN_LIMITERS")); err == nil && n > 0 {
		return n
	}
	return few
}

// seedOf is where the random tenants begin: A0RUN_SEED repeats one.
func seedOf(t *testing.T, fallback uint64) uint64 {
	t.Helper()
	seed := fallback
	if n, err := strconv.ParseUint(os.Getenv("A0RUN_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("A0RUN_SEED=%d", seed)
	return seed
}

// figures are what many trials measured.
type figures struct {
	ratios, shares []float64
	sent, refused  int
	worst          string
	slowest        float64
}

func (f *figures) add(w *world, took, ideal time.Duration, what string) {
	ratio := took.Seconds() / ideal.Seconds()
	if ratio > f.slowest {
		f.slowest, f.worst = ratio, what
	}
	f.ratios = append(f.ratios, ratio)
	f.shares = append(f.shares, float64(w.refused)/float64(w.sent))
	f.sent += w.sent
	f.refused += w.refused
}

func (f *figures) at(values []float64, part float64) float64 {
	sorted := append([]float64(nil), values...)
	sort.Float64s(sorted)
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

func (f *figures) report(t *testing.T) {
	t.Helper()
	t.Logf("%d tenants, %d requests: of the ideal %.3f in the median, %.3f at 99 %%, %.3f at worst; refused %.3f %%, at 90 %% %.2f %%, at worst %.2f %%",
		len(f.ratios), f.sent, f.at(f.ratios, 0.5), f.at(f.ratios, 0.99), f.at(f.ratios, 1),
		100*float64(f.refused)/float64(f.sent), 100*f.at(f.shares, 0.9), 100*f.at(f.shares, 1))
	t.Logf("the slowest: %s", f.worst)
}

// honest makes a random tenant that tells the truth, with a job against it.
func honest(t *testing.T, seed uint64, kind string) (*world, *job) {
	t.Helper()
	w := newWorld(t, seed)
	r := w.rnd
	burst := 2 + r.IntN(200)
	rate := float64(burst) * (0.05 + 0.95*r.Float64()) // a bucket holds a second to 20
	b := &bucket{rate: rate, burst: burst, full: seed%2 == 0}
	w.net = network{
		latency: 5*time.Millisecond + time.Duration(r.Int64N(int64(495*time.Millisecond))),
		jitter:  r.Float64(), tail: 0.05 * r.Float64(),
	}
	switch kind {
	case "minute":
		// As the published ones: a bucket holds two seconds' worth and more.
		b.burst = max(b.burst, 5)
		b.rate, b.every = min(rate, 10, float64(b.burst)/2), time.Second
	case "others":
		b.burst = max(b.burst, 5) // two cannot share a bucket of two
		o := &other{rate: b.rate * 0.3 * r.Float64(), lump: 1 + r.IntN(1+burst/20), buckets: []string{"management"}}
		o.rate = max(o.rate, 0.001)
		w.compete(o)
	case "loss":
		w.net.lossy = 0.3 * r.Float64()
	}
	w.global = b
	p := w.process("p", settings{})
	j := p.work(&job{
		buckets: []string{"management"}, callers: 1 + r.IntN(64),
		n: b.burst + 200 + int(40*min(b.rate, 60)),
	})
	return w, j
}

// Proof 1: random tenants that tell the truth, random callers and networks.
func TestHonestTenants(t *testing.T) {
	t.Parallel()
	n, first := limiters(t, 12), seedOf(t, 1)
	var all figures
	for _, kind := range []string{"plain", "minute", "others", "loss"} {
		var f figures
		for i := range uint64(n) { //nolint:gosec // small
			w, j := honest(t, first+i, kind)
			w.run()
			ideal := w.ideal(j, w.taken(j))
			what := fmt.Sprintf("%s A0RUN_SEED=%d %.2f/s burst %d full %v every %s net %v callers %d n %d: %d refused, %s", kind, first+i, w.global.rate, w.global.burst, w.global.full, w.global.every, w.net, j.callers, j.n, w.refused, j.took())
			if x := j.took().Seconds() / ideal.Seconds(); os.Getenv("SHOW") != "" && (x > 1.08 || w.refused*50 > w.sent) {
				t.Logf("%.3f %s", x, what)
			}
			f.add(w, j.took(), ideal, what)
			all.add(w, j.took(), ideal, what)
		}
		t.Log(kind)
		f.report(t)
		if most := map[string]float64{"loss": 1.15}[kind]; f.at(f.ratios, 1) > max(most, 1.10) {
			t.Errorf("%s: the slowest is too slow", kind)
		}
	}
	t.Log("all")
	all.report(t)
	if all.at(all.ratios, 0.5) > 1.03 {
		t.Error("too slow")
	}
	if all.refused*200 > all.sent {
		t.Error("refused too often")
	}
}

// The free plan's buckets hold two tokens. These tenants were served a fifth slower than
// they allow: a part of a token was forgotten at each answer, and one early refusal was
// taken for a bucket that fills by the second, for good.
func TestSmallBuckets(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{21, 205, 236, 453} {
		w, j := honest(t, seed, "plain")
		w.run()
		if ratio := j.took().Seconds() / w.ideal(j, 0).Seconds(); w.global.burst != 2 || ratio > 1.06 {
			t.Errorf("seed %d: a bucket of %d was served in %.3f of the ideal", seed, w.global.burst, ratio)
		}
	}
}
