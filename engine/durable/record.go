package durable

import (
	"context"
	"encoding/json"
	"slices"

	"a0run/client/catalog"
	"a0run/engine"
)

// Replay is the outermost stage: calls that the journal has are answered by
// it, the rest is recorded.
func (s *Session) Replay(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		if s.past != nil {
			if out, done := s.replay(ctx, c, next); done {
				return out
			}
		}
		c.Live()
		return s.perform(ctx, c, s.begin(c), next)
	})
}

// perform sends a call down and records it.
func (s *Session) perform(ctx context.Context, c *engine.Call, rec *engine.CallRecord, next engine.Doer) engine.Outcome {
	done, stopped := s.alone(ctx, c)
	if stopped != nil {
		return engine.Outcome{Err: stopped}
	}
	defer done()
	return s.performAlone(ctx, c, rec, next)
}

// performAlone is perform while no namesake is being made.
func (s *Session) performAlone(ctx context.Context, c *engine.Call, rec *engine.CallRecord, next engine.Doer) engine.Outcome {
	if c.Mutates() {
		s.announce(c, rec)
	} else if !c.Instant {
		c.OnSend(func(context.Context, int) error { return s.hold() })
	}
	return s.finish(ctx, c, rec, next.Do(ctx, c))
}

// begin makes the record of a call that is about to be made.
func (s *Session) begin(c *engine.Call) *engine.CallRecord {
	rec := &engine.CallRecord{
		Key: c.Key, Task: c.Task.Path(), N: c.N, Where: c.Where.String(), Step: s.o.Redactor.Redact(c.Step()),
		Operation: c.Name, Tenant: c.Tenant, Effect: string(c.Effect), Mutates: c.Mutates(),
		State: engine.StateBegun, Began: s.o.Now(), Object: c.Object,
		Durable: !c.Resendable(),
	}
	if c.Args != nil && c.Args.Len() > 0 {
		if text, err := engine.FormatJSON(c.Args); err == nil { // what cannot be written cannot be sent either
			rec.Args = s.sealed(text, secretsIn(c.Args, nil))
		}
	}
	if op := c.Operation; op != nil {
		rec.Kind = op.Subject.Kind
		if v, ok := c.Args.Get(op.Subject.ID); ok {
			if id, ok := v.(string); ok {
				rec.Object = id
			}
		}
	} else if c.Object != "" {
		rec.Kind = c.Kind
	}
	rec.Object = s.o.Redactor.Redact(rec.Object)
	s.also(c, rec)
	return rec
}

// announce writes the intent of a mutating call when it is about to be sent,
// and takes it back when nothing came of that.
func (s *Session) announce(c *engine.Call, rec *engine.CallRecord) {
	refuse := func(int) {
		rec.State = engine.StateRefused
		rec.Attempts = s.attempts(c)
		refused := *rec
		ack := s.o.Journal.Record(s.held(), &refused)
		<-ack.Done()
		if err := ack.Err(); err != nil {
			_ = s.failed(err) // the next attempt meets it
		}
	}
	c.OnRefused(refuse)
	c.OnSend(func(ctx context.Context, _ int) error {
		if err := s.hold(); err != nil {
			return err
		}
		rec.State = engine.StateBegun
		s.keepBefore(c, rec)
		rec.Attempts = s.attempts(c)
		// The request must not be left half announced by a task that is told
		// to stop: whoever waits for the sync shares it with others.
		intent := *rec
		if err := s.o.Journal.Intent(context.WithoutCancel(ctx), s.held(), &intent); err != nil {
			return s.failed(err)
		}
		err := s.hold() // the sync may have taken long
		if err != nil {
			refuse(0)
		}
		return err
	})
}

// finish records what came of a call. What ended the run, or was stopped with
// it, is no outcome: the call is sent again when the run is resumed.
func (s *Session) finish(_ context.Context, c *engine.Call, rec *engine.CallRecord, out engine.Outcome) engine.Outcome {
	if out.Err != nil && out.Err.Uncatchable() {
		return out
	}
	if err := s.complete(c, rec, out); err != nil {
		return engine.Outcome{Err: s.failed(err)}
	}
	var ack engine.Ack
	c.Arrive(func(wake int64) {
		if wake != 0 { // a token that is fetched again keeps its place
			rec.Wake = wake
		}
		ack = s.o.Journal.Record(s.held(), rec)
	})
	if c.Instant {
		return out // whatever is sent later is written behind it
	}
	<-ack.Done()
	if err := ack.Err(); err != nil {
		return engine.Outcome{Err: s.failed(err)}
	}
	return out
}

// keepBefore puts what stood there before a call, and the stages' note, into its
// record, once: both are read before the call is announced.
func (s *Session) keepBefore(c *engine.Call, rec *engine.CallRecord) {
	if rec.Before == nil {
		rec.Before = s.sealed(c.Before, inBefore(c))
	}
	if rec.Note == nil {
		rec.Note = s.sealed(c.Note, nil)
	}
}

// complete fills a record with what came of its call.
func (s *Session) complete(c *engine.Call, rec *engine.CallRecord, out engine.Outcome) error {
	rec.Ended, rec.Status, rec.Attempts, rec.Waited = s.o.Now(), out.Status, s.attempts(c), c.Waited
	s.keepBefore(c, rec)
	if out.Err != nil {
		rec.State = engine.StateFailed
		if out.Err.InDoubt {
			rec.State = engine.StateDoubt
		}
		text, err := engine.MarshalFailure(out.Err)
		rec.Failure = s.sealed(text, secretsIn(c.Args, nil))
		return err
	}
	if rec.State != engine.StateResolved {
		rec.State = engine.StateDone
	}
	value := out.Value
	if c.Digest != nil {
		value = c.Digest(out.Value)
	}
	text, err := valueOf(value)
	if err != nil {
		return err
	}
	if rec.Mutates && rec.Object == "" {
		rec.Object = s.o.Redactor.Redact(madeObject(c.Operation, text))
	}
	rec.Value = s.sealed(text, inAnswer(c, out.Value, text))
	return nil
}

// attempts are those of a call that failed, as they are written down: a tenant
// may repeat in an error what it was sent.
func (s *Session) attempts(c *engine.Call) []engine.AttemptRecord {
	all := slices.Clone(c.Faults)
	for i := range all {
		all[i].Error = s.text(all[i].Error)
	}
	return all
}

// madeObject is the id of what a create has made.
func madeObject(op *catalog.Operation, answer json.RawMessage) string {
	if op == nil || op.Subject.Field == "" {
		return ""
	}
	var o map[string]json.RawMessage
	var id string
	if json.Unmarshal(answer, &o) != nil || json.Unmarshal(o[op.Subject.Field], &id) != nil {
		return ""
	}
	return id
}
