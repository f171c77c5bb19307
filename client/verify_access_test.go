package client

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const mintAPI = "https://api.example/"

// accessClaims are claims that pass every check that accessOptions can ask for.
func accessClaims(changes map[string]any) map[string]any {
	claims := map[string]any{
		"iss": mintIssuer, "sub": "auth0|1", "aud": []any{mintAPI, mintIssuer + "userinfo"},
		"exp": mintNow + 3600, "iat": mintNow - 60, "azp": mintClient, "scope": "openid read:users update:users",
		"permissions": []any{"read:users", "update:users"}, "org_id": "org_1", "org_name": "acme",
	}
	for name, v := range changes {
		if claims[name] = v; v == nil {
			delete(claims, name)
		}
	}
	return claims
}

type accessCase struct {
	name    string
	change  map[string]any
	options func(*AccessOptions)
	code    string // "" means accepted
	message string
}

func scopes(s ...string) func(*AccessOptions) { return func(o *AccessOptions) { o.Scopes = s } }
func permissions(s ...string) func(*AccessOptions) {
	return func(o *AccessOptions) { o.Permissions = s }
}
func givenTo(id string) func(*AccessOptions) { return func(o *AccessOptions) { o.ClientID = id } }

func certificate(thumbprint string) func(*AccessOptions) {
	return func(o *AccessOptions) { o.Certificate = thumbprint }
}

