// Package schema knows what the Management API takes as request bodies, and
// says before a request what is wrong with one: a field that does not exist, a
// required one that is missing, a wrong type, a value outside an enum.
//
// What it knows are tables that client/catalog/gen makes of Auth0's public API
// document (table_*.go): constant data, laid out by the linker, so that neither
// the start of a program nor the first call pays for them. Where the document
// leaves alternatives open, a body passes that fits any of them; where it is
// known to be behind the API, the tables are wider than it. Nothing is refused
// that Auth0 would take, as far as that is known: see Mode for what is an error
// and what is only said.
//
// A value is a tree of nil, bool, string, float64, int, int64, json.Number,
// []any, []string, map[string]any and anything with the methods of Object. What
// else a caller has in its trees, its Words explain.
package schema
