package main

import (
	"context"
	"strings"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/seal"
	"a0run/engine/serve/web"
)

// A roomStory tells the control room's pages what a0run why tells.
type roomStory struct {
	w   *world
	db  *journal.DB
	box *seal.Box
}

func (s roomStory) history() *history {
	return &history{w: s.w, db: s.db, path: s.db.Path(), box: s.box, asked: true}
}

// Object implements web.Story.
func (s roomStory) Object(ctx context.Context, kind, id string) ([]web.Change, error) {
	name := id
	if kind != "" {
		name = kind + "/" + id
	}
	kind, id, unknown := objectName(name)
	if unknown != nil && kind != "" {
		return nil, unknown
	}
	q := &inquiry{h: s.history(), f: &whyFlags{}, id: id, kinds: map[string]bool{}, read: map[string]*engine.CallRecord{}}
	if err := q.ask(ctx, kind, id); err != nil {
		return nil, err
	}
	if len(q.events) == 0 && unknown != nil {
		return nil, unknown
	}
	all := make([]web.Change, len(q.events))
	for i, e := range q.events {
		c := e.touch.Call
		line := q.info(e)
		all[i] = web.Change{
			Time: line.Time, Run: line.Run, RunKind: line.RunKind, Playbook: playbookOf(line.Name, line.Playbook), Who: line.Who,
			Tenant: c.Tenant, Kind: line.Kind, Object: line.Object, Beside: line.Beside, Operation: line.Operation, Effect: line.Effect,
			Where: line.Where, Task: line.Task, Key: line.Key, State: line.State, Status: line.Status,
			Fields: fieldChanges(e.changes), Note: line.Note, HadRead: q.hadRead(e), Undo: line.Undo, CannotUndo: line.CannotUndo,
		}
		if line.Domain != "" {
			all[i].Tenant = line.Domain
		}
	}
	return all, nil
}

// Call implements web.Story.
func (s roomStory) Call(_ context.Context, run *engine.RunRecord, c *engine.CallRecord) ([]web.FieldChange, string) {
	changes, note := s.history().changed(run, c)
	return fieldChanges(changes), note
}

// mostStory is how much of a value a page shows in a diff.
const mostStory = 400

func fieldChanges(all []change) []web.FieldChange {
	value := func(v any) string {
		switch v.(type) {
		case missing:
			return ""
		case unknown:
			return "(not kept)"
		}
		return strings.TrimSpace(shortened(oneLine(compactOr(v)), mostStory, false))
	}
	out := make([]web.FieldChange, len(all))
	for i, c := range all {
		out[i] = web.FieldChange{Field: c.path, Old: value(c.old), New: value(c.new)}
	}
	return out
}
