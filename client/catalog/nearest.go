package catalog

import "strings"

// Nearest is the name a person most likely meant by one that does not exist, or
// "" when nothing is near: a misspelt name, the right method in a near group, or
// the same method in another group.
func (t *Table) Nearest(name string) string {
	name = strings.ToLower(name)
	best, bestCost := "", len(name)/2+1
	for _, known := range t.Names() {
		if cost := distanceOf(name, known, bestCost); cost < bestCost {
			best, bestCost = known, cost
		}
	}
	return best
}

// distanceOf is the edit distance of two names, where a last segment that
// stands in both counts for much.
func distanceOf(name, known string, limit int) int {
	group, method := cut(name)
	knownGroup, knownMethod := cut(known)
	cost := editDistance(name, known)
	switch {
	case group == knownGroup && method != knownMethod:
		// In the right group the person looks for a method of that group, and
		// a synonym (remove for delete) is nearer than any spelling.
		cost = editDistance(method, knownMethod)
		if synonym(method, knownMethod) {
			cost = 1
		}
	case method == knownMethod && group != knownGroup:
		cost = min(cost, editDistance(group, knownGroup))
	}
	return min(cost, limit)
}

func cut(name string) (group, method string) {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)], name[i+1:]
}

func synonym(a, b string) bool {
	for _, set := range [][]string{
		{"list", "all", "get_all", "search", "find"},
		{"get", "read", "show", "fetch"},
		{"create", "add", "new", "post", "insert"},
		{"update", "patch", "set", "edit", "change", "modify", "put"},
		{"delete", "remove", "destroy", "del", "unset"},
	} {
		if in(set, a) && in(set, b) {
			return true
		}
	}
	return false
}

func in(set []string, s string) bool {
	for _, one := range set {
		if one == s {
			return true
		}
	}
	return false
}

// editDistance counts the insertions, deletions, substitutions and swaps of
// neighbours that make b of a.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
