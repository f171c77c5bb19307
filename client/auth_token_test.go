package client

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeToken(t *testing.T) {
	got, err := decodeToken(json.RawMessage(`{"access_token":"a","token_type":"Bearer","expires_in":86400,"scope":"x y",
		"id_token":"i","refresh_token":"r","issued_token_type":"urn:x","more":{"b":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Token{
		AccessToken: NewSecret("a"), TokenType: "Bearer", ExpiresIn: 86400, Scope: "x y",
		IDToken: NewSecret("i"), RefreshToken: NewSecret("r"), IssuedTokenType: "urn:x",
	}
	same := cmp.Comparer(func(a, b Secret) bool { return a.Reveal() == b.Reveal() })
	if d := cmp.Diff(want, got, same); d != "" {
		t.Error(d)
	}
	for text, expires := range map[string]int64{
		`{"access_token":"a"}`:                       0,
		`{"access_token":"a","expires_in":null}`:     0,
		`{"access_token":"a","expires_in":"3600"}`:   3600,
		`{"access_token":"a","expires_in":86400.0}`:  86400,
		`{"id_token":"i","expires_in":1}`:            1,
		`{"access_token":"a","expires_in":2.592e+6}`: 2592000,
	} {
		got, err := decodeToken(json.RawMessage(text))
		if err != nil || got.ExpiresIn != expires {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestDecodeTokenRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                     "no access_token",
		`{"token_type":"Bearer"}`:                "no access_token",
		`{"access_token":"` + canary:             "not JSON",
		``:                                       "not JSON",
		`"` + canary + `"`:                       "type",
		`{"access_token":["` + canary:            "not JSON",
		`{"token_type":{"` + canary + `":1}}`:    "token_type",
		`{"access_token":{"` + canary + `":1}}`:  "JSON object that the API says",
		`{"access_token":"a","expires_in":-1}`:   "expires_in",
		`{"access_token":"a","expires_in":1e99}`: "expires_in",
		`{"access_token":"a","expires_in":"` + canary + `"}`: "JSON",
	} {
		_, err := decodeToken(json.RawMessage(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestSecretArgumentsAreSent(t *testing.T) {
	args := Args{"refresh_token": NewSecret(canary), "scope": "openid", "n": nil}
	got := revealed(args)
	if d := cmp.Diff(Args{"refresh_token": canary, "scope": "openid", "n": nil}, got); d != "" {
		t.Error(d)
	}
	if fmt.Sprint(args["refresh_token"]) != "[secret]" {
		t.Error("the caller's arguments were changed")
	}
}
