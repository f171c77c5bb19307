package guard

import (
	"fmt"
	"sync"
)

// A counter is what one kind of limit counts.
type counter struct {
	kind string
	what what
}

// A tally counts the objects that a run writes in one tenant. It keeps no more
// objects than the smallest limit allows, but for those that the run has made,
// of kinds that are limited or protected by name.
type tally struct {
	in       string // " in the tenant production"
	mu       sync.Mutex
	limits   []limit
	confirm  []threshold
	counted  map[counter]map[string]struct{}
	written  map[string]struct{}        // by kind and identity, for confirm
	made     map[string]map[string]bool // ids by kind
	totals   map[string]int64
	problems map[string]error // why a total is not known
}

func newTally(of Tenant, confirmed bool) *tally {
	y := &tally{
		in: of.of(), counted: map[counter]map[string]struct{}{}, written: map[string]struct{}{},
		made: map[string]map[string]bool{}, totals: map[string]int64{}, problems: map[string]error{},
	}
	for _, r := range of.Rules {
		y.limits = append(y.limits, r.limits...)
		if r.confirm != nil && !confirmed {
			y.confirm = append(y.confirm, *r.confirm)
		}
		for _, p := range r.protect {
			y.watch(p.kind)
		}
	}
	for _, l := range y.limits {
		y.counted[counter{l.kind, l.what}] = map[string]struct{}{}
		y.watch(l.kind)
	}
	return y
}

// watch keeps the ids of the objects of a kind that the run makes.
func (y *tally) watch(kind string) {
	if y.made[kind] == nil {
		y.made[kind] = map[string]bool{}
	}
}

// counts reports whether what earlier executions wrote has to be known.
func (y *tally) counts() bool { return len(y.limits)+len(y.confirm)+len(y.made) > 0 }

// own reports whether the run has made an object.
func (y *tally) own(o object) bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.made[o.kind][o.id]
}

// make remembers what the run has made.
func (y *tally) make(kind, id string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if made := y.made[kind]; made != nil && id != "" {
		made[id] = true
	}
}

// makes reports whether make has a use.
func (y *tally) makes(kind string) bool { return y.made[kind] != nil }

// add counts the objects of a call, all or none: the reason is why none. With
// force they are counted whatever the limits say, for they were written.
func (y *tally) add(all []object, force bool) *reason {
	y.mu.Lock()
	defer y.mu.Unlock()
	if !force {
		for _, l := range y.limits {
			if r := y.over(l, all); r != nil {
				return r
			}
		}
		for _, t := range y.confirm {
			if r := y.above(t, all); r != nil {
				return r
			}
		}
	}
	for _, o := range all {
		if y.made[o.kind][o.id] {
			continue
		}
		for c, set := range y.counted {
			if c.kind == o.kind && c.what.counts(o.what) {
				set[o.identity()] = struct{}{}
			}
		}
		if len(y.confirm) > 0 {
			y.written[o.kind+"\x00"+o.identity()] = struct{}{}
		}
	}
	return nil
}

// over is the reason why objects exceed a limit; nil when they do not.
func (y *tally) over(l limit, all []object) *reason {
	set := y.counted[counter{l.kind, l.what}]
	var fresh []object
	twice := map[string]bool{} // a call may name an object twice
	for _, o := range all {
		id := o.identity()
		if _, counted := set[id]; o.kind == l.kind && l.what.counts(o.what) && !counted && !twice[id] && !y.made[o.kind][o.id] {
			fresh = append(fresh, o)
			twice[id] = true
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	r := &reason{guard: l.path, where: l.where}
	total, known := y.totals[l.kind]
	if l.relative() && !known {
		r.text = fmt.Sprintf("how many %s there are is not known, and at most %s of them may be written", l.kind, l.text)
		r.hint = "a0run asks for the number at the beginning of a run; look there for what went wrong"
		return r
	}
	bound := l.bound(total)
	if int64(len(set)+len(fresh)) <= bound {
		return nil
	}
	allowed := fmt.Sprintf("at most %d %s may be %s%s", bound, kindName(bound, l.kind), l.what.done(), y.in)
	if l.relative() {
		allowed = fmt.Sprintf("at most %s of the %d %s may be %s%s, that is %d", l.text, total, kindName(total, l.kind), l.what.done(), y.in, bound)
	}
	r.text = fmt.Sprintf("%s: %d already, and %s would be one more", allowed, len(set), fresh[0].shown())
	if len(fresh) > 1 {
		r.text = fmt.Sprintf("%s: %d already, and this call writes %d more, %s first", allowed, len(set), len(fresh), fresh[0].shown())
	}
	r.hint = "if the run is meant to write so much, raise the limit there; a0run plan shows all that it would write"
	return r
}

// done is the word for what was done.
func (w what) done() string {
	switch w {
	case create:
		return "created"
	case del:
		return "deleted"
	default:
		return "changed or deleted"
	}
}

// above is the reason why objects exceed what needs no confirmation.
func (y *tally) above(t threshold, all []object) *reason {
	fresh := map[string]struct{}{}
	for _, o := range all {
		name := o.kind + "\x00" + o.identity()
		if _, counted := y.written[name]; !counted && !y.made[o.kind][o.id] {
			fresh[name] = struct{}{}
		}
	}
	if len(fresh) == 0 || int64(len(y.written)+len(fresh)) <= t.most {
		return nil
	}
	return &reason{
		guard: "confirm_above", where: t.where, hint: planHint,
		text: fmt.Sprintf("a run that writes more than %s%s must be confirmed: %d already, and %s would be one more",
			plural(t.most, "object"), y.in, len(y.written), all[0].shown()),
	}
}

// total is how many objects of a kind there were.
func (y *tally) total(kind string, n int64, err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if err != nil {
		y.problems[kind] = err
		return
	}
	y.totals[kind] = n
}

// unknown is why a total is not known that a limit of these objects needs; nil
// where all are known.
func (y *tally) unknown(all []object) (limit, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, l := range y.limits {
		err := y.problems[l.kind]
		for _, o := range all {
			if err != nil && l.relative() && o.kind == l.kind && l.what.counts(o.what) {
				return l, err
			}
		}
	}
	return limit{}, nil
}

// limited is the first limit of a kind whose number of changed or deleted
// objects nobody could tell.
func (y *tally) limited(kind string) (limit, bool) {
	for _, l := range y.limits {
		if l.kind == kind && l.what != create {
			return l, true
		}
	}
	return limit{}, false
}

// asked are the kinds whose totals are needed, in the order of the rules.
func (y *tally) asked() []limit {
	var all []limit
	seen := map[string]bool{}
	for _, l := range y.limits {
		if l.relative() && !seen[l.kind] {
			seen[l.kind] = true
			all = append(all, l)
		}
	}
	return all
}
