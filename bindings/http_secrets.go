package bindings

import (
	"net/http"
	"strings"

	"a0run/client/egress"
	"a0run/engine"
)

// secretHeader reports whether a header bears credentials.
func secretHeader(canonical string) bool {
	switch canonical {
	case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie":
		return true
	}
	return secretName(canonical)
}

// secretName reports whether a name is one under which secrets are sent: the
// words of it, whichever way they are joined.
func secretName(name string) bool {
	plain := strings.NewReplacer("-", "_", ".", "_", " ", "_").Replace(strings.ToLower(name))
	switch plain {
	case "sig", "signature", "key", "code", "auth", "pwd", "hmac":
		return true
	case "token_type", "token_endpoint", "key_id", "idempotency_key":
		return false
	}
	for _, word := range []string{"password", "passwd", "passphrase", "secret", "token", "apikey", "api_key", "access_key", "private_key", "credential", "signature", "session", "authorization"} {
		if strings.Contains(plain, word) {
			return true
		}
	}
	return false
}

// markNamed copies a tree in which the texts under names of secrets are marked
// and known.
func (t *table) markNamed(v any) any {
	switch x := v.(type) {
	case *engine.Object:
		out := engine.NewObject(x.Len())
		for name, item := range x.All() {
			if text, ok := item.(string); ok && tokenName(name) {
				t.know(text)
				item = engine.Secret(text)
			} else {
				item = t.markNamed(item)
			}
			out.Set(name, item)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = t.markNamed(item)
		}
		return out
	}
	return v
}

// tokenName reports whether a field of JSON is certainly a secret. It is
// narrower than secretName: a body may be a report with any words in it, and
// what is learned here is hidden everywhere.
func tokenName(name string) bool {
	switch strings.ToLower(strings.ReplaceAll(name, "-", "_")) {
	case "password", "client_secret", "access_token", "refresh_token", "id_token", "api_key", "apikey", "private_key",
		"secret", "client_assertion", "assertion", "session_token", "signing_secret", "webhook_secret":
		return true
	}
	return false
}

// learnResponse makes the secrets of an answer known before anybody sees it.
func (t *table) learnResponse(resp *egress.Response) {
	for _, line := range resp.Header["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil {
			t.know(c.Value)
		}
	}
	if !isJSON(resp) {
		return
	}
	if tree, err := engine.ParseJSON(resp.Body); err == nil {
		t.markNamed(tree)
	}
}
