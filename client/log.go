package client

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"a0run/client/schema"
)

// logs reports whether somebody listens at a level.
func (c *Client) logs(ctx context.Context, level slog.Level) bool {
	return c.cfg.Logger != nil && c.cfg.Logger.Enabled(ctx, level)
}

// logAttempt tells of one attempt that was sent, or was about to be.
func (k *call) logAttempt(ctx context.Context, began time.Time, a *answer, err error) {
	if !k.logs(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("operation", k.op.ID), slog.String("method", k.op.Verb), slog.String("url", k.shown),
		slog.Int("attempt", k.attempts), slog.Duration("took", time.Since(began)),
	}
	if a != nil {
		attrs = append(attrs, slog.Int("status", a.status), slog.String("request_id", requestID(a.header)))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	k.cfg.Logger.LogAttrs(ctx, slog.LevelDebug, "auth0 request", attrs...)
}

// logRetry tells that a call is tried again after a wait.
func (k *call) logRetry(ctx context.Context, err error, wait time.Duration) {
	if k.logs(ctx, slog.LevelInfo) {
		k.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "auth0 call is tried again", slog.String("operation", k.op.ID),
			slog.Int("attempt", k.attempts), slog.Duration("wait", wait), slog.String("error", err.Error()))
	}
}

// logFailure tells of a call that failed. A refusal that the caller may well
// expect (404, 409) is no cause for a warning.
func (k *call) logFailure(ctx context.Context, err error) {
	level := slog.LevelWarn
	if e, ok := errors.AsType[*Auth0Error](err); ok && (e.StatusCode == 404 || e.StatusCode == 409) {
		level = slog.LevelDebug
	}
	if k.logs(ctx, level) {
		k.cfg.Logger.LogAttrs(ctx, level, "auth0 call failed", slog.String("operation", k.op.ID),
			slog.Int("attempts", k.attempts), slog.Duration("took", time.Since(k.started)),
			slog.Bool("in_doubt", InDoubt(err)), slog.String("error", err.Error()))
	}
}

// warner is told what validation found and did not refuse; nil where nobody
// wants to know.
func (c *Client) warner() func(operation string, m schema.Mistake) {
	if c.cfg.Validation.Warn != nil || c.cfg.Logger == nil {
		return c.cfg.Validation.Warn
	}
	return func(operation string, m schema.Mistake) {
		c.cfg.Logger.Warn("auth0 request may be wrong", "operation", operation, "field", m.Path, "problem", m.Problem, "hint", m.Hint)
	}
}
