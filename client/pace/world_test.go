package pace

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"
)

// world is a tenant, the processes that work against it, and a network between
// them, in virtual time: every wait is arithmetic, so that millions of requests
// take seconds and every run repeats exactly from its seed. It drives the
// decisions alone, no Pacer.
type world struct {
	t      *testing.T
	rnd    *rand.Rand
	now    time.Time
	agenda agenda
	seq    int

	global *bucket // nil: no general limit
	groups map[string]*bucket
	serves time.Duration // of one request where the tenant has few hands …
	hands  []time.Time   // … each busy until then
	net    network
	sheet  *Memory // what processes share; nil: nothing

	others  []*other
	log     map[int64]int // requests by second since the start
	sent    int
	refused int
	since   time.Time
	procs   []*proc
}

// network is what lies between.
type network struct {
	latency  time.Duration // of a whole exchange, half of it each way
	jitter   float64       // the share of latency that varies
	tail     float64       // the share of exchanges that take up to ten times as long
	lossy    float64       // the share of answers that lose their headers
	wrong    float64       // the share of answers whose remaining is nonsense
	cached   bool          // remaining is always what the first answer said
	skew     time.Duration // the tenant's clock is ahead by that
	stuck    string        // the first remaining, where answers are cached
	headless bool          // no headers at all
}

// other is another client of the tenant: it sends lumps and wants them served.
type other struct {
	rate    float64
	lump    int
	buckets []string
	refused int
	sent    int
}

// proc is one process.
type proc struct {
	w    *world
	name string
	s    *state
	jobs []*job
	wake time.Time
	dead bool
}

// job is a run's bulk of requests: so many, so many at a time.
type job struct {
	p        *proc
	flow     Flow
	buckets  []string
	n        int
	callers  int
	start    time.Duration
	todo     int
	open     int // claims that wait or fly
	done     int
	began    time.Time
	ended    time.Time
	served   []time.Time
	finished func(j *job)
}

type happening struct {
	at  time.Time
	seq int
	do  func()
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

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), groups: map[string]*bucket{}, log: map[int64]int{}}
	w.now = time.Date(2026, 1, 1, 0, 0, 0, int(w.rnd.Int64N(int64(time.Second))), time.UTC)
	w.since = w.now
	return w
}

func (w *world) at(t time.Time, do func()) {
	w.seq++
	heap.Push(&w.agenda, happening{at: t, seq: w.seq, do: do})
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now.Add(d), do) }

// process adds one.
func (w *world) process(name string, cfg settings) *proc {
	cfg.shared = w.sheet != nil
	p := &proc{w: w, name: name, s: newState(cfg)}
	w.procs = append(w.procs, p)
	return p
}

// work adds a job to a process.
func (p *proc) work(j *job) *job {
	j.p, j.todo = p, j.n
	if j.flow.Run == "" {
		j.flow.Run = p.name
	}
	p.jobs = append(p.jobs, j)
	p.w.after(j.start, func() {
		j.began = p.w.now
		for range j.callers {
			j.next()
		}
	})
	return j
}

// next makes one caller of a job ask for its next request.
func (j *job) next() {
	if j.todo == 0 || j.p.dead {
		return
	}
	j.todo--
	j.open++
	j.ask()
}

func (j *job) ask() {
	w := &waiter{claim: Claim{Buckets: j.buckets, Flow: j.flow}}
	w.claim.Parked = nil
	j.p.waiters(w, j)
	j.p.decide(event{kind: asked, waiter: w})
	if w.grant != nil {
		j.send(w.grant)
	}
}

// owners finds the job of a waiter.
func (p *proc) waiters(w *waiter, j *job) { w.claim.Parked = func(time.Time) { j.send(w.grant) } }

