package client

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"unicode/utf8"
)

// An Origin is what a typed object remembers of where it came from. It is
// embedded in [User], [Role] and the others.
//
// An object that came from the tenant is sent back as its difference: Update
// sends the fields that were changed since, and nothing at all where none was.
// One that you made sends what is set in it.
type Origin struct{ raw *json.RawMessage }

// Raw is the JSON that the tenant sent, nil for an object that did not come from
// it.
func (o Origin) Raw() json.RawMessage {
	if o.raw == nil {
		return nil
	}
	return *o.raw
}

func (o *Origin) from(raw json.RawMessage) { o.raw = &raw }

// typedObject is what the typed objects have in common: their fields by name and
// what else the tenant sent.
type typedObject interface {
	known() []member
	others() *Object
	Raw() json.RawMessage
	from(raw json.RawMessage)
}

// typed is a typed object that can be made.
type typed[T any] interface {
	*T
	typedObject
}

// readTyped reads an object. A field whose JSON has another type than it should
// (an identity provider sends "true" for true) stands under its name in the
// Extra, like those that are not known at all: reading never fails by what a
// tenant puts into a field.
func readTyped[T any, P typed[T]](p P, raw json.RawMessage) error {
	if !utf8.Valid(raw) {
		raw = bytes.ToValidUTF8(raw, []byte("\uFFFD")) // as encoding/json has it
	}
	all := claimSet{list: make([]claim, 0, shortList)}
	if err := all.read(raw); err != nil {
		return err
	}
	*p = *new(T)
	fields := p.known()
	var extra Object
	for i := range all.list {
		m := &all.list[i]
		if at := slices.IndexFunc(fields, func(f member) bool { return f.name == string(m.name) }); at >= 0 && fields[at].at.read(m.raw) {
			continue
		}
		if extra == nil {
			extra = Object{}
		}
		extra[string(m.name)] = tree(m.raw)
	}
	*p.others() = extra
	p.from(raw)
	return nil
}

// fieldsOfTyped are the members that are set, in order.
func fieldsOfTyped(p typedObject, shown bool) fields {
	known := p.known()
	out := make(fields, 0, len(known))
	for _, m := range known {
		if text, ok := m.at.write(nil, shown); ok {
			out = append(out, field{m.name, text})
		}
	}
	extra := *p.others()
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if !out.has(name) {
			out = append(out, field{name, appendValue(nil, extra[name], shown)})
		}
	}
	return out
}

// writeTyped is the JSON of an object; a Secret in it is not shown.
func writeTyped(p typedObject) ([]byte, error) {
	b := append(make([]byte, 0, 512), '{')
	known := p.known()
	extra := *p.others()
	for _, m := range known {
		start := len(b)
		if start > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), m.name...), '"', ':')
		var ok bool
		if b, ok = m.at.write(b, false); !ok {
			b = b[:start]
		}
	}
	if len(extra) == 0 {
		return append(b, '}'), nil
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if slices.ContainsFunc(known, func(m member) bool {
			_, ok := m.at.write(nil, false)
			return m.name == name && ok
		}) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		b = appendValue(b, extra[name], false)
	}
	return append(b, '}'), nil
}

// changes are the members to be sent in a PATCH: those that are written otherwise
// than right after the object was read, so that what a type cannot hold exactly
// never counts as changed. Fields that the operation merges are compared one
// level deeper: what was taken out of them goes as null.
func changes[T any, P typed[T]](p P, merge []string) (fields, error) {
	now := fieldsOfTyped(p, true)
	if p.Raw() == nil {
		return now, nil
	}
	read := P(new(T))
	if err := readTyped(read, p.Raw()); err != nil {
		return nil, err
	}
	before := fieldsOfTyped(read, true)
	var out fields
	for _, f := range now {
		was := before.find(f.name)
		switch {
		case was != nil && sameJSON(was, f.value):
		case was != nil && slices.Contains(merge, f.name) && was[0] == '{' && f.value[0] == '{':
			part, err := merged(was, f.value)
			if err != nil {
				return nil, err
			}
			out = append(out, field{f.name, part})
		default:
			out = append(out, f)
		}
	}
	return out, nil
}

// merged is what makes a merging field what it is now.
func merged(was, now json.RawMessage) (json.RawMessage, error) {
	var before, after claimSet
	if err := before.read(was); err != nil {
		return nil, err
	}
	if err := after.read(now); err != nil {
		return nil, err
	}
	var out fields
	for _, m := range after.list {
		if old, there := before.find(string(m.name)); !there || !sameJSON(old, m.raw) {
			out = append(out, field{string(m.name), m.raw})
		}
	}
	for _, m := range before.list {
		if !after.has(m.name) {
			out = append(out, field{string(m.name), json.RawMessage("null")})
		}
	}
	return out.object(), nil
}

