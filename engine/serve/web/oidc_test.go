package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"a0run/engine/serve/web"
)

// fakeLogin is an Auth0 that lets in whoever comes back with its state.
type fakeLogin struct{ name, role string }

func (f fakeLogin) Begin(_ context.Context, callback string) (string, json.RawMessage, error) {
	return "https://acme.example.com/authorize?state=st4te&redirect_uri=" + url.QueryEscape(callback), json.RawMessage(`"st4te"`), nil
}

func (f fakeLogin) Finish(_ context.Context, _, query string, pending json.RawMessage) (string, string, error) {
	if string(pending) != `"st4te"` || query != "state=st4te" {
		return "", "", errors.New("the answer belongs to another log-in")
	}
	return f.name, f.role, nil
}

func TestLogInAtAuth0(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	h := open(t, func(o *web.Options) {
		o.OIDC, o.URL, o.Tokens = fakeLogin{"ada@example.com", "operator"}, "http://room.example.com", nil
		o.Now = func() time.Time { return now }
	})
	b := h.browser()
	if got := b.get("/login"); !strings.Contains(got.body, "Log in with Auth0") || strings.Contains(got.body, `name="token"`) {
		t.Error("the log-in does not offer Auth0, or offers a token")
	}
	begin := b.get("/login/begin?back=" + url.QueryEscape("/runs?status=failed"))
	if to := begin.header.Get("Location"); begin.status != http.StatusSeeOther || !strings.Contains(to, url.QueryEscape("http://room.example.com/login/oidc")) {
		t.Fatalf("%d %s", begin.status, to)
	}
	if cookie := begin.header.Get("Set-Cookie"); strings.Contains(cookie, "st4te") || !strings.Contains(cookie, "HttpOnly") {
		t.Errorf("what is remembered can be read: %s", cookie)
	}
	// Another browser has not begun; a forged cookie is none.
	if got := h.browser().get("/login/oidc?state=st4te"); got.status != http.StatusBadRequest {
		t.Errorf("without having begun: %d", got.status)
	}
	forger := h.browser()
	at, err := url.Parse(h.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	forger.http.Jar.SetCookies(at, []*http.Cookie{{Name: "a0run_login", Value: "InN0NHRlIg"}})
	if got := forger.get("/login/oidc?state=st4te"); got.status != http.StatusBadRequest {
		t.Errorf("a forged cookie: %d", got.status)
	}
	done := b.get("/login/oidc?state=st4te")
	if done.status != http.StatusSeeOther || done.header.Get("Location") != "/runs?status=failed" {
		t.Fatalf("%d %s", done.status, done.header.Get("Location"))
	}
	if got := b.get("/runs"); got.status != http.StatusOK || !strings.Contains(got.body, "ada@example.com") || !strings.Contains(got.body, "operator") {
		t.Errorf("she is not in: %d", got.status)
	}
	if got := b.get("/login/oidc?state=st4te"); got.status != http.StatusBadRequest {
		t.Errorf("the same answer again: %d", got.status)
	}
	// Another's answer, and one that comes too late.
	other := h.browser()
	other.get("/login/begin")
	if got := other.get("/login/oidc?state=another"); got.status != http.StatusForbidden || !strings.Contains(got.body, "another log-in") {
		t.Errorf("another's answer: %d", got.status)
	}
	other.get("/login/begin")
	now = now.Add(11 * time.Minute)
	if got := other.get("/login/oidc?state=st4te"); got.status != http.StatusBadRequest {
		t.Errorf("too late: %d", got.status)
	}
}

func TestLogInWithoutARole(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *web.Options) { o.OIDC, o.URL = fakeLogin{"eve@example.com", "boss"}, "http://room.example.com" })
	b := h.browser()
	b.get("/login/begin")
	if got := b.get("/login/oidc?state=st4te"); got.status != http.StatusForbidden || !strings.Contains(got.body, "no role") {
		t.Errorf("%d", got.status)
	}
	if got := b.get("/runs"); got.status != http.StatusSeeOther {
		t.Errorf("she is in: %d", got.status)
	}
}
