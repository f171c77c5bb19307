package client

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// tenant starts a server on loopback and a client for it.
func tenant(t *testing.T, cfg config, h http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	cfg.Domain = srv.URL
	if cfg.Token == "" && cfg.ClientID == "" {
		cfg.Token = "a-management-token"
	}
	c, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// line is what a handler saw of a request.
type line struct {
	Method, URI, Body string
	Header            http.Header
}

// record keeps what came and answers with a JSON text.
func record(into *[]line, status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		*into = append(*into, line{r.Method, r.RequestURI, string(text), r.Header.Clone()})
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestRequestsOnTheWire(t *testing.T) {
	tests := []struct {
		name, op string
		args     Args
		want     line
	}{
		{"path id with percent signs", "connections.get", Args{"id": "100%25 sure%7C"}, line{Method: "GET", URI: "/api/v2/connections/100%2525%20sure%257C"}},
		{"path id of a provider's making", "users.get", Args{"id": "samlp|acme|a%40b.com"}, line{Method: "GET", URI: "/api/v2/users/samlp%7Cacme%7Ca%2540b.com"}},
		{"path id encoded", "users.get", Args{"id": "auth0|6 3/a?b#c"}, line{Method: "GET", URI: "/api/v2/users/auth0%7C6%203%2Fa%3Fb%23c"}},
		{"list in the query", "users.get", Args{"id": "x", "fields": []string{"email", "name"}, "include_fields": true}, line{Method: "GET", URI: "/api/v2/users/x?fields=email%2Cname&include_fields=true"}},
		{"list of any", "users.get", Args{"id": "x", "fields": []any{"email", "name"}}, line{Method: "GET", URI: "/api/v2/users/x?fields=email%2Cname"}},
		{"list as JSON", "users.get", Args{"id": json.RawMessage(`"x"`), "fields": json.RawMessage(`["a","b"]`)}, line{Method: "GET", URI: "/api/v2/users/x?fields=a%2Cb"}},
		{"empty list not sent", "users.get", Args{"id": "x", "fields": []string{}}, line{Method: "GET", URI: "/api/v2/users/x"}},
		{"nil not sent", "users.list", Args{"q": nil, "page": 3}, line{Method: "GET", URI: "/api/v2/users?page=3"}},
		{"big integer", "users.list", Args{"page": int64(9007199254740993)}, line{Method: "GET", URI: "/api/v2/users?page=9007199254740993"}},
		{"raw body byte for byte", "users.update", Args{"id": "x", "body": json.RawMessage(`{ "a" : 1.0, "b":"<&>" }`)}, line{Method: "PATCH", URI: "/api/v2/users/x", Body: `{ "a" : 1.0, "b":"<&>" }`}},
		{"body from Go", "users.update", Args{"id": "x", "body": map[string]any{"b": "<&>"}}, line{Method: "PATCH", URI: "/api/v2/users/x", Body: `{"b":"<&>"}`}},
		{"no body on delete", "users.delete", Args{"id": "x"}, line{Method: "DELETE", URI: "/api/v2/users/x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []line
			c := tenant(t, config{}, record(&got, 200, `{}`))
			if _, err := c.Do(t.Context(), tt.op, tt.args); err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || got[0].Method != tt.want.Method || got[0].URI != tt.want.URI || got[0].Body != tt.want.Body {
				t.Fatalf("got %+v\nwant %+v", got, tt.want)
			}
			if h := got[0].Header; h.Get("Authorization") != "Bearer a-management-token" {
				t.Errorf("Authorization is %q", h.Get("Authorization"))
			}
		})
	}
}
