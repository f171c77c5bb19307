package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
	"a0run/engine/seal"
)

// TTL is how long the lease of a run lives without being renewed: for so long a
// machine that was cut off may still send, and nobody else takes over.
const TTL = 15 * time.Second

// Options are what a Session is made of.
type Options struct {
	Journal  engine.Journal
	Box      *seal.Box
	Redactor *engine.Redactor
	Owner    engine.Owner
	API      engine.API
	Images   *image.Reader
	// Now is the clock of what is written down; nil means time.Now.
	Now func() time.Time
	// Undo is the policy of before-images; "" means engine.UndoAuto.
	Undo engine.UndoPolicy
	// SealAll encrypts whole records and not only the secrets in them.
	SealAll bool
	// AcceptChanges goes on although the playbook does not do what it did;
	// RetryFailed sends again what failed under on_error = "continue". Both are
	// for a run that is resumed.
	AcceptChanges, RetryFailed bool
}

// A Session is one execution of a journaled run; its methods are safe for
// concurrent use.
type Session struct {
	o       Options
	run     *engine.RunRecord
	past    *past // nil for a new run
	clients roster
	outside outside
	secrets func(text string) bool

	mu     sync.Mutex
	lease  engine.Lease
	broken *engine.Error // why nothing may be sent any more
	live   *engine.Run   // what is executed, from Beat on

	stopBeat context.CancelFunc
	beat     sync.WaitGroup
}

// Begin writes a new run and claims it.
func Begin(ctx context.Context, run *engine.RunRecord, o Options) (*Session, error) {
	s := newSession(run, o)
	lease, err := o.Journal.Begin(ctx, run, s.o.Owner)
	if err != nil {
		return nil, err
	}
	s.lease = lease
	return s, nil
}

// Resume claims a run that is in the journal. Its Run has what was recorded.
func Resume(ctx context.Context, id string, o Options) (*Session, error) {
	run, err := o.Journal.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	s := newSession(run, o)
	if s.lease, err = o.Journal.Claim(ctx, run.ID, s.o.Owner); err != nil {
		return nil, err
	}
	// Read again: what stood there before the claim may have grown.
	if s.run, err = o.Journal.Run(ctx, run.ID); err == nil {
		s.past, err = openPast(ctx, s)
	}
	if err != nil {
		return nil, errors.Join(err, o.Journal.Release(ctx, s.lease))
	}
	return s, nil
}

func newSession(run *engine.RunRecord, o Options) *Session {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Undo == "" {
		o.Undo = engine.UndoAuto
	}
	if o.Owner.TTL == 0 {
		o.Owner.TTL = TTL
	}
	s := &Session{o: o, run: run}
	s.secrets = func(text string) bool { return o.Redactor.Redact(text) != text }
	return s
}

// Run is the head of the run as the journal has it.
func (s *Session) Run() *engine.RunRecord { return s.run }

// Configure sets what the engine must know of the journal.
func (s *Session) Configure(cfg *engine.Config) {
	cfg.ID, cfg.Key = s.run.ID, s.o.Box.MAC()
	cfg.StepEnded = s.stepEnded
	if s.past != nil {
		cfg.Resume = s.past.lastWake
		cfg.Joined = s.joined
		cfg.TaskEnded = s.past.end
	}
}

// Written are the mutating calls of earlier executions with their arguments;
// guards count them.
func (s *Session) Written(ctx context.Context, each func(rec *engine.CallRecord, args json.RawMessage)) error {
	if s.past == nil {
		return nil
	}
	for rec, err := range s.o.Journal.Load(ctx, s.run.ID, 0) {
		if err != nil {
			return err
		}
		if rec.Mutates && rec.State != engine.StateRefused && rec.State != engine.StateEnded {
			args, err := s.opened(rec.Args)
			if err != nil {
				return err
			}
			each(rec, args)
		}
	}
	return nil
}

// Beat keeps the lease alive until Finish. A cancel that another process asked
// for, and a lease that was lost, stop the run.
func (s *Session) Beat(ctx context.Context, run *engine.Run) {
	ctx, s.stopBeat = context.WithCancel(context.WithoutCancel(ctx))
	s.mu.Lock()
	s.live = run
	s.mu.Unlock()
	ticker := time.NewTicker(s.o.Owner.TTL / 5)
	s.beat.Add(1)
	go func() {
		defer s.beat.Done()
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				s.renew(ctx, run)
			}
		}
	}()
}

var errCancelled = errors.New("cancelled by another process")

func (s *Session) renew(ctx context.Context, run *engine.Run) {
	until, cancel, err := s.o.Journal.Renew(ctx, s.o.Owner)
	if err == nil {
		s.mu.Lock()
		s.lease.Until = until
		s.mu.Unlock()
	}
	for _, id := range cancel {
		if id == s.run.ID {
			run.Stop(errCancelled)
		}
	}
	if errors.Is(err, engine.ErrFenced) {
		run.Cancel(s.failed(err))
	}
}

