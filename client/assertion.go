package client

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// assertionLife is how long an assertion may be used; Auth0 takes at most five
// minutes.
const assertionLife = 180 * time.Second

// A KeyError says why a key cannot sign assertions. It never holds the key, nor
// an error of a parser that has seen the key.
type KeyError struct {
	// Algorithm is the one asked for.
	Algorithm string
	// Reason is what is wrong, Next what to do about it.
	Reason, Next string
}

func (e *KeyError) Error() string {
	text := "signing key: " + e.Reason
	if e.Next != "" {
		text += "; " + e.Next
	}
	return text
}

// Code is "signing_key".
func (e *KeyError) Code() string { return "signing_key" }

// Hint says what to do next.
func (e *KeyError) Hint() string { return e.Next }

// An assertionSigner makes client assertions (RFC 7523). Its key was tried once
// when it was made, so that a wrong one is found at the start.
type assertionSigner struct {
	method jwt.SigningMethod
	key    any
	kid    string
}

// newAssertionSigner reads a PEM private key (or, for HS256, HS384 and HS512,
// takes the text as the shared key) and signs once for trial.
func newAssertionSigner(key, alg, kid string) (*assertionSigner, error) {
	if alg == "" {
		alg = jwt.SigningMethodRS256.Alg()
	}
	method, err := signingMethod(alg)
	if err != nil {
		return nil, err
	}
	s := &assertionSigner{method: method, kid: kid}
	if familyOf(alg) == familyHMAC {
		s.key, err = sharedKey(key, alg)
	} else {
		s.key, err = privateKey(key, alg)
	}
	if err != nil {
		return nil, err
	}
	if _, err := method.Sign("trial", s.key); err != nil {
		return nil, trialError(alg, s.key)
	}
	return s, nil
}

// sign makes a fresh assertion. The audience is the issuer, with https and a
// slash, whatever scheme the client speaks: the tenant compares it with its
// own name.
func (s *assertionSigner) sign(clientID, audience string, now time.Time) (string, error) {
	token := jwt.New(s.method)
	if s.kid != "" {
		token.Header["kid"] = s.kid
	}
	token.Claims = jwt.MapClaims{
		"iss": clientID,
		"sub": clientID,
		"aud": audience,
		"iat": now.Unix(),
		"exp": now.Add(assertionLife).Unix(),
		"jti": newUUID(),
	}
	text, err := token.SignedString(s.key)
	if err != nil {
		return "", trialError(s.method.Alg(), s.key)
	}
	return text, nil
}

// signingMethod finds the algorithm; "none" signs nothing and is no algorithm
// here.
func signingMethod(alg string) (jwt.SigningMethod, error) {
	if familyOf(alg) != familyNone {
		return jwt.GetSigningMethod(alg), nil
	}
	return nil, &KeyError{
		Algorithm: alg,
		Reason:    fmt.Sprintf("algorithm %q is not known", alg),
		Next:      algorithmHint(alg),
	}
}

// algorithmHint names the algorithm that was probably meant, else all.
func algorithmHint(alg string) string {
	if i := slices.IndexFunc(algorithms(), func(a string) bool { return strings.EqualFold(a, alg) }); i >= 0 {
		return fmt.Sprintf("write %q", algorithms()[i])
	}
	return "use one of " + strings.Join(algorithms(), ", ")
}

// sharedKey checks the key of an HMAC: an asymmetric key there would make a
// public thing the secret.
func sharedKey(key, alg string) (any, error) {
	if looksAsymmetric(key) {
		return nil, &KeyError{
			Algorithm: alg,
			Reason:    "a PEM key cannot be the shared secret of " + alg,
			Next:      "choose the algorithm of the key (RS256, ES256, …), or give the secret itself",
		}
	}
	return []byte(key), nil
}

// privateKey reads the key of an asymmetric algorithm and compares its type
// with what the algorithm wants.
func privateKey(text, alg string) (any, error) {
	key, err := parsePrivateKey(text, alg)
	if err != nil {
		return nil, err
	}
	if got, want := keyFamily(key), familyOf(alg); got != want {
		return nil, &KeyError{
			Algorithm: alg,
			Reason:    fmt.Sprintf("%s wants %s key, this is %s key", alg, want, got),
			Next:      fmt.Sprintf("use an algorithm of its type (%s) or another key", strings.Join(got.algorithms(), ", ")),
		}
	}
	return key, nil
}

