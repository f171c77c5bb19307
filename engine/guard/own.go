package guard

import (
	"context"
	"encoding/json"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// keyFields are the fields of an application that decide whether and how it
// can log in.
func keyFields() []string {
	return []string{"client_secret", "client_authentication_methods", "token_endpoint_auth_method", "grant_types"}
}

// sparesItself refuses a call that would lock a0run out: that deletes the
// application as which it logs in, or changes its secret, credentials or
// grants.
func (g *Guards) sparesItself(ctx context.Context, t *tenant, c *engine.Call, all []object) *engine.Error {
	if t.Own == "" {
		return nil
	}
	switch c.Operation.Subject.Kind {
	case "clients":
		if all[0].id == t.Own {
			return t.itself(c, changedKeys(c))
		}
	case "clients.credentials":
		for _, o := range all {
			if o.kind == "clients" && o.id == t.Own {
				return t.itself(c, "its credentials would change")
			}
		}
	case "client_grants":
		return g.sparesGrants(ctx, t, c, all[0])
	}
	return nil
}

// changedKeys says what a write to the own application does to its log-in; ""
// for nothing.
func changedKeys(c *engine.Call) string {
	switch c.Operation.Effect {
	case catalog.Delete:
		return "it would be gone"
	case catalog.Act:
		return "its secret would change"
	default:
	}
	body, _ := c.Args.Get("body")
	whole, _ := body.(*engine.Object)
	for _, field := range keyFields() {
		_, given := c.Args.Get(field)
		_, inBody := whole.Get(field)
		if given || inBody {
			return "its " + field + " would change"
		}
	}
	return ""
}

// sparesGrants refuses to change the own application's grants.
func (g *Guards) sparesGrants(ctx context.Context, t *tenant, c *engine.Call, o object) *engine.Error {
	if o.what == create {
		for _, id := range named(c.Args, "args.client_id") {
			if id == t.Own {
				return t.itself(c, "its grants would change")
			}
		}
		return nil
	}
	grants, err := t.grants.get(ctx, func() (map[string]bool, error) { return g.ownGrants(ctx, t, c) })
	if err != nil {
		return unread(c, reason{
			guard: ownGuard, text: "whether " + o.shown() + " belongs to the application that a0run itself logs in as cannot be told",
			hint: "the scope read:client_grants is needed",
		}, err)
	}
	if grants[o.id] {
		return t.itself(c, "it is a grant of that application")
	}
	return nil
}

// ownGuard is what the guard is called that stands in no file.
const ownGuard = "always on: a0run does not lock itself out"

func (t *tenant) itself(c *engine.Call, why string) *engine.Error {
	if why == "" {
		return nil
	}
	return refused(c, reason{
		guard: ownGuard, text: "the application " + t.Own + " is the one that a0run itself logs in as, and " + why,
		hint: "do it in the dashboard, or run the playbook as another application",
	})
}

// ownGrants are the ids of the own application's grants. They are asked for
// once: the run changes none of them.
func (g *Guards) ownGrants(ctx context.Context, t *tenant, c *engine.Call) (map[string]bool, error) {
	list := listing(g.table, "client_grants")
	if g.api == nil || list == nil {
		return nil, &engine.Error{Name: engine.NameInternalError, ResetAt: -1, Message: "the guards were given no API"}
	}
	args := engine.NewObject(1)
	args.Set("client_id", t.Own)
	grants := map[string]bool{}
	for item, err := range g.api.Walk(c.Tenant, list, args, func(a *engine.Action) engine.Outcome { return c.Sub(ctx, a) }) {
		if err != nil {
			return nil, err
		}
		var grant struct {
			ID     string `json:"id"`
			Client string `json:"client_id"`
		}
		if err := json.Unmarshal(item, &grant); err != nil {
			return nil, err
		}
		if strings.EqualFold(grant.Client, t.Own) {
			grants[grant.ID] = true
		}
	}
	return grants, nil
}

// A once is something that is found out at its first use; whoever comes
// meanwhile waits. What failed is tried again.
type once[T any] struct {
	turn  chan struct{} // of one; who is in it works
	done  bool
	value T
}

func newOnce[T any]() *once[T] { return &once[T]{turn: make(chan struct{}, 1)} }

func (o *once[T]) get(ctx context.Context, ask func() (T, error)) (T, error) {
	var none T
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
	defer func() { <-o.turn }()
	if o.done {
		return o.value, nil
	}
	v, err := ask()
	if err != nil {
		return none, err
	}
	o.value, o.done = v, true
	return v, nil
}
