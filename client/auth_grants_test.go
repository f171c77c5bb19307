package client

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tokenAnswer is what the tenant of these tests gives for every grant.
const tokenAnswer = `{"access_token":"` + canary + `","token_type":"Bearer","expires_in":86400,"scope":"a b"}`

// bodyOf reads a request's JSON body.
func bodyOf(t *testing.T, r *http.Request) map[string]any {
	t.Helper()
	var body map[string]any
	text, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(text, &body)
	}
	if err != nil {
		t.Errorf("body %q: %v", text, err)
	}
	return body
}

// Each grant of the Python SDK 4.13, as that SDK sends it (what it sends as null
// or as empty text because nobody gave it is left out).
func TestGrants(t *testing.T) {
	type m = map[string]any
	for _, tc := range []struct {
		grant  string
		args   Args
		secret bool // whether the client authenticates
		want   m
	}{
		{"authorization_code", Args{"code": "c", "redirect_uri": "https://a/cb"}, true, m{"grant_type": "authorization_code", "code": "c", "redirect_uri": "https://a/cb"}},
		{"authorization_code_pkce", Args{"code_verifier": "v", "code": "c", "redirect_uri": "https://a/cb"}, false, m{"grant_type": "authorization_code", "code_verifier": "v", "code": "c", "redirect_uri": "https://a/cb"}},
		{"client_credentials", Args{"audience": "https://api/"}, true, m{"grant_type": "client_credentials", "audience": "https://api/"}},
		{"client_credentials", Args{"audience": "https://api/", "organization": "org_1"}, true, m{"grant_type": "client_credentials", "audience": "https://api/", "organization": "org_1"}},
		{"login", Args{"username": "u", "password": "p", "scope": "openid", "realm": "db", "audience": "https://api/"}, true, m{"grant_type": "http://auth0.com/oauth/grant-type/password-realm", "username": "u", "password": "p", "scope": "openid", "realm": "db", "audience": "https://api/"}},
		{"login", Args{"username": "u", "password": "p", "grant_type": "password"}, true, m{"grant_type": "password", "username": "u", "password": "p"}},
		{"refresh_token", Args{"refresh_token": NewSecret("r"), "scope": "openid"}, true, m{"grant_type": "refresh_token", "refresh_token": "r", "scope": "openid"}},
		{"passwordless_login", Args{"username": "u", "otp": "123456", "realm": "email", "scope": "openid", "audience": "https://api/"}, true, m{"grant_type": "http://auth0.com/oauth/grant-type/passwordless/otp", "username": "u", "otp": "123456", "realm": "email", "scope": "openid", "audience": "https://api/"}},
		{"backchannel_login", Args{"auth_req_id": "id"}, true, m{"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": "id"}},
		{"access_token_for_connection", Args{"subject_token_type": "urn:s", "subject_token": "s", "requested_token_type": "urn:r", "connection": "google"}, true, m{"grant_type": "urn:auth0:params:oauth:grant-type:token-exchange:federated-connection-access-token", "subject_token_type": "urn:s", "subject_token": "s", "requested_token_type": "urn:r", "connection": "google"}},
	} {
		t.Run(tc.grant, func(t *testing.T) {
			tc.want["client_id"] = mintClient
			if tc.secret {
				tc.want["client_secret"] = mintSecret
			}
			asked := false
			c := must(open(mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
				asked = true
				if r.Method != "POST" || r.URL.String() != "https://acme.example/oauth/token" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "" {
					t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
				}
				if d := cmp.Diff(tc.want, bodyOf(t, r)); d != "" {
					t.Error(d)
				}
				return respond(r, 200, tokenAnswer), nil
			}))))
			token, err := c.GetToken(t.Context(), tc.grant, tc.args)
			if err != nil || !asked {
				t.Fatal(err)
			}
			if token.AccessToken.Reveal() != canary || token.ExpiresIn != 86400 || token.Scope != "a b" {
				t.Errorf("token %+v", token)
			}
		})
	}
}

func TestLoginTellsTheUsersAddress(t *testing.T) {
	var got string
	c := must(open(mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
		got = r.Header.Get("auth0-forwarded-for")
		return respond(r, 200, tokenAnswer), nil
	}))))
	if _, err := c.GetToken(t.Context(), "login", Args{"username": "u", "password": "p", "forwarded_for": "203.0.113.7"}); err != nil || got != "203.0.113.7" {
		t.Errorf("%q, %v", got, err)
	}
}

