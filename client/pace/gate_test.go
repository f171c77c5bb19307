package pace

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// trial is one run of many requests through one gate against a model tenant:
// the waiting is arithmetic, so that millions of requests take a second.
type trial struct {
	bucket   bucket
	requests int
	callers  int
	latency  time.Duration // of a whole exchange, half of it each way
	jitter   float64       // the share of latency that varies
	others   float64       // tokens a second that others take, in lumps
	seed     uint64
}

// result is what a trial measured.
type result struct {
	took          time.Duration
	sent, refused int
}

// happening is something that comes to pass at a moment.
type happening struct {
	at   time.Time
	seq  int
	kind string // "arrive" at the tenant, "answer" at the gate, "others", "open"
	mark stamp
	e    event
}

type agenda []happening

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at.Before(a[j].at) || a[i].at.Equal(a[j].at) && a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(happening)) }
func (a *agenda) Pop() any {
	old := *a
	x := old[len(old)-1]
	*a = old[:len(old)-1]
	return x
}

// run drives decide alone. Every refused request goes to the end of the queue.
func (tr trial) run() result {
	rnd := rand.New(rand.NewPCG(tr.seed, 1))
	start := time.Date(2026, 1, 1, 0, 0, 0, int(rnd.Int64N(int64(time.Second))), time.UTC)
	now, todo, flying, seq := start, tr.requests, 0, 0
	var plan agenda
	var res result
	put := func(h happening) { seq++; h.seq = seq; heap.Push(&plan, h) }
	half := func() time.Duration {
		return time.Duration(float64(tr.latency) / 2 * (1 + tr.jitter*(2*rnd.Float64()-1)))
	}
	if tr.others > 0 {
		put(happening{at: start.Add(time.Second), kind: "others"})
	}
	g := gate{limit: tr.bucket.burst}
	open := start
	for todo > 0 || flying > 0 {
		for todo > 0 && flying < tr.callers && !open.After(now) {
			g, open = decide(g, event{kind: granted}, now)
			todo--
			flying++
			res.sent++
			put(happening{at: now.Add(half()), kind: "arrive", mark: g.mark()})
		}
		if todo > 0 && flying < tr.callers && (len(plan) == 0 || open.Before(plan[0].at)) {
			now = open
			continue
		}
		h := heap.Pop(&plan).(happening)
		now = h.at
		switch h.kind {
		case "others":
			tr.bucket.spend(now, tr.others)
			put(happening{at: now.Add(time.Second), kind: "others"})
		case "arrive":
			status, header := tr.bucket.take(now)
			e := event{kind: accepted, stamp: h.mark, random: rnd.Float64()}
			if status != 200 {
				e.kind = refused
			}
			back := now.Add(half())
			e.says = read(header, back, false)
			put(happening{at: back, kind: "answer", e: e})
		case "answer":
			flying--
			g, _ = decide(g, h.e, now)
			if h.e.kind == refused {
				todo++
				res.refused++
			}
		}
		open = g.opens(now)
	}
	res.took = now.Sub(start)
	return res
}

// ideal is the shortest time in which the tenant could have served the trial.
func (tr trial) ideal() time.Duration {
	return time.Duration(max(0, float64(tr.requests-tr.bucket.burst)) / (tr.bucket.rate - tr.others) * float64(time.Second))
}

func TestGateIsFastAndSafe(t *testing.T) {
	type shape struct {
		rate  float64
		burst int
		every time.Duration
		n     int
	}
	shapes := []shape{
		{2, 2, 0, 200},
		{2, 10, 0, 200},
		{16, 50, 0, 1500},
		{50, 100, 0, 2100},
		{500, 1000, 0, 10000},
		{30, 30, 0, 600},
		{200.0 / 60, 20, 0, 300},
		{200.0 / 60, 20, time.Second, 300},
		{500.0 / 60, 40, time.Second, 500},
		{50.0 / 60, 5, time.Second, 60},
	}
	for _, s := range shapes {
		for _, full := range []bool{false, true} {
			for _, latency := range []time.Duration{0, 40 * time.Millisecond, 250 * time.Millisecond} {
				name := fmt.Sprintf("%.1f_per_s/burst_%d/every_%s/full_%v/latency_%s", s.rate, s.burst, s.every, full, latency)
				t.Run(name, func(t *testing.T) {
					var took, ideal time.Duration
					var sent, refused int
					for seed := range uint64(20) {
						tr := trial{
							bucket:   bucket{rate: s.rate, burst: s.burst, full: full, every: s.every},
							requests: s.n, callers: 16, latency: latency, jitter: 0.3, seed: seed,
						}
						r := tr.run()
						took += r.took
						sent += r.sent
						refused += r.refused
						// What the connections themselves allow is a bound too.
						ideal += max(tr.ideal(), time.Duration(s.n/16)*latency) + 2*latency
					}
					ratio, share := float64(took)/float64(ideal), float64(refused)/float64(sent)
					t.Logf("ratio %.3f, refused %.2f %%", ratio, 100*share)
					if ratio > 1.10 {
						t.Errorf("took %.3f of the ideal time", ratio)
					}
					if share > 0.05 {
						t.Errorf("%.1f %% of the requests were refused", 100*share)
					}
				})
			}
		}
	}
}
