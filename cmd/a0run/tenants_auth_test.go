package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"a0run/client/pace"
	"a0run/engine"
	"a0run/engine/project"
)

// TestTenantsCertificate: a tenant with a client certificate gets a client that
// shows it, and a pair that does not belong together is said without the key.
func TestTenantsCertificate(t *testing.T) {
	t.Parallel()
	pair := func() (cert, key []byte) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	}
	cert, key := pair()
	_, other := pair()
	s := &session{world: &world{now: time.Now}, redactor: engine.NewRedactor()}
	r := &project.Resolved{Name: "production", Domain: "mtls.acme.example", ClientID: "app", CertificatePEM: cert, CertificateKey: engine.Secret(key)}
	if _, err := newClient(s, r, pace.New(pace.Config{})); err != nil {
		t.Error(err)
	}
	r.CertificateKey = engine.Secret(other)
	_, err := newClient(s, r, pace.New(pace.Config{}))
	if err == nil || !strings.Contains(err.Error(), "do not belong to each other") || strings.Contains(err.Error(), "BEGIN") {
		t.Errorf("got %v", err)
	}
	r.CertificatePEM, r.AuthMethod = nil, "client_secret_basic"
	if _, err := newClient(s, r, pace.New(pace.Config{})); err == nil || !strings.Contains(err.Error(), "needs a client secret") {
		t.Errorf("got %v", err)
	}
}
