package client

import (
	"strings"
	"testing"
)

// A Secret in a struct of the caller is refused: it would become a password
// that reads "[secret]".
func TestSecretInAStructIsRefused(t *testing.T) {
	type body struct {
		Password Secret `json:"password"`
	}
	_, err := encode(body{Password: NewSecret("correct horse")})
	if err == nil || !strings.Contains(err.Error(), "Reveal") || strings.Contains(err.Error(), "horse") {
		t.Fatalf("got %v", err)
	}
	text, err := encode(map[string]any{"password": NewSecret("correct horse")})
	if err != nil || string(text) != `{"password":"correct horse"}` {
		t.Fatalf("got %s, %v", text, err)
	}
}
