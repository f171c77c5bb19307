package serve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"a0run/engine"
)

// finish takes note of an execution that has ended: the run is over, is tried
// again, goes on, or is set aside. What became of the run is read from the
// journal, where its own process wrote it.
func (s *Service) finish(ctx context.Context, j *job, result Result) error {
	r, err := s.o.Journal.Run(ctx, j.Run.ID)
	if err != nil {
		return err
	}
	if r.Live {
		return nil // its process is gone, and its lock will be: asked again
	}
	j.Begun = r.Status != engine.RunQueued
	switch r.Status {
	case engine.RunQueued:
		return s.neverBegan(ctx, j, r, result)
	case engine.RunRunning: // its process died
		if j.Stop == stopDrain {
			return s.again(ctx, j, time.Time{})
		}
		return s.crashed(ctx, j, r)
	case engine.RunInterrupted:
		switch {
		case j.Stop == stopDrain:
			return s.again(ctx, j, time.Time{})
		case j.Stop == "" && j.exec == nil:
			// Its service was killed, and it has stopped by itself.
			return s.crashed(ctx, j, r)
		}
	}
	return s.finished(ctx, j, r)
}

// neverBegan is an execution that has ended without beginning its run.
func (s *Service) neverBegan(ctx context.Context, j *job, r *engine.RunRecord, result Result) error {
	switch {
	case j.Stop == stopDrain:
		return s.again(ctx, j, time.Time{})
	case result.Crashed:
		return s.crashed(ctx, j, r)
	}
	end := &engine.RunEnd{Status: statusOf(result.Exit), Exit: result.Exit, Error: result.Error, At: s.o.Now()}
	if end.Error == "" {
		end.Error = fmt.Sprintf("it ended with exit code %d before it began", result.Exit)
	}
	if j.Stop != "" {
		end.Status, end.Exit, end.Error = engine.RunInterrupted, engine.ExitInterrupted, "stopped: "+j.Stop
	}
	return s.over(ctx, j, end)
}

// finished is a run that its own process has ended.
func (s *Service) finished(ctx context.Context, j *job, r *engine.RunRecord) error {
	failed := r.Status == engine.RunFailed || r.Status == engine.RunItems
	var end *engine.RunEnd
	if j.Stop == stopTimeout && r.Status == engine.RunInterrupted {
		failed = true
		end = &engine.RunEnd{
			Status: engine.RunFailed, Exit: engine.ExitFailed, At: s.o.Now(),
			Error: "stopped by the schedule's timeout of " + j.spec.Timeout.String(),
		}
	}
	switch {
	case failed && j.Tries < j.spec.Retries && (j.Stop == "" || j.Stop == stopTimeout):
		return s.retry(ctx, j, r)
	case j.spec.Kind == engine.KindPlan && r.Status == engine.RunDone:
		if err := s.planned(ctx, j); err != nil {
			return err
		}
	}
	return s.over(ctx, j, end)
}

// statusOf is the status of a run that has an exit code and nothing else.
func statusOf(exit int) string {
	switch exit {
	case engine.ExitInterrupted, engine.ExitTerminated:
		return engine.RunInterrupted
	case engine.ExitGuard:
		return engine.RunRefused
	case engine.ExitMoved:
		return engine.RunMoved
	}
	return engine.RunFailed
}

