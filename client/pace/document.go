package pace

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// A document is what the processes that share a tenant's budget write on one
// sheet: what was learned of its gates, and who draws on them at which weight.
// A member does not lease requests one by one. It leases a share of the rate
// and of what is in the bucket, until the next meeting; a member that is killed
// leaves nothing behind but a line that lapses.
//
// Fairness is kept by virtual time: each member's grants by its weight. Who is
// behind the others gets what it is short of, and who is ahead pays; so the
// shares come out exact over time, however coarse the meetings are.
type document struct {
	Version int                   `json:"v"`
	Gates   []*docGate            `json:"gates"`
	Members map[string]*docMember `json:"members"`
}

// documentVersion is that of the format; others are not read.
const documentVersion = 1

// docGate is a gate as all know it.
type docGate struct {
	Bucket    string   `json:"bucket"`
	Limit     int      `json:"limit"`
	Rate      float64  `json:"rate,omitempty"` // tokens a second; 0: not known yet
	Sure      bool     `json:"sure,omitempty"`
	Level     float64  `json:"level"` // what is in the bucket …
	At        int64    `json:"at"`    // … then, in UNIX milliseconds
	Told      int64    `json:"told"`  // when the tenant last spoke of it
	Shut      int64    `json:"shut,omitempty"`
	Total     int64    `json:"total"` // grants of all members so far
	Specifics []string `json:"specifics,omitempty"`
}

// docMember is one process.
type docMember struct {
	Weight float64            `json:"weight"`
	Until  int64              `json:"until"` // it lapses then
	Uses   map[string]*docUse `json:"uses"`  // by gate
}

// docUse is a member's use of a gate.
type docUse struct {
	Spent  float64 `json:"spent"`  // virtual time: grants by weight
	Hungry int64   `json:"hungry"` // it wants more than it gets, until then
	Rate   float64 `json:"rate"`   // grants a second, of late
	At     int64   `json:"at"`
	Seen   int64   `json:"seen"` // the gate's total when it was last here
}

// The times of a document.
const (
	lapse     = 2 * time.Second        // of a member that does not come any more
	appetite  = 600 * time.Millisecond // of one that wanted more
	keepGates = 90 * 24 * time.Hour    // what was learned longer ago is forgotten
)

// report is what a member tells.
type report struct {
	Weight float64
	at     time.Time // by the member's clock
	gates  []reportGate
}

// floor is what the member leaves in a gate's bucket, and how long, in seconds, an
// exchange takes it.
func (r report) floor(g *docGate) (tokens, rtt float64) {
	for _, n := range r.gates {
		if n.key == g.key() {
			return n.gate.reserve(), n.gate.rtt
		}
	}
	return 0, 0
}

type reportGate struct {
	key       gateKey
	gate      gate
	specifics map[string]bool
	granted   int
	wanted    bool
}

// view is what a member is told.
type view struct {
	others bool
	gates  map[gateKey]viewGate
}

type viewGate struct {
	share     float64 // of the rate
	lease     float64 // tokens that it may take at once; may be negative
	contended bool    // others draw on the gate
	others    int     // grants of the others since the last meeting
	level     float64
	rate      float64
	sure      bool
	shut      time.Duration // it is closed for that long
	told      time.Time
	specifics []string
}

// parseDocument reads a document; what cannot be read is an empty one, for
// everything in it can be learned again.
func parseDocument(text []byte) *document {
	d := &document{}
	if len(text) == 0 || json.Unmarshal(text, d) != nil || d.Version != documentVersion {
		d = &document{Version: documentVersion}
	}
	d.Gates = slices.DeleteFunc(d.Gates, func(g *docGate) bool { return g == nil || g.Limit <= 0 || !(g.Rate >= 0) })
	if d.Members == nil {
		d.Members = map[string]*docMember{}
	}
	for id, m := range d.Members {
		if m == nil || !(m.Weight > 0) {
			delete(d.Members, id)
		} else if m.Uses == nil {
			m.Uses = map[string]*docUse{}
		}
	}
	return d
}

func (d *document) text() ([]byte, error) { return json.Marshal(d) }

func (g *docGate) name() string { return fmt.Sprintf("%s/%d", g.Bucket, g.Limit) }

func (g *docGate) key() gateKey { return gateKey{bucket: g.Bucket, limit: g.Limit} }

// level is the gate's at a moment.
func (g *docGate) level(now time.Time) float64 {
	return min(float64(g.Limit), g.Level+g.Rate*max(0, now.Sub(time.UnixMilli(g.At)).Seconds()))
}

// exchange is one meeting: the member's report goes in, what it may do until
// the next comes out. It is pure.
func (d *document) exchange(id string, r report, now time.Time) *view {
	ms := now.UnixMilli()
	for other, m := range d.Members {
		if m.Until < ms {
			delete(d.Members, other)
		}
	}
	me := d.Members[id]
	if me == nil {
		me = &docMember{Uses: map[string]*docUse{}}
		d.Members[id] = me
	}
	me.Weight, me.Until = r.Weight, ms+lapse.Milliseconds()
	v := &view{gates: map[gateKey]viewGate{}, others: len(d.Members) > 1}
	for _, n := range r.gates {
		d.learn(n, r.at, now)
		d.charge(me, id, n, now)
	}
	d.Gates = slices.DeleteFunc(d.Gates, func(g *docGate) bool { return ms-g.Told > keepGates.Milliseconds() })
	for _, g := range d.Gates {
		floor, rtt := r.floor(g)
		v.gates[g.key()] = d.allot(g, id, floor+rtt*d.others(g, id, now), now)
	}
	return v
}

