package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"a0run/client/catalog"
	"a0run/client/pace"
)

// Do calls an operation by its catalogue name (or alias). It checks the
// arguments, waits for the tenant's rate budget, sends, and tries again what
// may be tried again. An operation whose answer is a browser's redirect
// (authorize, logout) gives the URL and sends nothing.
func (c *Client) Do(ctx context.Context, operation string, args Args, opts ...CallOption) (*Response, error) {
	op, err := lookup(operation)
	if err != nil {
		return nil, err
	}
	return c.perform(ctx, op, args, readOptions(opts))
}

// perform is Do of an operation found.
func (c *Client) perform(ctx context.Context, op *catalog.Operation, args Args, o callOptions) (*Response, error) {
	args, err := o.join(op, args)
	if err != nil {
		return nil, err
	}
	r, err := c.prepare(op, args)
	if err != nil {
		return nil, err
	}
	if op.Answer == catalog.RedirectAnswer {
		text, err := encode(r.target)
		return &Response{Status: op.Status, Body: text}, err
	}
	k := c.newCall(r)
	k.options = o
	return k.run(ctx)
}

// call is one call on its way: its attempts share it.
type call struct {
	*Client
	*request
	options callOptions
	started time.Time
	// mine says that the call retries by itself, silent that no hook hears of it.
	mine, silent bool
	// attempts that were begun, faults that count against the policy.
	attempts, faults int
	// bearer is the management token of the latest attempt, renewed says that
	// a 401 has already been met with a new one.
	bearer  string
	renewed bool
	// uncertain says that an attempt's outcome is unknown.
	uncertain bool
}

func (c *Client) newCall(r *request) *call {
	return &call{Client: c, request: r, started: time.Now(), mine: !c.cfg.NoRetry}
}

// run is the call, told to the logger.
func (k *call) run(ctx context.Context) (*Response, error) {
	resp, err := k.try(ctx)
	if err != nil {
		k.logFailure(ctx, err)
	}
	return resp, err
}

// try sends until there is an answer to give.
func (k *call) try(ctx context.Context) (*Response, error) {
	for {
		k.attempts++
		resp, err := k.attempt(ctx)
		if err == nil {
			return resp, nil
		}
		if k.done(err) {
			return &Response{Status: http.StatusNoContent}, nil
		}
		if k.refreshable(err) {
			continue
		}
		kind := Classify(err)
		k.uncertain = k.uncertain || kind == pace.Uncertain
		if !k.mine || ctx.Err() != nil {
			return nil, err
		}
		if kind != pace.RateLimited {
			k.faults++
		}
		verdict := k.cfg.Retry.Decide(pace.Attempt{
			Number: max(k.faults, 1), Fault: kind, Repeatable: k.repeatable(), ResetAt: ResetTime(err),
			Started: k.started, Now: time.Now(), Random: rand.Float64(),
		})
		if limited, ok := errors.AsType[*RateLimitError](err); !verdict.Retry || ok && limited.Unsent {
			return nil, err
		}
		k.logRetry(ctx, err, verdict.Wait)
		if stop := sleep(ctx, verdict.Wait); stop != nil {
			return nil, fmt.Errorf("%w (%w while waiting to try again)", err, stop)
		}
	}
}

// done reports whether an error says that the work is done: the object of a
// delete is gone, after a delete whose answer was lost.
func (k *call) done(err error) bool {
	e, ok := errors.AsType[*Auth0Error](err)
	return ok && k.uncertain && k.op.Effect == catalog.Delete && e.StatusCode == http.StatusNotFound
}

// refreshable reports whether a 401 is worth one more attempt with a new
// management token, and gets rid of the old one.
func (k *call) refreshable(err error) bool {
	if k.op.Auth != catalog.ManagementToken || k.cfg.Token != "" || k.renewed {
		return false
	}
	if _, own := errors.AsType[*TokenError](err); own {
		return false
	}
	if e, ok := errors.AsType[*Auth0Error](err); !ok || e.StatusCode != http.StatusUnauthorized {
		return false
	}
	k.renewed = true
	k.Client.token.drop(k.bearer)
	return true
}

// sleep waits, or ends with its context.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// attempt sends once: a token is ready, the budget grants, the hooks agree, and
// only then do the bytes leave and the clock start.
func (k *call) attempt(ctx context.Context) (*Response, error) {
	if err := k.ready(ctx); err != nil {
		return nil, err
	}
	grant, err := k.pacer.Wait(ctx, k.claim())
	if err != nil {
		return nil, k.notGranted(err)
	}
	hreq, err := k.build(ctx)
	if err == nil {
		err = k.hooks(ctx)
	}
	if err != nil {
		k.pacer.Abandon(grant, false)
		return nil, err
	}
	began := time.Now()
	a, err := k.send(ctx, hreq, k.heads(grant))
	if err != nil {
		k.pacer.Abandon(grant, wasSent(err)) // nothing, where the answer's head was observed
		err = k.blanked(err)
	}
	k.logAttempt(ctx, began, a, err)
	if err != nil {
		return nil, err
	}
	k.observeLate(grant, a)
	return k.interpret(a)
}

// ready gets the management token where the operation needs it.
func (k *call) ready(ctx context.Context) error {
	if k.op.Auth != catalog.ManagementToken {
		k.bearer = k.request.token
		return nil
	}
	token, err := k.Client.token.get(ctx)
	k.bearer = token
	return err
}

// claim is what the attempt asks of the budget.
func (k *call) claim() pace.Claim {
	claim := pace.Claim{Buckets: k.op.Buckets, Flow: k.options.flow, Before: k.options.grantBy, Parked: k.options.parked}
	if k.mine {
		if until := k.cfg.Retry.Until(k.started); claim.Before.IsZero() || until.Before(claim.Before) {
			claim.Before = until
		}
	}
	if k.request.base != k.Client.base {
		// Another tenant has a budget of its own.
		claim.Buckets = make([]string, len(k.op.Buckets))
		for i, b := range k.op.Buckets {
			claim.Buckets[i] = k.request.base.Host + " " + b
		}
	}
	return claim
}

// notGranted is the error of a call that the budget did not let through.
func (k *call) notGranted(err error) error {
	late, ok := errors.AsType[*pace.LateError](err)
	if !ok {
		return fmt.Errorf("%s: %w", k.op.ID, err)
	}
	return &RateLimitError{
		Auth0Error: &Auth0Error{
			StatusCode: http.StatusTooManyRequests, ErrorCode: "too_many_requests", Operation: k.op.ID,
			Message: late.Error(), Header: http.Header{},
		},
		ResetAt: (late.ResetAt.UnixNano() + int64(time.Second) - 1) / int64(time.Second),
		Unsent:  true,
	}
}

// hooks asks the client's and the call's hook.
func (k *call) hooks(ctx context.Context) error {
	for _, hook := range []BeforeSendFunc{k.cfg.BeforeSend, k.options.beforeSend} {
		if hook == nil || k.silent {
			continue
		}
		if err := hook(ctx, SendInfo{Operation: k.op, Method: k.op.Verb, URL: k.shown, Attempt: k.attempts}); err != nil {
			return err
		}
	}
	return nil
}

// wasSent reports whether a fault leaves open that the request arrived.
func wasSent(err error) bool { return Classify(err) == pace.Uncertain }
