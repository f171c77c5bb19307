package servetest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
)

// A Story is a run to be written into a journal.
type Story struct {
	Playbook, Name, Tenant, Who, Kind, Of string
	Began                                 time.Time
	Took                                  time.Duration
	Calls                                 int
	Status, Error                         string
	Params                                string
	Steps                                 []engine.StepRecord
	// Call changes the n-th call before it is written; nil leaves it.
	Call func(n int, c *engine.CallRecord)
	// Open leaves the run unfinished, and gives its lease.
	Open bool
}

// Write writes a run and gives its id and lease.
func Write(ctx context.Context, db *journal.DB, s Story) (string, engine.Lease, error) {
	if s.Kind == "" {
		s.Kind = engine.KindRun
	}
	rec := &engine.RunRecord{
		ID: engine.NewID(), Kind: s.Kind, Of: s.Of, Playbook: s.Playbook, Name: s.Name, Hash: "00", Who: s.Who, Host: "desk", Version: "1.0",
		Started: s.Began, Status: engine.RunRunning, Tenants: []engine.TenantRecord{{Role: "default", Name: s.Tenant, Domain: s.Tenant + ".eu.auth0.com"}},
	}
	if s.Params != "" {
		rec.Params = json.RawMessage(s.Params)
	}
	lease, err := db.Begin(ctx, rec, engine.Owner{ID: engine.NewID(), Name: "desk", TTL: time.Hour})
	if err != nil {
		return "", lease, err
	}
	var last engine.Ack
	for n := range s.Calls {
		last = db.Record(lease, Call(s, n))
	}
	if last != nil {
		<-last.Done()
		if err := last.Err(); err != nil {
			return rec.ID, lease, err
		}
	}
	for i := range s.Steps {
		db.Step(lease, &s.Steps[i])
	}
	if s.Open {
		return rec.ID, lease, nil
	}
	if s.Status == "" {
		s.Status = engine.RunDone
	}
	return rec.ID, lease, db.Finish(ctx, lease, engine.RunEnd{Status: s.Status, Error: s.Error, At: s.Began.Add(s.Took)})
}

// Call is the n-th call of a run: every third one writes.
func Call(s Story, n int) *engine.CallRecord {
	began := s.Began.Add(time.Duration(n) * s.Took / time.Duration(max(s.Calls, 1)))
	c := &engine.CallRecord{
		Key: fmt.Sprintf("%032x", n), Wake: int64(n + 1), Task: fmt.Sprintf("main/1.auth0|%d", n), N: 1, Where: "nightly.lua:12",
		Operation: "users.get", Tenant: "default", Effect: "read", Kind: "users", Object: fmt.Sprintf("auth0|%d", n), State: engine.StateDone, Status: 200,
		Args: json.RawMessage(fmt.Sprintf(`{"id":"auth0|%d"}`, n)), Value: json.RawMessage(fmt.Sprintf(`{"user_id":"auth0|%d","email":"u%d@example.com"}`, n, n)),
		Began: began, Ended: began.Add(40 * time.Millisecond),
	}
	if n%3 == 2 {
		c.Operation, c.Effect, c.Mutates = "users.update", "patch", true
		c.Args = json.RawMessage(fmt.Sprintf(`{"id":"auth0|%d","body":{"blocked":true}}`, n))
	}
	if s.Call != nil {
		s.Call(n, c)
	}
	return c
}
