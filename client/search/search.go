// Package search is Auth0's user search, a Lucene subset: parse a query, and
// evaluate it over one object. It imports nothing of the project.
package search

import "errors"

// A Query is a parsed search.
type Query struct{}

// Parse reads a query; its error names the column.
func Parse(q string) (*Query, error) { return nil, errors.New("not built") }

// Match reports whether an object (as json.Unmarshal gives it) matches.
func (q *Query) Match(object map[string]any) bool { return false }
