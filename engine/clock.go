package engine

import (
	"context"
	"time"

	"a0run/client/catalog"
)

// Time is something that a playbook asks of the outside, so it takes the one
// path like everything else: a run that is resumed sees the times that it saw,
// and a sleep that was interrupted sleeps only what is left of it.

// Now is the time as an action of the run ("time.now").
func (t *Task) Now(where Position) (time.Time, error) {
	out := t.Do(&Action{
		Name: "time.now", Effect: catalog.Read, Where: where, Instant: true,
		Perform: func(context.Context, *Attempt) Outcome {
			return Outcome{Value: t.run.cfg.Now().UTC().Format(time.RFC3339Nano)}
		},
	})
	if out.Err != nil {
		return time.Time{}, out.Err
	}
	text, _ := out.Value.(string)
	now, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, &Error{Name: NameInternalError, Message: "time.now gave " + text, ResetAt: -1, Where: where, Cause: err}
	}
	return now, nil
}

// Sleep waits durably: what is recorded is the deadline, made from a recorded
// time, not the length.
func (t *Task) Sleep(d time.Duration, where Position) error {
	now, err := t.Now(where)
	if err != nil {
		return err
	}
	return t.waitUntil("time.sleep", now.Add(d), where)
}

// SleepUntil waits durably for a point in time.
func (t *Task) SleepUntil(deadline time.Time, where Position) error {
	return t.waitUntil("time.wait_until", deadline, where)
}

func (t *Task) waitUntil(name string, deadline time.Time, where Position) error {
	args := NewObject(1)
	args.Set("until", deadline.UTC().Format(time.RFC3339Nano))
	out := t.Do(&Action{
		Name: name, Args: args, Effect: catalog.Read, Where: where,
		Perform: func(ctx context.Context, _ *Attempt) Outcome {
			if err := sleep(ctx, deadline.Sub(t.run.cfg.Now())); err != nil {
				return Outcome{Err: AsError(stopReason(ctx))}
			}
			return Outcome{}
		},
	})
	if out.Err != nil {
		return out.Err
	}
	return nil
}
