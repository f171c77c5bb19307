package client

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

type claimCase struct {
	name    string
	change  map[string]any
	options func(*VerifyOptions)
	code    string // "" means accepted
	message string
}

func ptr[T any](v T) *T { return &v }

func nonce(n string) func(*VerifyOptions)  { return func(o *VerifyOptions) { o.Nonce = &n } }
func maxAge(s int64) func(*VerifyOptions)  { return func(o *VerifyOptions) { o.MaxAge = &s } }
func org(name string) func(*VerifyOptions) { return func(o *VerifyOptions) { o.Organization = name } }
func leeway(s int64) func(*VerifyOptions)  { return func(o *VerifyOptions) { o.Leeway = s } }

// claimCases are the messages of the claim checks, each with the values on
// both sides of its boundary.
func claimCases() []claimCase {
	const (
		issString  = "Issuer (iss) claim must be a string present in the ID token"
		subString  = "Subject (sub) claim must be a string present in the ID token"
		audString  = "Audience (aud) claim must be a string or array of strings present in the ID token"
		expNumber  = "Expiration Time (exp) claim must be a number present in the ID token"
		iatNumber  = "Issued At (iat) claim must be a number present in the ID token"
		nbfNumber  = "Not Before (nbf) claim must be a number when present in the ID token"
		nonString  = "Nonce (nonce) claim must be a string present in the ID token"
		azpString  = "Authorized Party (azp) claim must be a string present in the ID token when Audience (aud) claim has multiple values"
		authNumber = "Authentication Time (auth_time) claim must be a number present in the ID token when Max Age (max_age) is specified"
	)
	type m = map[string]any
	list := []any{mintClient, "https://api/"}
	return []claimCase{
		{name: "all claims, nothing asked"},

		{"iss missing", m{"iss": nil}, nil, "iss", issString},
		{"iss number", m{"iss": 5}, nil, "iss", issString},
		{"iss null", m{"iss": json.RawMessage("null")}, nil, "iss", issString},
		{"iss other", m{"iss": "https://evil/"}, nil, "iss", `Issuer (iss) claim mismatch in the ID token; expected "https://acme.example/", found "https://evil/"`},
		{"iss without slash", m{"iss": "https://acme.example"}, nil, "iss", `Issuer (iss) claim mismatch in the ID token; expected "https://acme.example/", found "https://acme.example"`},
		{"iss in capitals is another claim", m{"iss": nil, "ISS": mintIssuer}, nil, "iss", issString},

		{"sub missing", m{"sub": nil}, nil, "sub", subString},
		{"sub number", m{"sub": 12}, nil, "sub", subString},
		{name: "sub empty", change: m{"sub": ""}},

		{"aud missing", m{"aud": nil}, nil, "aud", audString},
		{"aud number", m{"aud": 1}, nil, "aud", audString},
		{"aud object", m{"aud": m{"a": 1}}, nil, "aud", audString},
		{"aud list of numbers", m{"aud": []any{1, 2}}, nil, "aud", audString},
		{"aud list with a number beside ours", m{"aud": []any{mintClient, 2}}, nil, "aud", audString},
		{"aud string", m{"aud": "other"}, nil, "aud", `Audience (aud) claim mismatch in the ID token; expected "app-1" but found "other"`},
		{"aud list", m{"aud": []any{"a", "b"}}, nil, "aud", `Audience (aud) claim mismatch in the ID token; expected "app-1" but was not one of "a, b"`},
		{"aud empty list", m{"aud": []any{}}, nil, "aud", `Audience (aud) claim mismatch in the ID token; expected "app-1" but was not one of ""`},
		{"aud long list is told whole", m{"aud": []any{strings.Repeat("a", 600), strings.Repeat("b", 600)}}, nil, "aud", `Audience (aud) claim mismatch in the ID token; expected "app-1" but was not one of "` + strings.Repeat("a", 600) + ", " + strings.Repeat("b", 600) + `"`},
		{"aud endless is cut", m{"aud": strings.Repeat("a", 50_000)}, nil, "aud", `Audience (aud) claim mismatch in the ID token; expected "app-1" but found "` + strings.Repeat("a", 4000) + `…"`},
		{"aud with control characters", m{"aud": "a\x1b[2J\nb"}, nil, "aud", `Audience (aud) claim mismatch in the ID token; expected "app-1" but found "a\u001b[2J\u000ab"`},
		{name: "aud one-element list", change: m{"aud": []any{mintClient}}},

		{"exp missing", m{"exp": nil}, nil, "exp", expNumber},
		{"exp string", m{"exp": "1800000001"}, nil, "exp", expNumber},
		{"exp true", m{"exp": true}, nil, "exp", expNumber},
		{"exp beyond every number", m{"exp": json.RawMessage("1e999")}, nil, "exp", expNumber},
		{"exp past", m{"exp": mintNow - 1}, nil, "exp", "Expiration Time (exp) claim error in the ID token; current time (1800000000) is after expiration time (1799999999)"},
		{name: "exp now", change: m{"exp": mintNow}},
		{"exp past the leeway", m{"exp": mintNow - 61}, leeway(60), "exp", "Expiration Time (exp) claim error in the ID token; current time (1800000000) is after expiration time (1799999999)"},
		{name: "exp within the leeway", change: m{"exp": mintNow - 60}, options: leeway(60)},
		{name: "exp whole float", change: m{"exp": json.RawMessage("1800000000.0")}},
		{name: "exp in exponent form", change: m{"exp": json.RawMessage("1.8e9")}},
		{"exp fraction", m{"exp": json.RawMessage("1799999999.5")}, nil, "exp", "Expiration Time (exp) claim error in the ID token; current time (1800000000) is after expiration time (1799999999.5)"},
		{"exp far below zero", m{"exp": json.RawMessage("-1e300")}, nil, "exp", "Expiration Time (exp) claim error in the ID token; current time (1800000000) is after expiration time (-1e+300)"},
		{name: "exp of 2^63-1 with leeway does not wrap", change: m{"exp": int64(1<<63 - 1)}, options: leeway(60)},

		{"iat missing", m{"iat": nil}, nil, "iat", iatNumber},
		{"iat string", m{"iat": "x"}, nil, "iat", iatNumber},
		{"iat true", m{"iat": true}, nil, "iat", iatNumber},
		{name: "iat fraction", change: m{"iat": json.RawMessage("1799999999.25")}},
		{name: "iat now", change: m{"iat": mintNow}},
		{name: "iat within this second", change: m{"iat": json.RawMessage("1800000000.75"), "nbf": json.RawMessage("1800000000.5")}},
		{"iat future", m{"iat": mintNow + 1}, nil, "iat", "Issued At (iat) claim error in the ID token; current time (1800000000) is before issued at time (1800000001)"},
		{"iat beyond the leeway", m{"iat": mintNow + 61}, leeway(60), "iat", "Issued At (iat) claim error in the ID token; current time (1800000000) is before issued at time (1800000001)"},
		{name: "iat within the leeway", change: m{"iat": mintNow + 60}, options: leeway(60)},

		{"nbf string", m{"nbf": "x"}, nil, "nbf", nbfNumber},
		{"nbf true", m{"nbf": true}, nil, "nbf", nbfNumber},
		{"nbf future", m{"nbf": mintNow + 1}, nil, "nbf", "Not Before (nbf) claim error in the ID token; current time (1800000000) is before not before time (1800000001)"},
		{name: "nbf now", change: m{"nbf": mintNow}},
		{name: "nbf within the leeway", change: m{"nbf": mintNow + 60}, options: leeway(60)},

		{"nonce missing", m{"nonce": nil}, nonce("n-1"), "nonce", nonString},
		{"nonce number", m{"nonce": 7}, nonce("n-1"), "nonce", nonString},
		{"nonce other", m{"nonce": "n-2"}, nonce("n-1"), "nonce", `Nonce (nonce) claim mismatch in the ID token; expected "n-1", found "n-2"`},
		{name: "nonce same", options: nonce("n-1")},
		{"nonce asked for as empty", nil, nonce(""), "nonce", `Nonce (nonce) claim mismatch in the ID token; expected "", found "n-1"`},
		{name: "nonce not asked for", change: m{"nonce": 7}},

		{"org_id missing", m{"org_id": nil}, org("org_1"), "org", "Organization (org_id) claim must be a string present in the ID token"},
		{"org_id other", nil, org("org_2"), "org", `Organization (org_id) claim mismatch in the ID token; expected "org_2", found "org_1"`},
		{"org_id is exact", m{"org_id": "org_A"}, org("org_a"), "org", `Organization (org_id) claim mismatch in the ID token; expected "org_a", found "org_A"`},
		{name: "org_id same", options: org("org_1")},
		{"org_name missing", m{"org_name": nil}, org("acme"), "org", "Organization (org_name) claim must be a string present in the ID token"},
		{"org_name number", m{"org_name": 5}, org("acme"), "org", "Organization (org_name) claim must be a string present in the ID token"},
		{"org_name other", nil, org("Umbrella"), "org", `Organization (org_name) claim mismatch in the ID token; expected "Umbrella", found "acme"`},
		{name: "org_name asked in capitals", options: org("ACME")},
		{name: "org_name claimed in capitals", change: m{"org_name": "ACME"}, options: org("acme")},
		{name: "org_name both in capitals", change: m{"org_name": "ACME"}, options: org("ACME")},

		{"azp missing", m{"aud": list, "azp": nil}, nil, "azp", azpString},
		{"azp number", m{"aud": list, "azp": 3}, nil, "azp", azpString},
		{"azp other", m{"aud": list, "azp": "other"}, nil, "azp", `Authorized Party (azp) claim mismatch in the ID token; expected "app-1", found "other"`},
		{name: "azp ours", change: m{"aud": list}},
		{name: "azp not looked at for a string", change: m{"azp": "other"}},
		{name: "azp not looked at for one element", change: m{"aud": []any{mintClient}, "azp": nil}},

		{"auth_time missing", m{"auth_time": nil}, maxAge(10), "auth_time", authNumber},
		{"auth_time true", m{"auth_time": true}, maxAge(10), "auth_time", authNumber},
		{"auth_time past", m{"auth_time": mintNow - 11}, maxAge(10), "auth_time", "Authentication Time (auth_time) claim in the ID token indicates that too much time has passed since the last end-user authentication. Current time (1800000000) is after last auth at (1799999999)"},
		{name: "auth_time at the boundary", change: m{"auth_time": mintNow - 10}, options: maxAge(10)},
		{name: "auth_time fraction", change: m{"auth_time": json.RawMessage("1799999990.5")}, options: maxAge(10)},
		{name: "auth_time not asked for", change: m{"auth_time": nil}},
		{"max_age 0", m{"auth_time": mintNow - 1}, maxAge(0), "auth_time", "Authentication Time (auth_time) claim in the ID token indicates that too much time has passed since the last end-user authentication. Current time (1800000000) is after last auth at (1799999999)"},
		{name: "max_age 0, authenticated now", change: m{"auth_time": mintNow}, options: maxAge(0)},
		{"auth_time past the leeway", m{"auth_time": mintNow - 16}, func(o *VerifyOptions) { o.MaxAge, o.Leeway = ptr(int64(10)), 5 }, "auth_time", "Authentication Time (auth_time) claim in the ID token indicates that too much time has passed since the last end-user authentication. Current time (1800000000) is after last auth at (1799999999)"},
	}
}

