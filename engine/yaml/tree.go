package yaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"a0run/engine"
)

// The bounds of a playbook's text. They keep a hostile or generated file from
// taking the process with it; no playbook that people write comes near them.
const (
	maxSource = 1 << 20
	maxDepth  = 100
	// maxAliased bounds what aliases may unfold to, all together.
	maxAliased = 100_000
)

type kind uint8

const (
	scalar kind = iota
	mapping
	sequence
)

// A node is a piece of the text with its place. yaml.v3's own nodes are turned
// into these at once: its rules for scalars are those of YAML 1.1 (010 is 8
// there), and everything later wants positions, not styles.
type node struct {
	kind kind
	at   engine.Position
	// value is what a scalar means: nil, bool, string, int64, float64,
	// json.Number.
	value any
	// empty marks a null that nobody wrote: nothing stands after the colon.
	empty bool
	// block marks a | or > text; its lines begin below at.
	block bool
	// offset is where the scalar begins in the source, to find the places of
	// expressions inside it.
	offset int
	// keys and values of a mapping, values of a sequence.
	keys   []*node
	values []*node
	// tmpl is set for texts that hold ${{ }}.
	tmpl *template
	// size counts the nodes below, for aliases.
	size int
}

// get returns the value of a mapping's key.
func (n *node) get(key string) (*node, bool) {
	for i, k := range n.keys {
		if k.value == key {
			return n.values[i], true
		}
	}
	return nil, false
}

// text is the node as a string; ok is false for everything else.
func (n *node) text() (string, bool) {
	s, ok := n.value.(string)
	return s, ok && n.kind == scalar
}

// what says in a message what stands there.
func (n *node) what() string {
	switch n.kind {
	case mapping:
		return "a mapping"
	case sequence:
		return "a list"
	case scalar:
	}
	switch v := n.value.(type) {
	case nil:
		if n.empty {
			return "nothing"
		}
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case string:
		if len(v) > 40 {
			return "a text"
		}
		return strconv.Quote(v)
	default:
		return fmt.Sprintf("the number %v", v)
	}
}

// reader turns one file into nodes and gathers what is wrong with it.
type reader struct {
	file     string
	source   []byte
	lines    []int // offsets
	problems engine.Problems
	done     map[*yaml.Node]*node
	open     map[*yaml.Node]bool
	aliased  int
	exprs    int
	// budget is what of the text may still be parsed to find a broken line.
	budget int
	// hopeless says that the nodes are not what was written.
	hopeless bool
}

