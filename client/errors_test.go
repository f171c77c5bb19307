package client

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"a0run/client/pace"
)

// reply answers every request alike.
func reply(status int, kind, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestErrorBodies(t *testing.T) {
	const js = "application/json; charset=utf-8"
	tests := []struct {
		name, kind, body string
		status           int
		code, message    string
		content          bool
	}{
		{"management", js, `{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}`, 404, "inexistent_user", "The user does not exist.", true},
		{"no code", js, `{"statusCode":404,"error":"Not Found","message":"That action does not exist."}`, 404, "Not Found", "That action does not exist.", true},
		{"oauth", js, `{"error":"invalid_grant","error_description":"Wrong email or password."}`, 403, "invalid_grant", "Wrong email or password.", true},
		{"empty description", js, `{"error":"invalid_grant","error_description":""}`, 403, "invalid_grant", "invalid_grant", true},
		{"null description", js, `{"error":"x","error_description":null,"message":"m"}`, 400, "x", "m", true},
		{"signup", js, `{"code":"invalid_signup","description":"Invalid sign up","statusCode":400}`, 400, "invalid_signup", "Invalid sign up", true},
		{"description is an object", js, `{"code":"invalid_password","description":{"rules":[]},"name":"PasswordStrengthError"}`, 400, "invalid_password", `{"rules":[]}`, true},
		{"number for a code", js, `{"code":202,"message":"x"}`, 400, "202", "x", true},
		{"list", js, `["a","b"]`, 400, unknownCode, `["a","b"]`, true},
		{"string", js, `"no"`, 400, unknownCode, "no", true},
		{"number", js, `7`, 500, unknownCode, "7", true},
		{"null", js, `null`, 500, unknownCode, "Internal Server Error", true},
		{"empty", "", ``, 500, unknownCode, "Internal Server Error", false},
		{"text", "text/plain", "no\nhealthy upstream", 500, unknownCode, "no healthy upstream", false},
		{"html", "text/html", "<html><h1>502</h1></html>", 500, unknownCode, "the answer is a page of HTML, of a proxy or of another site perhaps: <html><h1>502</h1></html>", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := tenant(t, config{NoRetry: true}, reply(tt.status, tt.kind, tt.body, "X-Auth0-RequestId", "req-1"))
			_, err := c.Do(t.Context(), "users.get", Args{"id": "x"})
			e, ok := errors.AsType[*Auth0Error](err)
			if !ok {
				t.Fatalf("got %T: %v", err, err)
			}
			if e.StatusCode != tt.status || e.ErrorCode != tt.code || e.Message != tt.message {
				t.Errorf("got %d %q %q, want %d %q %q", e.StatusCode, e.ErrorCode, e.Message, tt.status, tt.code, tt.message)
			}
			if string(e.Body) != tt.body || (e.Content != nil) != tt.content || e.RequestID != "req-1" || e.Operation != "users.get" || e.Header.Get("Content-Type") != tt.kind && tt.kind != "" {
				t.Errorf("something was lost: %+v", e)
			}
		})
	}
}

func TestMissingScopes(t *testing.T) {
	c := tenant(t, config{}, reply(403, "application/json", `{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: update:users","errorCode":"insufficient_scope"}`))
	_, err := c.Do(t.Context(), "users.update", Args{"id": "x", "body": map[string]any{}})
	e, ok := errors.AsType[*Auth0Error](err)
	if !ok || len(e.MissingScopes) == 0 || e.MissingScopes[0] != "update:users" || !strings.Contains(e.Hint(), "update:users") {
		t.Fatalf("got %v", err)
	}
	if n := strings.Count(err.Error(), "update:users"); n == 0 {
		t.Errorf("%q does not name the scope", err)
	}
	c = tenant(t, config{}, reply(403, "application/json", `{"statusCode":403,"error":"Forbidden","message":"This feature is not part of your plan.","errorCode":"feature_not_enabled"}`))
	_, err = c.Do(t.Context(), "users.update", Args{"id": "x", "body": map[string]any{}})
	if e, ok := errors.AsType[*Auth0Error](err); !ok || e.MissingScopes != nil {
		t.Errorf("another 403 asks for scopes: %v", err)
	}
}

