package bindings

import (
	"errors"
	"testing"

	"a0run/client"
	"a0run/engine"
)

// TestResetAtIsUnset: only a rate limit tells when it opens; 0 would be 1970.
func TestResetAtIsUnset(t *testing.T) {
	t.Parallel()
	for want, errs := range map[int64][]error{
		-1: {
			&client.Auth0Error{StatusCode: 404}, &client.TimeoutError{}, &client.NetworkError{}, &client.TokenValidationError{},
			&client.ArgumentError{}, errors.New("any other"), &client.RateLimitError{Auth0Error: &client.Auth0Error{}, ResetAt: -1},
		},
		17: {&client.RateLimitError{Auth0Error: &client.Auth0Error{StatusCode: 429}, ResetAt: 17}},
	} {
		for _, err := range errs {
			if e := toError(err, "users.get"); e.ResetAt != want {
				t.Errorf("%T: reset_at %d, want %d", err, e.ResetAt, want)
			}
		}
	}
	b := newBench(t, engine.Head{})
	for call, args := range map[string][]any{
		"auth0.users.get": {5.0}, "file.read": {"missing.txt"}, "csv.decode": {"a,b\n1,2,3\n"}, "json.decode": {"{"},
	} {
		var e *engine.Error
		if _, err := b.call(call, args...); !errors.As(err, &e) || e.ResetAt != -1 {
			t.Errorf("%s: %+v", call, err)
		}
	}
}
