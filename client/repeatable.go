package client

import (
	"net/http"

	"a0run/client/pace"
)

// repeatable reports whether the call may be sent again after a lost answer:
// its operation allows it, or does with what it was given.
func (r *request) repeatable() bool {
	if r.op.Effect.Repeatable() {
		return true
	}
	name := r.op.RepeatableWith()
	if name == "" {
		return false
	}
	for _, g := range r.given {
		if g.arg.Name == name {
			text, err := plain(g.value)
			return err == nil && text == "true"
		}
	}
	return false
}

// notLimited reports whether a 429 is no word about the rate: a login that is
// asked about too often, or an import while two are under way.
func notLimited(operation string, e *Auth0Error) bool {
	return slowed(e) || operation == opImport && e != nil && busyImports(e.StatusCode, e.Message)
}

// maybeNotLimited reports whether a 429 of the operation has to be read before
// the budget is told of it.
func (k *call) maybeNotLimited(status int) bool {
	return status == http.StatusTooManyRequests && (Polls(k.op) || k.op.ID == opImport)
}

// classOfBusy is how a 429 that is not about the rate is tried again: whoever
// polls decides that himself; an import comes back after a while, though not at
// the reset of a bucket that is open.
func classOfBusy(e *Auth0Error) pace.FaultKind {
	if slowed(e) {
		return pace.Final
	}
	return pace.RateLimited
}
