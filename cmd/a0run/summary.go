package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"a0run/engine"
)

// stop takes the status line away.
func (s *screen) stop() {
	close(s.ended)
	s.ticker.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clearStatus()
}

// end shows the last lines: what happened, and what to do.
func (s *screen) end(run *engine.Run, err error, code int) {
	if s.json {
		e := engine.Event{Kind: engine.EventRunFinished, Exit: &code, TookMS: float64(s.w.now().Sub(s.started).Microseconds()) / 1000}
		if failed := engine.AsError(err); failed != nil {
			e.Error, e.Name, e.Where, e.Operation = failed.Error(), failed.Name, failed.Where.String(), failed.Operation
		}
		run.Emit(e)
		return
	}
	if err != nil {
		s.showError(err)
	}
	s.showFailures(run)
	if s.quiet {
		return
	}
	if len(run.Steps()) > 0 {
		s.line(stepLine(run))
	}
	c := run.Counts()
	took := s.w.now().Sub(s.started).Round(time.Millisecond)
	text := fmt.Sprintf("%s in %s: %s", verdict(code), took, count(c.Calls, "call"))
	if c.Replayed > 0 {
		text += fmt.Sprintf(", %d answered by the journal", c.Replayed)
	}
	if c.Looks > 0 {
		text += ", " + count(c.Looks, "look") + " at what stands there"
	}
	if c.Failed > 0 && (!s.undoing || code != engine.ExitOK) {
		text += fmt.Sprintf(", %d failed", c.Failed)
	}
	if c.Dropped > 0 {
		text += fmt.Sprintf(", %d dropped before they were sent", c.Dropped)
	}
	if c.Retried > 0 {
		text += fmt.Sprintf(", %d tried again", c.Retried)
	}
	if n := run.ItemsFailed(); n > 0 {
		text += fmt.Sprintf(", %s failed under on_error=continue", count(n, "item"))
	}
	s.line(text)
}

func verdict(code int) string {
	switch code {
	case engine.ExitOK:
		return "done"
	case engine.ExitItems:
		return "reached the end, with failed items,"
	case engine.ExitInterrupted, engine.ExitTerminated:
		return "interrupted"
	case engine.ExitInDoubt:
		return "ended in doubt"
	}
	return "failed"
}

// stepLine counts the steps and names those that did not go well.
func stepLine(run *engine.Run) string {
	times := map[string]int{}
	var named []string
	for _, r := range run.Steps() {
		if r.State == engine.StepOK {
			continue
		}
		name := r.ID
		if name == "" {
			name = r.Name
		}
		name += " " + r.State
		if times[name]++; times[name] == 1 {
			named = append(named, name)
		}
	}
	text := fmt.Sprintf("steps: %d ok, %d failed, %d skipped",
		run.StepCount(engine.StepOK), run.StepCount(engine.StepFailed), run.StepCount(engine.StepSkipped))
	for i, name := range named {
		if times[name] > 1 {
			named[i] = fmt.Sprintf("%s %d times", name, times[name])
		}
	}
	const most = 8
	if len(named) > most {
		named = append(named[:most], fmt.Sprintf("and %d more", len(named)-most))
	}
	if len(named) > 0 {
		text += " (" + strings.Join(named, ", ") + ")"
	}
	return text
}

// showError prints an error with its trace, its items and what to do next.
func (s *screen) showError(err error) {
	e := engine.AsError(err)
	s.line(s.paint("31", printable("error: "+e.Error())))
	for _, t := range e.Trace {
		s.line(printable("  " + t))
	}
	const most = 10
	for i, item := range e.Items {
		if i == most {
			s.line(fmt.Sprintf("  and %d more items", len(e.Items)-most))
			break
		}
		s.line(printable("  item " + item.Key + ": " + item.Err.Error()))
	}
	if e.InDoubt {
		s.line(doubtLine)
	}
	var hinter engine.Hinter
	if errors.As(err, &hinter) && hinter.Hint() != "" && !strings.Contains(e.Error(), hinter.Hint()) {
		s.line(printable("hint: " + hinter.Hint()))
	}
}

// showFailures names the first items that failed under on_error=continue: the
// exit code alone would send the reader looking.
func (s *screen) showFailures(run *engine.Run) {
	all := run.Failures()
	for i, f := range all {
		if i >= mostFailures && !f.Err.InDoubt {
			continue
		}
		s.line(printable("item " + f.Key + " failed: " + f.Err.Error()))
		if f.Err.InDoubt {
			s.line(doubtLine)
		}
	}
	if n := run.ItemsFailed() - min(len(all), mostFailures); n > 0 {
		s.line(fmt.Sprintf("and %s more", count(n, "item")))
	}
}

const (
	mostFailures = 5
	doubtLine    = "  in doubt: the request was sent and no answer came; look at the tenant before running again"
)

// count is "1 call", "2 calls".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
