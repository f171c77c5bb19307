package durable

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
)

// replay answers a call from the journal; done is false where it has to be
// sent.
func (s *Session) replay(ctx context.Context, c *engine.Call, next engine.Doer) (out engine.Outcome, done bool) {
	rec, err := s.past.find(ctx, c.Key)
	if err != nil {
		return engine.Outcome{Err: s.failed(err)}, true
	}
	if rec == nil || rec.State == engine.StateRefused {
		if c.Mutates() {
			if diverged := s.past.mayWrite(ctx, c); diverged != nil {
				return engine.Outcome{Err: diverged}, true
			}
			s.past.count(c, false)
		}
		return s.same(ctx, c)
	}
	if rec.Mutates {
		s.past.count(c, rec.State != engine.StateEnded) // that one need not come up
	}
	switch rec.State {
	case engine.StateDone, engine.StateFailed:
		return s.answered(ctx, c, rec, next)
	case engine.StateEnded:
		return engine.Outcome{}, false
	case engine.StateResolved:
		if rec.TakenUp() {
			return s.answered(ctx, c, rec, next)
		}
		return s.resolved(ctx, c, rec), true
	}
	return s.unfinished(c, rec, next)
}

// answered gives the recorded outcome, unless that is one to be made again.
func (s *Session) answered(ctx context.Context, c *engine.Call, rec *engine.CallRecord, next engine.Doer) (engine.Outcome, bool) {
	switch {
	case rec.State == engine.StateFailed && rec.Tolerated && s.o.RetryFailed:
		return engine.Outcome{}, false
	case c.Digest != nil && rec.State == engine.StateDone:
		c.Answered(rec.Wake)
		return s.sameDigest(c, rec, next.Do(ctx, c)), true
	}
	out, err := s.outcome(c, rec)
	if err != nil {
		return engine.Outcome{Err: s.failed(fmt.Errorf("the record of %s at %s cannot be read: %w", rec.Operation, rec.Where, err))}, true
	}
	c.Answered(rec.Wake)
	s.outside.keep(c, out)
	if out.Err == nil && expired(c.Operation, rec, out, s.o.Now()) {
		// Its successor stands for it everywhere: keys know a token by the call
		// that fetched it.
		fresh := s.begin(c)
		fresh.Wake = rec.Wake
		return s.perform(ctx, c, fresh, next), true
	}
	return out, true
}

// outcome is what a record says.
func (s *Session) outcome(c *engine.Call, rec *engine.CallRecord) (engine.Outcome, error) {
	out := engine.Outcome{Status: rec.Status}
	if len(rec.Failure) > 0 {
		text, err := s.opened(rec.Failure)
		if err != nil {
			return out, err
		}
		out.Err, err = engine.UnmarshalFailure(text)
		return out, err
	}
	text, err := s.opened(rec.Value)
	if err != nil {
		return out, err
	}
	out.Value, err = readValue(c.Operation, text)
	s.clients.replayed(c, rec)
	return out, err
}

// sameDigest refuses a file whose content is not what it was.
func (s *Session) sameDigest(c *engine.Call, rec *engine.CallRecord, out engine.Outcome) engine.Outcome {
	if out.Err != nil && out.Err.Uncatchable() {
		return out
	}
	now := json.RawMessage("null")
	if out.Err == nil {
		text, err := engine.FormatJSON(c.Digest(out.Value))
		if err != nil {
			return engine.Outcome{Err: s.failed(err)}
		}
		now = text
	}
	then, err := s.opened(rec.Value)
	if err != nil {
		return engine.Outcome{Err: s.failed(err)}
	}
	if bytes.Equal(now, then) || s.o.AcceptChanges {
		return out
	}
	return engine.Outcome{Err: &engine.Error{
		Name: engine.NameDivergenceError, ResetAt: -1, Where: c.Where,
		Message:  fmt.Sprintf("%s %s is not what the run read before: it was %s, it is %s", c.Name, c.Object, then, now),
		HintText: "put the file back, or go on deliberately with --accept-changes",
	}}
}

// expired reports whether a record holds a token that is over.
func expired(op *catalog.Operation, rec *engine.CallRecord, out engine.Outcome, now time.Time) bool {
	if op == nil || op.API != catalog.Authentication || rec.Mutates {
		return false
	}
	raw, ok := out.Value.(json.RawMessage)
	var token struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	if !ok || json.Unmarshal(raw, &token) != nil || token.AccessToken == "" || token.ExpiresIn <= 0 {
		return false
	}
	const margin = time.Minute // for what is done with it
	return now.Add(margin).After(rec.Ended.Add(time.Duration(token.ExpiresIn) * time.Second))
}

