package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"a0run/client/catalog"
)

// reach is how many results an offset listing gives: the tenant refuses pages
// beyond.
const reach = 1000

// DoFunc is one call of one page; Walk is given it so that the engine can make
// each page an action of its own.
type DoFunc func(ctx context.Context, op *catalog.Operation, args Args) (*Response, error)

// Walk yields every item of a listing as JSON, page after page: checkpoint
// endpoints stream; offset endpoints read a slice (at most 1,000) wholly before
// handing out its first item, so that deleting inside the loop skips nobody;
// users beyond 1,000 are sliced by created_at, ties by user_id.
//
// The arguments are the operation's own; page, per_page, from and take say
// where the walk begins and how large its pages are. An error ends the walk.
func Walk(ctx context.Context, op *catalog.Operation, args Args, do DoFunc) iter.Seq2[json.RawMessage, error] {
	return WalkWatched(ctx, op, args, WalkWatch{Do: do})
}

// WalkWatched is Walk with somebody who hears how it goes.
func WalkWatched(ctx context.Context, op *catalog.Operation, args Args, watch WalkWatch) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		w, err := newWalk(ctx, op, args, watch.Do)
		if err == nil {
			w.yield, w.watch = yield, watch
			err = w.run()
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

// errEnough ends a walk whose reader wants no more.
var errEnough = errors.New("the loop has ended")

// walk is one walk on its way.
type walk struct {
	ctx   context.Context //nolint:containedctx // a walk is one call: it lives no longer than its loop
	op    *catalog.Operation
	args  Args
	do    DoFunc
	yield func(json.RawMessage, error) bool
	size  int
	watch WalkWatch
	// steady says that slices shrank whenever they were read: from then on a slice
	// of users is one page, in which nobody can slide over a border.
	steady bool
}

func newWalk(ctx context.Context, op *catalog.Operation, args Args, do DoFunc) (*walk, error) {
	w := &walk{ctx: ctx, op: op, args: Args{}, do: do, size: op.Paging.MaxPerPage}
	if w.size == 0 {
		w.size = 100
	}
	for name, value := range args {
		if absent(value) || isNull(value) {
			continue
		}
		a, ok := op.Arg(name)
		if !ok {
			w.args[name] = value // the call itself names it
			continue
		}
		w.args[a.Name] = value
	}
	for _, name := range []string{"take", "per_page"} {
		if _, given := w.args[name]; !given {
			continue
		}
		n, err := w.integer(name)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			w.size = n
		}
	}
	return w, nil
}

// run walks in the way of the operation.
func (w *walk) run() error {
	switch {
	case w.op.Paging.Sliced && !w.has("page"):
		return w.users()
	case w.op.Paging.Style == catalog.LogPaging && !w.has("page", "per_page", "q", "search", "sort"):
		return w.logs()
	case w.op.Paging.Style == catalog.Checkpoint,
		w.op.Paging.Style == catalog.Both && (w.has("from", "take") || !w.has("page", "per_page")):
		return w.checkpoints()
	case w.op.Paging.Style == catalog.NoPaging, w.op.Paging.Style == catalog.Whole, !w.takes("page"):
		return w.whole()
	default:
		return w.offsets()
	}
}

// has reports whether one of these arguments is given, takes whether the
// operation knows one.
func (w *walk) has(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { _, ok := w.args[n]; return ok })
}

func (w *walk) takes(name string) bool {
	_, ok := w.op.Arg(name)
	return ok
}

// integer reads an argument that counts.
func (w *walk) integer(name string) (int, error) {
	v, ok := w.args[name]
	if !ok {
		return 0, nil
	}
	text, err := plain(v)
	if err == nil {
		var n int
		if n, err = strconv.Atoi(text); err == nil && n >= 0 {
			return n, nil
		}
	}
	return 0, &ArgumentError{Operation: w.op.ID, Argument: name, Problem: fmt.Sprintf("%q is no whole number", text)}
}

// page is one answer of a listing, read.
type page struct {
	items []json.RawMessage
	next  string
	total int // -1 where the answer does not say
}