// parsePrivateKey reads the first block of a PEM text: PKCS #8, PKCS #1 or
// SEC 1. The errors of the standard library's parsers are not passed on.
func parsePrivateKey(text, alg string) (crypto.Signer, error) {
	fail := func(reason, next string) (crypto.Signer, error) {
		return nil, &KeyError{Algorithm: alg, Reason: reason, Next: next}
	}
	block := firstKeyBlock([]byte(text))
	switch {
	case block == nil && strings.Contains(text, "-----BEGIN") && strings.Contains(text, `\n`):
		return fail("not PEM: its line breaks are written as \\n", "give the text with real line breaks, or the file that holds it")
	case block == nil && strings.Contains(text, "-----BEGIN"):
		return fail("not PEM: it begins like PEM but cannot be read to its end", "check that no line is missing and that BEGIN and END stand on lines of their own")
	case block == nil:
		return fail("not PEM", "give the whole text from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----")
	case block.Type == "CERTIFICATE", block.Type == "PUBLIC KEY", block.Type == "RSA PUBLIC KEY":
		return fail("PEM of a "+strings.ToLower(block.Type)+", which cannot sign", "give the private key that belongs to it")
	case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return fail("the private key is protected by a passphrase", "write it without one (openssl pkey -in KEY -out PLAIN) and keep it as a secret")
	case block.Type == "OPENSSH PRIVATE KEY":
		return fail("PEM of an OpenSSH private key, which is another format", "convert it (ssh-keygen -p -m PKCS8 -f KEY)")
	}
	if key := parseKeyBytes(block.Bytes); key != nil {
		return key, nil
	}
	return fail("PEM, but no private key of RSA, EC or Ed25519 is in it", "give a key in PKCS #8, PKCS #1 or SEC 1 form")
}

// firstKeyBlock skips the EC PARAMETERS that openssl writes before an EC key.
func firstKeyBlock(rest []byte) *pem.Block {
	for {
		block, more := pem.Decode(rest)
		if block == nil || block.Type != "EC PARAMETERS" {
			return block
		}
		rest = more
	}
}

// parseKeyBytes tries the three forms; the PEM label is often wrong.
func parseKeyBytes(der []byte) crypto.Signer {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		signer, _ := key.(crypto.Signer)
		return signer
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	return nil
}

// trialError explains a signature that failed although the type was right.
func trialError(alg string, key any) error {
	e := &KeyError{Algorithm: alg, Reason: alg + " cannot sign with this key"}
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		e.Reason = fmt.Sprintf("%s wants another curve than %s", alg, k.Params().Name)
		e.Next = "use ES256 with P-256, ES384 with P-384, ES512 with P-521"
	case *rsa.PrivateKey:
		e.Reason, e.Next = alg+" cannot sign with this RSA key", "check that the file is not damaged"
		if bits := k.N.BitLen(); bits < 2048 {
			e.Reason, e.Next = fmt.Sprintf("an RSA key of %d bits is too short for %s", bits, alg), "make one of 2048 bits or more"
		}
	}
	return e
}

// keyFamily tells which algorithms a private or public key belongs to.
func keyFamily(key any) family {
	switch key.(type) {
	case *rsa.PrivateKey, *rsa.PublicKey:
		return familyRSA
	case *ecdsa.PrivateKey, *ecdsa.PublicKey:
		return familyEC
	case ed25519.PrivateKey, ed25519.PublicKey:
		return familyEd25519
	default:
		return familyNone
	}
}

// looksAsymmetric reports whether a text is a PEM or SSH key or a certificate,
// or one in DER.
func looksAsymmetric(key string) bool {
	return strings.Contains(key, "-----BEGIN ") ||
		strings.HasPrefix(key, "ssh-") || strings.HasPrefix(key, "ecdsa-sha2-") ||
		derPublicKey([]byte(key))
}

func derPublicKey(der []byte) bool {
	if !bytes.HasPrefix(der, []byte{0x30}) {
		return false
	}
	_, pkix := x509.ParsePKIXPublicKey(der)
	_, pkcs1 := x509.ParsePKCS1PublicKey(der)
	_, cert := x509.ParseCertificate(der)
	return pkix == nil || pkcs1 == nil || cert == nil
}

// newUUID makes a random (version 4) UUID.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process rather than give bad numbers
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
