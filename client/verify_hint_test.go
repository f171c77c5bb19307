package client

import (
	"errors"
	"strings"
	"testing"
)

func TestTokenHints(t *testing.T) {
	for _, code := range []string{"malformed", "algorithm", "key", "signature", "iss", "sub", "aud", "exp", "nbf", "iat", "nonce", "org", "azp", "auth_time"} {
		hint := (&TokenValidationError{Code: code}).Hint()
		if (hint == "") != (code == "sub") {
			t.Errorf("%s: hint %q", code, hint)
		}
	}
	_, err := newVerifier().verify(t.Context(), "a.b", VerifyOptions{})
	if e, ok := errors.AsType[*TokenValidationError](err); !ok || !strings.Contains(e.Hint(), "this has 2") {
		t.Errorf("the cause is not told: %v", err)
	}
	_, err = newVerifier().verify(t.Context(), "YQ==.YQ.YQ", VerifyOptions{})
	if e, ok := errors.AsType[*TokenValidationError](err); !ok || !strings.Contains(e.Hint(), "header: padding") {
		t.Errorf("the padding is not told: %v", err)
	}
	v, h, clock := newHosted()
	accepts(t, v, withKid(t, "k1"))
	h.err = errors.New("host is down")
	clock.add(601)
	err = missing(t, v, "k2")
	if e, ok := errors.AsType[*TokenValidationError](err); !ok || !strings.Contains(e.Hint(), "host is down") {
		t.Errorf("the failed fetch is not told: %v", err)
	}
}
