package client

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
)

// CertificateThumbprint is how a token names the certificate that it is bound to
// (x5t#S256, RFC 8705 section 3.1). A server has the certificate in
// http.Request.TLS.PeerCertificates[0].
func CertificateThumbprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// isThumbprint reports whether a text has the form of one.
func isThumbprint(text string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(sum) == sha256.Size
}

// checkCertificate looks for the certificate that the token came with in what
// the token is bound to.
func (r *claimRules) checkCertificate(c *claimSet) error {
	want := r.access.certificate
	if want == "" {
		return nil
	}
	var bound claimSet
	if raw, given := c.find("cnf"); !given || bound.read(raw) != nil {
		return r.invalid("cnf", "Confirmation (cnf) claim must be an object present in the ID token when a certificate is asked for")
	}
	found, ok := stringOf(bound.get("x5t#S256"))
	if !ok {
		return r.invalid("cnf", "Confirmation (cnf) claim in the ID token must name a certificate (x5t#S256)")
	}
	if found != want {
		return r.invalid("cnf", `Confirmation (cnf) claim mismatch in the ID token; expected "%s", found "%s"`, want, claimText(found))
	}
	return nil
}