// A request that is sent again carries another assertion: a tenant takes each
// once, and the wait may be longer than its life.
func TestAssertionIsFreshForEachAttempt(t *testing.T) {
	key := pkcs8(rsaKey())
	synctest.Test(t, func(t *testing.T) {
		var claims []map[string]any
		cfg := mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
			body := bodyOf(t, r)
			if _, ok := body["client_secret"]; ok {
				t.Error("the secret was sent beside the assertion")
			}
			if body["client_assertion_type"] != clientAssertionType || body["client_id"] != mintClient {
				t.Errorf("body %v", body)
			}
			text, _ := body["client_assertion"].(string)
			var one map[string]any
			part := must(base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1]))
			if err := json.Unmarshal(part, &one); err != nil {
				t.Error(err)
			}
			claims = append(claims, one)
			if len(claims) < 3 {
				return respond(r, 429, `{"error":"too_many_requests"}`, "Retry-After", "200"), nil
			}
			return respond(r, 200, tokenAnswer), nil
		}))
		cfg.SigningKey, cfg.Now = key, time.Now
		c := must(open(cfg))
		if _, err := c.GetToken(t.Context(), "client_credentials", Args{"audience": "https://api/"}); err != nil {
			t.Fatal(err)
		}
		seen := map[any]bool{}
		for i, one := range claims {
			iat, _ := one["iat"].(float64)
			if seen[one["jti"]] || one["exp"] != iat+180 || one["aud"] != mintIssuer || one["iss"] != mintClient || one["sub"] != mintClient {
				t.Errorf("attempt %d: %v", i, one)
			}
			if before := claims[max(i-1, 0)]["iat"].(float64); i > 0 && iat < before+200 {
				t.Errorf("attempt %d is dated %v, the one before %v", i, iat, before)
			}
			seen[one["jti"]] = true
		}
		if len(claims) != 3 {
			t.Errorf("%d attempts", len(claims))
		}
	})
}

func TestSigningKeyIsCheckedAtTheStart(t *testing.T) {
	asked := false
	cfg := mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
		asked = true
		return respond(r, 200, tokenAnswer), nil
	}))
	bad := cfg
	bad.SigningKey = "-----BEGIN " + canary
	_, err := open(bad)
	if _, ok := errors.AsType[*KeyError](err); !ok || strings.Contains(err.Error(), canary) {
		t.Errorf("New: %v", err)
	}
	c := must(open(cfg))
	const op, key, alg = "get_token.client_credentials", "client_assertion_signing_key", "client_assertion_signing_alg"
	for want, args := range map[string]Args{
		op + ": " + key + ": not PEM; give the whole text":        {key: canary},
		op + ": " + key + ": ES256 wants an EC key":               {key: pkcs8(rsaKey()), alg: "ES256"},
		op + ": " + alg + `: algorithm "RS257" is not known; use`: {key: pkcs8(rsaKey()), alg: "RS257"},
		op + ": " + key + ": no client id is given":               {key: pkcs8(rsaKey()), "client_id": ""},
	} {
		who := c
		if _, ok := args["client_id"]; ok {
			anonymous := cfg
			anonymous.ClientID, anonymous.ClientSecret = "", ""
			who = must(open(anonymous))
		}
		args["audience"] = "a"
		_, err := who.GetToken(t.Context(), "client_credentials", args)
		if _, ok := errors.AsType[*ArgumentError](err); !ok || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), canary) || asked {
			t.Errorf("got  %v (asked: %v)\nwant %s", err, asked, want)
		}
	}
	if _, err := c.GetToken(t.Context(), "client_credentials", Args{
		"audience": "a", "client_assertion_signing_key": pkcs8(ecKey()), "client_assertion_signing_alg": "ES256",
	}); err != nil || !asked {
		t.Errorf("a good key of the call: %v", err)
	}
}

func TestGetTokenErrors(t *testing.T) {
	status, text := 403, `{"error":"mfa_required","error_description":"Multifactor authentication required","mfa_token":"m"}`
	c := must(open(mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
		return respond(r, status, text), nil
	}))))
	_, err := c.GetToken(t.Context(), "login", Args{"username": "u", "password": "p"})
	if e, ok := errors.AsType[*Auth0Error](err); !ok || e.ErrorCode != "mfa_required" || !strings.Contains(string(e.Content), "mfa_token") {
		t.Errorf("mfa: %v", err)
	}
	status, text = 200, `{"access_token":{"`+canary+`":1}}`
	_, err = c.GetToken(t.Context(), "client_credentials", Args{"audience": "a"})
	if err == nil || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "get_token.client_credentials") {
		t.Errorf("unreadable answer: %v", err)
	}
	_, err = c.GetToken(t.Context(), "client_credential", Args{"audience": "a"})
	if e, ok := errors.AsType[*ArgumentError](err); !ok || !strings.Contains(e.Error(), "client_credentials") {
		t.Errorf("a grant that is not there: %v", err)
	}
}
