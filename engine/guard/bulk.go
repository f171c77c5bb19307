package guard

import (
	"strconv"

	"a0run/client/catalog"
	"a0run/engine"
)

// importUsers is the operation that writes as many users as its file holds.
const importUsers = "jobs.import_users"

// bulkObjects are the objects that an action carries in a file. Nobody knows
// their ids before it is done, so that each is one of its own; an import that
// changes users may make each of them or change it, and counts as both.
func bulkObjects(b *engine.Bulk, key string) []object {
	if b == nil {
		return nil
	}
	all := make([]object, 0, 2*b.Count)
	for i := range b.Count {
		o := object{kind: b.Kind, what: create, call: key + "#" + strconv.Itoa(i+1), bulk: true}
		all = append(all, o)
		if b.Changes {
			o.what = change
			all = append(all, o)
		}
	}
	return all
}

// recordedBulk is what the record of an import tells of its users.
func recordedBulk(op *catalog.Operation, args *engine.Object) *engine.Bulk {
	if op.ID != importUsers {
		return nil
	}
	v, _ := args.Get("users")
	digest, ok := v.(*engine.Object)
	if !ok {
		return nil // a file that was given as it is
	}
	n, _ := digest.Get("users")
	upsert, _ := args.Get("upsert")
	count := 0
	switch x := n.(type) {
	case int64:
		count = int(x)
	case float64:
		count = int(x)
	}
	return &engine.Bulk{Kind: "users", Count: count, Changes: upsert == true}
}
