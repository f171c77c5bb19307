// Package search is Auth0's user search, a Lucene subset: parse a query, and
// evaluate it over one object. It imports nothing of the project.
package search

import "fmt"

// A Query is a parsed search.
type Query struct {
	root node
	text string
}

// An Error is a query that cannot be read. Column counts characters from 1.
type Error struct {
	Column int
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Reason) }

// Parse reads a query; its error is an *Error and names the column. The empty
// query matches everything.
//
// Terms that stand side by side without an operator are alternatives, as in
// Lucene; AND binds tighter than OR.
func Parse(q string) (*Query, error) {
	toks, err := scan(q)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	if p.peek().kind == tokEnd {
		return &Query{root: all{}, text: q}, nil
	}
	root, err := p.or("")
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokEnd {
		return nil, t.errorf("%s has no opening bracket", t)
	}
	return &Query{root: root, text: q}, nil
}

// Match reports whether an object (as json.Unmarshal gives it) matches.
func (q *Query) Match(object map[string]any) bool { return q.root.match(object) }

// String is the query as it was written.
func (q *Query) String() string { return q.text }
