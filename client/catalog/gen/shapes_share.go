package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// share makes one node of all that say the same, recursively: nodes are parted
// until no two of one class differ. It gives the classes, named and sorted by
// name, and the roots in their terms.
func share(nodes []*node, roots []root) ([]*node, []root) {
	class := make([]int, len(nodes))
	for count := 1; ; {
		signs := map[string]int{}
		next := make([]int, len(nodes))
		for i, n := range nodes {
			sign := n.sign(func(id int) int { return class[id] })
			if _, ok := signs[sign]; !ok {
				signs[sign] = len(signs)
			}
			next[i] = signs[sign]
		}
		class = next
		if len(signs) == count {
			break
		}
		count = len(signs)
	}
	reached := reach(nodes, class, roots)
	best := map[int]int{} // class → the node whose name it takes
	for i, n := range nodes {
		c := class[i]
		if !reached[c] {
			continue
		}
		if j, ok := best[c]; !ok || better(n.name, nodes[j].name) {
			best[c] = i
		}
	}
	return relabel(nodes, class, best, roots)
}

// reach finds the classes that a root needs.
func reach(nodes []*node, class []int, roots []root) map[int]bool {
	seen := map[int]bool{class[0]: true}
	var visit func(id int)
	visit = func(id int) {
		if seen[class[id]] {
			return
		}
		seen[class[id]] = true
		for _, next := range nodes[id].below() {
			visit(next)
		}
	}
	for _, r := range roots {
		visit(r.node)
	}
	return seen
}

func (n *node) below() []int {
	out := []int{n.items, n.rest}
	for _, list := range [][]member{n.must, n.may, n.variants} {
		for _, m := range list {
			out = append(out, m.node)
		}
	}
	return out
}

// sign is what a node says, in terms of the classes of the nodes below it; it is
// also the text whose sum keeps the table from drifting.
func (n *node) sign(class func(int) int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %q %q %v %d %d %s", n.kinds, n.enum, n.format, n.open, class(n.rest), class(n.items), n.by)
	for _, list := range [][]member{n.must, n.may, n.variants} {
		b.WriteString(" |")
		for _, m := range list {
			fmt.Fprintf(&b, " %s:%d", m.name, class(m.node))
		}
	}
	return b.String()
}

// better says that a name is the one to keep: one of the document's components
// before one made here, short before long.
func better(a, b string) bool {
	made := func(s string) bool { return strings.Contains(s, "_") }
	if made(a) != made(b) {
		return made(b)
	}
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

func relabel(nodes []*node, class []int, best map[int]int, roots []root) ([]*node, []root) {
	taken := map[string]bool{}
	var order []int
	for c, i := range best {
		if c != class[0] {
			order = append(order, c)
		}
		n := nodes[i]
		if plain := n.plainName(nodes); plain != "" {
			n.name = plain
		}
	}
	for _, i := range best {
		nodes[i].name = identifier(nodes[i].name)
	}
	sort.Slice(order, func(i, j int) bool {
		a, b := best[order[i]], best[order[j]]
		if nodes[a].name != nodes[b].name {
			return nodes[a].name < nodes[b].name
		}
		return a < b
	})
	place := map[int]int{class[0]: 0}
	out := []*node{nodes[best[class[0]]]}
	for _, c := range order {
		n := nodes[best[c]]
		for name, i := n.name, 2; taken[n.name]; i++ {
			n.name = name + strconv.Itoa(i)
		}
		taken[n.name] = true
		place[c] = len(out)
		out = append(out, n)
	}
	to := func(id int) int { return place[class[id]] }
	for _, n := range out {
		n.rest, n.items = to(n.rest), to(n.items)
		for _, list := range [][]member{n.must, n.may, n.variants} {
			for i := range list {
				list[i].node = to(list[i].node)
			}
		}
	}
	moved := make([]root, len(roots))
	for i, r := range roots {
		moved[i] = root{r.id, to(r.node)}
	}
	return out, moved
}

// plainName is the name of a node that is only a kind, a list of one, or an
// object whose fields are all of one; "" for any other.
func (n *node) plainName(nodes []*node) string {
	if len(n.enum)+len(n.must)+len(n.may)+len(n.variants) > 0 {
		return ""
	}
	name := map[kinds]string{
		isText: "text", isWhole: "whole", isWhole | isNumber: "number", isBool: "bool", isObject: "object", isArray: "list",
		isNull: "null",
	}[n.kinds&^isNull]
	switch inner := ""; {
	case name == "":
		return ""
	case n.items+n.rest != 0 && nodes == nil:
		return "" // one level is enough
	case n.items+n.rest != 0:
		if inner = nodes[n.items+n.rest].plainName(nil); inner == "" {
			return ""
		}
		name += "_of_" + inner
	case n.kinds&isObject != 0 && !n.open:
		return ""
	}
	if n.format != "" {
		name = n.format + "_" + name
	}
	if n.kinds&isNull != 0 && n.kinds != isNull {
		name += "_or_null"
	}
	return name
}

// identifier makes a Go name of a component's or made name.
func identifier(name string) string {
	for _, word := range []string{"RequestContent", "RequestBody", "Content"} {
		name = strings.ReplaceAll(name, word, "")
	}
	var b strings.Builder
	b.WriteByte('s')
	up := true
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			up = true
			continue
		}
		if up {
			r = unicode.ToUpper(r)
		}
		b.WriteRune(r)
		up = false
	}
	return b.String()
}