func TestVerifyClaims(t *testing.T) {
	v := newVerifier()
	for _, tc := range claimCases() {
		t.Run(tc.name, func(t *testing.T) {
			var o VerifyOptions
			if tc.options != nil {
				tc.options(&o)
			}
			claims, err := v.verify(t.Context(), rs256(t, with(tc.change)), o)
			if tc.code != "" {
				wantInvalid(t, err, tc.code, tc.message)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ Iss string }
			if err := claims.Decode(&got); err != nil || got.Iss != mintIssuer {
				t.Errorf("claims %s: %v", claims.JSON, err)
			}
		})
	}
}

// A token with many faults is refused for the first of the order; mending one
// after the other walks through it.
func TestVerifyOrder(t *testing.T) {
	v := newVerifier()
	claims := map[string]any{"aud": []any{"x", "y"}, "nbf": mintNow + 9}
	header := map[string]any{"alg": "HS256", "kid": "k9"}
	o := VerifyOptions{Nonce: ptr("n-1"), Organization: "acme", MaxAge: ptr(int64(10))}
	alg, key := "HS256", any([]byte(mintSecret))
	steps := []struct {
		code string
		mend func()
	}{
		{"algorithm", func() { header["alg"], alg, key = "RS256", "RS256", otherRSA() }},
		{"key", func() { header["kid"] = "k1" }},
		{"signature", func() { key = rsaKey() }},
		{"iss", func() { claims["iss"] = mintIssuer }},
		{"sub", func() { claims["sub"] = "" }},
		{"aud", func() { claims["aud"] = []any{mintClient, "y"} }},
		{"exp", func() { claims["exp"] = mintNow + 1 }},
		{"iat", func() { claims["iat"] = mintNow + 8 }},
		{"iat", func() { claims["iat"] = mintNow }},
		{"nbf", func() { delete(claims, "nbf") }},
		{"nonce", func() { claims["nonce"] = "n-1" }},
		{"org", func() { claims["org_name"] = "acme" }},
		{"azp", func() { claims["azp"] = mintClient }},
		{"auth_time", func() { claims["auth_time"] = mintNow }},
	}
	for i, step := range steps {
		_, err := v.verify(t.Context(), mint(t, header, claims, by{alg, key}), o)
		e, ok := errors.AsType[*TokenValidationError](err)
		if !ok || e.Code != step.code {
			t.Fatalf("step %d: got %v, want %s", i, err, step.code)
		}
		step.mend()
	}
	if _, err := v.verify(t.Context(), mint(t, header, claims, by{alg, key}), o); err != nil {
		t.Errorf("mended token: %v", err)
	}
}

