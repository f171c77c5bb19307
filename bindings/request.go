package bindings

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/engine"
)

// API makes requests for the stages of a run and for undo, which ask a tenant
// by themselves; Config.Run may be nil.
func API(cfg Config) engine.API { return &api{table: newTable(cfg)} }

type api struct{ table *table }

// call is an operation as if a playbook made it, with its arguments by name.
func (a *api) call(role string, op *catalog.Operation, args *engine.Object) *apiCall {
	bound := &bound{
		call:   &engine.HostCall{Func: a.table.describe(op, "auth0."+op.ID), Named: args},
		values: args,
	}
	return a.table.apiCall(op, role, bound)
}

// Request is one request of an operation.
func (a *api) Request(role string, op *catalog.Operation, args *engine.Object) (*engine.Action, error) {
	c := a.call(role, op, args)
	values, err := c.prepare(args)
	if err != nil {
		return nil, err
	}
	action, failed := c.action(values)
	if failed != nil {
		return nil, failed
	}
	return action, nil
}

// Walk gives every item of a listing; each page is a request that do performs.
func (a *api) Walk(role string, op *catalog.Operation, args *engine.Object, do func(*engine.Action) engine.Outcome) iter.Seq2[json.RawMessage, error] {
	c := a.call(role, op, args)
	page := func(_ context.Context, _ *catalog.Operation, args client.Args) (*client.Response, error) {
		action, err := a.Request(role, op, treeOf(args))
		if err != nil {
			return nil, err
		}
		out := do(action)
		if out.Err != nil {
			return nil, out.Err
		}
		body, _ := out.Value.(json.RawMessage)
		return &client.Response{Status: out.Status, Body: body, Header: http.Header{}}, nil
	}
	return client.Walk(context.Background(), op, c.clientArgs(args), page)
}