// crashed is a run whose process ended without ending it: it is resumed once,
// and the second time set aside. Whether its service or its own process died
// makes no difference to a run that kills whoever executes it.
func (s *Service) crashed(ctx context.Context, j *job, r *engine.RunRecord) error {
	if j.exec != nil { // else it was counted when the service began
		j.Crashes++
	}
	if j.Stop != "" && j.Stop != stopDrain {
		status, exit := engine.RunInterrupted, engine.ExitInterrupted
		if j.Stop == stopTimeout {
			status, exit = engine.RunFailed, engine.ExitFailed
		}
		return s.over(ctx, j, &engine.RunEnd{Status: status, Exit: exit, Error: "stopped: " + j.Stop, At: s.o.Now()})
	}
	if j.Crashes < mostCrashes {
		s.log.Warn("a run whose process died is resumed", "run", r.ID, "crashes", j.Crashes)
		return s.again(ctx, j, time.Time{})
	}
	s.log.Error("a run is set aside: it was being executed in two crashes", "run", r.ID)
	return s.over(ctx, j, &engine.RunEnd{
		Status: engine.RunSetAside, Exit: engine.ExitFailed, At: s.o.Now(),
		Error: fmt.Sprintf("set aside: it was being executed in %d crashes, and is not resumed once more; look at it, then a0run resume %s", j.Crashes, r.ID),
	})
}

// again puts a job back into the queue.
func (s *Service) again(ctx context.Context, j *job, notBefore time.Time) error {
	j.Running, j.Stop, j.NotBefore = false, "", notBefore
	j.exec, j.live, j.deadline, j.killAt = nil, nil, time.Time{}, time.Time{}
	if err := s.o.Journal.PutJob(ctx, j.Job); err != nil {
		return err
	}
	s.tellRun(j, engine.RunQueued)
	return nil
}

// retry resumes a run that failed, after a while that doubles.
func (s *Service) retry(ctx context.Context, j *job, r *engine.RunRecord) error {
	delay := min(j.spec.RetryDelay<<min(j.Tries, 10), 24*time.Hour)
	j.Tries++
	s.counters.retries++
	s.log.Warn("a run failed and is tried again", "run", r.ID, "try", j.Tries, "of", j.spec.Retries, "in", delay.String(), "error", s.ShownText(r.Error))
	j.spec.RetryFailed = r.Status == engine.RunItems
	sealed, err := s.sealed(j.spec)
	if err != nil {
		return err
	}
	j.Spec = sealed
	return s.again(ctx, j, s.o.Now().Add(delay))
}

// over ends a job; end is how its run ends, where its process did not end it.
func (s *Service) over(ctx context.Context, j *job, end *engine.RunEnd) error {
	if err := s.o.Journal.EndJob(ctx, j.Run.ID, end); err != nil {
		var held *engine.HeldError
		if errors.As(err, &held) {
			return nil // asked again
		}
		return err
	}
	delete(s.jobs, j.Run.ID)
	r, err := s.o.Journal.Run(ctx, j.Run.ID)
	if err != nil {
		return err
	}
	s.counters.ended(r.Status)
	if j.live != nil {
		calls, failed := j.live.calls()
		s.counters.calls += calls
		s.counters.failed += failed
	}
	if said := []any{"run", r.ID, "status", r.Status, "exit", r.Exit, "schedule", r.Schedule}; r.Status == engine.RunDone {
		s.log.Info("a run ended", said...)
	} else {
		s.log.Warn("a run did not end well", append(said, "error", s.ShownText(r.Error))...)
	}
	c := Change{
		Kind: ChangeRun, ID: r.ID, State: r.Status, Error: s.ShownText(r.Error), Schedule: r.Schedule, Playbook: s.playbookID(r.Playbook),
		Tenants: j.spec.Tenants, Exit: r.Exit,
	}
	if r.Schedule != "" && r.Status == engine.RunDone {
		c.Recovered = s.failedBefore(ctx, r)
	}
	s.tell(c)
	return nil
}

// failedBefore says whether the schedule's run before this one failed.
func (s *Service) failedBefore(ctx context.Context, r *engine.RunRecord) bool {
	fires, err := s.o.Journal.Fires(ctx, r.Schedule, r.Due, 5)
	if err != nil {
		return false
	}
	for _, f := range fires {
		switch f.Status {
		case "", engine.RunQueued, engine.RunRunning, engine.RunInterrupted:
		default:
			return f.Status != engine.RunDone
		}
	}
	return false
}