func TestVerifyAlgorithms(t *testing.T) {
	v := newVerifier()
	kid := map[family]string{familyRSA: "k1", familyEC: "ec1", familyEd25519: "ed1", familyHMAC: "any"}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "EdDSA", "HS256", "HS384", "HS512"} {
		keys := map[family]any{familyRSA: rsaKey(), familyEC: ecKey(), familyEd25519: edKey(), familyHMAC: []byte(mintSecret)}
		header := map[string]any{"alg": alg, "kid": kid[familyOf(alg)]}
		token := mint(t, header, fullClaims(), by{alg, keys[familyOf(alg)]})
		if _, err := v.verify(t.Context(), token, VerifyOptions{Algorithm: alg}); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if alg == "RS256" {
			continue
		}
		_, err := v.verify(t.Context(), token, VerifyOptions{})
		wantInvalid(t, err, "algorithm", fmt.Sprintf(`Signature algorithm of "%s" is not supported. Expected the token to be signed with "RS256"`, alg))
	}
	token := mint(t, map[string]any{"alg": "ES384", "kid": "ec384"}, fullClaims(), by{"ES384", ec384Key()})
	if _, err := v.verify(t.Context(), token, VerifyOptions{Algorithm: "ES384"}); err != nil {
		t.Errorf("ES384: %v", err)
	}
}