func accessCases() []accessCase {
	type m = map[string]any
	const (
		thumb       = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
		scopeString = "Scope (scope) claim must be a string present in the access token"
		permsArray  = "Permissions (permissions) claim must be an array of strings present in the access token"
	)
	orgIs := func(name string) func(*AccessOptions) { return func(o *AccessOptions) { o.Organization = name } }
	late := func(o *AccessOptions) { o.Leeway = 60 }
	return []accessCase{
		{name: "all claims, nothing asked"},
		{"iss missing", m{"iss": nil}, nil, "iss", "Issuer (iss) claim must be a string present in the access token"},
		{"iss other", m{"iss": "https://evil/"}, nil, "iss", `Issuer (iss) claim mismatch in the access token; expected "https://acme.example/", found "https://evil/"`},
		{"sub missing", m{"sub": nil}, nil, "sub", "Subject (sub) claim must be a string present in the access token"},
		{"aud missing", m{"aud": nil}, nil, "aud", "Audience (aud) claim must be a string or array of strings present in the access token"},
		{"aud other", m{"aud": "https://other/"}, nil, "aud", `Audience (aud) claim mismatch in the access token; expected "https://api.example/" but found "https://other/"`},
		{"aud without the slash", m{"aud": "https://api.example"}, nil, "aud", `Audience (aud) claim mismatch in the access token; expected "https://api.example/" but found "https://api.example"`},
		{"an ID token", m{"aud": mintClient, "nonce": "n"}, nil, "aud", `Audience (aud) claim mismatch in the access token; expected "https://api.example/" but found "app-1"`},
		{"for userinfo alone", m{"aud": []any{mintIssuer + "userinfo"}}, nil, "aud", `Audience (aud) claim mismatch in the access token; expected "https://api.example/" but was not one of "https://acme.example/userinfo"`},
		{name: "aud as a string", change: m{"aud": mintAPI}},
		{name: "azp of another application is not looked at unless asked", change: m{"azp": "other"}},
		{"exp missing", m{"exp": nil}, nil, "exp", "Expiration Time (exp) claim must be a number present in the access token"},
		{"exp past", m{"exp": mintNow - 1}, nil, "exp", "Expiration Time (exp) claim error in the access token; current time (1800000000) is after expiration time (1799999999)"},
		{name: "exp within the leeway", change: m{"exp": mintNow - 60}, options: late},
		{"iat missing", m{"iat": nil}, nil, "iat", "Issued At (iat) claim must be a number present in the access token"},
		{"iat future", m{"iat": mintNow + 1}, nil, "iat", "Issued At (iat) claim error in the access token; current time (1800000000) is before issued at time (1800000001)"},
		{"nbf future", m{"nbf": mintNow + 1}, nil, "nbf", "Not Before (nbf) claim error in the access token; current time (1800000000) is before not before time (1800000001)"},
		{"org other", nil, orgIs("org_2"), "org", `Organization (org_id) claim mismatch in the access token; expected "org_2", found "org_1"`},
		{name: "org by name, without case", options: orgIs("ACME")},

		{name: "azp", options: givenTo(mintClient)},
		{"azp other", m{"azp": "other"}, givenTo(mintClient), "azp", `Authorized Party (azp) claim mismatch in the access token; expected "app-1", found "other"`},
		{"azp missing", m{"azp": nil}, givenTo(mintClient), "azp", "Authorized Party (azp) claim must be a string present in the access token"},
		{"azp number", m{"azp": 5}, givenTo(mintClient), "azp", "Authorized Party (azp) claim must be a string when present in the access token"},
		{name: "client_id of RFC 9068", change: m{"azp": nil, "client_id": mintClient}, options: givenTo(mintClient)},
		{"azp and client_id disagree", m{"client_id": "other"}, givenTo(mintClient), "azp", `Authorized Party (client_id) claim mismatch in the access token; expected "app-1", found "other"`},

		{name: "one scope", options: scopes("read:users")},
		{name: "all scopes", options: scopes("update:users", "openid", "read:users")},
		{"scope missing", m{"scope": nil}, scopes("read:users"), "scope", scopeString},
		{"scope a list", m{"scope": []any{"read:users"}}, scopes("read:users"), "scope", scopeString},
		{"scope empty", m{"scope": ""}, scopes("read:users"), "scope", `Scope (scope) claim mismatch in the access token; expected "read:users" but was not one of ""`},
		{"one scope too few", nil, scopes("read:users", "delete:users"), "scope", `Scope (scope) claim mismatch in the access token; expected "delete:users" but was not one of "openid read:users update:users"`},
		{"a scope that begins like it", m{"scope": "read:users_all read"}, scopes("read:users"), "scope", `Scope (scope) claim mismatch in the access token; expected "read:users" but was not one of "read:users_all read"`},
		{"a scope in capitals", m{"scope": "READ:USERS"}, scopes("read:users"), "scope", `Scope (scope) claim mismatch in the access token; expected "read:users" but was not one of "READ:USERS"`},
		{"scopes joined by tabs", m{"scope": "a\tread:users"}, scopes("read:users"), "scope", `Scope (scope) claim mismatch in the access token; expected "read:users" but was not one of "a\u0009read:users"`},
		{"scope in another claim", m{"scope": nil, "scp": "read:users"}, scopes("read:users"), "scope", scopeString},

		{name: "bound to a certificate, nothing asked", change: m{"cnf": m{"x5t#S256": "x"}}},
		{name: "bound to the certificate", change: m{"cnf": m{"x5t#S256": thumb, "jkt": "other"}}, options: certificate(thumb)},
		{"bound to another", m{"cnf": m{"x5t#S256": strings.Repeat("B", 42) + "A"}}, certificate(thumb), "cnf", `Confirmation (cnf) claim mismatch in the access token; expected "` + thumb + `", found "` + strings.Repeat("B", 42) + `A"`},
		{"bound to none", nil, certificate(thumb), "cnf", "Confirmation (cnf) claim must be an object present in the access token when a certificate is asked for"},
		{"cnf null", m{"cnf": json.RawMessage("null")}, certificate(thumb), "cnf", "Confirmation (cnf) claim must be an object present in the access token when a certificate is asked for"},
		{"cnf a text", m{"cnf": thumb}, certificate(thumb), "cnf", "Confirmation (cnf) claim must be an object present in the access token when a certificate is asked for"},
		{"cnf with the name twice", m{"cnf": json.RawMessage(`{"x5t#S256":"` + thumb + `","x5t#S256":"y"}`)}, certificate(thumb), "cnf", "Confirmation (cnf) claim must be an object present in the access token when a certificate is asked for"},
		{"bound to a key by DPoP", m{"cnf": m{"jkt": thumb}}, certificate(thumb), "cnf", "Confirmation (cnf) claim in the access token must name a certificate (x5t#S256)"},
		{"the name in small letters", m{"cnf": m{"x5t#s256": thumb}}, certificate(thumb), "cnf", "Confirmation (cnf) claim in the access token must name a certificate (x5t#S256)"},
		{"a list of certificates", m{"cnf": m{"x5t#S256": []any{thumb}}}, certificate(thumb), "cnf", "Confirmation (cnf) claim in the access token must name a certificate (x5t#S256)"},

		{name: "permissions", options: permissions("update:users", "read:users")},
		{"permissions missing", m{"permissions": nil}, permissions("read:users"), "permissions", permsArray},
		{"permissions a string", m{"permissions": "read:users"}, permissions("read:users"), "permissions", permsArray},
		{"permissions with a number", m{"permissions": []any{"read:users", 1}}, permissions("read:users"), "permissions", permsArray},
		{"permissions null", m{"permissions": json.RawMessage("null")}, permissions("read:users"), "permissions", permsArray},
		{"permissions empty", m{"permissions": []any{}}, permissions("read:users"), "permissions", `Permissions (permissions) claim mismatch in the access token; expected "read:users" but was not one of ""`},
		{"one permission too few", nil, permissions("read:users", "delete:users"), "permissions", `Permissions (permissions) claim mismatch in the access token; expected "delete:users" but was not one of "read:users, update:users"`},
		{"a scope is no permission", m{"permissions": []any{}}, func(o *AccessOptions) { o.Scopes, o.Permissions = []string{"openid"}, []string{"openid"} }, "permissions", `Permissions (permissions) claim mismatch in the access token; expected "openid" but was not one of ""`},
	}
}

