package guard

import (
	"encoding/json"
	"slices"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// An object is one that a call writes.
type object struct {
	kind string
	// id is the last of the ids that name the object, path all of them where
	// there are several (a client's credential). Both are "" for what a create
	// makes, and for settings, of which there is only one.
	id, path string
	// call is the key of the call that makes the object.
	call string
	what what
	// subject says that it is the object that the catalogue names first.
	subject bool
	// bulk says that it is one of those that a call carries in a file.
	bulk bool
}

// identity tells objects of a kind apart.
func (o object) identity() string {
	if o.what == create || o.bulk {
		return "\x00" + o.call // an id never begins so
	}
	return o.path
}

// shown is the object as messages name it.
func (o object) shown() string {
	switch {
	case o.bulk && o.what == change:
		return "one of " + o.kind + " that the file holds"
	case o.what == create:
		return "a new object of " + o.kind
	case o.path == "":
		return o.kind
	}
	return o.kind + "/" + o.path
}

// objects are what a call of an operation writes.
func objects(op *catalog.Operation, args *engine.Object, key string) []object {
	if known, ok := unlikeCatalogue(op, args, key); ok {
		return known
	}
	first := object{kind: op.Subject.Kind, what: change, subject: true}
	switch op.Effect {
	case catalog.Create:
		first.what, first.call = create, key
	case catalog.Delete:
		first.what = del
	default:
	}
	for _, name := range op.SubjectArgs() {
		v, _ := args.Get(name)
		first.id = textOf(v)
		if first.path != "" {
			first.path += "/"
		}
		first.path += first.id
	}
	all := []object{first}
	seen := map[string]bool{first.kind + "\x00" + first.id: true}
	for _, also := range op.Subject.Also {
		done := change
		if also.Kind == first.kind && byFilter(op) {
			done = del // the ids of what is deleted
		}
		for _, id := range named(args, also.From) {
			if name := also.Kind + "\x00" + id; !seen[name] {
				seen[name] = true
				all = append(all, object{kind: also.Kind, id: id, path: id, what: done})
			}
		}
	}
	if byFilter(op) && slices.ContainsFunc(all[1:], func(o object) bool { return o.what == del }) {
		return all[1:]
	}
	return all
}

// byFilter reports whether an operation deletes objects of a collection without
// an id in its path: all that fit.
func byFilter(op *catalog.Operation) bool {
	return op.Effect == catalog.Delete && op.Subject.ID == "" && op.Subject.Field != ""
}

// unlikeCatalogue are the objects of operations that write something else than
// the resource to which their path belongs.
func unlikeCatalogue(op *catalog.Operation, args *engine.Object, key string) ([]object, bool) {
	switch op.ID {
	case "jobs.export_users": // reads users, and changes no connection
		return []object{{kind: "jobs", what: create, call: key}}, true
	case "authentication.database.signup": // makes a user, from the outside
		return []object{{kind: "users", what: create, call: key}}, true
	case deleteByEmail:
		connection, _ := args.Get("id")
		email, _ := args.Get("email")
		id := textOf(connection)
		return []object{
			{kind: "users", id: textOf(email), path: textOf(email) + " of " + id, what: del},
			{kind: "connections", id: id, path: id, what: change},
		}, true
	case "users.link_user_account": // the second user may be named in two parts
		id, _ := args.Get("id")
		all := []object{{kind: "users", id: textOf(id), path: textOf(id), what: change, subject: true}}
		for _, second := range named(args, "args.user_id") {
			if provider := named(args, "args.provider"); len(provider) == 1 && !strings.Contains(second, "|") {
				second = provider[0] + "|" + second
			}
			all = append(all, object{kind: "users", id: second, path: second, what: change})
		}
		return all, true
	}
	return nil, false
}

// deleteByEmail is the operation that deletes a user whose id nobody says.
const deleteByEmail = "connections.delete_user_by_email"

// beyond are the kinds of which a call writes objects that it does not name, in
// a number that nobody knows beforehand.
func beyond(op *catalog.Operation, args *engine.Object) []string {
	switch op.ID {
	case deleteByEmail:
		return nil // it is known: see unlikeCatalogue
	case importUsers:
		return []string{"users"}
	case "users.link_user_account":
		if len(named(args, "args.link_with")) > 0 { // a token names the second user
			return []string{"users"}
		}
	}
	if byFilter(op) && objects(op, args, "")[0].path == "" {
		return append([]string{op.Subject.Kind}, op.TakesWithIt.Kinds...)
	}
	return op.TakesWithIt.Kinds
}

// named are the ids at a place of a call, as catalog.Touched names it. A field
// of the body can be given by its name, or inside a whole body.
func named(args *engine.Object, from string) []string {
	var all []string
	path := strings.TrimPrefix(from, "args.")
	collect := func(text string) { all = append(all, text) }
	engine.VisitTexts(args, path, collect)
	if rest, inBody := strings.CutPrefix(path, "body."); inBody {
		engine.VisitTexts(args, rest, collect)
	} else if !strings.HasPrefix(path, "body[") {
		engine.VisitTexts(args, "body."+path, collect)
	}
	return all
}

// textOf is an id as text.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case engine.Secret:
		return v.String() // never the value: it is shown in messages
	}
	text, err := engine.FormatJSON(v)
	if err != nil {
		return engine.TypeName(v)
	}
	return string(text)
}

// madeID is the id of what a create has made; "" where the answer has none.
func madeID(op *catalog.Operation, value any) string {
	raw, ok := value.(json.RawMessage)
	if !ok {
		return ""
	}
	field, prefix := op.Subject.Field, ""
	if op.ID == "authentication.database.signup" {
		field, prefix = "_id", "auth0|"
	}
	var answer map[string]json.RawMessage
	var id string
	if field == "" || json.Unmarshal(raw, &answer) != nil || json.Unmarshal(answer[field], &id) != nil || id == "" {
		return ""
	}
	return prefix + id
}
