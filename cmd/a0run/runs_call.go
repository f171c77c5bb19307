package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"a0run/engine"
	"a0run/engine/image"
	"a0run/engine/journal"
)

// findCall finds a call by its number in the run, or by the beginning of its
// key.
func (h *history) findCall(ctx context.Context, run *engine.RunRecord, name string) (*engine.CallRecord, error) {
	number, isNumber := strings.CutPrefix(name, "#")
	if seq, err := strconv.ParseInt(number, 10, 64); err == nil && seq > 0 && (isNumber || len(number) < 8) {
		for c, err := range h.db.Load(ctx, run.ID, seq-1) {
			if err != nil {
				return nil, err
			}
			if c.Seq == seq {
				return c, nil
			}
			break
		}
		return nil, h.noCall(run, name)
	}
	if c, err := h.db.Find(ctx, run.ID, name); c != nil || err != nil {
		return c, err
	}
	var found []*engine.CallRecord
	for c, err := range h.db.Calls(ctx, run.ID, journal.CallFilter{}) {
		if err != nil {
			return nil, err
		}
		if name != "" && strings.HasPrefix(c.Key, name) {
			if found = append(found, c); len(found) > 1 {
				return nil, &usageError{
					fmt.Sprintf("more than one call of run %s begins with %s", run.ID, name),
					"give more of the key: " + found[0].Key + " or " + found[1].Key,
				}
			}
		}
	}
	if len(found) == 0 {
		return nil, h.noCall(run, name)
	}
	return found[0], nil
}

func (h *history) noCall(run *engine.RunRecord, name string) error {
	return &usageError{
		fmt.Sprintf("run %s has no call %s", run.ID, printable(name)),
		fmt.Sprintf("a call is meant by its number (#12) or the beginning of its key: a0run runs show %s --calls all%s lists them", run.ID, h.flag()),
	}
}

// showCall prints one call whole.
func (h *history) showCall(ctx context.Context, run *engine.RunRecord, f *showFlags) error {
	c, err := h.findCall(ctx, run, f.call)
	if err != nil {
		return err
	}
	if f.json {
		return h.w.encodeLine(h.callInfo(run, c))
	}
	w := h.w
	name := "call " + c.Key[:min(12, len(c.Key))]
	if c.Seq > 0 {
		name = fmt.Sprintf("call #%d", c.Seq)
	}
	state := c.State
	if c.Status != 0 {
		state += fmt.Sprintf(" (%d)", c.Status)
	}
	fmt.Fprintf(w.stdout, "%s of run %s: %s: %s\n", w.paint("1", name), run.ID, w.paint("1", describeCall(c)), w.paint(stateColor(c.State), state))
	w.field("key", c.Key)
	w.field("task", oneLine(fmt.Sprintf("%s, call %d of it", c.Task, c.N)))
	w.field("place", oneLine(c.Where))
	w.field("step", oneLine(c.Step))
	w.field("tenant", oneLine(c.Tenant))
	effect := c.Effect
	if c.Mutates {
		effect += ", a write"
	}
	w.field("effect", effect)
	h.times(c)
	h.attempts(c)
	if doubtful(run, c) {
		w.field("check", whatToCheck(c))
	}
	h.block("arguments", h.tree(c.Args))
	h.before(c)
	h.block("answer", h.tree(c.Value))
	h.block("error", h.tree(c.Failure))
	h.block("note", h.tree(c.Note))
	return nil
}

func (h *history) times(c *engine.CallRecord) {
	text := c.Began.Local().Format(longDate + ".000")
	if !c.Ended.IsZero() {
		text += ", took " + took(callTook(c))
	}
	if c.Waited > 0 {
		text += ", waited " + took(c.Waited) + " for the rate limit"
	}
	h.w.field("began", text)
}

// attemptsOf are the attempts of a call that failed, with what they say.
func (h *history) attemptsOf(c *engine.CallRecord) []engine.AttemptRecord {
	all := slices.Clone(c.Attempts)
	for i := range all {
		all[i].Error = h.text(all[i].Error)
	}
	return all
}

func (h *history) attempts(c *engine.CallRecord) {
	for i, a := range h.attemptsOf(c) {
		h.w.field(fmt.Sprintf("attempt %d", i+1), oneLine(fmt.Sprintf("%s failed (%s): %s", a.At.Local().Format(clock), a.Fault, a.Error)))
	}
	if n := len(c.Attempts); n > 0 && c.State == engine.StateDone {
		h.w.field(fmt.Sprintf("attempt %d", n+1), "answered")
	}
}

// before prints the before-image.
func (h *history) before(c *engine.CallRecord) {
	i := h.image(c)
	if i == nil {
		return
	}
	if !i.Found {
		h.w.heading("before: nothing stood there")
		return
	}
	title := "before"
	if i.Read != "" {
		title += ", as " + i.Read + " gave it at " + i.At.Local().Format(clock)
	}
	if i.Reused {
		title += " (the run had read it; no request was sent)"
	}
	tree, err := engine.ParseJSON(i.Value)
	if err != nil {
		tree = hiddenText
	}
	h.block(title, tree)
}

// image is what stood there before a call, with its secrets hidden; nil where
// that is not known.
func (h *history) image(c *engine.CallRecord) *image.Image {
	tree := h.tree(c.Before)
	if tree == nil {
		return nil
	}
	i, err := image.Parse(raw(tree))
	if err != nil {
		return &image.Image{Found: true, Value: json.RawMessage(strconv.Quote(hiddenText))}
	}
	return i
}

// block prints a value under a heading.
func (h *history) block(title string, tree any) {
	if tree == nil {
		return
	}
	text, err := engine.FormatJSONIndent(tree, "  ")
	if err != nil {
		text = []byte("(cannot be written)")
	}
	h.w.heading(title)
	fmt.Fprintln(h.w.stdout, printable("  "+strings.ReplaceAll(string(text), "\n", "\n  ")))
}