func TestResetAtOfARefusal(t *testing.T) {
	tests := []struct {
		name, body string
		header     []string
		want       int64
	}{
		{"header", `{}`, []string{"X-RateLimit-Reset", "4102444800"}, 4102444800},
		{"empty body", ``, []string{"X-RateLimit-Reset", "4102444800"}, 4102444800},
		{"none", `{}`, nil, -1},
		{"not a number", `{}`, []string{"X-RateLimit-Reset", "soon"}, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := tenant(t, config{NoRetry: true}, reply(429, "application/json", tt.body, tt.header...))
			_, err := c.Do(t.Context(), "users.get", Args{"id": "x"})
			e, ok := errors.AsType[*RateLimitError](err)
			if !ok || e.ResetAt != tt.want || e.StatusCode != 429 {
				t.Fatalf("got %#v", err)
			}
			if Classify(err) != pace.RateLimited {
				t.Errorf("classed as %d", Classify(err))
			}
			if got := ResetTime(err); tt.want > 0 && got.Unix() != tt.want || tt.want < 0 && !got.IsZero() {
				t.Errorf("ResetTime is %s", got)
			}
		})
	}
}

func TestAnswersThatAreNoJSON(t *testing.T) {
	t.Run("html", func(t *testing.T) {
		c := tenant(t, config{}, reply(200, "text/html", "<html>sign in to the hotel's network</html>"))
		_, err := c.Do(t.Context(), "users.create", Args{"body": map[string]any{"email": "x"}})
		e, ok := errors.AsType[*Auth0Error](err)
		if !ok || e.StatusCode != 200 || !strings.Contains(e.Message, "text/html") || !strings.Contains(e.Message, "sign in to the hotel") || !e.InDoubt {
			t.Fatalf("got %#v", err)
		}
	})
	t.Run("cut off inside", func(t *testing.T) {
		c := tenant(t, config{NoRetry: true}, reply(200, "application/json", `{"user_id":"auth`))
		_, err := c.Do(t.Context(), "users.get", Args{"id": "x"})
		e, ok := errors.AsType[*NetworkError](err)
		if !ok || e.Phase != "receive" || !e.Sent || e.InDoubt || Classify(err) != pace.Uncertain {
			t.Fatalf("got %#v", err)
		}
	})
	t.Run("text where text is due", func(t *testing.T) {
		c := tenant(t, config{ClientID: "app"}, reply(200, "text/html", "We've just sent you an email <to> you."))
		r, err := c.Do(t.Context(), "authentication.database.change_password", Args{"email": "a@example.com", "connection": "db"})
		if err != nil || string(r.Body) != `"We've just sent you an email <to> you."` {
			t.Fatalf("got %s, %v", r.Body, err)
		}
	})
	t.Run("empty", func(t *testing.T) {
		c := tenant(t, config{}, reply(204, "application/json", ""))
		r, err := c.Do(t.Context(), "users.delete", Args{"id": "x"})
		if err != nil || r.Body != nil || r.Status != 204 {
			t.Fatalf("got %+v, %v", r, err)
		}
	})
}

