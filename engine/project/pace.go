package project

import (
	"context"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"a0run/client/pace"
	"a0run/engine"
)

// Pace is what a0run.yaml says of a tenant's rate limits.
type Pace struct {
	// Reserve is the share of the limits that is left to others: 0.2 is a fifth.
	Reserve float64
	// Plan is the name of the tenant's plan; "" where none is given. Hints are its
	// limits and those of rate_limits:, which count where both name a bucket.
	Plan  string
	Hints []pace.Hint
	// Concurrency bounds the requests in flight; 0 means as many as are found to be
	// of use.
	Concurrency int

	reserved bool // reserve: is given
}

// productionReserve is left to others at a tenant that is marked production.
const productionReserve = 0.1

// mostReserve is the most that can be left: something must be there to use.
const mostReserve = 0.9

// pace reads a key that is about rates; false where it is none.
func (d *document) pace(p *Pace, key string, n *yaml.Node, what string) bool {
	switch key {
	case "reserve":
		p.Reserve, p.reserved = d.share(n, what), true
	case "plan":
		p.Plan = d.text(n, what)
		hints, ok := pace.HintsOf(p.Plan)
		if p.Plan != "" && !ok {
			hint := "known: " + strings.Join(pace.Plans(), ", ")
			if near := engine.Nearest(p.Plan, pace.Plans()); near != "" {
				hint = "did you mean " + near + "? " + hint
			}
			d.wrong(n, hint+"; or write the numbers down as rate_limits:", "%s: there is no plan %s", what, p.Plan)
		}
		p.add(hints, false)
	case "rate_limits":
		if d.mapping(n, what) {
			fields(n, func(key, value *yaml.Node) { d.rateLimit(p, key, value, what+"."+key.Value) })
		}
	case "concurrency":
		count, ok := d.tree(n).(int64)
		if !ok || count < 1 || count > 1024 {
			d.wrong(n, "concurrency: 32", "%s: got %s, want a whole number from 1 to 1024", what, shown(n))
			return true
		}
		p.Concurrency = int(count)
	default:
		return false
	}
	return true
}

// add takes hints; those that are written down count before a plan's.
func (p *Pace) add(hints []pace.Hint, written bool) {
	for _, h := range hints {
		i := slices.IndexFunc(p.Hints, func(o pace.Hint) bool { return o.Bucket == h.Bucket })
		switch {
		case i < 0:
			p.Hints = append(p.Hints, h)
		case written:
			p.Hints[i] = h
		}
	}
}

// share reads a percentage.
func (d *document) share(n *yaml.Node, what string) float64 {
	if n.Kind == yaml.ScalarNode {
		text, percent := strings.CutSuffix(n.Value, "%")
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if percent && err == nil && v >= 0 && v <= 100*mostReserve {
			return v / 100
		}
	}
	d.wrong(n, "reserve: 20%", "%s: got %s, want a percentage from 0%% to 90%%, the share of the rate limits that is left to others", what, shown(n))
	return 0
}

// rateLimit reads {rate: 200/min, burst: 20}.
func (d *document) rateLimit(p *Pace, key, n *yaml.Node, what string) {
	if !bucketName().MatchString(key.Value) {
		d.wrong(key, "buckets are management, authentication and endpoint groups, as users.write; a0run limits names those of a tenant", "%s: %q is no rate-limit bucket", what, key.Value)
		return
	}
	if !d.mapping(n, what) {
		return
	}
	h := pace.Hint{Bucket: key.Value}
	fields(n, func(key, value *yaml.Node) {
		switch key.Value {
		case "rate":
			h.Rate = d.rate(value, what+".rate")
		case "burst":
			burst, ok := d.tree(value).(int64)
			if !ok || burst < 1 || burst > math.MaxInt32 {
				d.wrong(value, "burst: 20", "%s.burst: got %s, want a whole number from 1", what, shown(value))
				return
			}
			h.Burst = int(burst)
		default:
			d.unknown(key, what, []string{"rate", "burst"})
		}
	})
	if h.Rate == 0 || h.Burst == 0 {
		if len(d.problems) == 0 {
			d.wrong(n, key.Value+": {rate: 200/min, burst: 20}", "%s: it needs rate and burst", what)
		}
		return
	}
	p.add([]pace.Hint{h}, true)
}

func bucketName() *regexp.Regexp { return regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)*$`) }

// rate reads requests per second: 16/s, 200/min, 50/h.
func (d *document) rate(n *yaml.Node, what string) float64 {
	if n.Kind == yaml.ScalarNode {
		number, unit, cut := strings.Cut(n.Value, "/")
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		per := map[string]float64{"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600}[strings.TrimSpace(unit)]
		if cut && err == nil && per > 0 && v > 0 && v <= 1e6 {
			return v / per
		}
	}
	d.wrong(n, "rate: 16/s, or rate: 200/min", "%s: got %s, want a number of requests with its time", what, shown(n))
	return 0
}

// weight reads a run's share.
func (d *document) weight(n *yaml.Node) float64 {
	var w float64
	switch v := d.tree(n).(type) {
	case int64:
		w = float64(v)
	case float64:
		w = v
	}
	if n.Kind != yaml.ScalarNode || !engine.ValidWeight(w) {
		d.wrong(n, "weight: 1 is an equal share, 3 three times as much", "weight: got %s, want a number from 0.01 to 1000, the share of runs in the rate budget", shown(n))
		return 0
	}
	return w
}

// PaceOf is what is said of a tenant's rates.
func (p *Project) PaceOf(tenant string) Pace {
	t, _ := p.tenant(tenant)
	return t.Pace
}

// Names are the names of the tenants, in the order of the file.
func (p *Project) Names() []string { return p.names() }

// Has reports whether there is a tenant of that name.
func (p *Project) Has(tenant string) bool {
	_, ok := p.tenant(tenant)
	return ok
}

// Domain is a tenant's domain alone; nothing that is secret is asked for.
func (p *Project) Domain(ctx context.Context, tenant string, out Outside) (string, error) {
	t, ok := p.tenant(tenant)
	if !ok {
		return "", p.known(tenant, engine.Position{}, "the tenant")
	}
	r := &resolver{project: p, out: out, tenant: t.Name}
	domain := r.value(ctx, "domain", t.Domain)
	if len(r.problems) > 0 {
		return "", r.problems
	}
	return domain, nil
}