// get asks for one page: the arguments of the walk with some set, and some (nil)
// taken away.
func (w *walk) get(set Args) (*page, error) {
	args := maps.Clone(w.args)
	for name, value := range set {
		if value == nil || !w.takes(name) {
			delete(args, name)
			continue
		}
		args[name] = value
	}
	resp, err := w.do(w.ctx, w.op, args)
	if err != nil {
		return nil, err
	}
	return w.read(resp.Body)
}

// read finds the items of an answer: a bare array, or the member that the
// catalogue names.
func (w *walk) read(body json.RawMessage) (*page, error) {
	p := &page{total: -1}
	body = bytes.TrimSpace(body)
	if len(body) == 0 || string(body) == "null" {
		return p, nil
	}
	if body[0] == '[' {
		var ok bool
		if p.items, ok = cutList(body); !ok {
			return nil, w.strange("it is a list that is no JSON")
		}
		return p, nil
	}
	wrap, ok := wrapOf(body)
	if !ok {
		return nil, w.strange(fmt.Sprintf("it is neither a list nor an object: %s", shorten(body)))
	}
	if raw, ok := wrap["next"]; ok {
		if err := json.Unmarshal(raw, &p.next); err != nil {
			return nil, w.strange("its next is no string")
		}
	}
	if raw, ok := wrap["total"]; ok {
		if err := json.Unmarshal(raw, &p.total); err != nil {
			return nil, w.strange("its total is no number")
		}
	}
	raw, ok := wrap[w.op.Paging.Items]
	if !ok {
		if raw, ok = onlyList(wrap); !ok {
			return nil, w.strange(fmt.Sprintf("it has no member %q", w.op.Paging.Items))
		}
	}
	if string(raw) == "null" {
		return p, nil
	}
	if p.items, ok = cutList(raw); !ok {
		return nil, w.strange(fmt.Sprintf("its %q is no list", w.op.Paging.Items))
	}
	return p, nil
}

// wrapOf reads the object around a list; of two members of a name the last counts.
func wrapOf(body json.RawMessage) (map[string]json.RawMessage, bool) {
	s := jsonScan{text: body}
	if s.next() != '{' {
		return nil, false
	}
	wrap := map[string]json.RawMessage{}
	for first := true; s.more('}', first); first = false {
		name, ok := nameOf(s.value())
		if !ok || s.next() != ':' {
			return nil, false
		}
		wrap[string(name)] = s.value()
	}
	return wrap, !s.bad
}

// onlyList finds the one list in an object whose member has another name than
// the catalogue knows.
func onlyList(wrap map[string]json.RawMessage) (json.RawMessage, bool) {
	var found json.RawMessage
	for _, raw := range wrap {
		if raw = bytes.TrimSpace(raw); len(raw) > 0 && raw[0] == '[' {
			if found != nil {
				return nil, false
			}
			found = raw
		}
	}
	return found, found != nil
}

func (w *walk) strange(what string) error {
	return &Auth0Error{
		StatusCode: http.StatusOK, ErrorCode: unknownCode, Operation: w.op.ID, Header: http.Header{},
		Message: "the listing cannot be read: " + what,
	}
}

// give hands items out.
func (w *walk) give(items []json.RawMessage) error {
	for _, item := range items {
		if !w.yield(item, nil) {
			return errEnough
		}
	}
	return nil
}

// whole is a listing of one answer.
func (w *walk) whole() error {
	p, err := w.get(nil)
	if err != nil {
		return err
	}
	return w.give(p.items)
}

// checkpoints follows next from page to page.
func (w *walk) checkpoints() error {
	set := Args{"take": w.size, "page": nil, "per_page": nil, "include_totals": nil}
	for {
		p, err := w.get(set)
		if err != nil {
			return err
		}
		if err := w.give(p.items); err != nil {
			return err
		}
		if p.next == "" {
			return nil
		}
		if p.next == set["from"] {
			return w.strange("its next leads back to the same page")
		}
		set["from"] = p.next
	}
}

// logs reads on from the id of the last item. The tenant takes from and take
// for themselves; without a beginning the oldest log that it has is asked for.
func (w *walk) logs() error {
	set := Args{"take": w.size}
	if !w.has("from") {
		set["sort"], set["per_page"] = "date:1", w.size
	}
	last := ""
	for {
		p, err := w.get(set)
		if err != nil {
			return err
		}
		if err := w.give(p.items); err != nil {
			return err
		}
		if len(p.items) == 0 {
			return nil
		}
		from := idOf(p.items[len(p.items)-1], "log_id", "_id", w.op.Subject.Field, "id")
		if from == "" || from == last {
			return nil
		}
		last = from
		set = Args{"take": w.size, "from": from, "sort": nil, "per_page": nil}
	}
}

