package main

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"a0run/client"
	"a0run/client/sim"
	"a0run/engine"
)

// A shape is an answer that is none of the usual ones.
type shape struct {
	status     int
	kind, body string
	cut        bool // the connection breaks before the body's end
}

// RoundTrip gives tokens to whoever asks with client_credentials, and the shape
// for everything else.
func (s shape) RoundTrip(r *http.Request) (*http.Response, error) {
	status, kind, body := s.status, s.kind, io.Reader(strings.NewReader(s.body))
	if s.cut {
		body = io.MultiReader(body, brokenReader{})
	}
	if r.URL.Path == "/oauth/token" {
		asked, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(asked), `"client_credentials"`) {
			status, kind, body = 200, "application/json", strings.NewReader(`{"access_token":"t","token_type":"Bearer","expires_in":86400}`)
		}
	}
	h := http.Header{"X-Auth0-Requestid": {"req-1"}, "X-Extra": {"kept"}}
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	return &http.Response{Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", Header: h, Body: io.NopCloser(body), ContentLength: -1, Request: r}, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

// TestErrorShapes: whatever a tenant, or a proxy before it, answers with, the
// playbook has code, message, body, decoded content, headers and request id.
func TestErrorShapes(t *testing.T) {
	const (
		get    = `auth0.users.get("auth0|x")`
		login  = `get_token.login("ada@example.com", "Passw0rd-ada", { realm = "db" })`
		signup = `authentication.database.signup("ada@example.com", "Passw0rd-ada", "db")`
		js     = "application/json; charset=utf-8"
		noCode = "a0.sdk.internal.unknown"
	)
	// name, status_code, error_code, message, then a word on content
	for name, tc := range map[string]struct {
		call  string
		shape shape
		want  []string
	}{
		"JSON": {
			get,
			shape{404, js, `{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}`, false},
			[]string{"Auth0Error", "404", "inexistent_user", "The user does not exist.", "table"},
		},
		"JSON without a code": {
			get,
			shape{404, js, `{"statusCode":404,"error":"Not Found","message":"That action does not exist."}`, false},
			[]string{"Auth0Error", "404", "Not Found", "That action does not exist.", "table"},
		},
		"OAuth": {
			login,
			shape{403, js, `{"error":"invalid_grant","error_description":"Wrong email or password."}`, false},
			[]string{"Auth0Error", "403", "invalid_grant", "Wrong email or password.", "table"},
		},
		"OAuth with an empty description": {
			login,
			shape{403, js, `{"error":"invalid_grant","error_description":""}`, false},
			[]string{"Auth0Error", "403", "invalid_grant", "invalid_grant", "table"},
		},
		"signup": {
			signup,
			shape{400, js, `{"name":"BadRequestError","code":"invalid_signup","description":"Invalid sign up","statusCode":400}`, false},
			[]string{"Auth0Error", "400", "invalid_signup", "Invalid sign up", "table"},
		},
		"signup, a weak password": {
			signup,
			shape{400, js, `{"name":"PasswordStrengthError","code":"invalid_password","description":{"rules":[]},"statusCode":400}`, false},
			[]string{"Auth0Error", "400", "invalid_password", `{"rules":[]}`, "table"},
		},
		"mfa_required": {
			login,
			shape{403, js, `{"error":"mfa_required","error_description":"Multifactor authentication required","mfa_token":"mfa-1"}`, false},
			[]string{"Auth0Error", "403", "mfa_required", "Multifactor authentication required", "table"},
		},
		"text": {
			get,
			shape{500, "text/plain", "no\nhealthy upstream", false},
			[]string{"Auth0Error", "500", noCode, "no healthy upstream", "nil"},
		},
		"HTML": {
			get,
			shape{403, "text/html", "<html><h1>Forbidden</h1></html>", false},
			[]string{"Auth0Error", "403", noCode, "the answer is a page of HTML, of a proxy or of another site perhaps: <html><h1>Forbidden</h1></html>", "nil"},
		},
		"HTML with 200":   {get, shape{200, "text/html", "<html>login</html>", false}, []string{"Auth0Error", "200", noCode, "the answer is not JSON but text/html: <html>login</html>", "nil"}},
		"empty":           {get, shape{500, "", "", false}, []string{"Auth0Error", "500", noCode, "Internal Server Error", "nil"}},
		"a list":          {get, shape{400, js, `["a","b"]`, false}, []string{"Auth0Error", "400", noCode, `["a","b"]`, "table"}},
		"a string":        {get, shape{400, js, `"no"`, false}, []string{"Auth0Error", "400", noCode, "no", "string"}},
		"a number":        {get, shape{400, js, `7`, false}, []string{"Auth0Error", "400", noCode, "7", "number"}},
		"null":            {get, shape{400, js, `null`, false}, []string{"Auth0Error", "400", noCode, "Bad Request", "userdata"}},
		"JSON, broken":    {get, shape{400, js, `{"error":"x"`, false}, []string{"Auth0Error", "400", noCode, `{"error":"x"`, "nil"}},
		"cut off":         {login, shape{403, js, `{"error":"inv`, true}, []string{"NetworkError", "403", "nil", "network (receive): the answer did not come whole: the answer was cut off after 13 bytes: connection reset by peer", "nil"}},
		"cut off, though": {login, shape{200, js, `{"access_token":"x`, false}, []string{"NetworkError", "200", "nil", "network (receive): the answer did not come whole: the answer was cut off after 18 bytes: its JSON does not end", "nil"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, sim.Options{}, engine.Config{})
				var err error
				if d.client, err = client.New("acme.example", client.WithClientSecret("id", "the-client-secret"), client.WithTransport(tc.shape), client.WithoutRetry(), client.WithoutValidation()); err != nil {
					t.Fatal(err)
				}
				if err := d.play(t.Context(), "p.lua", `
local ok, e = pcall(function() return `+tc.call+` end)
assert(not ok)
for _, v in ipairs { "name", "status_code", "error_code", "message" } do print(tostring(e[v])) end
print(type(e.content))
print(e.body)
if e.headers then print(e.headers["x-extra"], e.request_id, e.headers["content-type"]) end
print(type(e.content) == "table" and e.content.mfa_token, e.where, e.operation)`); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, d.prints[:5]); diff != "" {
					t.Error(diff)
				}
				rest := d.prints[5:]
				kind := tc.shape.kind
				if kind == "" {
					kind = "nil"
				}
				body := tc.shape.body
				if body == "" || tc.call == login && tc.shape.status == 200 {
					body = "nil" // a part of an answer with tokens is not kept
				}
				if rest[0] != body || rest[1] != "kept\treq-1\t"+kind {
					t.Errorf("body and headers are %q", rest[:2])
				}
				last := rest[len(rest)-1]
				if !strings.HasSuffix(last, "\tp.lua:2\t"+operationIn(tc.call)) || strings.Contains(tc.shape.body, "mfa-1") != strings.HasPrefix(last, "mfa-1\t") {
					t.Errorf("its place is %q", last)
				}
			})
		})
	}
}

// operationIn is the operation that a call names.
func operationIn(call string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(call, "auth0."), "(")
	return name
}