// gate finds or makes the line of a gate.
func (d *document) gate(key gateKey) *docGate {
	for _, g := range d.Gates {
		if g.key() == key {
			return g
		}
	}
	g := &docGate{Bucket: key.bucket, Limit: key.limit}
	d.Gates = append(d.Gates, g)
	return g
}

// learn takes what a member knows better.
// at is the moment of the report by the member's clock, now the same by the store's.
func (d *document) learn(n reportGate, at, now time.Time) {
	g, ms := d.gate(n.key), now.UnixMilli()
	g.Total += int64(n.granted)
	if told := now.Add(n.gate.toldAt.Sub(at)).UnixMilli(); !n.gate.toldAt.IsZero() && told >= g.Told {
		g.Told = told
		g.Level = n.gate.level(at)
		if n.gate.rate >= slowest && (n.gate.sure || !g.Sure) {
			g.Rate, g.Sure = n.gate.likely(), n.gate.sure
		}
	} else {
		g.Level = g.level(now) - float64(n.granted)
	}
	g.At = ms
	if n.gate.shut.After(at) {
		g.Shut = max(g.Shut, now.Add(n.gate.shut.Sub(at)).UnixMilli())
	} else if n.gate.refusals == 0 && g.Shut <= ms {
		g.Shut = 0
	}
	for name := range n.specifics {
		if !slices.Contains(g.Specifics, name) {
			g.Specifics = append(g.Specifics, name)
			slices.Sort(g.Specifics)
		}
	}
}

// charge notes a member's use of a gate.
func (d *document) charge(me *docMember, id string, n reportGate, now time.Time) {
	g, ms := d.gate(n.key), now.UnixMilli()
	u := me.Uses[g.name()]
	fresh := u == nil
	if fresh {
		u = &docUse{At: ms, Seen: g.Total - int64(n.granted)}
		me.Uses[g.name()] = u
	}
	u.Seen += int64(n.granted)
	if took := float64(ms-u.At) / 1000; took > 0 {
		keep := math.Exp(-2 * took)
		u.Rate = u.Rate*keep + float64(n.granted)/took*(1-keep)
		u.At = ms
	}
	if n.wanted && u.Hungry < ms {
		if at, some := d.virtual(g, id, now); some && (fresh || u.Spent < at) {
			u.Spent = at
			if fresh {
				u.Spent -= 2 * newcomer / me.Weight
			}
		}
	}
	if n.wanted {
		u.Hungry = ms + appetite.Milliseconds()
	}
	u.Spent += float64(n.granted) / me.Weight
}

// virtual is the virtual time of a gate: the weighted mean of those who want
// more, except one.
func (d *document) virtual(g *docGate, except string, now time.Time) (at float64, some bool) {
	var sum, weights float64
	for id, m := range d.Members {
		if u := m.Uses[g.name()]; id != except && u != nil && u.Hungry >= now.UnixMilli() {
			sum += m.Weight * u.Spent
			weights += m.Weight
		}
	}
	if weights == 0 {
		return 0, false
	}
	return sum / weights, true
}

// others is what all but one member draw of a gate of late, in requests a second:
// what they have sent in the time of an exchange is not in what the tenant told.
func (d *document) others(g *docGate, except string, now time.Time) float64 {
	sum := 0.0
	for id, m := range d.Members {
		if u := m.Uses[g.name()]; id != except && u != nil && now.UnixMilli()-u.At < appetite.Milliseconds() {
			sum += u.Rate
		}
	}
	return sum
}

// allot says what a member may take of a gate.
func (d *document) allot(g *docGate, id string, floor float64, now time.Time) viewGate {
	me := d.Members[id]
	v := viewGate{share: 1, level: g.level(now), rate: g.Rate, sure: g.Sure, told: time.UnixMilli(g.Told), specifics: g.Specifics}
	if g.Shut > now.UnixMilli() {
		v.shut = time.UnixMilli(g.Shut).Sub(now)
	}
	u := me.Uses[g.name()]
	if u == nil {
		u = &docUse{Seen: g.Total}
	}
	hungry := u.Hungry >= now.UnixMilli()
	weights, light, mean := me.Weight, 0.0, me.Weight*u.Spent
	for other, m := range d.Members {
		o := m.Uses[g.name()]
		switch {
		case other == id || o == nil:
		case o.Hungry >= now.UnixMilli(), g.Rate == 0 && now.UnixMilli()-o.At < appetite.Milliseconds():
			v.contended = true
			weights += m.Weight
			mean += m.Weight * o.Spent
		case o.Rate > 0.05 && g.Rate > 0:
			v.contended = true
			light += min(1.25*o.Rate/g.Rate, m.Weight/(m.Weight+me.Weight))
		}
	}
	v.share = me.Weight / weights * max(0.05, 1-light)
	v.lease = v.share * max(0, v.level-floor)
	if hungry {
		lag := me.Weight * (mean/weights - u.Spent)
		most := max(2*newcomer, g.Rate)
		v.lease += min(max(lag, -most), most)
	}
	v.others = int(g.Total - u.Seen)
	u.Seen = g.Total
	return v
}

// leave takes a member out and keeps what was learned.
func (d *document) leave(id string, r report, now time.Time) {
	for _, n := range r.gates {
		d.learn(n, r.at, now)
	}
	delete(d.Members, id)
}
