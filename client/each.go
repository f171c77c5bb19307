package client

import (
	"context"
	"encoding/json"
	"iter"

	"a0run/client/catalog"
)

// Each walks a listing of this client, see [Walk].
func (c *Client) Each(ctx context.Context, operation string, args Args, opts ...CallOption) iter.Seq2[json.RawMessage, error] {
	op, err := lookup(operation)
	if err != nil {
		return func(yield func(json.RawMessage, error) bool) { yield(nil, err) }
	}
	o := readOptions(opts)
	if args, err = o.join(op, args); err != nil {
		return func(yield func(json.RawMessage, error) bool) { yield(nil, err) }
	}
	o.args = nil // the walk knows them
	return Walk(ctx, op, args, func(ctx context.Context, op *catalog.Operation, args Args) (*Response, error) {
		return c.perform(ctx, op, args, o)
	})
}

// All collects a listing; an empty one is an empty slice.
func (c *Client) All(ctx context.Context, operation string, args Args, opts ...CallOption) ([]json.RawMessage, error) {
	items := []json.RawMessage{}
	for item, err := range c.Each(ctx, operation, args, opts...) {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}
