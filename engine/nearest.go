package engine

import "strings"

// find follows a dotted name from namespace to namespace.
func (n *Namespace) find(dotted string) (any, bool) {
	for n != nil {
		head, rest, more := strings.Cut(dotted, ".")
		v, ok := n.Get(head)
		if !more || !ok {
			return v, ok
		}
		n, _ = v.(*Namespace)
		dotted = rest
	}
	return nil, false
}

// Find returns what stands under a dotted name: *Function, *Namespace or a
// constant.
func (n *Namespace) Find(dotted string) (any, bool) { return n.find(dotted) }

// Nearest is the nearest right name in the namespace for a wrong dotted one,
// or "". It mends one part after the other, so that "auth0.user.lst" finds
// "auth0.users.list"; where a part has nothing near it, the last part is
// looked for below the whole namespace.
func (n *Namespace) Nearest(dotted string) string {
	var right []string
	at := n
	for rest, more := dotted, true; more; {
		var part string
		part, rest, more = strings.Cut(rest, ".")
		if at == nil {
			return n.elsewhere(dotted)
		}
		v, ok := at.Get(part)
		if !ok {
			if part = at.near(part, rest); part == "" {
				return n.elsewhere(dotted)
			}
			v, _ = at.Get(part)
		}
		right = append(right, part)
		at, _ = v.(*Namespace)
	}
	if name := strings.Join(right, "."); name != dotted {
		return name
	}
	return ""
}

// near is the entry nearest to part; of several namespaces that are near, the
// one that has the next part.
func (n *Namespace) near(part, rest string) string {
	best, bestCost := "", 0
	next, _, _ := strings.Cut(rest, ".")
	for _, k := range n.keys {
		cost, ok := distance(part, k)
		if !ok {
			continue
		}
		if v, _ := n.Get(k); next != "" {
			if sub, isSpace := v.(*Namespace); isSpace && sub.has(next) {
				cost--
			}
		}
		if best == "" || cost < bestCost {
			best, bestCost = k, cost
		}
	}
	return best
}

func (n *Namespace) has(key string) bool {
	_, ok := n.entries[key]
	return ok
}

// elsewhere looks for a function of the same last part whose whole name is
// nearest.
func (n *Namespace) elsewhere(dotted string) string {
	last := dotted[strings.LastIndexByte(dotted, '.')+1:]
	first, _, _ := strings.Cut(dotted, ".")
	best, bestCost := "", 1<<30
	n.walk("", func(name string) {
		if name[strings.LastIndexByte(name, '.')+1:] != last {
			return
		}
		cost := editDistance(dotted, name)
		switch {
		case strings.HasSuffix(name, "."+dotted):
			cost = 1 // the beginning was forgotten
		case !strings.HasPrefix(name, first+"."):
			cost += 2
		}
		if cost < bestCost {
			best, bestCost = name, cost
		}
	})
	if bestCost > len(dotted)/2+1 {
		return ""
	}
	return best
}

// walk visits every function's name.
func (n *Namespace) walk(prefix string, visit func(name string)) {
	for _, k := range n.keys {
		switch v, _ := n.Get(k); v := v.(type) {
		case *Namespace:
			v.walk(prefix+k+".", visit)
		case *Function:
			visit(prefix + k)
		}
	}
}

// Nearest is the candidate nearest to name, or "" where none is near. Of two
// equally near ones the first wins.
func Nearest(name string, candidates []string) string {
	best, bestCost := "", 0
	for _, c := range candidates {
		if c == name {
			continue
		}
		if cost, ok := distance(name, c); ok && (best == "" || cost < bestCost) {
			best, bestCost = c, cost
		}
	}
	return best
}

// distance is how far apart two names are, and whether that is near enough to
// be a slip: a third of the length, or one the beginning of the other. It is
// four to an edit, so that small preferences fit in between.
func distance(got, want string) (int, bool) {
	a, b := plainName(got), plainName(want)
	if a == "" || b == "" {
		return 0, false
	}
	if a == b {
		return 1, true // only case, _ or - differ
	}
	edits := editDistance(a, b)
	cost := 4 * edits
	if a[0] == b[0] {
		cost-- // the first letter is seldom wrong
	}
	if a[len(a)-1] == b[len(b)-1] {
		cost--
	}
	limit := (max(len(a), len(b)) + 1) / 3
	short, long := a, b
	if len(a) > len(b) {
		short, long = b, a
	}
	begins := len(short) >= 3 && (strings.HasPrefix(long, short) || strings.HasSuffix(long, short))
	if edits > limit && begins {
		return 4*limit + 4 + edits, true
	}
	return cost, edits <= limit
}

// plainName leaves out what people mix up in names.
func plainName(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours.
func editDistance(a, b string) int {
	if len(a) > 200 || len(b) > 200 {
		return max(len(a), len(b)) // nobody's slip
	}
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
