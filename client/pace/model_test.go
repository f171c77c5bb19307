package pace

import (
	"math/rand/v2"
	"sort"
	"testing"
	"time"
)

// Random tenants, callers and networks, hundreds of thousands of requests: on
// the whole and in the worst tenth the gate is fast and rarely refused, with
// either meaning of reset.
func TestGateOnRandomTenants(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2026, 11))
	var ratios, shares []float64
	worst, slowest := trial{}, 0.0
	for seed := range uint64(600) {
		burst := 2 + rnd.IntN(200)
		rate := float64(burst) * (0.05 + 0.95*rnd.Float64()) // a bucket holds a second to 20
		tr := trial{
			bucket:   bucket{rate: rate, burst: burst, full: seed%2 == 0},
			callers:  1 + rnd.IntN(32),
			latency:  time.Duration(rnd.Int64N(int64(300 * time.Millisecond))),
			jitter:   rnd.Float64(),
			seed:     seed,
			requests: burst + 200 + int(40*min(rate, 60)),
		}
		if seed%3 == 0 {
			// Limits by the minute come back by the second; they are slow ones.
			// (Steps of dozens of tokens are kept up with too, but at the price of
			// a tenth of the requests refused.)
			tr.bucket.rate = min(rate, 10)
			tr.bucket.every = time.Second
		}
		if seed%5 == 0 {
			tr.others = tr.bucket.rate * 0.3 * rnd.Float64()
		}
		r := tr.run()
		ideal := max(tr.ideal(), time.Duration(tr.requests/tr.callers)*tr.latency) + 2*tr.latency
		ratio := float64(r.took) / float64(ideal)
		if ratio > slowest {
			worst, slowest = tr, ratio
		}
		ratios = append(ratios, ratio)
		shares = append(shares, float64(r.refused)/float64(r.sent))
	}
	sort.Float64s(ratios)
	sort.Float64s(shares)
	mid, ninety, last := len(ratios)/2, len(ratios)*9/10, len(ratios)-1
	t.Logf("ratio: median %.3f, 90 %% %.3f, worst %.3f (%+v)", ratios[mid], ratios[ninety], ratios[last], worst)
	t.Logf("refused: median %.4f, 90 %% %.4f, worst %.4f", shares[mid], shares[ninety], shares[last])
	if ratios[mid] > 1.03 || ratios[ninety] > 1.10 || ratios[last] > 1.15 {
		t.Error("too slow")
	}
	if shares[mid] > 0.01 || shares[ninety] > 0.05 || shares[last] > 0.2 {
		t.Error("refused too often")
	}
}
