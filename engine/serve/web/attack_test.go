package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"a0run/engine/serve/web"
)

// forms are the paths that change something, with the role that they need.
func (h *house) forms() map[string]string {
	return map[string]string{
		"/runs/" + h.run + "/undo": "operator", "/runs/" + h.live + "/cancel": "operator", "/runs/" + h.run + "/resume": "operator",
		"/schedules/nightly/pause": "operator", "/schedules/nightly/unpause": "operator", "/schedules/nightly/run": "operator",
		"/approvals/" + h.run + "/approve": "admin", "/approvals/" + h.run + "/reject": "admin", "/playbooks/p%2Fnightly.lua": "operator", "/reload": "admin",
	}
}

func TestNobodyComesInWithoutASession(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	b := h.browser()
	for _, path := range append(h.paths(), "/metrics", "/live", "/runs/"+h.live+"/live") {
		got := b.get(path)
		if got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/login") {
			t.Errorf("%s: %d to %s", path, got.status, got.header.Get("Location"))
		}
	}
	for path := range h.forms() {
		if got := b.post(path, url.Values{}); got.status != http.StatusUnauthorized {
			t.Errorf("POST %s: %d", path, got.status)
		}
	}
	for _, a := range h.room.Routes() {
		method, path, _ := strings.Cut(a, " ")
		if status, _ := h.api("", method, strings.NewReplacer("{run}", h.run, "{key}", "0", "{id}", "nightly").Replace(path), ""); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", a, status)
		}
	}
	if len(h.Commands()) > 0 {
		t.Errorf("strangers did %v", h.Commands())
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := b.get(path); got.status != http.StatusOK || got.body != "ok\n" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestForgedCookies(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	b := h.as(adminToken)
	at, err := url.Parse(h.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	real := b.http.Jar.Cookies(at)[0]
	if !real.HttpOnly && real.Value == "" {
		t.Fatal("no cookie")
	}
	flipped := []byte(real.Value)
	flipped[3] ^= 1
	for _, value := range []string{"", "admin", real.Value + "x", real.Value[1:], string(flipped), strings.Repeat("A", 43), "../../etc/passwd", "' OR 1=1 --"} {
		stranger := h.browser()
		stranger.http.Jar.SetCookies(at, []*http.Cookie{{Name: real.Name, Value: value}})
		if got := stranger.get("/runs"); got.status != http.StatusSeeOther {
			t.Errorf("the cookie %q: %d", value, got.status)
		}
	}
	// A cookie that a stranger planted before the log-in is another one after it.
	victim := h.browser()
	victim.http.Jar.SetCookies(at, []*http.Cookie{{Name: real.Name, Value: strings.Repeat("B", 43)}})
	victim.post("/login", url.Values{"token": {viewerToken}})
	if now := victim.http.Jar.Cookies(at); len(now) != 1 || now[0].Value == strings.Repeat("B", 43) {
		t.Errorf("the planted session was kept: %v", now)
	}
	// What was logged out is no session any more.
	b.post("/logout", url.Values{})
	again := h.browser()
	again.http.Jar.SetCookies(at, []*http.Cookie{{Name: real.Name, Value: real.Value}})
	if got := again.get("/runs"); got.status != http.StatusSeeOther {
		t.Errorf("after the log-out: %d", got.status)
	}
}

func TestForgedForms(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	b := h.as(adminToken)
	other := h.as(adminToken)
	for path := range h.forms() {
		for name, change := range map[string]func(*http.Request, url.Values){
			"no token":          func(_ *http.Request, f url.Values) { f.Del("csrf") },
			"a wrong token":     func(_ *http.Request, f url.Values) { f.Set("csrf", strings.Repeat("0", 64)) },
			"another's token":   func(_ *http.Request, f url.Values) { f.Set("csrf", other.csrf) },
			"another site":      func(r *http.Request, _ url.Values) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"another subdomain": func(r *http.Request, _ url.Values) { r.Header.Set("Sec-Fetch-Site", "same-site") },
			"another origin":    func(r *http.Request, _ url.Values) { r.Header.Set("Origin", "https://evil.example.com") },
			"a null origin":     func(r *http.Request, _ url.Values) { r.Header.Set("Origin", "null") },
		} {
			form := url.Values{"csrf": {b.csrf}}
			req := b.request("POST", path, nil)
			change(req, form)
			req.Body = io.NopCloser(strings.NewReader(form.Encode()))
			req.ContentLength = int64(len(form.Encode()))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if got := b.do(req); got.status != http.StatusForbidden {
				t.Errorf("%s with %s: %d", path, name, got.status)
			}
		}
	}
	// The API with a session's cookie wants the token too: a form of another site
	// can be sent as text/plain.
	req := b.request("POST", "/api/v1/runs/"+h.live+"/cancel", strings.NewReader("{}"))
	req.Header.Set("Content-Type", "text/plain")
	if got := b.do(req); got.status != http.StatusForbidden {
		t.Errorf("the API without a token: %d %s", got.status, got.body)
	}
	if len(h.Commands()) > 0 {
		t.Errorf("done was %v", h.Commands())
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	viewer, operator := h.as(viewerToken), h.as(operatorToken)
	for path, role := range h.forms() {
		if got := viewer.post(path, url.Values{}); got.status != http.StatusForbidden {
			t.Errorf("a viewer posts %s: %d", path, got.status)
		}
		got := operator.post(path, url.Values{"param.key": {"k"}})
		if want := map[string]int{"operator": http.StatusSeeOther, "admin": http.StatusForbidden}[role]; got.status != want {
			t.Errorf("an operator posts %s: %d, want %d", path, got.status, want)
		}
	}
	if got := operator.get("/audit"); got.status != http.StatusForbidden {
		t.Errorf("an operator reads the audit: %d", got.status)
	}
	if status, _ := h.api(viewerToken, "POST", "/runs/"+h.live+"/cancel", ""); status != http.StatusForbidden {
		t.Errorf("a viewer's token cancels: %d", status)
	}
	audit := h.as(adminToken).get("/audit").body
	for _, want := range []string{"token vera", "needs the role operator", "login"} {
		if !strings.Contains(audit, want) {
			t.Errorf("the audit lacks %q", want)
		}
	}
}

func TestLogInIsLimited(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	h := open(t, func(o *web.Options) { o.Now = func() time.Time { return now } })
	b := h.browser()
	for n := range 5 {
		if got := b.post("/login", url.Values{"token": {fmt.Sprintf("guess-%d", n)}}); got.status != http.StatusUnauthorized {
			t.Fatalf("guess %d: %d", n, got.status)
		}
	}
	if got := b.post("/login", url.Values{"token": {"guess-5"}}); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") == "" {
		t.Errorf("the sixth: %d", got.status)
	}
	if status, _ := h.api("guess", "GET", "/runs", ""); status != http.StatusTooManyRequests {
		t.Errorf("a bearer token: %d", status)
	}
	// Behind a proxy everybody has one address: who has a token gets in all the
	// same, and what others guess is refused as before.
	if status, got := h.api(adminToken, "GET", "/runs", ""); status != http.StatusOK {
		t.Errorf("the right bearer token: %d %v", status, got)
	}
	if got := h.browser().post("/login", url.Values{"token": {adminToken}}); got.status != http.StatusSeeOther {
		t.Errorf("the right token: %d", got.status)
	}
	if got := h.browser().post("/login", url.Values{"token": {"guess-6"}}); got.status != http.StatusTooManyRequests {
		t.Errorf("a wrong one after it: %d", got.status)
	}
	now = now.Add(time.Minute)
	if got := b.post("/login", url.Values{"token": {"guess-7"}}); got.status != http.StatusUnauthorized {
		t.Errorf("a minute later: %d", got.status)
	}
	// Each refused guess is in the audit once; those beyond the limit are not: they
	// would fill it.
	if audit := h.as(adminToken).get("/audit").body; strings.Count(audit, "no such token") != 6 {
		t.Errorf("%d guesses are in the audit, want 6", strings.Count(audit, "no such token"))
	}
}

func TestOtherHostsAreRefused(t *testing.T) {
	t.Parallel()
	h := open(t, func(o *web.Options) { o.URL = "http://room.example.com" })
	b := h.as(adminToken)
	for host, want := range map[string]int{
		"evil.example.com": http.StatusMisdirectedRequest, "127.0.0.1.nip.example": http.StatusMisdirectedRequest, "localhost.evil.example": http.StatusMisdirectedRequest, "": http.StatusOK,
		"localhost:8417": http.StatusOK, "127.0.0.1": http.StatusOK, "[::1]:80": http.StatusOK, "room.example.com": http.StatusOK, "ROOM.example.com.:443": http.StatusOK,
	} {
		for _, path := range []string{"/login", "/static/room.js", "/api/v1/health"} {
			req := b.request("GET", path, nil)
			req.Host = host
			got := b.do(req)
			if path == "/api/v1/health" && host != "" && want == http.StatusOK {
				continue // the cookie is another host's
			}
			loggedIn := path == "/login" && got.status == http.StatusSeeOther // it sends on who is in
			if got.status != want && (!loggedIn || want != http.StatusOK) {
				t.Errorf("%s at %q: %d, want %d", path, host, got.status, want)
			}
		}
	}
}

func TestPathsLeadNowhereElse(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	b := h.as(adminToken)
	for _, path := range []string{
		"/static/../room.go", "/static/..%2froom.go", "/static/%2e%2e/%2e%2e/room.go", "/static/..%5croom.go", "/static//etc/passwd", "/static/", "/static/room.css%00.js",
		"/playbooks/..%2f..%2fetc%2fpasswd", "/playbooks/%2fetc%2fpasswd", "/runs/..%2f..%2f", "/runs/%00", "/schedules/%2e%2e", "/api/v1/playbooks/..%2f..%2fetc%2fpasswd", "/templates/layout.html",
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", h.server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = path // exactly so on the wire
		got := b.do(req)
		for n := 0; got.status == http.StatusMovedPermanently || got.status == http.StatusTemporaryRedirect || got.status == http.StatusPermanentRedirect; n++ {
			if n > 3 {
				t.Fatalf("%s: redirects without end", path)
			}
			got = b.get(got.header.Get("Location"))
		}
		if got.status < 400 || got.status >= 500 || strings.Contains(got.body, "root:") || strings.Contains(got.body, "package web") {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	for _, back := range []string{"//evil.example.com", "https://evil.example.com", `/\evil.example.com`, "javascript:alert(1)", "/\t/evil.example.com", "evil"} {
		got := h.browser().post("/login", url.Values{"token": {viewerToken}, "back": {back}})
		if got.header.Get("Location") != "/" {
			t.Errorf("back=%q leads to %s", back, got.header.Get("Location"))
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	b := h.as(adminToken)
	big := strings.Repeat("x", 2<<20)
	if got := b.post("/schedules/nightly/pause", url.Values{"reason": {big}}); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a form of 2 MB: %d", got.status)
	}
	// Without a length that is told before.
	req := b.request("POST", "/api/v1/runs", io.MultiReader(strings.NewReader(`{"playbook":"`), strings.NewReader(big), strings.NewReader(`"}`)))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+adminToken)
	if got := b.do(req); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of 2 MB in pieces: %d %s", got.status, got.body)
	}
	req = b.request("GET", "/", nil)
	req.Header.Set("X-Big", big)
	if res, err := b.http.Do(req); err == nil {
		if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a header of 2 MB: %d", res.StatusCode)
		}
		_ = res.Body.Close()
	}
	if len(h.Commands()) > 0 {
		t.Errorf("done was %v", h.Commands())
	}
}

// The server of a room gives a connection its time and no more, and goes on
// serving others. Its timeouts are long, so that they are shortened here.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	s, err := web.StartWith(h.room, web.Timeouts{Header: 200 * time.Millisecond, Read: 400 * time.Millisecond, Write: time.Second, Conns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(t.Context()) })
	// As many as there may be connections, each with a header that never ends.
	var slow []net.Conn
	for range 8 {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // it is the server's to close
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")
		slow = append(slow, c)
	}
	body, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close() //nolint:errcheck // it is the server's to close
	_, _ = io.WriteString(body, "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntok")
	// They are let go, and then there is room for others.
	res, err := http.Get("http://" + s.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("health: %d", res.StatusCode)
	}
	for i, c := range append(slow, body) {
		if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(bufio.NewReader(c))
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("the slow client %d is still connected: %v", i, err)
		}
		if strings.Contains(string(all), "200 OK") {
			t.Errorf("the slow client %d was answered: %s", i, all)
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	b := h.as(adminToken)
	for _, path := range []string{"/", "/login", "/nothing", "/static/room.js", "/api/v1/health", "/healthz"} {
		got := b.get(path)
		policy := got.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q lacks %s", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || got.header.Get("X-Frame-Options") != "DENY" || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, got.header)
		}
	}
	at, _ := url.Parse(h.server.URL)
	for _, c := range b.http.Jar.Cookies(at) {
		if strings.Contains(c.Value, adminToken) {
			t.Error("a cookie holds the token")
		}
	}
}

func TestWhereARoomOpens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		listen    string
		tls, auth bool
		ok        bool
	}{
		{"127.0.0.1:8417", false, false, true},
		{"localhost:0", false, false, true},
		{"[::1]:8417", false, false, true},
		{"0.0.0.0:8417", false, false, false},
		{":8417", true, false, false},
		{":8417", false, true, false},
		{"192.0.2.1:8417", true, false, false},
		{"example.com:8417", false, true, false},
		{"[::]:8417", true, true, true},
		{"8417", true, true, false},
	} {
		if err := web.Safe(c.listen, c.tls, c.auth); (err == nil) != c.ok {
			t.Errorf("%s tls=%v auth=%v: %v", c.listen, c.tls, c.auth, err)
		}
	}
}
