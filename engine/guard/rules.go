package guard

import (
	"math"

	"a0run/client/catalog"
	"a0run/engine"
)

// Rules are the guards of one place: a0run.yaml, one of its tenants, or a
// playbook's head. The zero value refuses nothing.
type Rules struct {
	readOnly, production *engine.Position
	allow                *allowed
	deny                 []operations
	limits               []limit
	protect              []protected
	hours                *hours
	confirm              *threshold
}

// Production are the rules of a tenant that is marked production: true at a
// place: its first write needs a plan, or --yes.
func Production(where engine.Position) Rules { return Rules{production: &where} }

// IsZero reports whether the rules refuse nothing.
func (r *Rules) IsZero() bool {
	return r.readOnly == nil && r.production == nil && r.allow == nil && r.hours == nil && r.confirm == nil &&
		len(r.deny) == 0 && len(r.limits) == 0 && len(r.protect) == 0
}

// allowed are the operations that may write; an empty list is none.
type allowed struct {
	patterns []operations
	where    engine.Position
}

// operations is a pattern of operations.
type operations struct {
	glob
	where engine.Position
}

func (o operations) covers(op *catalog.Operation) bool {
	if o.match(op.ID) {
		return true
	}
	for _, alias := range op.Aliases {
		if o.match(alias) {
			return true
		}
	}
	return false
}

// what is done to an object.
type what string

const (
	create what = "create"
	change what = "change" // a limit of it counts deletions too
	del    what = "delete"
)

// counts reports whether a limit of one kind of change counts another.
func (w what) counts(done what) bool { return w == done || w == change && done == del }

// A limit is how many objects of a kind may be written.
type limit struct {
	kind  string
	what  what
	most  int64 // percent is used where it is negative
	parts int64 // of whole
	text  string
	path  string // below guards: "limits.users.delete"
	where engine.Position
}

// whole is 100 %: percentages are kept with four decimals, as whole numbers, so
// that 0.1 % of 1,000 is exactly 1.
const whole = 100_0000

func (l limit) relative() bool { return l.most < 0 }

// bound is how many objects the limit allows.
func (l limit) bound(total int64) int64 {
	if !l.relative() {
		return l.most
	}
	if total > math.MaxInt64/whole {
		return total / whole * l.parts
	}
	return total * l.parts / whole
}

// protected names objects that are not written.
type protected struct {
	kind         string
	pattern      glob
	byID, byName bool
	path         string
	where        engine.Position
}

// threshold is the number of objects above which a run must be confirmed.
type threshold struct {
	most  int64
	where engine.Position
}