// unfinished is a call that was about to be sent, and whose outcome nobody
// knows. It was the last of its task, so all others have come up before it. As
// one that was sent it is not cut by time limits.
func (s *Session) unfinished(c *engine.Call, rec *engine.CallRecord, next engine.Doer) (engine.Outcome, bool) {
	ctx := c.Regardless()
	if diverged := s.past.mayWrite(ctx, c); diverged != nil {
		return engine.Outcome{Err: diverged}, true
	}
	// Not what stands there now: the call may have been done.
	if c.Before = json.RawMessage("null"); len(rec.Before) > 0 {
		before, err := s.opened(rec.Before)
		if err != nil {
			return engine.Outcome{Err: s.failed(err)}, true
		}
		c.Before = before
	}
	note, err := s.opened(rec.Note)
	if err != nil {
		return engine.Outcome{Err: s.failed(err)}, true
	}
	c.Note = note
	c.Live()
	switch {
	case c.Effect == catalog.Delete:
		return s.perform(ctx, c, s.begin(c), goneIsDone(next)), true
	case c.Resendable():
		return s.perform(ctx, c, s.begin(c), next), true
	case c.Effect == catalog.Create:
		return s.settlePast(ctx, c, rec, next)
	}
	return engine.Outcome{Err: s.inDoubt(c, rec, "it cannot be looked up")}, true
}

// goneIsDone takes a 404 to a repeated delete for what it is: the first one was
// done.
func goneIsDone(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		out := next.Do(ctx, c)
		if out.Err != nil && out.Err.StatusCode == http.StatusNotFound {
			return engine.Outcome{Status: http.StatusNoContent}
		}
		return out
	})
}

// settlePast looks for what a create of an earlier execution has made.
func (s *Session) settlePast(ctx context.Context, c *engine.Call, rec *engine.CallRecord, next engine.Doer) (engine.Outcome, bool) {
	done, stopped := s.alone(ctx, c)
	if stopped != nil {
		return engine.Outcome{Err: stopped}, true
	}
	defer done()
	f := s.lookUp(ctx, c, rec.Began)
	switch f.verdict {
	case isOurs:
		return s.finish(ctx, c, s.again(c, rec), engine.Outcome{Value: f.object, Status: http.StatusCreated}), true
	case isAbsent:
		return s.performAlone(ctx, c, s.begin(c), next), true
	case isUnclear:
	}
	if f.err != nil && f.err.Uncatchable() {
		return engine.Outcome{Err: f.err}, true
	}
	return engine.Outcome{Err: s.inDoubt(c, rec, f.reason)}, true
}

// again is the record of a call that was begun by an earlier execution.
func (s *Session) again(c *engine.Call, rec *engine.CallRecord) *engine.CallRecord {
	fresh := s.begin(c)
	fresh.Began = rec.Began
	return fresh
}

// inDoubt stops the run: never a silent second one.
func (s *Session) inDoubt(c *engine.Call, rec *engine.CallRecord, reason string) *engine.Error {
	return &engine.Error{
		Name: engine.NameInDoubtError, ResetAt: -1, Where: c.Where, Operation: operationOf(c), InDoubt: true, CallKey: c.Key,
		Message: fmt.Sprintf("what became of this call is unknown: it was sent at %s and no answer came (%s); it is not sent again",
			rec.Began.UTC().Format(time.RFC3339), reason),
		HintText: fmt.Sprintf("look at the tenant, then: a0run resolve %s %s --done [ID], or --not-done; a0run runs show %s has the call",
			s.run.ID, short(c.Key), s.run.ID),
	}
}

func short(key string) string { return key[:min(len(key), 12)] }

// resolved is the outcome of a call of which a person has said that it was
// done. Its record stays one of that: nobody has seen the tenant's answer.
func (s *Session) resolved(ctx context.Context, c *engine.Call, rec *engine.CallRecord) engine.Outcome {
	c.Live()
	out := engine.Outcome{Status: http.StatusOK}
	if rec.Object != "" && c.Operation != nil {
		object, err := s.readObject(ctx, c, rec.Object)
		if err != nil {
			return engine.Outcome{Err: err}
		}
		out.Value = object
	}
	fresh := s.again(c, rec)
	fresh.State, fresh.Object, fresh.Before, fresh.Note = rec.State, rec.Object, rec.Before, rec.Note
	c.Faults = rec.Attempts
	return s.finish(ctx, c, fresh, out)
}
