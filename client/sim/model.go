package sim

import (
	"strings"

	"a0run/client/catalog"
	"a0run/client/sim/store"
)

// A model is what the table says of a path: whether it is a collection, an
// item of one, or a thing of which there is one.
type model struct {
	kind   string // the collection's path, nameless; of a single thing its own
	item   bool   // the path ends in the id of an item
	many   bool   // the path is a collection
	idName string // the field of an object that holds its id
	// made: objects are created by POST, so that one that was not is missing;
	// otherwise a PUT is enough and a GET of what was never set is empty.
	made bool
	// nested is how many of the path's parameters name parents.
	nested int
	// parent is the collection of the innermost parent, "" when it is none.
	parent string
}

type models struct {
	listed  map[string]bool // paths with a listing
	items   map[string]bool // collections that have items
	created map[string]bool // paths with a POST that creates
	idNames map[string]string
}

func newModels(routes []*route) *models {
	m := &models{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]string{}}
	for _, rt := range routes {
		if rt.api != catalog.Management {
			continue
		}
		op := rt.ops[0]
		if op.IsListing() {
			m.listed[rt.path] = true
		}
		if c, ok := strings.CutSuffix(rt.path, "/{}"); ok {
			m.items[c] = true
		}
		if op.Effect == catalog.Create || op.Effect == catalog.Add {
			m.created[rt.path] = true
		}
	}
	for _, rt := range routes {
		op := rt.ops[0]
		kind, item := strings.CutSuffix(rt.path, "/{}")
		if op.Subject.Field == "" {
			continue
		}
		if item || m.idNames[kind] == "" && op.Effect == catalog.Create {
			m.idNames[kind] = op.Subject.Field
		}
	}
	m.idNames["/email-templates"] = "template"
	m.idNames["/logs"] = "log_id"
	return m
}

func (m *models) of(rt *route) *model {
	if rt.api != catalog.Management {
		return &model{kind: rt.path}
	}
	out := &model{kind: rt.path, idName: "id"}
	if c, ok := strings.CutSuffix(rt.path, "/{}"); ok {
		out.kind, out.item = c, true
	} else {
		out.many = m.items[rt.path] || m.listed[rt.path] && m.created[rt.path] ||
			m.listed[rt.path] && rt.ops[0].Verb == "GET"
	}
	if n := m.idNames[out.kind]; n != "" {
		out.idName = n
	}
	out.made = m.created[out.kind]
	out.nested = strings.Count(out.kind, "{}")
	if out.nested > 0 {
		upTo := out.kind[:strings.LastIndex(out.kind, "/{}")]
		if m.created[upTo] || upTo == "/users" {
			out.parent = upTo
		}
	}
	return out
}

// key is the collection that a call is about.
func (c *call) key() store.Key {
	return store.Key{Kind: c.rt.model.kind, Scope: strings.Join(c.params[:c.rt.model.nested], "\x1f")}
}

// id is the item's id in the path.
func (c *call) id() string { return c.params[len(c.params)-1] }

// The collections that quirks speak of.
func kind(path string) store.Key { return store.Key{Kind: path} }

func indexes() map[string][]store.Index {
	byName := []store.Index{{Name: "name", Unique: true, Keys: func(o store.Object) []string {
		if n := str(o, "name"); n != "" {
			return []string{n}
		}
		return nil
	}}}
	out := map[string][]store.Index{
		"/users": {
			{Name: "email", Keys: func(o store.Object) []string {
				if e := strings.ToLower(str(o, "email")); e != "" {
					return []string{e}
				}
				return nil
			}},
			{Name: "login", Unique: true, Keys: logins},
		},
		"/resource-servers": {{Name: "identifier", Unique: true, Keys: func(o store.Object) []string {
			return []string{str(o, "identifier")}
		}}},
	}
	for _, k := range []string{"/roles", "/connections", "/organizations"} {
		out[k] = byName
	}
	out["/custom-domains"] = []store.Index{{Name: "domain", Keys: func(o store.Object) []string {
		return []string{hostName(str(o, "domain"))}
	}}}
	by := func(name, field string) store.Index {
		return store.Index{Name: name, Keys: func(o store.Object) []string {
			if text := str(o, field); text != "" {
				return []string{text}
			}
			return nil
		}}
	}
	out["auth:refresh"] = []store.Index{by("family", "family")}
	out["/refresh-tokens"] = []store.Index{by("user", "user_id"), by("session", "session_id")}
	out["/sessions"] = []store.Index{by("user", "user_id")}
	out["/logs"] = []store.Index{by("user", "user_id")}
	return out
}
