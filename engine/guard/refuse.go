package guard

import (
	"fmt"
	"strings"

	"a0run/engine"
)

// A reason is why a guard refuses something.
type reason struct {
	guard string          // its path: "limits.users.delete"
	where engine.Position // its line
	text  string          // what is refused, and the numbers
	hint  string          // what to do
}

// refused is the error of a call that a guard refuses; c is nil where the run
// is refused as a whole.
func refused(c *engine.Call, r reason) *engine.Error {
	e := &engine.Error{Name: engine.NameGuardError, ResetAt: -1, HintText: r.hint, Message: r.text + " (the guard " + r.guard}
	if where := r.where.String(); where != "" {
		e.Message += ", " + where
	}
	e.Message += ")"
	if c != nil {
		e.Operation, e.Where = c.Name, c.Where
	}
	return e
}

// planHint is what to do where a run must be looked at first.
const planHint = "make a plan and apply it (a0run plan FILE -o PLAN, a0run apply PLAN), or say --yes"

// passing reports whether an error says nothing about what was asked: the
// network, the rate limit, the end of the run. The next attempt may go well.
func passing(e *engine.Error) bool {
	switch e.Name {
	case engine.NameNetworkError, engine.NameTimeoutError, engine.NameRateLimitError:
		return true
	}
	return e.Uncatchable()
}

// unread is the error of a call about which a guard could not find out what it
// must know. What passes is handed on as what it is; nothing was sent.
func unread(c *engine.Call, r reason, err error) *engine.Error {
	cause := engine.AsError(err)
	if cause.Uncatchable() {
		return cause
	}
	if passing(cause) {
		e := *cause
		e.Operation, e.Where, e.Message = c.Name, c.Where, r.text+": "+cause.Message
		return &e
	}
	if cause.StatusCode == 403 {
		r.hint = "give the application a0run logs in as a scope that may read it; the tenant says: " + cause.Message
	} else {
		r.text += ": " + cause.Message
	}
	e := refused(c, r)
	e.CallKey, e.Cause = cause.CallKey, err
	return e
}

// of names the tenant where the guard is one of a tenant.
func (t Tenant) of() string {
	if t.Name == "" {
		return ""
	}
	return " in the tenant " + t.Name
}

// kindName is what n objects of a kind are called: 1 user, 2 users.
func kindName(n int64, kind string) string {
	last := kind[strings.LastIndexByte(kind, '.')+1:]
	switch {
	case n != 1, last == "settings", last == "sms":
		return kind
	case strings.HasSuffix(kind, "ies"):
		return strings.TrimSuffix(kind, "ies") + "y"
	}
	return strings.TrimSuffix(kind, "s")
}

func plural(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