// sameJSON reports whether two texts say the same.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y any
	for text, v := range map[*json.RawMessage]*any{&a: &x, &b: &y} {
		d := json.NewDecoder(bytes.NewReader(*text))
		d.UseNumber()
		if d.Decode(v) != nil {
			return false
		}
	}
	return sameValue(x, y)
}

func sameValue(x, y any) bool {
	switch x := x.(type) {
	case json.Number:
		y, ok := y.(json.Number)
		return ok && (x == y || sameNumber(x, y))
	case []any:
		y, ok := y.([]any)
		return ok && slices.EqualFunc(x, y, sameValue)
	case map[string]any:
		y, ok := y.(map[string]any)
		return ok && maps.EqualFunc(x, y, sameValue)
	default:
		return x == y
	}
}

// sameNumber compares two texts of numbers exactly (1.0 is 1), where that is not
// absurdly long.
func sameNumber(x, y json.Number) bool {
	if len(x)+len(y) > 100 {
		return false
	}
	a, _, errA := big.ParseFloat(string(x), 10, 512, big.ToNearestEven)
	b, _, errB := big.ParseFloat(string(y), 10, 512, big.ToNearestEven)
	return errA == nil && errB == nil && a.Cmp(b) == 0
}

// A typedCall is a call whose answer is a typed object, or a listing of them.
type typedCall struct {
	c         *Client
	operation string
	args      Args
	opts      []CallOption
}

func (c *Client) on(operation string, args Args, opts []CallOption) typedCall {
	return typedCall{c, operation, args, opts}
}

// getTyped calls an operation that answers an object.
func getTyped[T any, P typed[T]](ctx context.Context, k typedCall) (*T, error) {
	resp, err := k.c.Do(ctx, k.operation, k.args, k.opts...)
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := readTyped(P(v), resp.Body); err != nil {
		return nil, strangeAnswer(k.operation, resp, err)
	}
	return v, nil
}

// strangeAnswer is the error of an answer that is no object.
func strangeAnswer(operation string, resp *Response, err error) error {
	return &Auth0Error{
		StatusCode: resp.Status, ErrorCode: unknownCode, Operation: operation, Header: resp.Header,
		RequestID: requestID(resp.Header), Message: "the answer is not the object that it should be: " + err.Error(),
	}
}

// createTyped sends a new object. What the tenant fills in by itself is left out
// of one that came from a tenant, so that it can be made again elsewhere.
func createTyped[T any, P typed[T]](ctx context.Context, k typedCall, p P) (*T, error) {
	if p == nil {
		return nil, &ArgumentError{Operation: k.operation, Argument: "body", Problem: "is nil"}
	}
	body := fieldsOfTyped(p, true)
	if f, ok := any(p).(interface{ filledIn() []string }); ok && p.Raw() != nil {
		filled := f.filledIn()
		body = slices.DeleteFunc(body, func(f field) bool { return slices.Contains(filled, f.name) })
	}
	return getTyped[T, P](ctx, k.with(body))
}

// updateTyped sends what was changed. Where nothing was, nothing is sent, and the
// object comes back as it is.
func updateTyped[T any, P typed[T]](ctx context.Context, k typedCall, p P) (*T, error) {
	op, err := lookup(k.operation)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, &ArgumentError{Operation: op.ID, Argument: "body", Problem: "is nil"}
	}
	body, err := changes(p, op.Merge)
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		if p.Raw() == nil {
			return nil, &ArgumentError{Operation: op.ID, Argument: "body", Problem: "has nothing set in it: there is nothing to change"}
		}
		same := *p
		return &same, nil
	}
	return getTyped[T, P](ctx, k.with(body))
}

// with is the call with a body.
func (k typedCall) with(body fields) typedCall {
	args := Args{"body": json.RawMessage(body.object())}
	maps.Copy(args, k.args)
	k.args = args
	return k
}

// eachTyped walks a listing of objects.
func eachTyped[T any, P typed[T]](ctx context.Context, k typedCall) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for raw, err := range k.c.Each(ctx, k.operation, k.args, k.opts...) {
			if err != nil {
				yield(nil, err)
				return
			}
			v := new(T)
			if err := readTyped(P(v), raw); err != nil {
				yield(nil, strangeAnswer(k.operation, &Response{Status: http.StatusOK}, err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// act calls an operation whose answer says nothing.
func (c *Client) act(ctx context.Context, operation string, args Args, opts []CallOption) error {
	_, err := c.Do(ctx, operation, args, opts...)
	return err
}
