package client

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

const benchUser = `{"user_id":"auth0|63d17c4a8869daf88ed7db97","email":"ada@example.com","email_verified":true,"name":"Ada","nickname":"ada","picture":"https://example.com/p.png","created_at":"2024-01-01T00:00:00.000Z","updated_at":"2024-01-01T00:00:00.000Z","identities":[{"connection":"Username-Password-Authentication","user_id":"63d17c4a8869daf88ed7db97","provider":"auth0","isSocial":false}],"user_metadata":{"plan":"gold"},"app_metadata":{}}`

// The client beside a bare transport that sends the same request and decodes
// the same answer.
func BenchmarkPatch(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Ratelimit-Limit", "1000000")
		w.Header().Set("X-Ratelimit-Remaining", "999999")
		w.Header().Set("X-Ratelimit-Reset", "4102444800")
		_, _ = io.WriteString(w, benchUser)
	}))
	defer srv.Close()
	b.Run("client", func(b *testing.B) {
		c, err := open(config{Domain: srv.URL, Token: "t"})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			r, err := c.Do(b.Context(), "users.update", Args{"id": "auth0|63d17c4a8869daf88ed7db97", "body": json.RawMessage(`{"blocked":true}`)})
			if err != nil {
				b.Fatal(err)
			}
			var v any
			if err := r.Decode(&v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		c := &http.Client{Transport: newTransport(config{})}
		b.ReportAllocs()
		for b.Loop() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPatch, srv.URL+"/api/v2/users/auth0%7C63d17c4a8869daf88ed7db97", bytes.NewReader([]byte(`{"blocked":true}`)))
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer t")
			req.Header.Set("Content-Type", "application/json")
			resp, err := c.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				b.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(text, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