// decide brings an event before the state and does what it asks for.
func (p *proc) decide(e event) {
	if p.dead {
		return
	}
	a := p.s.decide(e, p.w.now)
	for _, w := range a.told {
		if w.grant != nil && w != e.waiter {
			w.claim.Parked(time.Time{}) // its owner sends
		}
	}
	if !a.wake.IsZero() && (p.wake.IsZero() || a.wake.Before(p.wake)) {
		at := a.wake
		if !at.After(p.w.now) {
			at = p.w.now.Add(grain)
		}
		p.wake = at
		p.w.at(at, func() {
			if p.wake.Equal(at) {
				p.wake = time.Time{}
			}
			p.decide(event{kind: elapsed})
		})
	}
	if a.meet {
		p.w.after(200*time.Microsecond, p.meet)
	}
}

// meet is one exchange with the shared sheet.
func (p *proc) meet() {
	if p.dead {
		return
	}
	r := p.s.report(p.w.now)
	var v *view
	err := p.w.sheet.Update(p.w.t.Context(), "t", func(text []byte, now time.Time) ([]byte, error) {
		d := parseDocument(text)
		v = d.exchange(p.name, r, now)
		return d.text()
	})
	if err != nil {
		v = nil
	}
	p.decide(event{kind: met, view: v})
}

// kill ends a process without a word.
func (p *proc) kill() { p.dead = true }

// send is one request on its way.
func (j *job) send(g *Grant) {
	w := j.p.w
	out, back := w.net.travel(w.rnd)
	w.after(out, func() {
		status, h := w.serve(j.buckets)
		back += w.busy()
		if status == http.StatusOK {
			j.served = append(j.served, w.now)
		}
		w.after(back, func() {
			says := read(w.spoil(h), w.now)
			j.p.decide(event{kind: answered, grant: g, status: status, says: says, random: w.rnd.Float64()})
			if status != http.StatusOK {
				j.ask()
				return
			}
			j.done++
			j.open--
			if j.done == j.n {
				j.ended = w.now
				if j.finished != nil {
					j.finished(j)
				}
			}
			j.next()
		})
	})
}

// travel is how long a request is on its way there and back.
func (n network) travel(rnd *rand.Rand) (out, back time.Duration) {
	half := func() time.Duration {
		return time.Duration(float64(n.latency) / 2 * (1 + n.jitter*(2*rnd.Float64()-1)))
	}
	out, back = half(), half()
	if n.tail > 0 && rnd.Float64() < n.tail {
		out += time.Duration(rnd.Float64() * 9 * float64(n.latency) / 2)
		back += time.Duration(rnd.Float64() * 9 * float64(n.latency) / 2)
	}
	return out, back
}

// mean is the mean latency, tails included.
func (n network) mean() time.Duration {
	return time.Duration(float64(n.latency) * (1 + n.tail*4.5))
}

// busy is how long a request waits for a hand of the tenant and is worked on.
func (w *world) busy() time.Duration {
	if len(w.hands) == 0 {
		return w.serves
	}
	first := 0
	for i, until := range w.hands {
		if until.Before(w.hands[first]) {
			first = i
		}
	}
	from := w.now
	if w.hands[first].After(from) {
		from = w.hands[first]
	}
	w.hands[first] = from.Add(w.serves)
	return w.hands[first].Sub(w.now)
}

// serve draws on the general bucket and then on the group's; the answer tells of
// the one that refused, else of the one that has least left.
func (w *world) serve(buckets []string) (int, http.Header) {
	w.sent++
	w.log[int64(w.now.Sub(w.since)/time.Second)]++
	var h http.Header
	least := -1
	for i, b := range []*bucket{w.global, w.groups[buckets[len(buckets)-1]]} {
		if b == nil || i == 0 && buckets[0] != "management" {
			continue
		}
		status, header := b.take(w.now)
		if status != http.StatusOK {
			w.refused++
			return status, header
		}
		if left, _ := strconv.Atoi(header.Get("X-Ratelimit-Remaining")); least < 0 || left <= least {
			least, h = left, header
		}
	}
	return http.StatusOK, h
}

