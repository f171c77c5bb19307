package project

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"a0run/engine"
)

// maxDepth bounds the nesting of a document.
const maxDepth = 100

// A document is a YAML file that is being read strictly: every mistake is
// collected with its line and column.
type document struct {
	name     string
	problems engine.Problems
}

func (d *document) at(n *yaml.Node) engine.Position {
	return engine.Position{File: d.name, Line: n.Line, Column: n.Column}
}

func (d *document) wrong(n *yaml.Node, hint, format string, args ...any) {
	d.problems = append(d.problems, engine.Problem{Where: d.at(n), Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (d *document) warn(where engine.Position, hint, format string, args ...any) {
	d.problems = append(d.problems, engine.Problem{Where: where, Message: fmt.Sprintf(format, args...), Hint: hint, Warning: true})
}

// root parses text; nil with a problem where it is no YAML, nil without one
// where it is empty.
func (d *document) root(text []byte) *yaml.Node {
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if len(strings.TrimSpace(string(text))) > 0 && doc.Kind == 0 && err.Error() != "EOF" {
			d.syntax(err)
		}
		return nil
	}
	if err := decoder.Decode(&second); err == nil {
		d.wrong(&second, "", "a second document; one file holds one")
	}
	if len(doc.Content) == 0 {
		return nil
	}
	d.strict(doc.Content[0], 0)
	return doc.Content[0]
}

// syntax takes the line out of yaml.v3's message, which has no column.
func (d *document) syntax(err error) {
	at := engine.Position{File: d.name, Line: 1, Column: 1}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := regexp.MustCompile(`^line (\d+): (.*)$`).FindStringSubmatch(message); m != nil {
		at.Line, _ = strconv.Atoi(m[1]) // digits, by the pattern
		message = m[2]
	}
	d.problems = append(d.problems, engine.Problem{Where: at, Message: "not YAML: " + message})
}

// strict reports what YAML allows and a configuration should not have:
// anchors, aliases, merge keys, keys given twice, keys that are no text.
func (d *document) strict(n *yaml.Node, depth int) {
	switch {
	case depth > maxDepth:
		d.wrong(n, "", "nested deeper than %d levels", maxDepth)
		return
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.wrong(n, "write the value out", "anchors and aliases are not known here")
		return
	}
	for _, c := range n.Content {
		d.strict(c, depth+1)
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			d.wrong(key, "", "a key must be text")
			continue
		}
		if first, twice := seen[key.Value]; twice {
			d.wrong(key, "", "%s is given twice, first in line %d", key.Value, first.Line)
		}
		seen[key.Value] = key
	}
}

// fields visits the pairs of a mapping.
func fields(n *yaml.Node, visit func(key, value *yaml.Node)) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		visit(n.Content[i], n.Content[i+1])
	}
}

// mapping checks that n is one.
func (d *document) mapping(n *yaml.Node, what string) bool {
	if n.Kind == yaml.MappingNode {
		return true
	}
	d.wrong(n, "", "%s: got %s, want keys and values", what, kindOf(n))
	return false
}

// unknown reports a key that does not exist, with the nearest that does.
func (d *document) unknown(key *yaml.Node, what string, known []string) {
	hint := "known: " + strings.Join(known, ", ")
	if near := engine.Nearest(key.Value, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	d.wrong(key, hint, "unknown key in %s: %s", what, key.Value)
}

// kindOf is what a node is called in messages.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	default:
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	}
	return "text"
}

// ParseTree reads a YAML (or JSON) file of keys and values into the engine's
// tree: `a0run run --params FILE`. Its error is engine.Problems.
func ParseTree(name string, text []byte) (*engine.Object, error) {
	d := &document{name: name}
	n := d.root(text)
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	if n == nil {
		return engine.NewObject(0), nil
	}
	if n.Kind != yaml.MappingNode {
		d.wrong(n, "", "got %s, want keys and values", kindOf(n))
		return nil, d.problems
	}
	v := d.tree(n)
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	o, _ := v.(*engine.Object)
	return o, nil
}

// tree is a node as a value. Only true and false are booleans, and a date is
// text: YAML 1.2.
func (d *document) tree(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		o := engine.NewObject(len(n.Content) / 2)
		fields(n, func(key, value *yaml.Node) { o.Set(key.Value, d.tree(value)) })
		return o
	case yaml.SequenceNode:
		a := make([]any, len(n.Content))
		for i, c := range n.Content {
			a[i] = d.tree(c)
		}
		return a
	default:
	}
	switch n.ShortTag() {
	case "!!null":
		return engine.Null{}
	case "!!bool":
		switch n.Value {
		case "true", "True", "TRUE":
			return true
		case "false", "False", "FALSE":
			return false
		}
	case "!!int", "!!float":
		return d.number(n)
	}
	return n.Value
}

// number reads decimal numbers; what YAML counts as one beside them (0x10, 1_000,
// .inf) is more often a slip.
func (d *document) number(n *yaml.Node) any {
	text := strings.TrimPrefix(n.Value, "+")
	if v, err := engine.ParseJSON([]byte(text)); err == nil {
		switch v.(type) {
		case int64, float64, json.Number:
			return v
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "xX_") || math.IsInf(f, 0) || math.IsNaN(f) ||
		strings.HasPrefix(strings.TrimPrefix(text, "-"), "0") && !strings.Contains(text, ".") {
		d.wrong(n, "put it in quotes if it is text", "%s is not written as a decimal number", n.Value)
		return nil
	}
	return f
}

// errOf is nil where all problems are warnings.
func (d *document) errOf() error {
	for _, p := range d.problems {
		if !p.Warning {
			return d.problems
		}
	}
	return nil
}
