package main

import (
	"encoding/json"
	"time"

	"a0run/engine"
)

// What --json prints: the fields of an export (a0run runs export), with
// everything sealed shown as (hidden).

// runInfo is a run.
type runInfo struct {
	Type     string                `json:"type"` // run
	Run      string                `json:"run"`
	Kind     string                `json:"kind"`
	Of       string                `json:"of,omitempty"`
	Playbook string                `json:"playbook"`
	Name     string                `json:"name,omitempty"`
	Hash     string                `json:"hash,omitempty"`
	Params   json.RawMessage       `json:"params,omitempty"`
	Tenants  []engine.TenantRecord `json:"tenants,omitempty"`
	Schedule string                `json:"schedule,omitempty"`
	Due      time.Time             `json:"due,omitzero"`
	Why      string                `json:"why,omitempty"`
	Who      string                `json:"who,omitempty"`
	Host     string                `json:"host,omitempty"`
	Version  string                `json:"version,omitempty"`
	Started  time.Time             `json:"started,omitzero"`
	Ended    time.Time             `json:"ended,omitzero"`
	TookMS   float64               `json:"took_ms,omitempty"`
	Status   string                `json:"status"`
	Exit     int                   `json:"exit"`
	Error    string                `json:"error,omitempty"`
	Calls    int                   `json:"calls"`
	Writes   int                   `json:"writes"`
	Resumed  int64                 `json:"resumed,omitempty"`
	Live     bool                  `json:"live,omitempty"`
	Next     string                `json:"next,omitempty"`
}

func (h *history) runInfo(r *engine.RunRecord) runInfo {
	state := stateOf(r, r.ID)
	info := runInfo{
		Type: "run", Run: r.ID, Kind: r.Kind, Of: r.Of, Playbook: r.Playbook, Name: r.Name, Hash: r.Hash,
		Params: raw(h.tree(r.Params)), Tenants: r.Tenants, Schedule: r.Schedule, Due: r.Due, Why: r.Why, Who: r.Who, Host: r.Host, Version: r.Version,
		Started: r.Started, Ended: r.Ended, Status: state.word, Exit: r.Exit, Error: h.text(r.Error),
		Calls: r.Calls, Writes: r.Writes, Resumed: max(r.Epoch-1, 0), Live: r.Live,
	}
	if d := h.runTook(r); d >= 0 {
		info.TookMS = inMS(d)
	}
	if state.next != "" {
		info.Next = state.next + h.flag()
	}
	return info
}

// callInfo is a call.
type callInfo struct {
	Type      string                 `json:"type"` // call
	Run       string                 `json:"run"`
	Seq       int64                  `json:"seq,omitempty"`
	Key       string                 `json:"key"`
	Task      string                 `json:"task"`
	N         int                    `json:"n"`
	Where     string                 `json:"where,omitempty"`
	Step      string                 `json:"step,omitempty"`
	Operation string                 `json:"operation"`
	Tenant    string                 `json:"tenant,omitempty"`
	Effect    string                 `json:"effect,omitempty"`
	Mutates   bool                   `json:"mutates,omitempty"`
	Kind      string                 `json:"kind,omitempty"`
	Object    string                 `json:"object,omitempty"`
	Args      json.RawMessage        `json:"args,omitempty"`
	Value     json.RawMessage        `json:"value,omitempty"`
	Failure   json.RawMessage        `json:"failure,omitempty"`
	Before    json.RawMessage        `json:"before,omitempty"`
	Note      json.RawMessage        `json:"note,omitempty"`
	Status    int                    `json:"status,omitempty"`
	State     string                 `json:"state"`
	Attempts  []engine.AttemptRecord `json:"attempts,omitempty"`
	Tolerated bool                   `json:"tolerated,omitempty"`
	WaitedMS  float64                `json:"waited_ms,omitempty"`
	Began     time.Time              `json:"began,omitzero"`
	Ended     time.Time              `json:"ended,omitzero"`
	TookMS    float64                `json:"took_ms,omitempty"`
	// InDoubt says that nobody knows what became of it.
	InDoubt bool `json:"in_doubt,omitempty"`
}

func (h *history) callInfo(run *engine.RunRecord, c *engine.CallRecord) callInfo {
	return callInfo{
		Type: "call", Run: run.ID, Seq: c.Seq, Key: c.Key, Task: c.Task, N: c.N, Where: c.Where, Step: c.Step,
		Operation: c.Operation, Tenant: c.Tenant, Effect: c.Effect, Mutates: c.Mutates, Kind: c.Kind, Object: c.Object,
		Args: raw(h.tree(c.Args)), Value: raw(h.tree(c.Value)), Failure: raw(h.tree(c.Failure)),
		Before: raw(h.tree(c.Before)), Note: raw(h.tree(c.Note)), Status: c.Status, State: c.State,
		Attempts: h.attemptsOf(c), Tolerated: c.Tolerated, WaitedMS: inMS(c.Waited), Began: c.Began, Ended: c.Ended,
		TookMS: inMS(callTook(c)), InDoubt: doubtful(run, c),
	}
}

// stepInfo is a step.
type stepInfo struct {
	Type   string    `json:"type"` // step
	Run    string    `json:"run"`
	ID     string    `json:"id"`
	Name   string    `json:"name,omitempty"`
	Task   string    `json:"task,omitempty"`
	Where  string    `json:"where,omitempty"`
	State  string    `json:"state"`
	Reason string    `json:"reason,omitempty"`
	Error  string    `json:"error,omitempty"`
	Began  time.Time `json:"began,omitzero"`
	TookMS float64   `json:"took_ms,omitempty"`
}

func (h *history) stepInfo(run string, s *engine.StepRecord) stepInfo {
	return stepInfo{"step", run, s.ID, s.Name, s.Task, s.Where, s.State, h.text(s.Reason), h.text(s.Error), s.Began, inMS(s.Took)}
}

func inMS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// callTook is how long a call took; 0 while nobody knows.
func callTook(c *engine.CallRecord) time.Duration {
	if c.Ended.IsZero() || c.Began.IsZero() {
		return 0
	}
	return c.Ended.Sub(c.Began)
}
