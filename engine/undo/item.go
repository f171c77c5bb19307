package undo

import (
	"encoding/json"
	"strings"

	"a0run/engine"
)

// A Verdict says what is, or was, done about one write of the run.
type Verdict string

// The verdicts.
const (
	// PutBack is what a preview says of a write that will be undone, Undone
	// what a result says of one that was.
	PutBack Verdict = "put back"
	Undone  Verdict = "undone"
	// Already says that there is nothing to do: what stands there is as before.
	Already Verdict = "already"
	// Left says that it is not touched: changed since, or something that it
	// carries was left.
	Left Verdict = "left"
	// Impossible says that nothing undoes it.
	Impossible Verdict = "impossible"
	// Unknown says that nobody knows whether the write was made: look first.
	Unknown Verdict = "unknown"
	// Failed says that the attempt to undo it failed, or what stands there
	// could not be read.
	Failed Verdict = "failed"
)

// An Item is one write of the run and what is done about it.
type Item struct {
	// Key identifies the call in the run (CallRecord.Key).
	Key string `json:"key"`
	// Operation is what the run did, With what undoes it.
	Operation string `json:"operation"`
	With      string `json:"with,omitempty"`
	Tenant    string `json:"tenant,omitempty"`
	// Object is the kind and id ("users/auth0|17"), as --force takes it.
	Object string `json:"object"`
	Where  string `json:"where,omitempty"`
	Step   string `json:"step,omitempty"`

	Verdict Verdict `json:"verdict"`
	// Reason says why it is left, impossible, unknown, already, or failed.
	Reason string `json:"reason,omitempty"`
	// Changes are what will be put back (now, then), or for what was left what
	// has changed since (now, and what the run had left).
	Changes []Diff `json:"changes,omitempty"`
	// Notes say what does not come back with it, and under which id it does.
	Notes []string `json:"notes,omitempty"`
	// NewID says that the object comes back under another id; the id itself is
	// known once it was made.
	Recreated bool   `json:"recreated,omitempty"`
	NewID     string `json:"new_id,omitempty"`
	// Requests is how many requests it takes, reads among them.
	Requests int `json:"requests,omitempty"`
}

// A Diff is one field that will change, in texts that may be shown: JSON, ""
// for nothing, "(hidden)" for secrets.
type Diff struct {
	Field string `json:"field"`
	Now   string `json:"now"`
	Then  string `json:"then"`
}

// hidden stands for a secret.
const hidden = "(hidden)"

// shownBytes bounds the text of one value in a Diff.
const shownBytes = 200

func (u *Undo) item(c *change) Item {
	return Item{
		Key: c.key, Operation: c.name, Tenant: c.tenant, Object: u.o.Redactor.Redact(c.ref()), Where: c.where, Step: c.step,
	}
}

// diff are the fields in which two values differ, one level after the other.
func (w *work) diff(field string, now, then any) []Diff {
	a, isObject := now.(*engine.Object)
	b, also := then.(*engine.Object)
	if !isObject || !also {
		if w.same(now, then) {
			return nil
		}
		return []Diff{{Field: field, Now: w.shown(now), Then: w.shown(then)}}
	}
	var out []Diff
	for name, v := range a.All() {
		other, _ := b.Get(name)
		out = append(out, w.diff(dotted(field, name), v, other)...)
	}
	for name, v := range b.All() {
		if _, both := a.Get(name); !both {
			out = append(out, w.diff(dotted(field, name), nil, v)...)
		}
	}
	return out
}

func dotted(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

// shown is a value as it may be shown.
func (w *work) shown(v any) string {
	if nothingThere(v) {
		return ""
	}
	text, err := engine.FormatJSON(w.hide(v))
	if err != nil {
		return hidden
	}
	out := w.u.o.Redactor.Redact(string(text))
	if len(out) > shownBytes {
		out = strings.ToValidUTF8(out[:shownBytes], "") + "…"
	}
	return out
}

// hide is a copy of a value without its secrets.
func (w *work) hide(v any) any {
	switch x := v.(type) {
	case engine.Secret:
		return hidden
	case string:
		if w.secrets[x] || w.u.o.Redactor.Redact(x) != x {
			return hidden
		}
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = w.hide(item)
		}
		return out
	case *engine.Object:
		out := engine.NewObject(x.Len())
		for name, item := range x.All() {
			out.Set(name, w.hide(item))
		}
		return out
	case json.RawMessage:
		return hidden
	}
	return v
}
