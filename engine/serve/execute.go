package serve

import (
	"context"
	"errors"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
)

// startReady begins what may begin.
func (s *Service) startReady(ctx context.Context, now time.Time) error {
	turn := s.inTurn()
	jobs := make([]candidate, 0, len(turn))
	for _, j := range turn {
		c := candidate{
			run: j.Run.ID, tenants: tenantsOf(j.spec.Tenants), schedule: j.Run.Schedule, parallel: j.spec.Parallel || j.spec.Kind == engine.KindApply,
			running: j.Running, notBefore: j.NotBefore,
		}
		if p := s.schedule(j.Run.Schedule); p != nil && !j.Run.Due.IsZero() {
			c.free = p.Blackout(now).In(p.Zone)
		}
		jobs = append(jobs, c)
	}
	var start []string
	start, s.waits = admit(jobs, s.setup.Limits, now)
	return s.startAll(ctx, start, now)
}

// startAll begins or resumes runs. That it does is written before: a crash right
// after is one in which they were being executed.
func (s *Service) startAll(ctx context.Context, runs []string, now time.Time) error {
	if len(runs) == 0 {
		return nil
	}
	rows := make([]*journal.Job, len(runs))
	for i, run := range runs {
		rows[i] = s.jobs[run].Job
		rows[i].Running = true
	}
	if err := s.o.Journal.PutJob(ctx, rows...); err != nil {
		for _, j := range rows {
			j.Running = false
		}
		return err
	}
	var errs []error
	for _, run := range runs {
		errs = append(errs, s.start(ctx, s.jobs[run], now))
	}
	return errors.Join(errs...)
}

func (s *Service) start(ctx context.Context, j *job, now time.Time) error {
	task := Task{Spec: j.spec, Run: j.Run.ID, Resume: j.Begun, Who: j.Run.Who, Files: s.setup.Overlay}
	j.live = newLive(now)
	exec, err := s.o.Runner.Start(task, j.live.take)
	if err != nil {
		s.log.Error("a run cannot be started", "run", j.Run.ID, "error", err.Error())
		return s.finish(ctx, j, Result{Exit: engine.ExitFailed, Error: err.Error()})
	}
	j.exec = exec
	if j.spec.Timeout > 0 {
		j.deadline = now.Add(j.spec.Timeout)
	}
	s.log.Info("a run begins", "run", j.Run.ID, "playbook", s.playbookID(j.spec.Playbook), "schedule", j.Run.Schedule, "resumed", j.Begun)
	s.tellRun(j, engine.RunRunning)
	s.executed.Add(1)
	live := j.live // the job may have another by then
	go func() {
		defer s.executed.Done()
		<-exec.Done()
		live.end()
		s.poke()
	}()
	return nil
}

// settleEnded takes note of the executions that have ended.
func (s *Service) settleEnded(ctx context.Context) error {
	var errs []error
	for _, j := range s.inTurn() {
		if j.exec == nil {
			continue
		}
		select {
		case <-j.exec.Done():
			errs = append(errs, s.finish(ctx, j, j.exec.Result()))
		default:
		}
	}
	return errors.Join(errs...)
}

// limitTime stops what has run too long, and kills what does not stop.
func (s *Service) limitTime(ctx context.Context, now time.Time) error {
	for _, j := range s.jobs {
		switch {
		case j.exec == nil:
		case !j.killAt.IsZero() && !now.Before(j.killAt):
			s.log.Warn("a run that was to stop does not, and is killed", "run", j.Run.ID)
			j.exec.Kill()
			j.killAt = time.Time{}
		case !j.deadline.IsZero() && !now.Before(j.deadline):
			j.deadline = time.Time{}
			s.stop(ctx, j, stopTimeout)
		}
	}
	return nil
}

// Why a run is to stop, where it matters later.
const (
	stopTimeout = "timeout"
	stopDrain   = "drain" // never written: the job goes on as it was
)

// stop asks a run to stop.
func (s *Service) stop(ctx context.Context, j *job, why string) {
	if j.Stop == "" {
		j.Stop = why
		if why != stopDrain {
			if err := s.o.Journal.PutJob(ctx, j.Job); err != nil {
				s.log.Error("that a run is to stop cannot be written", "run", j.Run.ID, "error", err.Error())
			}
		}
	}
	if j.exec != nil {
		j.exec.Stop()
		if j.killAt.IsZero() {
			j.killAt = s.o.Now().Add(stopGrace)
		}
	}
}

// watchElsewhere looks whether runs that a process of the service before still
// executed have ended. Such a process stops by itself, since it sees that its
// service is gone.
func (s *Service) watchElsewhere(ctx context.Context) error {
	var errs []error
	for _, j := range s.inTurn() {
		if !j.elsewhere {
			continue
		}
		r, err := s.o.Journal.Run(ctx, j.Run.ID)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if r.Live {
			continue
		}
		j.elsewhere = false
		errs = append(errs, s.finish(ctx, j, Result{Crashed: true}))
	}
	return errors.Join(errs...)
}

// drain waits for what runs, stops it when that takes too long or kill says so,
// and leaves it to the next service.
func (s *Service) drain(ctx context.Context, kill <-chan struct{}) {
	s.mu.Lock()
	s.draining, s.ready = true, false
	running := 0
	for _, j := range s.jobs {
		if j.exec != nil {
			running++
		}
	}
	limit := s.setup.Drain
	s.mu.Unlock()
	s.log.Info("draining: nothing begins any more", "running", running, "for", limit.String())
	s.tell(Change{Kind: ChangeService, State: "draining"})
	over := make(chan struct{})
	go func() {
		s.executed.Wait()
		close(over)
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for stopped := false; ; {
		select {
		case <-over:
			_, err := s.pass(ctx) // settles the last ones
			s.report(err)
			s.changes.end()
			return
		case <-timer.C:
			if stopped {
				s.killAll()
			} else {
				s.stopAll(ctx)
				stopped = true
				timer.Reset(stopGrace)
			}
		case <-kill:
			kill = nil
			s.stopAll(ctx)
			stopped = true
			timer.Reset(stopGrace)
		case <-s.wake:
			_, err := s.pass(ctx)
			s.report(err)
		}
	}
}

func (s *Service) stopAll(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.exec != nil {
			s.stop(ctx, j, stopDrain)
		}
	}
}

func (s *Service) killAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.exec != nil {
			j.exec.Kill()
		}
	}
}
