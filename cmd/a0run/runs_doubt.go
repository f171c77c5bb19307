package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/journal"
)

func fromMS(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// doubtful reports whether nobody knows what became of a call, and only a
// person can say. What was begun by a run that was killed is not among it as
// long as a resume can find out.
func doubtful(run *engine.RunRecord, c *engine.CallRecord) bool {
	switch c.State {
	case engine.StateDoubt:
		return true
	case engine.StateBegun:
		return !run.Live && c.Durable && (run.Status == engine.RunInDoubt || !findable(c))
	}
	return false
}

// findable reports whether a resume can look for what a call made.
func findable(c *engine.CallRecord) bool {
	op, ok := catalog.Default().Lookup(c.Operation)
	return ok && op.Effect == catalog.Create && op.NaturalKey.Find != ""
}

// unanswered are the calls of a run that were sent and have no answer.
func (h *history) unanswered(ctx context.Context, run string) ([]*engine.CallRecord, error) {
	var all []*engine.CallRecord
	for _, state := range []string{engine.StateDoubt, engine.StateBegun} {
		for c, err := range h.db.Calls(ctx, run, journal.CallFilter{State: state}) {
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// doubts prints the calls in doubt, with what to do, and those that a resume
// settles by itself.
func (s *shown) doubts(ctx context.Context) error {
	all, err := s.h.unanswered(ctx, s.run.ID)
	if err != nil {
		return err
	}
	w := s.h.w
	var open, settled []*engine.CallRecord
	for _, c := range all {
		if doubtful(s.run, c) {
			open = append(open, c)
		} else {
			settled = append(settled, c)
		}
	}
	if len(open) > 0 {
		w.heading(count(len(open), "call") + " in doubt: sent, and no answer came. Look at the tenant, then say what happened")
		for _, c := range open {
			s.doubt(c)
		}
		fmt.Fprintf(w.stdout, "  then go on with: a0run resume %s%s\n", s.short, s.h.flag())
	}
	if len(all) == 0 && s.run.Status == engine.RunInDoubt && stateOf(s.run, s.short).next != "" {
		w.heading("nothing is in doubt any more: go on with a0run resume " + s.short + s.h.flag())
	}
	if len(settled) > 0 {
		title := count(len(settled), "call") + " sent and not answered yet"
		if !s.run.Live {
			title = count(len(settled), "call") + " sent and not answered; a resume settles that: a0run resume " + s.short + s.h.flag()
		}
		w.heading(title)
		for _, c := range settled {
			fmt.Fprintf(w.stdout, "  %s at %s: %s\n", describeCall(c), c.Where, settling(c))
		}
	}
	return nil
}

// describeCall is an operation with its object.
func describeCall(c *engine.CallRecord) string {
	return oneLine(strings.TrimSpace(c.Operation + " " + objectOf(c)))
}

// settling is what a resume does about a call that was begun.
func settling(c *engine.CallRecord) string {
	switch {
	case c.Durable && findable(c):
		return "it is looked for, and sent again only if it is not there"
	case c.Effect == string(catalog.Delete):
		return "it is sent again, and a 404 then means that it was done"
	case c.Durable:
		return "nobody can tell"
	}
	return "it is sent again, which does no harm"
}

// doubt prints one call in doubt.
func (s *shown) doubt(c *engine.CallRecord) {
	w := s.h.w
	name := c.Key[:min(12, len(c.Key))]
	fmt.Fprintf(w.stdout, "  %s %s\n", w.paint("31", describeCall(c)), w.paint("2", "call "+name))
	say := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w.stdout, "    %s %s\n", w.paint("2", fmt.Sprintf("%-6s", name)), oneLine(text))
		}
	}
	say("sent", c.Began.Local().Format(longDate)+" at "+c.Where+tenantOf(s.run, c))
	say("with", shortened(compact(s.h.tree(c.Args)), 400, false))
	say("error", s.h.problem(c))
	say("check", whatToCheck(c))
	base := "a0run resolve " + s.short + " " + name
	done := base + " --done"
	if makesObject(c) {
		done += " ID"
	}
	say("done?", done+s.h.flag())
	say("not?", base+" --not-done"+s.h.flag())
}

// tenantOf names the tenant of a call.
func tenantOf(run *engine.RunRecord, c *engine.CallRecord) string {
	for _, t := range run.Tenants {
		if t.Role == c.Tenant {
			return " on " + t.Domain
		}
	}
	return ""
}

// makesObject reports whether a call makes something that has an id.
func makesObject(c *engine.CallRecord) bool {
	op, ok := catalog.Default().Lookup(c.Operation)
	return ok && op.Effect == catalog.Create && op.Subject.Field != ""
}

// whatToCheck says what to look at in the tenant.
func whatToCheck(c *engine.CallRecord) string {
	op, ok := catalog.Default().Lookup(c.Operation)
	if !ok {
		return "whether it was done"
	}
	summary := strings.TrimSuffix(op.Summary, ".")
	switch {
	case op.Effect == catalog.Create && len(op.NaturalKey.Fields) > 0:
		return fmt.Sprintf("whether the tenant has a new object of %s with the %s that was sent (auth0.%s finds it)",
			op.Subject.Kind, strings.Join(op.NaturalKey.Fields, " and "), op.NaturalKey.Find)
	case op.Effect == catalog.Create:
		return "whether the tenant has a new object of " + op.Subject.Kind + " as it was sent, made at that time"
	case op.Effect == catalog.Act:
		return "whether the tenant did it (" + summary + "), for example in its logs of that time"
	}
	return "whether it was done (" + summary + ")"
}
