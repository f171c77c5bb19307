package client

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Each way to authenticate, and what of it is on the wire: never more than one.
func TestAuthMethods(t *testing.T) {
	key := pkcs8(rsaKey())
	type m = map[string]any
	for name, tc := range map[string]struct {
		cfg    func(*config)
		args   Args
		want   m // the body, an assertion as its header
		header string
	}{
		"secret in the body": {want: m{"client_id": mintClient, "client_secret": mintSecret}},
		"Basic": {
			cfg:    func(c *config) { c.AuthMethod = AuthSecretBasic },
			header: basicOf(mintClient, mintSecret),
		},
		"Basic, with characters that a form escapes": {
			args:   Args{"client_id": "a:b", "client_secret": "s%+ ü", "token_endpoint_auth_method": "client_secret_basic"},
			header: basicOf("a%3Ab", "s%25%2B+%C3%BC"),
		},
		"private_key_jwt": {
			cfg:  func(c *config) { c.SigningKey, c.SigningKeyID = key, "kid-1" },
			want: m{"client_id": mintClient, "client_assertion_type": clientAssertionType, "client_assertion": m{"alg": "RS256", "typ": "JWT", "kid": "kid-1"}},
		},
		"private_key_jwt of the call": {
			args: Args{"client_assertion_signing_key": key, "client_assertion_signing_alg": "PS256", "client_assertion_signing_kid": "k"},
			want: m{"client_id": mintClient, "client_assertion_type": clientAssertionType, "client_assertion": m{"alg": "PS256", "typ": "JWT", "kid": "k"}},
		},
		"the secret although there is a key": {
			cfg:  func(c *config) { c.SigningKey, c.AuthMethod = key, AuthSecretPost },
			want: m{"client_id": mintClient, "client_secret": mintSecret},
		},
		"a secret of the call instead of Basic": {
			cfg:  func(c *config) { c.AuthMethod = AuthSecretBasic },
			args: Args{"client_secret": "other-secret"},
			want: m{"client_id": mintClient, "client_secret": "other-secret"},
		},
		"none":                {args: Args{"token_endpoint_auth_method": "none"}, want: m{"client_id": mintClient}},
		"another application": {args: Args{"client_id": "other"}, want: m{"client_id": "other"}},
		"a certificate": {
			cfg: func(c *config) {
				c.ClientSecret, c.TLS = "", &tls.Config{Certificates: []tls.Certificate{{}}} //nolint:gosec // never dials
			},
			want: m{"client_id": mintClient},
		},
		"a certificate although there is a secret": {args: Args{"token_endpoint_auth_method": "self_signed_tls_client_auth"}, want: m{"client_id": mintClient}},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.want == nil {
				tc.want = m{}
			}
			tc.want["grant_type"], tc.want["audience"] = "client_credentials", "a"
			cfg := mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
				body := bodyOf(t, r)
				if text, ok := body["client_assertion"].(string); ok {
					var header m
					part := must(base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[0]))
					if err := json.Unmarshal(part, &header); err != nil {
						t.Error(err)
					}
					body["client_assertion"] = header
				}
				if d := cmp.Diff(tc.want, body); d != "" {
					t.Error(d)
				}
				if got := r.Header.Get("Authorization"); got != tc.header {
					t.Errorf("Authorization %q, want %q", got, tc.header)
				}
				return respond(r, 200, tokenAnswer), nil
			}))
			if tc.cfg != nil {
				tc.cfg(&cfg)
			}
			if tc.args == nil {
				tc.args = Args{}
			}
			tc.args["audience"] = "a"
			if _, err := must(open(cfg)).GetToken(t.Context(), "client_credentials", tc.args); err != nil {
				t.Error(err)
			}
		})
	}
}

func basicOf(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestAuthMethodMistakes(t *testing.T) {
	asked := false
	cfg := mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
		asked = true
		return respond(r, 200, tokenAnswer), nil
	}))
	for want, change := range map[string]func(*config){
		"client_secret_basic needs a client secret": func(c *config) { c.AuthMethod, c.ClientSecret = AuthSecretBasic, "" },
		"private_key_jwt needs a signing key":       func(c *config) { c.AuthMethod = AuthPrivateKeyJWT },
		"is not known; use one of":                  func(c *config) { c.AuthMethod = "basic" },
	} {
		bad := cfg
		change(&bad)
		_, err := open(bad)
		if e, ok := errors.AsType[*ArgumentError](err); !ok || !strings.Contains(e.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	c := must(open(cfg))
	_, err := c.GetToken(t.Context(), "client_credentials", Args{"audience": "a", "token_endpoint_auth_method": "private_key_jwt"})
	const want = "get_token.client_credentials: token_endpoint_auth_method: private_key_jwt needs a signing key"
	if err == nil || !strings.HasPrefix(err.Error(), want) || asked {
		t.Errorf("got %v", err)
	}
}

// An answer that echoes the Authorization header does not give the secret away.
func TestBasicIsBlanked(t *testing.T) {
	cfg := mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
		return respond(r, 400, `{"error":"bad","error_description":"you sent `+r.Header.Get("Authorization")+`"}`), nil
	}))
	cfg.AuthMethod = AuthSecretBasic
	_, err := must(open(cfg)).GetToken(t.Context(), "client_credentials", Args{"audience": "a"})
	if err == nil || strings.Contains(err.Error(), base64.StdEncoding.EncodeToString([]byte(mintClient))[:8]) || !strings.Contains(err.Error(), "[secret]") {
		t.Errorf("got %v", err)
	}
}

// A tenant that asks for a client certificate sees it, and nothing else; the
// management token is got in the same way.
func TestMutualTLS(t *testing.T) {
	cert := selfSigned(t)
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/oauth/token" {
			_, _ = w.Write([]byte(`{"user_id":"u"}`))
			return
		}
		body := bodyOf(t, r)
		if len(r.TLS.PeerCertificates) != 1 || body["client_id"] != "app" || body["client_secret"] != nil || body["client_assertion"] != nil {
			t.Errorf("%d certificates, body %v", len(r.TLS.PeerCertificates), body)
		}
		_, _ = w.Write([]byte(tokenAnswer))
	}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	c := must(open(config{
		Domain: srv.URL, ClientID: "app", RootCAs: roots,
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
	}))
	defer c.CloseIdleConnections()
	if _, err := c.Do(t.Context(), "users.get", Args{"id": "u"}); err != nil {
		t.Error(err)
	}
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true, IsCA: true,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, &ecKey().PublicKey, ecKey()))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: ecKey(), Leaf: must(x509.ParseCertificate(der))}
}