// cutBody announces more than it sends.
func cutBody(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, `{"user_id":`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func TestConnectionFaults(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		_ = l.Close()
		c, err := open(config{Domain: "http://" + address, Token: "t", NoRetry: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Do(t.Context(), "users.create", Args{"body": map[string]any{}})
		e, ok := errors.AsType[*NetworkError](err)
		if !ok || e.Phase != "connect" || e.Sent || e.InDoubt || Classify(err) != pace.NotSent {
			t.Fatalf("got %#v", err)
		}
	})
	t.Run("certificate", func(t *testing.T) {
		srv := httptest.NewUnstartedServer(reply(200, "application/json", `{}`))
		srv.Config.ErrorLog = nil
		srv.StartTLS()
		defer srv.Close()
		c, err := open(config{Domain: srv.URL, Token: "t"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Do(t.Context(), "users.get", Args{"id": "x"})
		e, ok := errors.AsType[*NetworkError](err)
		if !ok || e.Phase != "tls" || e.Sent || Classify(err) != pace.Final {
			t.Fatalf("got %#v", err)
		}
	})
	t.Run("http at a TLS port", func(t *testing.T) {
		srv := httptest.NewServer(reply(200, "application/json", `{}`))
		defer srv.Close()
		c, err := open(config{Domain: "https://" + strings.TrimPrefix(srv.URL, "http://"), Token: "t", NoRetry: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Do(t.Context(), "users.get", Args{"id": "x"})
		if e, ok := errors.AsType[*NetworkError](err); !ok || e.Phase != "tls" || e.Sent {
			t.Fatalf("got %#v", err)
		}
	})
	t.Run("cut off", func(t *testing.T) {
		c := tenant(t, config{NoRetry: true}, cutBody)
		_, err := c.Do(t.Context(), "users.create", Args{"body": map[string]any{}})
		e, ok := errors.AsType[*NetworkError](err)
		if !ok || e.Phase != "receive" || !e.Sent || !e.InDoubt || !InDoubt(err) || !strings.Contains(err.Error(), "cut off after 11 bytes") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("reset after the request", func(t *testing.T) {
		c := tenant(t, config{NoRetry: true}, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _, _ := w.(http.Hijacker).Hijack()
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		})
		_, err := c.Do(t.Context(), "users.update", Args{"id": "x", "body": map[string]any{}})
		e, ok := errors.AsType[*NetworkError](err)
		if !ok || !e.Sent || e.InDoubt || Classify(err) != pace.Uncertain {
			t.Fatalf("got %#v", err)
		}
	})
}

func TestUnavailable(t *testing.T) {
	for _, status := range []int{502, 503, 504} {
		c := tenant(t, config{NoRetry: true}, reply(status, "", ""))
		for op, doubt := range map[string]bool{"users.create": true, "users.regenerate_recovery_code": true, "users.update": false, "users.get": false} {
			args := Args{"id": "x"}
			switch op {
			case "users.create":
				args = Args{"body": map[string]any{}}
			case "users.update":
				args["body"] = map[string]any{}
			}
			_, err := c.Do(t.Context(), op, args)
			e, ok := errors.AsType[*Auth0Error](err)
			if !ok || e.InDoubt != doubt || Classify(err) != pace.Uncertain {
				t.Errorf("%s, %d: %#v", op, status, err)
			}
		}
	}
}

// An error that shows what was sent back at us holds no secret of ours.
func TestEchoesAreBlanked(t *testing.T) {
	const password, token, secret = `Canary"pass/word1`, "canary-token-0123456789", "canary-secret-0123456789"
	echo := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(400)
		text, _ := json.Marshal(map[string]string{
			"error": "Bad Request", "message": "I got " + string(body) + " with " + r.Header.Get("Authorization") + " at " + r.URL.String(),
		})
		_, _ = w.Write(text)
	}
	c := tenant(t, config{Token: token, ClientID: "app", ClientSecret: secret}, echo)
	calls := []struct {
		op   string
		args Args
	}{
		{"users.create", Args{"body": map[string]any{"email": "a@example.com", "password": password}}},
		{"get_token.login", Args{"username": "u", "password": password, "realm": "r", "scope": "s", "audience": "a"}},
		{"get_token.client_credentials", Args{"audience": "a"}},
		{"authentication.users.userinfo", Args{"access_token": "canary-access-token-42"}},
	}
	for _, call := range calls {
		_, err := c.Do(t.Context(), call.op, call.args)
		e, ok := errors.AsType[*Auth0Error](err)
		if !ok {
			t.Fatalf("%s: %v", call.op, err)
		}
		all := err.Error() + string(e.Body) + string(e.Content) + e.ErrorCode
		quoted, _ := json.Marshal(password)
		for _, canary := range []string{password, strings.Trim(string(quoted), `"`), token, secret, "anary"} {
			if strings.Contains(all, canary) {
				t.Errorf("%s: %q is in %s", call.op, canary, all)
			}
		}
		if !strings.Contains(all, hidden) {
			t.Errorf("%s: the echo was lost altogether: %s", call.op, all)
		}
	}
}

func TestHTTP2AndGzip(t *testing.T) {
	var proto, accepts string
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto, accepts = r.Proto, r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"ok":true}`)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	c, err := open(config{Domain: srv.URL, Token: "t", TLS: &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	r, err := c.Do(t.Context(), "users.update", Args{"id": "x", "body": map[string]any{"a": 1}})
	if err != nil || string(r.Body) != `{"ok":true}` {
		t.Fatalf("%v", err)
	}
	if proto != "HTTP/2.0" || accepts != "gzip" {
		t.Errorf("spoke %s, accepting %q", proto, accepts)
	}
}
