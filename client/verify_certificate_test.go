package client

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A whole circle of RFC 8705 over TLS: the client shows its certificate, the
// tenant gives a token that is bound to it, and the API takes the token from
// whoever has the certificate, and from nobody else.
func TestCertificateBoundToken(t *testing.T) {
	mine, other := selfSigned(t), selfSigned(t)
	pool := x509.NewCertPool()
	pool.AddCert(mine.Leaf)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/.well-known/jwks.json" {
			_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{jwkOf(&rsaKey().PublicKey, "k1", nil)}})
			return
		}
		bound := map[string]any{"x5t#S256": CertificateThumbprint(r.TLS.PeerCertificates[0])}
		token := rs256(t, accessClaims(map[string]any{"iss": "https://" + r.Host + "/", "cnf": bound}))
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":86400}`, token)
	}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	cfg := mintConfig(nil)
	cfg.Domain, cfg.ClientSecret, cfg.RootCAs = srv.URL, "", roots
	cfg.TLS = &tls.Config{Certificates: []tls.Certificate{mine}, MinVersion: tls.VersionTLS12}
	c := must(open(cfg))
	defer c.CloseIdleConnections()
	token := must(c.GetToken(t.Context(), "client_credentials", Args{"audience": mintAPI}))
	for name, tc := range map[string]struct {
		certificate string
		code        string
	}{
		"the holder":    {CertificateThumbprint(mine.Leaf), ""},
		"somebody else": {CertificateThumbprint(other.Leaf), "cnf"},
		"not asked":     {"", ""},
	} {
		_, err := c.VerifyAccessToken(t.Context(), token.AccessToken.Reveal(), AccessOptions{Audience: mintAPI, Certificate: tc.certificate})
		if e, refused := errors.AsType[*TokenValidationError](err); refused != (tc.code != "") || refused && e.Code != tc.code || err != nil && !refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := c.VerifyAccessToken(t.Context(), token.AccessToken.Reveal(), AccessOptions{Audience: mintAPI, Certificate: "not a thumbprint"})
	if _, ok := errors.AsType[*ArgumentError](err); !ok {
		t.Errorf("a wrong thumbprint: %v", err)
	}
}