func (r *reader) problem(at engine.Position, hint, format string, args ...any) {
	r.problems = append(r.problems, engine.Problem{Where: at, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// read parses source; the node is nil where nothing can be made of it.
func (r *reader) read() *node {
	r.done, r.open = map[*yaml.Node]*node{}, map[*yaml.Node]bool{}
	r.lines = []int{0}
	for i, c := range r.source {
		if c == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	if !r.readable() {
		return nil
	}
	root, ok := r.parse()
	if !ok {
		return nil
	}
	if root == nil {
		return &node{at: engine.Position{File: r.file, Line: 1, Column: 1}, empty: true}
	}
	n := r.convert(root, 1)
	if r.hopeless {
		return nil
	}
	return n
}

// readable refuses what is no text before a parser sees it.
func (r *reader) readable() bool {
	if len(r.source) > maxSource {
		r.problem(engine.Position{File: r.file}, "move data into a file and read it with file.read or csv",
			"the playbook is larger than 1 MB")
		return false
	}
	for i, line := range bytes.Split(r.source, []byte("\n")) {
		if !utf8.Valid(line) {
			r.problem(engine.Position{File: r.file, Line: i + 1}, "save the file as UTF-8", "this line is not UTF-8")
			return false
		}
	}
	return true
}

// parse runs yaml.v3 over the source. It panics on some broken input where it
// should return an error.
func (r *reader) parse() (root *yaml.Node, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			r.problem(engine.Position{File: r.file}, "", "the YAML cannot be read: %v", p)
			root, ok = nil, false
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(r.source))
	var doc yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, true
	}
	if err != nil {
		r.syntaxError(err)
		return nil, false
	}
	var next yaml.Node
	switch err = dec.Decode(&next); {
	case errors.Is(err, io.EOF):
	case err != nil:
		r.syntaxError(err)
		return nil, false
	default:
		r.problem(r.at(&next), "one file is one playbook; put the other into a file of its own",
			"a second YAML document begins here")
		return nil, false
	}
	if len(doc.Content) == 0 {
		return nil, true
	}
	return doc.Content[0], true
}

func (r *reader) at(n *yaml.Node) engine.Position {
	return engine.Position{File: r.file, Line: n.Line, Column: n.Column}
}

// offset is the place of a node in the source.
func (r *reader) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(r.lines) {
		return 0
	}
	o := r.lines[n.Line-1]
	for col := 1; col < n.Column && o < len(r.source); col++ {
		_, w := utf8.DecodeRune(r.source[o:])
		o += w
	}
	return o
}

// position is the place of an offset.
func (r *reader) position(offset int) engine.Position {
	line, exact := slices.BinarySearch(r.lines, offset)
	if !exact {
		line--
	}
	col := utf8.RuneCount(r.source[r.lines[line]:offset]) + 1
	return engine.Position{File: r.file, Line: line + 1, Column: col}
}

// convert makes a node of yaml.v3's. An alias gives the very node of its
// anchor, so that unfolding costs nothing; what it would unfold to is counted.
func (r *reader) convert(y *yaml.Node, depth int) *node {
	if y.Kind == yaml.AliasNode {
		return r.alias(y, depth)
	}
	if n, ok := r.done[y]; ok {
		return n
	}
	n := &node{at: r.at(y), size: 1}
	if depth > maxDepth {
		if !r.hopeless {
			r.problem(n.at, "", "nested more than %d levels deep", maxDepth)
		}
		r.hopeless = true
		return n
	}
	r.open[y] = true
	defer delete(r.open, y)
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = mapping
		r.checkTag(y, n, "!!map")
		r.mapping(y, n, depth)
	case yaml.SequenceNode:
		n.kind = sequence
		r.checkTag(y, n, "!!seq")
		for _, c := range y.Content {
			v := r.convert(c, depth+1)
			n.values = append(n.values, v)
			n.size += v.size
		}
	default:
		n.block = y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
		n.offset = r.offset(y)
		r.scalar(y, n)
	}
	r.done[y] = n
	return n
}

func (r *reader) alias(y *yaml.Node, depth int) *node {
	nothing := &node{at: r.at(y), empty: true, size: 1}
	if r.open[y.Alias] {
		r.problem(nothing.at, "", "the alias *%s stands inside its own anchor", y.Value)
		return nothing
	}
	n := r.convert(y.Alias, depth+1)
	r.aliased += n.size
	if r.aliased > maxAliased {
		if !r.hopeless {
			r.problem(nothing.at, "write the values into a file, or use for_each",
				"the aliases of this file unfold to more than %d values", maxAliased)
		}
		r.hopeless = true
		return nothing
	}
	return n
}

func (r *reader) mapping(y *yaml.Node, n *node, depth int) {
	seen := make(map[string]engine.Position, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, ok := r.key(y.Content[i])
		v := r.convert(y.Content[i+1], depth+1)
		if !ok {
			continue
		}
		name, _ := key.text()
		if first, twice := seen[name]; twice {
			r.problem(key.at, fmt.Sprintf("the first stands in line %d", first.Line), "the key %s stands here a second time", name)
			continue
		}
		seen[name] = key.at
		n.keys = append(n.keys, key)
		n.values = append(n.values, v)
		n.size += v.size + 1
	}
}

// key reads a mapping's key: always a text, also where it looks like a number.
func (r *reader) key(y *yaml.Node) (*node, bool) {
	at := r.at(y)
	if y.Kind == yaml.AliasNode && y.Alias.Kind == yaml.ScalarNode {
		y = y.Alias
	}
	switch {
	case y.Kind != yaml.ScalarNode:
		r.problem(at, "", "a key must be a text, not a list or mapping")
		return nil, false
	case y.Value == "<<" && y.Style == 0:
		r.problem(at, "give the whole value an anchor (&name) and refer to it by *name, or write the keys out",
			"merge keys are no part of YAML 1.2")
		return nil, false
	case y.Value == "":
		r.problem(at, "", "a key must not be empty")
		return nil, false
	case strings.Contains(y.Value, "${{"):
		r.problem(at, "build the object in a lua step, or in one ${{ }} for the whole value", "a key cannot hold an expression")
		return nil, false
	}
	return &node{at: at, value: y.Value, size: 1}, true
}
