package bindings

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"

	"a0run/client"
)

// A certificate can be given as PEM, or by its thumbprint.
func TestThumbprint(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	want := client.CertificateThumbprint(cert)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for given, want := range map[string]string{text: want, want: want, "": "", "nothing": "nothing", text[:80]: text[:80]} {
		if got := thumbprint(given); got != want {
			t.Errorf("%.40q: got %q, want %q", given, got, want)
		}
	}
}
