package client

import (
	"errors"
	"strings"
	"testing"
)

func TestPKCE(t *testing.T) {
	// RFC 7636, appendix B.
	p, err := PKCEOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
	if err != nil || p.Challenge != "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" || p.Method != "S256" {
		t.Errorf("%+v, %v", p, err)
	}
	seen := map[string]bool{}
	for range 100 {
		p := NewPKCE()
		again, err := PKCEOf(p.Verifier.Reveal())
		if err != nil || again.Challenge != p.Challenge || len(p.Verifier.Reveal()) != 43 || seen[p.Challenge] {
			t.Fatalf("%+v, %v", p, err)
		}
		seen[p.Challenge] = true
	}
	for _, bad := range []string{"", strings.Repeat("a", 42), strings.Repeat("a", 129), strings.Repeat("a", 43) + "=", strings.Repeat("é", 50), strings.Repeat("a", 43) + "\n"} {
		_, err := PKCEOf(bad)
		if _, ok := errors.AsType[*ArgumentError](err); !ok || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	args := p.Args(Args{"scope": "openid"})
	if args["code_challenge"] != p.Challenge || args["scope"] != "openid" || args["code_challenge_method"] != "S256" {
		t.Errorf("%v", args)
	}
}

func TestURL(t *testing.T) {
	c := must(open(config{Domain: "acme.example", ClientID: "app", Transport: transportFunc(nil)}))
	for operation, want := range map[string]string{
		"authentication.authorize.url":        "https://acme.example/authorize?client_id=app&response_type=code&state=a+b%26c",
		"authentication.logout.url":           "https://acme.example/v2/logout?client_id=app&returnTo=https%3A%2F%2Fapp%2F",
		"authentication.oidc.logout":          "https://acme.example/oidc/logout?client_id=app&id_token_hint=hint",
		"authentication.saml.accept_request":  "https://acme.example/samlp/app%20x?connection=c",
		"authentication.wsfed.accept_request": "https://acme.example/wsfed/app?wtrealm=urn%3Ax",
	} {
		args := map[string]Args{
			"authentication.authorize.url":        {"response_type": "code", "state": "a b&c"},
			"authentication.logout.url":           {"return_to": "https://app/"},
			"authentication.oidc.logout":          {"id_token_hint": NewSecret("hint")},
			"authentication.saml.accept_request":  {"client_id": "app x", "connection": "c"},
			"authentication.wsfed.accept_request": {"client_id": "app", "wtrealm": "urn:x"},
		}[operation]
		if got, err := c.URL(operation, args); err != nil || got != want {
			t.Errorf("%s: got %s (%v), want %s", operation, got, err, want)
		}
	}
	for operation, want := range map[string]string{"users.get": "is a request and no address", "authentication.authorise.url": "there is no such operation"} {
		if _, err := c.URL(operation, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", operation, err)
		}
	}
}
