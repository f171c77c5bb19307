package engine

import (
	"slices"
	"time"
)

// keptSteps bounds the steps that a run keeps for its summary: a step inside a
// parallel call over a tenant's users would otherwise hold a line for each.
// What did not go well is kept up to the same number.
const keptSteps = 10_000

// Retry tries a step or an item again.
type Retry struct {
	// Times is how often it is tried again; 0 means never.
	Times int
	// Delay is the wait before the first further try; each one doubles it.
	Delay time.Duration
	// On names the errors that are worth another try; empty means all that can
	// be caught.
	On []string
}

// TryOptions bound a piece of work.
type TryOptions struct {
	// What names it in a timeout's message.
	What string
	// Timeout bounds each try; 0 means no limit.
	Timeout time.Duration
	Retry   Retry
	Where   Position
}

// StepOptions are the options of a step, of the same names in both languages.
type StepOptions struct {
	ID, Name string
	Timeout  time.Duration
	Retry    Retry
	OnError  OnError
	// Weight is the step's share of the rate budget beside the run's other steps;
	// 0 means that it has none of its own.
	Weight float64
	// Undo is the step's policy of before-images; "" means the run's.
	Undo  UndoPolicy
	Where Position
}

// The states of a step in the summary.
const (
	StepOK      = "ok"
	StepFailed  = "failed"
	StepSkipped = "skipped"
)

// A StepResult is one line of a run's summary.
type StepResult struct {
	ID, Name string
	Task     string
	State    string
	// Reason says why a step was skipped ("when is false", "needs users, which
	// failed").
	Reason string
	Err    *Error
	Began  time.Time
	Took   time.Duration
	Where  Position
	// Inner says that the step is one of an item of a loop; Inside counts the
	// steps of the loops in a step that is not.
	Inner  bool
	Inside Inside
}

// Inside counts steps by how they ended.
type Inside struct {
	Steps  int `json:"steps"`
	Failed int `json:"failed,omitempty"`
}

// Try runs fn within a timeout and tries it again as told. Errors that cannot
// be caught, and the end of the task itself, are not tried again.
func (t *Task) Try(o TryOptions, fn func() error) error {
	what := o.What
	if what == "" {
		what = "this"
	}
	delay := o.Retry.Delay
	for n := 0; ; n++ {
		err := untyped(t.WithTimeout(o.Timeout, what, fn))
		if err == nil || n >= o.Retry.Times || t.ctx.Err() != nil || !o.Retry.worth(AsError(err)) {
			return err
		}
		if delay > 0 {
			if stopped := t.Sleep(delay, o.Where); stopped != nil {
				return stopped
			}
			delay *= 2
		}
	}
}

// worth reports whether an error is worth another try.
func (r Retry) worth(e *Error) bool {
	if e.Uncatchable() || e.doubtful() {
		return false // a create of unknown outcome must not be sent twice
	}
	return len(r.On) == 0 || slices.ContainsFunc(r.On, e.IsKind)
}

// Step runs fn as a step of this task: events, timeout, retry, the line of the
// summary. With OnError Continue its error is kept in the result only.
func (t *Task) Step(o StepOptions, fn func() error) (StepResult, error) {
	r := t.run
	r.Emit(Event{Kind: EventStepStarted, Task: t.path, Step: o.label(), Where: o.Where.String()})
	began := r.cfg.Now()
	outer, inside := t.step, t.inside
	t.step, t.inside = o.label(), Inside{}
	defer func() { t.step = outer }()
	err := t.WithUndo(o.Undo, func() error {
		return t.WithWeight(o.label(), o.Weight, func() error {
			return t.Try(TryOptions{What: "step " + o.label(), Timeout: o.Timeout, Retry: o.Retry, Where: o.Where}, fn)
		})
	})
	res := StepResult{
		ID: o.ID, Name: o.Name, Task: t.path, State: StepOK, Where: o.Where,
		Err: AsError(err), Began: began, Took: r.cfg.Now().Sub(began), Inner: t.loop != nil, Inside: t.inside,
	}
	if err != nil {
		res.State = StepFailed
	}
	t.inside = Inside{Steps: inside.Steps + res.Inside.Steps, Failed: inside.Failed + res.Inside.Failed}
	t.loop.counts(res)
	tolerated := err != nil && o.OnError == Continue && !res.Err.Uncatchable()
	r.stepEnded(res, tolerated)
	if tolerated {
		return res, nil
	}
	return res, err
}

// SkipStep writes a step that did not run into the summary.
func (t *Task) SkipStep(o StepOptions, reason string) {
	res := StepResult{
		ID: o.ID, Name: o.Name, Task: t.path, State: StepSkipped, Reason: reason, Where: o.Where, Inner: t.loop != nil,
	}
	t.loop.counts(res)
	t.run.stepEnded(res, false)
}

// counts counts a step in a loop of the task; nil is no task.
func (t *Task) counts(s StepResult) {
	if t == nil {
		return
	}
	t.inside.Steps++
	if s.State == StepFailed {
		t.inside.Failed++
	}
}

// label is how a step is called in events and messages.
func (o StepOptions) label() string {
	switch {
	case o.Name != "":
		return o.Name
	case o.ID != "":
		return o.ID
	}
	return o.Where.String()
}

// stepEnded keeps the step and tells of it.
func (r *Run) stepEnded(s StepResult, tolerated bool) {
	e := Event{
		Kind: EventStepFinished, Task: s.Task, Where: s.Where.String(), State: s.State, Text: s.Reason,
		Step: StepOptions{ID: s.ID, Name: s.Name, Where: s.Where}.label(), TookMS: float64(s.Took) / float64(time.Millisecond),
	}
	if e.Inner = s.Inner; s.Inside.Steps > 0 {
		e.Inside = &s.Inside
	}
	if s.Err != nil {
		e.Error, e.Name = s.Err.Error(), s.Err.Name
	}
	r.mu.Lock()
	if r.states[s.State]++; r.states[s.State] <= keptSteps {
		r.steps = append(r.steps, s)
	}
	if tolerated {
		r.tolerated++
		r.doubt = r.doubt || s.Err.doubtful()
		r.toleratedKeys = append(r.toleratedKeys, CallKeys(s.Err)...)
	}
	r.mu.Unlock()
	if r.cfg.StepEnded != nil {
		r.cfg.StepEnded(s)
	}
	r.Emit(e)
}

// Steps are the steps that ended so far, in their order; callable from
// anywhere. Of each state the first 10,000 are kept, StepCount counts all.
func (r *Run) Steps() []StepResult {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.steps)
}

// StepCount is how many steps ended in a state; callable from anywhere.
func (r *Run) StepCount(state string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states[state]
}
