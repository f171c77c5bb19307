package sim

import (
	"net/http"
	"slices"
	"strings"

	"a0run/client/search"
	"a0run/client/sim/store"
)

// Reading the log: by pages, newest first unless told otherwise, with a search
// (Auth0's page "Log Search Query Syntax"), or from one event on, oldest first
// and as a bare array.

func listLogs(c *call) reply {
	return c.logList(func(tx *store.Tx) []object { return tx.All(logsKey()) })
}

func userLogs(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	return c.logList(func(tx *store.Tx) []object { return tx.Lookup(logsKey(), "user", c.params[0]) })
}

func (c *call) logList(all func(*store.Tx) []object) reply {
	l := listing{key: logsKey(), length: true}
	if c.query.Has("from") || c.query.Has("take") && c.rt.path == "/logs" {
		return c.logPage(l)
	}
	var match func(object) bool
	if q := c.query.Get("q"); q != "" {
		query, err := search.Parse(q)
		if err != nil {
			return failure(http.StatusBadRequest, "Query validation error: 'Invalid search query: "+err.Error()+"'.", "invalid_query_string")
		}
		match = query.Match
	}
	field, up := "date", false
	if s := c.query.Get("sort"); s != "" {
		name, direction, _ := strings.Cut(s, ":")
		field, up = name, direction == "1"
	}
	l.choose = func(tx *store.Tx, start, n int) ([]object, int) {
		found := slices.Clone(all(tx))
		if match != nil {
			found = slices.DeleteFunc(found, func(o object) bool { return !match(o) })
		}
		// Equal dates stay in the order in which things happened.
		slices.SortStableFunc(found, func(a, b object) int { return strings.Compare(str(a, field), str(b, field)) })
		if !up {
			slices.Reverse(found)
		}
		total := len(found)
		if start >= total {
			return nil, total
		}
		return found[start:min(start+n, total)], total
	}
	return c.page(l)
}
