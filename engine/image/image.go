// Package image reads what stands in a place before a call changes it: the
// before-images of undo, of a plan's diffs and of its gate.
//
// What is read, and how often, is the catalogue's business (Inverse.Before,
// BeforeArgs, BeforeItem): Questions makes the reads of a call, Ask performs
// one, Together makes the Image of the answers. Scope follows the sources from
// which an inverse is made.
//
// A job that lists objects and patches each must not send twice the requests,
// so a Reader remembers what the run itself has read whole within the last five
// minutes and has not written since (Reader.Watch), and asks the tenant only
// for the rest.
package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
)

// An Image is what stood in the place of a mutating call.
type Image struct {
	// Found is false where nothing stood there (404, or no such item of a
	// listing).
	Found bool `json:"found"`
	// Value is the object, or the list of a relation's items, as the operation
	// Read gave it; for a file its text.
	Value json.RawMessage `json:"value,omitempty"`
	// Each are the answers where Read was asked once for each element of the
	// call (the roles of each user of roles.add_users); Value is nothing then.
	Each []Element `json:"each,omitempty"`
	// Read is the operation that was asked, At when.
	Read string    `json:"read,omitempty"`
	At   time.Time `json:"at"`
	// Reused says that the run had read it already: no request was sent.
	Reused bool `json:"reused,omitempty"`

	// answered says that Value is a tenant's answer, or a piece of one: the client
	// gives nothing that is no JSON.
	answered bool
}

// An Element is the answer to a question about one element of a call.
type Element struct {
	Item  json.RawMessage `json:"item"`
	Found bool            `json:"found"`
	Value json.RawMessage `json:"value,omitempty"`
}

// Parse reads an image as it stands in a record; nil where there is none.
func Parse(text json.RawMessage) (*Image, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	var i Image
	if err := json.Unmarshal(text, &i); err != nil {
		return nil, err
	}
	return &i, nil
}

// Options are what a Reader is made of.
type Options struct {
	API engine.API
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Catalogue is the table of operations; nil means the default one.
	Catalogue *catalog.Table
}

// A Reader reads before-images; it is safe for concurrent use.
type Reader struct {
	api   engine.API
	now   func() time.Time
	table *catalog.Table
	seen  *memory
}

// NewReader makes a reader that remembers nothing.
func NewReader(o Options) *Reader {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Catalogue == nil {
		o.Catalogue = catalog.Default()
	}
	return &Reader{api: o.API, now: o.Now, table: o.Catalogue, seen: newMemory()}
}

// ErrNone says that an operation has no before-image: what undoes it needs
// none, or nothing can.
var ErrNone = errors.New("the operation has no before-image")

// Of reads what stands in the place of a mutating call, once a call: c.Before
// keeps it. Where an object cannot be read (no scope for it) the error is the
// tenant's.
func (r *Reader) Of(ctx context.Context, c *engine.Call) (*Image, error) {
	if len(c.Before) > 0 {
		return Parse(c.Before)
	}
	i, err := r.read(ctx, c)
	if err != nil {
		return nil, err
	}
	if c.Before, err = i.text(); err != nil {
		return nil, err
	}
	return i, nil
}

// text is the image as it stands in a record. json.Marshal would write & as an
// escape, and a text with escapes costs much more to look through for secrets.
func (i *Image) text() (json.RawMessage, error) {
	if text, ok := i.plainText(); ok {
		return text, nil
	}
	var out bytes.Buffer
	out.Grow(len(i.Value) + 128)
	write := json.NewEncoder(&out)
	write.SetEscapeHTML(false)
	if err := write.Encode(i); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// plainText is text for the usual image, an object that was read. The object's
// text stays as it came.
func (i *Image) plainText() (json.RawMessage, bool) {
	if !i.Found || len(i.Each) > 0 || i.Read == "" || strings.Trim(i.Read, "abcdefghijklmnopqrstuvwxyz_.") != "" || !i.answered || len(i.Value) == 0 {
		return nil, false
	}
	out := make([]byte, 0, len(i.Value)+128)
	out = append(append(append(out, `{"found":true,"value":`...), i.Value...), `,"read":"`...)
	out = append(append(out, i.Read...), `","at":"`...)
	out = append(i.At.AppendFormat(out, time.RFC3339Nano), '"')
	if i.Reused {
		out = append(out, `,"reused":true`...)
	}
	return append(out, '}'), true
}

func (r *Reader) read(ctx context.Context, c *engine.Call) (*Image, error) {
	if c.Operation == nil {
		return r.readHost(c)
	}
	questions, err := Questions(r.table, c.Operation, c.Args)
	if err != nil {
		return nil, err
	}
	at := r.now()
	answers := make([]Answer, len(questions))
	do := func(a *engine.Action) engine.Outcome { return c.Sub(ctx, a) }
	for i, q := range questions {
		if value, read, ok := r.remembered(c.Tenant, q); ok {
			at = read
			answers[i] = Answer{Found: true, Value: value, Reused: true}
			continue
		}
		if answers[i], err = Ask(r.api, c.Tenant, q, do); err != nil {
			return nil, err
		}
	}
	image := Together(c.Operation, c.Args, questions, answers)
	image.At, image.answered = at, true
	return image, nil
}

// remembered is the answer to a question that the run has asked already.
func (r *Reader) remembered(tenant string, q Question) (json.RawMessage, time.Time, bool) {
	at, ok := itemOf(q.Read)
	if !ok {
		return nil, time.Time{}, false
	}
	v, _ := q.Args.Get(at.arg)
	id, _ := v.(string)
	return r.seen.whole(tenant, key{at.collection, id}, r.now())
}

// readHost reads what stands in the place of a host function's write.
func (r *Reader) readHost(c *engine.Call) (*Image, error) {
	if c.Image == nil {
		return nil, ErrNone
	}
	at := r.now()
	v, err := c.Image()
	if err != nil || v == nil {
		return &Image{At: at}, err
	}
	text, err := engine.FormatJSON(v)
	return &Image{Found: true, Value: text, At: at}, err
}