// hold is the check right before bytes leave: the lease must be alive and the
// journal whole.
func (s *Session) hold() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if now := s.o.Now(); now.After(s.lease.Until) {
		return &engine.Error{
			Name: engine.NameJournalError, ResetAt: -1,
			Message:  fmt.Sprintf("the lease of the run ended %s ago and could not be renewed; nothing more is sent", now.Sub(s.lease.Until).Round(time.Second)),
			HintText: "was this machine asleep? a0run resume " + s.run.ID + " goes on",
		}
	}
	return nil
}

func (s *Session) held() engine.Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease
}

// failed makes the error of a journal that cannot be written, which ends the
// run, and remembers it: nothing may be sent any more, and nobody waits on.
func (s *Session) failed(err error) *engine.Error {
	e := &engine.Error{Name: engine.NameJournalError, Message: "the journal: " + err.Error(), ResetAt: -1, Cause: err}
	var hinter engine.Hinter
	if errors.As(err, &hinter) {
		e.HintText = hinter.Hint()
	}
	if e.HintText == "" {
		e.HintText = "a0run resume " + s.run.ID + " goes on when that is mended"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = e
		if s.live != nil {
			s.live.Fail(e)
		}
	}
	return s.broken
}

// stepEnded writes a step.
func (s *Session) stepEnded(r engine.StepResult) {
	rec := &engine.StepRecord{
		ID: s.o.Redactor.Redact(r.ID), Name: s.o.Redactor.Redact(r.Name), Task: r.Task, Where: r.Where.String(),
		State: r.State, Reason: s.text(r.Reason), Began: r.Began, Took: r.Took,
	}
	if r.Err != nil {
		rec.Error = s.text(r.Err.Error())
	}
	s.o.Journal.Step(s.held(), rec)
}

// Finish ends the run and gives it up: err is what Main gave, exit the
// command's code.
func (s *Session) Finish(ctx context.Context, run *engine.Run, err error, exit int) error {
	if s.stopBeat != nil {
		s.stopBeat()
		s.beat.Wait()
	}
	end := engine.RunEnd{Status: status(exit), Exit: exit, At: s.o.Now(), Tolerated: run.Tolerated()}
	if err != nil {
		end.Error = s.text(err.Error())
		end.Ended = engine.CallKeys(err)
	}
	return s.o.Journal.Finish(ctx, s.held(), end)
}

// Leftover is the error of a run that reached its end without making every
// write that it had made before; nil where there is none.
func (s *Session) Leftover(ctx context.Context) error {
	if s.past == nil {
		return nil
	}
	return s.past.leftover(ctx, "", "at its end")
}

func status(exit int) string {
	switch exit {
	case engine.ExitOK:
		return engine.RunDone
	case engine.ExitItems:
		return engine.RunItems
	case engine.ExitInterrupted, engine.ExitTerminated:
		return engine.RunInterrupted
	case engine.ExitInDoubt:
		return engine.RunInDoubt
	case engine.ExitGuard:
		return engine.RunRefused
	case engine.ExitMoved:
		return engine.RunMoved
	}
	return engine.RunFailed
}

// sealed writes a value as the journal keeps it: no secret can be read in it.
// marked are secrets of the value itself, which the redactor may not know
// because they are too short to be looked for in texts.
func (s *Session) sealed(text json.RawMessage, marked map[string]bool) json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	secret, maybe := s.secrets, s.o.Redactor.Holds
	if len(marked) > 0 {
		secret = func(text string) bool { return marked[text] || s.secrets(text) }
		maybe = nil
	}
	text = s.o.Box.Text(text, secret, maybe)
	if s.o.SealAll {
		// Wrapped, so that a text which was sealed whole is told from a secret.
		text = s.o.Box.All(slices.Concat([]byte("["), text, []byte("]")))
	}
	return text
}

// text is what somebody said, an error or a reason, as the journal keeps it: no
// JSON, and redacted; where everything is sealed, it is too.
func (s *Session) text(said string) string {
	said = s.o.Redactor.Redact(said)
	if !s.o.SealAll || said == "" {
		return said
	}
	literal, err := json.Marshal(said)
	if err != nil {
		return "" // a string can always be written
	}
	return strings.Trim(string(s.sealed(literal, nil)), `"`)
}

// opened is a sealed text; the secrets in it are known to the redactor from
// then on.
func (s *Session) opened(text json.RawMessage) (json.RawMessage, error) {
	return open(text, s.o.Box, s.o.Redactor)
}

// valueOf writes what a call gave.
func valueOf(v any) (json.RawMessage, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil
	case json.RawMessage:
		return x, nil
	}
	return engine.FormatJSON(v)
}

// readValue is what valueOf wrote, in the form in which the call gives it.
func readValue(op *catalog.Operation, text json.RawMessage) (any, error) {
	if len(text) == 0 {
		return nil, nil
	}
	if op != nil {
		return text, nil
	}
	return engine.ParseJSON(text)
}