func TestVerifyAccessClaims(t *testing.T) {
	v := newVerifier()
	for _, tc := range accessCases() {
		t.Run(tc.name, func(t *testing.T) {
			o := AccessOptions{Audience: mintAPI}
			if tc.options != nil {
				tc.options(&o)
			}
			_, err := v.verifyAccess(t.Context(), rs256(t, accessClaims(tc.change)), o)
			if tc.code != "" {
				wantInvalid(t, err, tc.code, tc.message)
				return
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// The kinds of tokens are not mistaken for each other, whatever their claims.
func TestVerifyTypes(t *testing.T) {
	v := newVerifier()
	both := accessClaims(map[string]any{"aud": []any{mintClient, mintAPI}})
	for typ, accepted := range map[string][2]bool{ // as an ID token, as an access token
		``:                                    {true, true},
		`"JWT"`:                               {true, true},
		`"jwt"`:                               {true, true},
		`"at+jwt"`:                            {false, true},
		`"AT+JWT"`:                            {false, true},
		`"application/at+jwt"`:                {false, true},
		`"logout+jwt"`:                        {false, false},
		`"dpop+jwt"`:                          {false, false},
		`"id_token+jwt"`:                      {false, false},
		`"oauth-authz-req+jwt"`:               {false, false},
		`"secevent+jwt"`:                      {false, false},
		`"JOSE"`:                              {false, false},
		`""`:                                  {false, false},
		`5`:                                   {false, false},
		`null`:                                {false, false},
		`["JWT"]`:                             {false, false},
		`"\u001b[31mJWT\n"`:                   {false, false},
		`"` + strings.Repeat("x", 5000) + `"`: {false, false},
	} {
		header := `{"alg":"RS256","kid":"k1"}`
		if typ != "" {
			header = `{"alg":"RS256","kid":"k1","typ":` + typ + `}`
		}
		token := mint(t, header, both, by{"RS256", rsaKey()})
		_, id := v.verify(t.Context(), token, VerifyOptions{})
		_, access := v.verifyAccess(t.Context(), token, AccessOptions{Audience: mintAPI})
		for i, err := range []error{id, access} {
			e, refused := errors.AsType[*TokenValidationError](err)
			if accepted[i] != (err == nil) || refused && (e.Code != "type" && e.Code != "malformed" || len(e.Error()) > 400 || strings.ContainsAny(e.Error(), "\x1b\n")) {
				t.Errorf("typ %.40s, %d: %v", typ, i, err)
			}
		}
	}
}

// The header's tricks are refused for access tokens as for ID tokens: it is the
// same code, tried once more from this side.
func TestVerifyAccessForged(t *testing.T) {
	v := newVerifier()
	pub := must(publicPEM(&rsaKey().PublicKey))
	claims := accessClaims(nil)
	unsigned := func(header string) string { return segment(t, header) + "." + segment(t, claims) + "." }
	good := rs256(t, claims)
	for name, tc := range map[string]struct{ token, code string }{
		"no token":                  {"", "missing"},
		"opaque":                    {"RKM9x3oUQnSaJ8mPkqC1fQ", "malformed"},
		"encrypted":                 {"e30.e30.e30.e30.e30", "malformed"},
		"none":                      {unsigned(`{"alg":"none"}`), "algorithm"},
		"NONE":                      {unsigned(`{"alg":"NONE","kid":"k1"}`), "algorithm"},
		"HS256 with the public key": {mint(t, `{"alg":"HS256","kid":"k1"}`, claims, by{"HS256", []byte(pub)}), "algorithm"},
		"RS512":                     {mint(t, `{"alg":"RS512","kid":"k1"}`, claims, by{"RS512", rsaKey()}), "algorithm"},
		"PS256 called RS256":        {mint(t, `{"alg":"RS256","kid":"k1"}`, claims, by{"PS256", rsaKey()}), "signature"},
		"another key":               {mint(t, `{"alg":"RS256","kid":"k1"}`, claims, by{"RS256", otherRSA()}), "signature"},
		"its own key in jwk":        {mint(t, m{"alg": "RS256", "kid": "k1", "jwk": jwkOf(&otherRSA().PublicKey, "k1", nil)}, claims, by{"RS256", otherRSA()}), "signature"},
		"its own key by jku":        {mint(t, m{"alg": "RS256", "kid": "evil", "jku": "https://evil.example/"}, claims, by{"RS256", otherRSA()}), "key"},
		"its own key by x5u":        {mint(t, m{"alg": "RS256", "kid": "evil", "x5u": "https://evil.example/"}, claims, by{"RS256", otherRSA()}), "key"},
		"a kid that is a path":      {mint(t, `{"alg":"RS256","kid":"../k1"}`, claims, by{"RS256", rsaKey()}), "key"},
		"a kid that is a number":    {mint(t, `{"alg":"RS256","kid":1}`, claims, by{"RS256", rsaKey()}), "malformed"},
		"no kid":                    {mint(t, `{"alg":"RS256"}`, claims, by{"RS256", rsaKey()}), "key"},
		"crit":                      {mint(t, `{"alg":"RS256","kid":"k1","crit":["exp"]}`, claims, by{"RS256", rsaKey()}), "malformed"},
		"crit of what it has":       {mint(t, `{"alg":"RS256","kid":"k1","crit":["x"],"x":1}`, claims, by{"RS256", rsaKey()}), "malformed"},
		"b64":                       {mint(t, `{"alg":"RS256","kid":"k1","b64":false}`, claims, by{"RS256", rsaKey()}), "malformed"},
		"payload changed":           {strings.Split(good, ".")[0] + "." + segment(t, accessClaims(m{"scope": "admin"})) + "." + strings.Split(good, ".")[2], "signature"},
		"signature cut":             {good[:strings.LastIndex(good, ".")+101], "signature"},
		"signature left out":        {good[:strings.LastIndex(good, ".")+1], "signature"},
		"padding":                   {good + "==", "malformed"},
		"a space before":            {" " + good, "malformed"},
		"Bearer before":             {"Bearer " + good, "malformed"},
		"a line break behind":       {good + "\n", "malformed"},
		"two scopes":                {mint(t, `{"alg":"RS256","kid":"k1"}`, `{"scope":"a","scope":"admin"}`, by{"RS256", rsaKey()}), "malformed"},
		"no object":                 {mint(t, `{"alg":"RS256","kid":"k1"}`, `[1]`, by{"RS256", rsaKey()}), "malformed"},
	} {
		_, err := v.verifyAccess(t.Context(), tc.token, AccessOptions{Audience: mintAPI})
		if e, ok := errors.AsType[*TokenValidationError](err); !ok || e.Code != tc.code || e.Hint() == "" && e.Code != "missing" {
			t.Errorf("%s: got %v, want %s", name, err, tc.code)
		}
	}
}

type m = map[string]any

func TestVerifyAccessOptionMistakes(t *testing.T) {
	pub := must(publicPEM(&rsaKey().PublicKey))
	for want, o := range map[string]AccessOptions{
		"verify_access_token: audience: is not given":                     {},
		`verify_access_token: algorithm: "rs256" is not known; write "RS`: {Audience: mintAPI, Algorithm: "rs256"},
		"verify_access_token: secret: is not given":                       {Audience: mintAPI, Algorithm: "HS256"},
		"verify_access_token: secret: is a public or private key":         {Audience: mintAPI, Algorithm: "HS256", Secret: pub},
		"verify_access_token: jwks_url: is plain http":                    {Audience: mintAPI, JWKSURL: "http://acme.example/"},
		"verify_access_token: scopes: holds a text with a space":          {Audience: mintAPI, Scopes: []string{"a b"}},
		"verify_access_token: permissions: holds a text with a space":     {Audience: mintAPI, Permissions: []string{""}},
	} {
		_, err := newVerifier().verifyAccess(t.Context(), rs256(t, accessClaims(nil)), o)
		if _, ok := errors.AsType[*ArgumentError](err); !ok || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	token := mint(t, `{"alg":"HS256"}`, accessClaims(nil), by{"HS256", []byte("the API's signing secret")})
	if _, err := newVerifier().verifyAccess(t.Context(), token, AccessOptions{Audience: mintAPI, Algorithm: "HS256", Secret: "the API's signing secret"}); err != nil {
		t.Error(err)
	}
}
