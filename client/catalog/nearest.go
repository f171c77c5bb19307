package catalog

import (
	"slices"
	"strings"
)

// Nearest is the name that a person most likely meant by one that does not
// exist, or "" when nothing is near: a misspelt name, another word for the
// method (users.remove), the beginning of one (users.list_org), the same words
// in another order (organizations.list_members), or the right method in another
// group (members.list_tokensets).
func (t *Table) Nearest(name string) string {
	asked := wordsOf(strings.TrimPrefix(name, "auth0."))
	best, bestCost := "", max(3, len(asked.name)/3+1)
	consider := func(known string) {
		if cost := asked.distance(wordsOf(known), bestCost); cost < bestCost {
			best, bestCost = known, cost
		}
	}
	// IDs go first, so that of equally near names the ID is told.
	for _, op := range t.all {
		consider(op.ID)
	}
	for _, op := range t.all {
		for _, alias := range op.Aliases {
			consider(alias)
		}
	}
	return best
}

// words are the parts of a name by which names are compared.
type words struct {
	name, group, method string
	sorted              []string // the single words, in one order and one wording
}

func wordsOf(name string) words {
	w := words{name: snake(name)}
	i := strings.LastIndexByte(w.name, '.')
	w.group, w.method = w.name[:max(i, 0)], w.name[i+1:]
	w.sorted = strings.FieldsFunc(w.name, func(r rune) bool { return r == '.' || r == '_' })
	for i, word := range w.sorted {
		w.sorted[i] = plainWord(word)
	}
	slices.Sort(w.sorted)
	return w
}

// snake is a name as this table would spell it: listRoles becomes list_roles.
func snake(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			if i > 0 && name[i-1] != '.' && name[i-1] != '_' {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// plainWord is one word for all the words that mean the same kind of method.
func plainWord(word string) string {
	switch word {
	case "all", "search", "find":
		return "list"
	case "read", "show", "fetch":
		return "get"
	case "add", "new", "post", "insert", "assign":
		return "create"
	case "patch", "set", "edit", "change", "modify", "put":
		return "update"
	case "remove", "destroy", "del", "unset":
		return "delete"
	}
	return word
}

// distance is how far another name is from this one, at most limit.
func (w words) distance(known words, limit int) int {
	first, _, _ := strings.Cut(w.name, ".")
	switch {
	case strings.HasSuffix(known.name, "."+w.name):
		return 1
	case slices.Equal(w.sorted, known.sorted) && strings.HasPrefix(known.name, first+"."):
		return 1
	case slices.Equal(w.sorted, known.sorted): // roles.list_users is not users.list_roles
		return 2
	}
	cost := limit
	if d := len(w.name) - len(known.name); d < limit && -d < limit {
		cost = min(cost, editDistance(w.name, known.name))
	}
	switch {
	case w.group == known.group && len(w.method) >= 3 && strings.HasPrefix(known.method, w.method):
		return min(cost, 1)
	case w.group == known.group:
		return min(cost, editDistance(w.method, known.method))
	case w.method == known.method && strings.Contains(w.method, "_"):
		return min(cost, 1+editDistance(w.group, known.group)/4)
	}
	return cost
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

// NearestName is the name that a person most likely meant by one that does not
// exist among the known, or "": a third of the letters may differ, or one be the
// beginning or the end of the other. Of two equally near ones the first wins.
func NearestName(name string, known []string) string {
	best, bestCost := "", 0
	asked := plainLetters(name)
	for _, k := range known {
		if k == name {
			continue
		}
		letters := plainLetters(k)
		limit := (max(len(asked), len(letters)) + 1) / 3
		cost := letterDistance(asked, letters, limit)
		if cost > limit && beginsOrEnds(asked, letters) {
			cost = limit + 1
		} else if cost > limit {
			continue
		}
		if best == "" || cost < bestCost {
			best, bestCost = k, cost
		}
	}
	return best
}

// Lookalike is the known name of which another is all but the same: only case,
// - and _ differ, or a letter of a longer word. It is for places where any name
// may be right.
func Lookalike(name string, known []string) string {
	const long = 5 // letters from which one that differs is a slip
	asked := plainLetters(name)
	best, bestCost := "", 2
	for _, k := range known {
		letters := plainLetters(k)
		limit := 0
		if len(asked) >= long && len(letters) >= long {
			limit = 1
		}
		if cost := letterDistance(asked, letters, limit); cost <= limit && cost < bestCost && k != name {
			best, bestCost = k, cost
		}
	}
	return best
}

// letterDistance is the edit distance where it can be within the limit.
func letterDistance(a, b string, limit int) int {
	const longest = 200 // letters; what is longer is nobody's slip
	switch d := len(a) - len(b); {
	case a == "" || b == "" || d > limit || -d > limit || len(a) > longest:
		return limit + 1
	case a == b:
		return 0
	case limit == 0:
		return 1
	}
	return editDistance(a, b)
}

func beginsOrEnds(a, b string) bool {
	const least = 3 // letters that must be the same
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) >= least && (strings.HasPrefix(b, a) || strings.HasSuffix(b, a))
}

// plainLetters leaves out what people mix up in names.
func plainLetters(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != '_' && c != '-' && c != ' ' {
			b.WriteByte(c)
		}
	}
	return b.String()
}
