package journal

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"a0run/engine"
)

// Lines of an export. Times are RFC 3339, durations milliseconds.
type (
	runLine struct {
		Type     string                `json:"type"` // run
		Run      string                `json:"run"`
		Kind     string                `json:"kind"`
		Of       string                `json:"of,omitempty"`
		Playbook string                `json:"playbook"`
		Name     string                `json:"name,omitempty"`
		Hash     string                `json:"hash,omitempty"`
		Params   json.RawMessage       `json:"params,omitempty"`
		Tenants  []engine.TenantRecord `json:"tenants,omitempty"`
		Options  json.RawMessage       `json:"options,omitempty"`
		Schedule string                `json:"schedule,omitempty"`
		Due      time.Time             `json:"due,omitzero"`
		Why      string                `json:"why,omitempty"`
		Who      string                `json:"who,omitempty"`
		Host     string                `json:"host,omitempty"`
		Version  string                `json:"version,omitempty"`
		Started  time.Time             `json:"started,omitzero"`
		Ended    time.Time             `json:"ended,omitzero"`
		Status   string                `json:"status"`
		Exit     int                   `json:"exit"`
		Error    string                `json:"error,omitempty"`
		Calls    int                   `json:"calls"`
		Writes   int                   `json:"writes"`
		Live     bool                  `json:"live,omitempty"`
	}
	callLine struct {
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
		Also      []engine.ObjectRef     `json:"also,omitempty"`
		AlsoMore  int                    `json:"also_more,omitempty"`
	}
	stepLine struct {
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
)

// Export writes a run, or with "" every run, the oldest first, as NDJSON: a
// line of type run, its steps, its calls. What is sealed stays sealed.
func (db *DB) Export(ctx context.Context, w io.Writer, run string) error {
	ids := []string{run}
	if run == "" {
		runs, err := db.Runs(ctx, RunFilter{})
		if err != nil {
			return err
		}
		ids = nil
		for i := len(runs) - 1; i >= 0; i-- {
			ids = append(ids, runs[i].ID)
		}
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, id := range ids {
		if err := db.exportRun(ctx, out, id); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) exportRun(ctx context.Context, out *json.Encoder, id string) error {
	r, err := db.Run(ctx, id)
	if err != nil {
		return err
	}
	steps, err := db.Steps(ctx, r.ID)
	if err != nil {
		return err
	}
	err = out.Encode(runLine{
		"run", r.ID, r.Kind, r.Of, r.Playbook, r.Name, r.Hash, valid(r.Params), r.Tenants, valid(r.Options), r.Schedule, r.Due, r.Why, r.Who, r.Host, r.Version,
		r.Started, r.Ended, r.Status, r.Exit, r.Error, r.Calls, r.Writes, r.Live,
	})
	if err != nil {
		return err
	}
	for _, s := range steps {
		line := stepLine{"step", r.ID, s.ID, s.Name, s.Task, s.Where, s.State, s.Reason, s.Error, s.Began, milliseconds(s.Took)}
		if err := out.Encode(line); err != nil {
			return err
		}
	}
	for c, err := range db.Calls(ctx, r.ID, CallFilter{}) {
		if err != nil {
			return err
		}
		if err := db.also(ctx, r.ID, c); err != nil {
			return err
		}
		err = out.Encode(callLine{
			"call", r.ID, c.Seq, c.Key, c.Task, c.N, c.Where, c.Step, c.Operation, c.Tenant, c.Effect, c.Mutates, c.Kind, c.Object,
			valid(c.Args), valid(c.Value), valid(c.Failure), valid(c.Before), valid(c.Note), c.Status, c.State, c.Attempts, c.Tolerated,
			milliseconds(c.Waited), c.Began, c.Ended, c.Also, c.AlsoMore,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// valid keeps a text that is no JSON from breaking its line: it becomes a
// string.
func valid(text json.RawMessage) json.RawMessage {
	if len(text) == 0 || json.Valid(text) {
		return text
	}
	quoted, err := json.Marshal(string(text))
	if err != nil {
		return nil // a string can always be written
	}
	return quoted
}
