package guard

import (
	"slices"
	"strings"

	"a0run/client/catalog"
)

// tokenKind is the kind of the operations that fetch tokens: actions in the
// catalogue, for they are not sent again blindly, and writes to nobody.
const tokenKind = "get_token"

// writes reports whether a call of the operation writes to the tenant.
func writes(op *catalog.Operation) bool {
	return op.Effect.Mutates() && op.Subject.Kind != tokenKind
}

// kinds are the kinds of objects that some operation writes, sorted.
func kinds(table *catalog.Table) []string {
	var all []string
	for _, op := range table.All() {
		if !writes(op) {
			continue
		}
		all = append(all, op.Subject.Kind)
		for _, also := range op.Subject.Also {
			all = append(all, also.Kind)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// listing is the operation that lists all objects of a kind; nil where there is
// none that needs nothing else.
func listing(table *catalog.Table, kind string) *catalog.Operation {
	return shortest(table, kind, func(op *catalog.Operation) bool {
		return op.IsListing() && op.Paging.Style != catalog.LogPaging && len(op.Positional()) == 0 &&
			!strings.Contains(op.Path, "{")
	})
}

// getter is the operation that reads one object of a kind by its id alone; nil
// where there is none.
func getter(table *catalog.Table, kind string) *catalog.Operation {
	return shortest(table, kind, func(op *catalog.Operation) bool {
		required := op.Positional()
		return op.Subject.ID != "" && len(required) == 1 && required[0].Name == op.Subject.ID &&
			strings.HasSuffix(op.Path, "}") && strings.Count(op.Path, "{") == 1 && !op.IsListing()
	})
}

// shortest is the read with the shortest path of those that fit: the
// collection's own, and not that of its templates.
func shortest(table *catalog.Table, kind string, fits func(*catalog.Operation) bool) *catalog.Operation {
	var best *catalog.Operation
	for _, op := range table.All() {
		if op.API != catalog.Management || op.Effect != catalog.Read || op.Subject.Kind != kind || op.Answer != catalog.JSONAnswer || !fits(op) {
			continue
		}
		if best == nil || len(op.Path) < len(best.Path) {
			best = op
		}
	}
	return best
}

// tellsTotal reports whether one request of a listing tells how many there are.
func tellsTotal(op *catalog.Operation) bool {
	for _, name := range []string{"include_totals", "per_page", "page"} {
		if _, ok := op.Arg(name); !ok {
			return false
		}
	}
	return op.Paging.Items != ""
}
