package sim

import (
	"cmp"
	"slices"
	"strings"

	"a0run/client/search"
)

// The searches of organizations and of resource servers: SCIM or Lucene, one
// field to sort by, and checkpoints. Auth0 answers them a little later than it
// writes; here they show what is.

func searchOrganizations(c *call) reply {
	return c.searched(c.tx.All(orgsKey()), "name", "display_name", func(o object) object {
		return object{"id": o["id"], "name": o["name"], "display_name": o["display_name"], "metadata": o["metadata"], "created_at": c.tx.Get(kind(orgsMade), str(o, "id"))["at"]}
	})
}

func searchResourceServers(c *call) reply {
	all := slices.Clone(c.tx.All(kind("/resource-servers")))
	for i, o := range all {
		all[i] = without(o, "signing_secret")
	}
	return c.searched(all, "name", "identifier", func(o object) object {
		return object{"id": o["id"], "name": o["name"], "identifier": o["identifier"], "updated_at": o["updated_at"]}
	})
}

// searched is a page of the objects whose view matches q. A word without a
// field is looked for in the two fields that are named.
func (c *call) searched(all []object, one, other string, view func(object) object) reply {
	match, err := searchOf(c.query.Get("parser"), c.query.Get("q"), one, other)
	if err != nil {
		return invalidQuery("Invalid search query: %s' on property q", err)
	}
	found := []object{}
	for _, o := range all {
		if match(view(o)) {
			found = append(found, o)
		}
	}
	if field := c.query.Get("sort"); field != "" && field != "created_at" { // they stand in the order of their creation
		slices.SortStableFunc(found, func(a, b object) int { return cmp.Compare(str(a, field), str(b, field)) })
	}
	return c.pageOf(listing{fixed: true, chosen: found})
}

func searchOf(parser, q, one, other string) (func(object) bool, error) {
	if strings.TrimSpace(q) == "" {
		return func(object) bool { return true }, nil
	}
	if parser == "scim" {
		return parseSCIM(q)
	}
	query, err := search.Parse(q)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(q, ":") {
		return func(o object) bool { return query.Match(object{one: o[one], other: o[other]}) }, nil
	}
	return query.Match, nil
}

func without(o object, field string) object {
	if _, has := o[field]; !has {
		return o
	}
	out := object{}
	for k, v := range o {
		if k != field {
			out[k] = v
		}
	}
	return out
}
