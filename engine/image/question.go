package image

import (
	"encoding/json"
	"net/http"

	"a0run/client/catalog"
	"a0run/engine"
)

// A Question is one read that tells what stands in the place of a call.
type Question struct {
	Read *catalog.Operation
	Args *engine.Object
	// Item is the element of the call that is asked about; nil where the
	// question is about all of it.
	Item any
}

// An Answer is what came of a Question.
type Answer struct {
	// Found is false for a 404.
	Found bool
	// Value is the answer's JSON; of a listing, the list of its items.
	Value json.RawMessage
	// Reused says that no request was sent for it.
	Reused bool
}

// Questions are the reads that tell what stands in the place of a call: one, or
// one for each element where the catalogue says so. ErrNone where there is
// nothing to read.
func Questions(table *catalog.Table, op *catalog.Operation, args *engine.Object) ([]Question, error) {
	read, ok := table.Lookup(op.Inverse.Before)
	if op.Inverse.Before == "" || !ok {
		return nil, ErrNone
	}
	scope := Scope{Args: args}
	if !asksEach(op) {
		given, err := readArgs(op, read, scope)
		if err != nil {
			return nil, err
		}
		return []Question{{Read: read, Args: given}}, nil
	}
	sent, _ := scope.Value(op.Inverse.Elements.In)
	var questions []Question
	seen := map[string]bool{}
	for _, item := range Items(sent) {
		text, err := engine.FormatJSON(item)
		if err != nil || seen[string(text)] {
			continue // twice the same element is one question
		}
		seen[string(text)] = true
		scope.Item = item
		given, err := readArgs(op, read, scope)
		if err != nil {
			return nil, err
		}
		questions = append(questions, Question{Read: read, Args: given, Item: item})
	}
	return questions, nil
}

// asksEach reports whether the before-image is asked once for each element.
func asksEach(op *catalog.Operation) bool {
	for _, a := range op.Inverse.BeforeArgs {
		if a.From == "item" {
			return true
		}
	}
	return false
}

// readArgs are the arguments of a read: what BeforeArgs says, and the call's
// own of the same name where the read needs them.
func readArgs(op, read *catalog.Operation, scope Scope) (*engine.Object, error) {
	args := engine.NewObject(2)
	for i := range read.Args {
		a := &read.Args[i]
		v, ok := any(nil), false
		for _, from := range op.Inverse.BeforeArgs {
			if from.Name == a.Name && scope.Holds(from.When) {
				v, ok = scope.Value(from.From)
			}
		}
		if !ok && (a.In == catalog.InPath || a.Required) {
			v, ok = scope.Args.Get(a.Name)
		}
		switch {
		case ok:
			args.Set(a.Name, v)
		case a.Required:
			return nil, ErrNone // the call itself is incomplete
		}
	}
	return args, nil
}

// Ask performs a question. A listing is read to its end. That nothing is found
// is an answer; the error is the tenant's.
func Ask(api engine.API, tenant string, q Question, do func(*engine.Action) engine.Outcome) (Answer, error) {
	if q.Read.IsListing() {
		list := []byte("[")
		for item, err := range api.Walk(tenant, q.Read, q.Args, do) {
			if err != nil {
				return absent(err)
			}
			if len(list) > 1 {
				list = append(list, ',')
			}
			list = append(list, item...)
		}
		return Answer{Found: true, Value: append(list, ']')}, nil
	}
	a, err := api.Request(tenant, q.Read, q.Args)
	if err != nil {
		return Answer{}, err
	}
	out := do(a)
	if out.Err != nil {
		return absent(out.Err)
	}
	value, _ := out.Value.(json.RawMessage)
	return Answer{Found: true, Value: value}, nil
}

// absent takes a 404 for the answer that it is.
func absent(err error) (Answer, error) {
	if e := engine.AsError(err); e.StatusCode != http.StatusNotFound {
		return Answer{}, e
	}
	return Answer{}, nil
}

// Together makes the image of the answers to a call's questions.
func Together(op *catalog.Operation, args *engine.Object, questions []Question, answers []Answer) *Image {
	i := &Image{Found: true, Read: op.Inverse.Before}
	if asksEach(op) {
		i.Reused = len(answers) > 0
		for n, q := range questions {
			text, _ := engine.FormatJSON(q.Item) // it came from a call that was sent
			i.Each = append(i.Each, Element{Item: text, Found: answers[n].Found, Value: answers[n].Value})
			i.Reused = i.Reused && answers[n].Reused
		}
		return i
	}
	i.Found, i.Value, i.Reused = answers[0].Found, answers[0].Value, answers[0].Reused
	if i.Found && len(op.Inverse.BeforeItem) > 0 {
		i.Value, i.Found = pick(op, args, i.Value)
	}
	return i
}

// pick is the one item of a listing that is the before-image.
func pick(op *catalog.Operation, args *engine.Object, list json.RawMessage) (json.RawMessage, bool) {
	var items []json.RawMessage
	if json.Unmarshal(list, &items) != nil {
		return nil, false
	}
	scope := Scope{Args: args}
	for _, text := range items {
		tree, err := engine.ParseJSON(text)
		if err != nil {
			continue
		}
		if scope.is(tree, op.Inverse.BeforeItem) {
			return text, true
		}
	}
	return nil, false
}

// is reports whether an item has the values of all fields.
func (s Scope) is(item any, fields []catalog.ArgFrom) bool {
	for _, f := range fields {
		want, ok := s.Value(f.From)
		got := item
		if f.Name != "" {
			got = Field(item, f.Name)
		}
		if !ok || !Same(got, want) {
			return false
		}
	}
	return true
}