// spoil does to headers what the network does.
func (w *world) spoil(h http.Header) http.Header {
	switch {
	case h == nil || w.net.headless || w.net.lossy > 0 && w.rnd.Float64() < w.net.lossy:
		return http.Header{}
	case w.net.cached:
		if w.net.stuck == "" {
			w.net.stuck = h.Get("X-Ratelimit-Remaining")
		}
		h.Set("X-Ratelimit-Remaining", w.net.stuck)
	case w.net.wrong > 0 && w.rnd.Float64() < w.net.wrong:
		h.Set("X-Ratelimit-Remaining", strconv.Itoa(w.rnd.IntN(1000)))
		h.Set("X-Ratelimit-Reset", "1")
	}
	if w.net.skew != 0 {
		if reset, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
			h.Set("X-Ratelimit-Reset", strconv.FormatInt(reset+int64(w.net.skew/time.Second), 10))
		}
		h.Set("Date", w.now.Add(w.net.skew).UTC().Format(http.TimeFormat))
	}
	return h
}

// compete adds another client, which asks at random moments.
func (w *world) compete(o *other) *other {
	w.others = append(w.others, o)
	var again func()
	again = func() {
		if w.idle() {
			return
		}
		for range o.lump {
			o.sent++
			refused := w.refused
			if status, _ := w.serve(o.buckets); status != http.StatusOK {
				o.refused++
			}
			w.sent-- // only ours count
			w.refused = refused
		}
		w.after(time.Duration(w.rnd.ExpFloat64()*float64(o.lump)/o.rate*float64(time.Second)), again)
	}
	w.after(0, again)
	return o
}

// idle reports whether all jobs are done.
func (w *world) idle() bool {
	for _, p := range w.procs {
		for _, j := range p.jobs {
			if j.done < j.n && !p.dead {
				return false
			}
		}
	}
	return true
}

// run goes on until all jobs are done; an hour of virtual days is a failure.
func (w *world) run() {
	w.t.Helper()
	for !w.idle() {
		if len(w.agenda) == 0 {
			w.t.Fatal("everybody waits and nothing will happen")
		}
		h := heap.Pop(&w.agenda).(happening)
		if h.at.Sub(w.since) > 30*24*time.Hour {
			w.t.Fatal("a job takes more than a month")
		}
		w.now = h.at
		h.do()
	}
}

// worst is the most requests in any second of the tenant's log.
func (w *world) worst() int {
	most := 0
	for _, n := range w.log {
		most = max(most, n)
	}
	return most
}

// took is how long a job took, up to its last request at the tenant and half an
// exchange back: how long the last answer happens to be on its way says nothing
// of the pace.
func (j *job) took() time.Duration {
	return j.served[len(j.served)-1].Sub(j.began) + j.p.w.net.mean()/2
}

// ideal is the shortest time in which the tenant could have served a job that is
// alone with so much taken by others.
func (w *world) ideal(j *job, others float64) time.Duration {
	worst := float64(j.n) * w.net.mean().Seconds() / float64(j.callers)
	for _, b := range []*bucket{w.global, w.groups[j.buckets[len(j.buckets)-1]]} {
		if b != nil {
			worst = max(worst, float64(j.n-b.burst)/(b.rate-others))
		}
	}
	return max(time.Duration(math.Max(worst, 0)*float64(time.Second))+w.net.mean(), w.omniscient(j, others))
}

// omniscient is how long a job takes whose callers know the bucket: each sends when it
// is free and there is a token. Where there are few of them, an answer that takes ten
// times as long costs time that no knowledge wins back.
func (w *world) omniscient(j *job, others float64) time.Duration {
	if j.callers > 8 || w.global == nil {
		return 0
	}
	rnd := rand.New(rand.NewPCG(uint64(j.n), 2)) //nolint:gosec // no secret, and not negative
	free := make([]time.Duration, j.callers)
	for k := range j.n {
		slices.Sort(free)
		token := time.Duration(max(0, float64(k+1-w.global.burst)/(w.global.rate-others)) * float64(time.Second))
		out, back := w.net.travel(rnd)
		free[0] = max(free[0], token) + out + back
	}
	return slices.Max(free)
}

// taken is what others drew from a job's tenant, in requests a second, while the job
// was under way.
func (w *world) taken(j *job) float64 {
	n := 0
	for _, o := range w.others {
		n += o.sent - o.refused
	}
	return float64(n) / j.took().Seconds()
}
