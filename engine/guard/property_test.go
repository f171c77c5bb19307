package guard

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"a0run/client/catalog"
	"a0run/engine"
)

// A glob matches what its translation into a regular expression matches.
func TestGlob(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(rapid.RuneFrom([]rune(`aAbäÄ*?\.|`)), 0, 8, -1).Draw(t, "pattern")
		text := rapid.StringOfN(rapid.RuneFrom([]rune(`aAbäÄ*?\.|`)), 0, 8, -1).Draw(t, "text")
		var b strings.Builder
		b.WriteString(`(?si)\A`)
		runes := []rune(pattern)
		for i := 0; i < len(runes); i++ {
			switch c := runes[i]; {
			case c == '\\' && i+1 < len(runes):
				i++
				b.WriteString(regexp.QuoteMeta(string(runes[i])))
			case c == '*':
				b.WriteString(".*")
			case c == '?':
				b.WriteString(".")
			default:
				b.WriteString(regexp.QuoteMeta(string(c)))
			}
		}
		want := regexp.MustCompile(b.String() + `\z`).MatchString(text)
		if got := newGlob(pattern).match(text); got != want {
			t.Fatalf("%q matches %q: %v", pattern, text, got)
		}
	})
}

// A pattern of many stars needs no more than the product of both lengths.
func TestGlobIsNotExponential(t *testing.T) {
	t.Parallel()
	if newGlob(strings.Repeat("*a", 500) + "b").match(strings.Repeat("a", 5000)) {
		t.Error("it matches")
	}
}

// The hours are those of a model that looks at each minute, and the next ones
// are the first that are open.
func TestHours(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{time.UTC}
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	rapid.Check(t, func(t *rapid.T) {
		h := &hours{
			zone: rapid.SampledFrom(zones).Draw(t, "zone"),
			from: 30 * rapid.IntRange(0, 47).Draw(t, "from"), to: 30 * rapid.IntRange(0, 48).Draw(t, "to"),
		}
		if h.from == h.to {
			return
		}
		for i := range h.days {
			h.days[i] = rapid.Bool().Draw(t, "day")
		}
		h.days[rapid.IntRange(0, 6).Draw(t, "one")] = true
		now := noon.Add(time.Duration(rapid.IntRange(0, 400*24*2).Draw(t, "now")) * 30 * time.Minute)
		length := h.to - h.from
		if length <= 0 {
			length += dayMinutes
		}
		local := now.In(h.zone)
		minute := local.Hour()*60 + local.Minute()
		model := false
		for back := range 2 { // the hours that began today, or yesterday
			since := minute + back*dayMinutes - h.from
			model = model || h.days[(int(local.Weekday())+7-back)%7] && since >= 0 && since < length
		}
		if got := h.open(now); got != model {
			t.Fatalf("%s at %s: open %v", h, local, got)
		}
		next := h.next(now)
		if !next.After(now) || next.Sub(now) > 8*24*time.Hour {
			t.Fatalf("%s at %s: next %s", h, local, next)
		}
		if _, offset := next.Zone(); !h.open(next) && clock(next.Hour()*60+next.Minute()) == clock(h.from) {
			t.Fatalf("%s: not open at %s (%d)", h, next, offset)
		}
	})
}

// Every write of the catalogue writes something that can be told.
func TestObjectsOfEveryOperation(t *testing.T) {
	t.Parallel()
	known := kinds(catalog.Default())
	for _, op := range catalog.Default().All() {
		if !writes(op) {
			continue
		}
		args := engine.NewObject(len(op.Args))
		for _, a := range op.Args {
			args.Set(a.Name, "v-"+a.Name)
		}
		all := objects(op, args, "key")
		if len(all) == 0 {
			t.Errorf("%s writes nothing", op.ID)
		}
		for _, o := range all {
			if o.kind == "" || o.what == "" || o.what == create && o.call == "" {
				t.Errorf("%s: %+v", op.ID, o)
			}
			found := false
			for _, k := range known {
				found = found || k == o.kind
			}
			if !found {
				t.Errorf("%s: no kind %s", op.ID, o.kind)
			}
		}
	}
}

// The counters are those of a model that keeps all objects, and a refused call
// changes none of them; what a resumed run is told gives the same counters.
func TestTally(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limits := map[what]int{}
		var rules Rules
		for _, w := range []what{create, change, del} {
			if rapid.Bool().Draw(t, "has "+string(w)) {
				n := rapid.IntRange(0, 6).Draw(t, "most "+string(w))
				limits[w] = n
				rules.limits = append(rules.limits, limit{kind: "users", what: w, most: int64(n)})
			}
		}
		of := Tenant{Rules: []Rules{rules}}
		y, resumed := newTally(of, false), newTally(of, false)
		model := map[what]map[string]bool{create: {}, change: {}, del: {}}
		made := map[string]bool{}
		for call := range rapid.IntRange(1, 30).Draw(t, "calls") {
			var all []object
			w := rapid.SampledFrom([]what{create, change, del}).Draw(t, "what")
			if w == create {
				all = []object{{kind: "users", what: create, call: fmt.Sprint(call)}}
			} else {
				for range rapid.IntRange(1, 3).Draw(t, "objects") {
					id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "made1", "made2"}).Draw(t, "id")
					all = append(all, object{kind: rapid.SampledFrom([]string{"users", "users", "roles"}).Draw(t, "kind"), id: id, path: id, what: w})
				}
			}
			after := map[what]map[string]bool{}
			fits := true
			for kind, set := range model {
				after[kind] = map[string]bool{}
				for id := range set {
					after[kind][id] = true
				}
				for _, o := range all {
					if o.kind == "users" && !made[o.id] && kind.counts(o.what) {
						after[kind][o.identity()] = true
					}
				}
				if most, ok := limits[kind]; ok && len(after[kind]) > most && len(after[kind]) > len(set) {
					fits = false
				}
			}
			r := y.add(all, false)
			if (r == nil) != fits {
				t.Fatalf("call %d %+v: %v, want fits %v", call, all, r, fits)
			}
			if !fits {
				continue
			}
			model = after
			resumed.add(all, true)
			if w == create && rapid.Bool().Draw(t, "tells its id") {
				id := rapid.SampledFrom([]string{"made1", "made2"}).Draw(t, "made")
				made[id] = true
				y.make("users", id)
				resumed.make("users", id)
			}
		}
		for c, set := range y.counted {
			if len(resumed.counted[c]) != len(set) {
				t.Fatalf("%v: %d, resumed %d", c, len(set), len(resumed.counted[c]))
			}
		}
	})
}