// idOf is the first of some members of an item.
func idOf(item json.RawMessage, names ...string) string {
	for _, name := range names {
		if id := textOf(item, name); id != "" {
			return id
		}
	}
	return ""
}

// offsets reads all pages before it hands out the first item.
func (w *walk) offsets() error {
	first, err := w.integer("page")
	if err != nil {
		return err
	}
	s, err := w.slice(first, nil, false)
	if err != nil {
		return err
	}
	if err := w.give(s.items); err != nil {
		return err
	}
	if s.more {
		return &ArgumentError{
			Operation: w.op.ID, Argument: "page", Problem: fmt.Sprintf("the tenant has %d, and pages end at %d", s.total, reach),
			Next: "leave page out to walk all of them",
		}
	}
	return nil
}

// restarts is how often a slice that shrinks while it is read is read again.
const restarts = 8

// A slice is what an offset listing gives to its end, or to the tenant's reach.
type slice struct {
	items []json.RawMessage
	// total is the tenant's own count, -1 where it does not tell it; more says
	// that the tenant has more than it gave.
	total int
	more  bool
}

// slice reads an offset listing. When the tenant's count falls while the pages
// are read, whoever stood behind a border of two pages has slid over it and
// would never be seen: the slice is read again, and what any reading gave is
// kept. A peek is content with a part.
func (w *walk) slice(first int, set Args, peek bool) (slice, error) {
	set = maps.Clone(set)
	if set == nil {
		set = Args{}
	}
	set["per_page"] = w.size
	if !w.has("include_totals") {
		set["include_totals"] = true
	}
	seen := map[string]bool{}
	var all []json.RawMessage
	for n := 0; ; n++ {
		s, shrunk, err := w.pages(first, set, peek)
		if err != nil {
			return slice{}, err
		}
		if !shrunk && n == 0 {
			return s, nil // the usual case
		}
		for _, item := range s.items {
			id := idOf(item, w.op.Subject.Field, userID, "id")
			if id == "" {
				id = string(item)
			}
			if !seen[id] {
				seen[id] = true
				all = append(all, item)
			}
		}
		if shrunk && n == restarts && w.op.Paging.Sliced {
			// Of users the next slice begins where this one ends, so that its first
			// page is enough, and the only part of it that lacks nobody.
			w.steady = true
			s.items = s.items[:min(w.size, len(s.items))]
			s.more = s.total > len(s.items)
			return s, nil
		}
		if !shrunk || n == restarts {
			s.items = all
			return s, nil
		}
	}
}

// pages reads the pages of a slice once; shrunk says that the tenant's count
// fell meanwhile, and the reading ends there.
func (w *walk) pages(first int, set Args, peek bool) (s slice, shrunk bool, err error) {
	s.total = -1
	for n := first; ; n++ {
		set["page"] = n
		p, err := w.get(set)
		if err != nil {
			return slice{}, false, w.beyond(err, n)
		}
		s.items = append(s.items, p.items...)
		if p.total >= 0 && p.total < s.total {
			return s, true, nil
		}
		s.total = max(s.total, p.total)
		if w.steady && w.op.Paging.Sliced {
			s.more = s.total > len(s.items)
			return s, false, nil
		}
		switch {
		case len(p.items) == 0, len(p.items) < w.size && p.total < 0, p.total >= 0 && (n*w.size)+len(p.items) >= p.total:
			s.more = s.total > first*w.size+len(s.items)
			return s, false, nil
		case w.op.Paging.Sliced && ((n+2)*w.size > reach || peek && p.total > reach):
			s.more = true
			return s, false, nil
		}
	}
}

// beyond explains the tenant's refusal of a page.
func (w *walk) beyond(err error, n int) error {
	e, ok := errors.AsType[*Auth0Error](err)
	if !ok || e.StatusCode != http.StatusBadRequest || n*w.size < reach-w.size {
		return err
	}
	return fmt.Errorf("%s: the tenant lists no more than %d; ask for fewer: %w", w.op.ID, reach, err)
}
