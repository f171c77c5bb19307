package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestWrongCalls(t *testing.T) {
	tests := []struct {
		name, op string
		args     Args
		want     []string // in the error
	}{
		{"unknown operation", "users.updat", nil, []string{"users.updat", "did you mean users.update?"}},
		{"unknown argument", "users.get", Args{"id": "x", "field": "a"}, []string{"users.get: field:", "did you mean fields?"}},
		{"missing argument", "users.get", nil, []string{"users.get: id: is required"}},
		{"missing body", "users.update", Args{"id": "x"}, []string{"users.update: body: is required"}},
		{"empty id", "users.get", Args{"id": ""}, []string{"users.get: id:", "is no id"}},
		{"dot", "users.delete", Args{"id": "."}, []string{"is no id"}},
		{"dots", "users.delete", Args{"id": ".."}, []string{"is no id"}},
		{"null", "users.get", Args{"id": json.RawMessage("null")}, []string{"id: is required"}},
		{"encoded already", "users.get", Args{"id": "auth0%7C1"}, []string{"percent-encoded already", `"auth0|1"`}},
		{"object in the path", "users.get", Args{"id": map[string]any{}}, []string{"users.get: id: an object cannot"}},
		{"object in the query", "users.list", Args{"q": map[string]any{}}, []string{"users.list: q: an object cannot"}},
		{"body is no JSON", "users.update", Args{"id": "x", "body": json.RawMessage(`{`)}, []string{"users.update: body: the given text is not JSON"}},
		{"body cannot be written", "users.update", Args{"id": "x", "body": make(chan int)}, []string{"users.update: body: the value cannot be written"}},
		{"body and field", "get_token.client_credentials", Args{"audience": "a", "body": map[string]any{}}, []string{"body: is given beside audience"}},
		{"header with a line break", "users.create", Args{"body": map[string]any{}, "auth0_custom_domain": "a\nb"}, []string{"auth0_custom_domain: a header cannot"}},
		{"domain with a path", "get_token.client_credentials", Args{"audience": "a", "domain": "acme.com/x"}, []string{"domain:", "more than scheme"}},
	}
	c := tenant(t, config{ClientID: "app", ClientSecret: "s", Token: "t"}, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was sent", r.Method, r.URL)
	})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.Do(t.Context(), tt.op, tt.args)
			if _, ok := errors.AsType[*ArgumentError](err); !ok {
				t.Fatalf("got %T: %v", err, err)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestDomains(t *testing.T) {
	for domain, want := range map[string]string{
		"acme.eu.auth0.com":          "https://acme.eu.auth0.com",
		" Acme.EU.auth0.com/":        "https://acme.eu.auth0.com",
		"https://acme.eu.auth0.com/": "https://acme.eu.auth0.com",
		"https://127.0.0.1:8443":     "https://127.0.0.1:8443",
		"http://localhost:3000":      "http://localhost:3000",
		"http://[::1]:3000":          "http://[::1]:3000",
		"":                           "", "https://": "", "http://acme.com": "", "ftp://acme.com": "", "https://u:geheim@acme.com": "",
		"acme.com/tenant": "", "acme.com?x=geheim": "", "http://10.0.0.1": "",
	} {
		c, err := open(config{Domain: domain, Token: "t"})
		if want == "" {
			if err == nil {
				t.Errorf("%q was taken", domain)
			} else if strings.Contains(err.Error(), "geheim") {
				t.Errorf("%q shows a secret", err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", domain, err)
			continue
		}
		if c.base.String() != want || c.Issuer() != "https://"+c.Domain()+"/" {
			t.Errorf("%q: %s, issuer %s", domain, c.base, c.Issuer())
		}
	}
}

func TestBodies(t *testing.T) {
	tests := []struct {
		name, op, kind, want string
		args                 Args
	}{
		{
			"fields and fixed", "get_token.client_credentials", "application/json",
			`{"client_id":"app","audience":"aud","organization":null,"grant_type":"client_credentials","client_secret":"s3cret"}`,
			Args{"audience": "aud", "organization": json.RawMessage("null")},
		},
		{
			"whole body of fields", "get_token.client_credentials", "application/json",
			`{"client_id":"app","audience":"aud","x":1,"grant_type":"client_credentials","client_secret":"s3cret"}`,
			Args{"body": json.RawMessage(`{"audience":"aud","x":1}`)},
		},
		{
			"another application", "get_token.client_credentials", "application/json",
			`{"client_id":"other","audience":"aud","grant_type":"client_credentials","client_secret":"else"}`,
			Args{"audience": "aud", "client_id": "other", "client_secret": "else"},
		},
		{
			"another application without a secret", "get_token.client_credentials", "application/json",
			`{"client_id":"other","audience":"aud","grant_type":"client_credentials"}`,
			Args{"audience": "aud", "client_id": "other"},
		},
		{
			"client id alone", "get_token.authorization_code_pkce", "application/json",
			`{"client_id":"app","code_verifier":"v","code":"c","redirect_uri":"https://a","grant_type":"authorization_code"}`,
			Args{"code_verifier": "v", "code": "c", "redirect_uri": "https://a"},
		},
		{"relation", "users.add_roles", "application/json", `{"roles":["rol_1"]}`, Args{"id": "x", "roles": []string{"rol_1"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []line
			c := tenant(t, config{ClientID: "app", ClientSecret: "s3cret", Token: "t"}, record(&got, 200, `{"access_token":"x"}`))
			if _, err := c.Do(t.Context(), tt.op, tt.args); err != nil {
				t.Fatal(err)
			}
			if got[0].Body != tt.want || got[0].Header.Get("Content-Type") != tt.kind {
				t.Errorf("got  %s (%s)\nwant %s", got[0].Body, got[0].Header.Get("Content-Type"), tt.want)
			}
		})
	}
}

func TestForms(t *testing.T) {
	var got []line
	c := tenant(t, config{ClientID: "app", ClientSecret: "s3cret"}, record(&got, 201, `{"request_uri":"urn:x","expires_in":30}`))
	_, err := c.Do(t.Context(), "authentication.pushed_authorization_requests.pushed_authorization_request", Args{
		"response_type": "code", "redirect_uri": "https://a/b?c=d",
	})
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(got[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"client_id": "app", "client_secret": "s3cret", "response_type": "code", "redirect_uri": "https://a/b?c=d"} {
		if form.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, form.Get(name), want)
		}
	}
	if kind := got[0].Header.Get("Content-Type"); kind != "application/x-www-form-urlencoded" {
		t.Errorf("sent as %q", kind)
	}
}

func TestBrowserAddressesAreNotSent(t *testing.T) {
	c, err := open(config{Domain: "acme.eu.auth0.com", ClientID: "app"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Do(t.Context(), "authentication.authorize.url", Args{"response_type": "code", "scope": "openid profile"})
	if err != nil {
		t.Fatal(err)
	}
	if want := `"https://acme.eu.auth0.com/authorize?client_id=app&response_type=code&scope=openid+profile"`; string(r.Body) != want {
		t.Errorf("got %s", r.Body)
	}
}

func TestTelemetry(t *testing.T) {
	for _, silent := range []bool{false, true} {
		var got []line
		c := tenant(t, config{NoTelemetry: silent}, record(&got, 200, `{}`))
		if _, err := c.Do(t.Context(), "users.get", Args{"id": "x"}); err != nil {
			t.Fatal(err)
		}
		said := got[0].Header.Get("Auth0-Client")
		if silent {
			if said != "" || got[0].Header.Get("User-Agent") != "" {
				t.Errorf("silent, it said %q and %q", said, got[0].Header.Get("User-Agent"))
			}
			continue
		}
		text, err := base64.StdEncoding.DecodeString(said)
		var v struct {
			Name, Version string
			Env           map[string]string
		}
		if err != nil || json.Unmarshal(text, &v) != nil || v.Name != "a0run" || v.Version != Version || v.Env["go"] == "" {
			t.Errorf("it said %s", text)
		}
	}
}

// A read that is sent to another host goes there without the token; a change
// goes nowhere.
func TestRedirects(t *testing.T) {
	var there []line
	other := httptest.NewServer(record(&there, 200, `{"there":true}`))
	defer other.Close()
	c := tenant(t, config{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v2/users/near":
			http.Redirect(w, r, "/api/v2/users/there", http.StatusFound)
		case "/api/v2/users/there":
			if r.Header.Get("Authorization") == "" {
				t.Error("the token was lost on the way to the same host")
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{}`))
		default:
			http.Redirect(w, r, other.URL+"/x?secret=geheim", http.StatusTemporaryRedirect)
		}
	})
	if _, err := c.Do(t.Context(), "users.get", Args{"id": "near"}); err != nil {
		t.Error(err)
	}
	for _, op := range []string{"users.get", "users.delete"} {
		_, err := c.Do(t.Context(), op, Args{"id": "far"})
		// The other host speaks plain http: it is not followed there at all.
		if e, ok := errors.AsType[*Auth0Error](err); !ok || e.StatusCode != 307 || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v", op, err)
		}
	}
	if len(there) != 0 {
		t.Errorf("%d requests went elsewhere", len(there))
	}
}

// elsewhere sends a read to another https host.
type elsewhere struct{ tokens map[string]string }

func (e *elsewhere) RoundTrip(r *http.Request) (*http.Response, error) {
	e.tokens[r.URL.Host] = r.Header.Get("Authorization")
	header := http.Header{"Location": {"https://elsewhere.example/x"}}
	status := http.StatusFound
	if r.URL.Host == "elsewhere.example" {
		status, header = 200, http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: r}, nil
}

func TestRedirectLeavesTheTokenBehind(t *testing.T) {
	e := &elsewhere{tokens: map[string]string{}}
	c, err := open(config{Domain: "acme.eu.auth0.com", Token: "t", Transport: e})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(context.Background(), "users.get", Args{"id": "x"}); err != nil {
		t.Fatal(err)
	}
	if e.tokens["acme.eu.auth0.com"] != "Bearer t" || e.tokens["elsewhere.example"] != "" || len(e.tokens) != 2 {
		t.Errorf("tokens went %v", e.tokens)
	}
}
