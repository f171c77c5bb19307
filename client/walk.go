package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"

	"a0run/client/catalog"
)

// DoFunc is one call of one page; Walk is given it so that the engine can make
// each page an action of its own.
type DoFunc func(ctx context.Context, op *catalog.Operation, args Args) (*Response, error)

// Walk yields every item of a listing as JSON, page after page: checkpoint
// endpoints stream; offset endpoints read a slice (at most 1,000) wholly before
// handing out its first item, so that deleting inside the loop skips nobody;
// users beyond 1,000 are sliced by created_at, ties by user_id.
func Walk(ctx context.Context, op *catalog.Operation, args Args, do DoFunc) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		yield(nil, errStub)
	}
}

// Each walks a listing of this client.
func (c *Client) Each(ctx context.Context, operation string, args Args, opts ...CallOption) iter.Seq2[json.RawMessage, error] {
	op, err := lookup(operation)
	if err != nil {
		return func(yield func(json.RawMessage, error) bool) { yield(nil, err) }
	}
	return Walk(ctx, op, args, func(ctx context.Context, op *catalog.Operation, args Args) (*Response, error) {
		return c.perform(ctx, op, args, opts)
	})
}

// All collects a listing.
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

var errStub = errors.New("not built") //nolint:gochecknoglobals // until verify.go no longer names it