func TestVerifySharedSecret(t *testing.T) {
	v := newVerifier()
	sign := func(secret string) string {
		return mint(t, `{"alg":"HS256","typ":"JWT"}`, fullClaims(), by{"HS256", []byte(secret)})
	}
	if _, err := v.verify(t.Context(), sign("another"), VerifyOptions{Algorithm: "HS256", Secret: "another"}); err != nil {
		t.Errorf("secret of the options: %v", err)
	}
	_, err := v.verify(t.Context(), sign("another"), VerifyOptions{Algorithm: "HS256"})
	wantInvalid(t, err, "signature", "Invalid token signature.")
	_, err = v.verify(t.Context(), rs256(t, fullClaims()), VerifyOptions{Algorithm: "HS256"})
	wantInvalid(t, err, "algorithm", `Signature algorithm of "RS256" is not supported. Expected the token to be signed with "HS256"`)
}

func TestVerifyOptionMistakes(t *testing.T) {
	pub := must(publicPEM(&rsaKey().PublicKey))
	for name, tc := range map[string]struct {
		o      VerifyOptions
		change func(*verifier)
		option string
		hint   string
	}{
		"algorithm in small letters": {o: VerifyOptions{Algorithm: "rs256"}, option: "algorithm", hint: `write "RS256"`},
		"algorithm none":             {o: VerifyOptions{Algorithm: "none"}, option: "algorithm", hint: "use one of RS256"},
		"no audience":                {change: func(v *verifier) { v.clientID = "" }, option: "audience", hint: "client id"},
		"no secret":                  {o: VerifyOptions{Algorithm: "HS256"}, change: func(v *verifier) { v.secret = "" }, option: "secret", hint: "client secret"},
		"public key as secret":       {o: VerifyOptions{Algorithm: "HS256", Secret: pub}, option: "secret", hint: "RS256"},
		"DER as secret":              {o: VerifyOptions{Algorithm: "HS256", Secret: string(must(x509.MarshalPKIXPublicKey(&rsaKey().PublicKey)))}, option: "secret", hint: "RS256"},
		"PKCS #1 as secret":          {o: VerifyOptions{Algorithm: "HS256", Secret: string(x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey))}, option: "secret", hint: "RS256"},
		"SSH key as secret":          {o: VerifyOptions{Algorithm: "HS256", Secret: "ssh-ed25519 AAAAC3Nz"}, option: "secret", hint: "RS256"},
		"key set by http":            {o: VerifyOptions{JWKSURL: "http://acme.example/jwks"}, option: "jwks_url", hint: "https"},
		"key set by file":            {o: VerifyOptions{JWKSURL: "file://localhost/etc/keys"}, option: "jwks_url", hint: "https"},
		"key set with a password":    {o: VerifyOptions{JWKSURL: "https://u:pa55@acme.example/"}, option: "jwks_url", hint: "leave it out"},
		"key set that is no URL":     {o: VerifyOptions{JWKSURL: "acme"}, option: "jwks_url", hint: "https://DOMAIN"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier()
			if tc.change != nil {
				tc.change(v)
			}
			_, err := v.verify(t.Context(), rs256(t, fullClaims()), tc.o)
			e, ok := errors.AsType[*ArgumentError](err)
			if !ok || e.Argument != tc.option || !strings.Contains(e.Hint(), tc.hint) {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "pa55") || strings.Contains(err.Error(), "BEGIN") {
				t.Errorf("shows a secret: %v", err)
			}
		})
	}
}

func TestVerifyUsesTheClock(t *testing.T) {
	v := newVerifier()
	token := rs256(t, fullClaims())
	v.now = func() time.Time { return time.Unix(mintNow+3600, 999_000_000) }
	if _, err := v.verify(t.Context(), token, VerifyOptions{}); err != nil {
		t.Errorf("in the last second: %v", err)
	}
	v.now = func() time.Time { return time.Unix(mintNow+3601, 0) }
	_, err := v.verify(t.Context(), token, VerifyOptions{})
	wantInvalid(t, err, "exp", "Expiration Time (exp) claim error in the ID token; current time (1800003601) is after expiration time (1800003600)")
}

func TestClaimsKeepTheirText(t *testing.T) {
	payload := `{ "zeta":1.50, "iss":"https://acme.example/", "sub":"s","aud":"app-1","exp":1800000001,"iat":1800000000,"big":12345678901234567890 }`
	claims, err := newVerifier().verify(t.Context(), rs256(t, payload), VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if string(claims.JSON) != payload {
		t.Errorf("got %s", claims.JSON)
	}
}
