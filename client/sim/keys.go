package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // x5t is a SHA-1 by definition
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"sync"
	"time"
)

// The keys of every local tenant are the same and lie open in this repository:
// making one costs a fifth of a second, a test makes hundreds of tenants, and
// a local tenant guards nothing. Tokens of two tenants still differ in their
// issuer, which is checked.
//
//go:embed keydata/current.pem
var currentKey []byte

//go:embed keydata/next.pem
var nextKey []byte

//go:embed keydata/runner.pem
var runnerKey string

// runnerPublicKey is the public half, embedded too: to compute it takes longer
// than all else that a new tenant does.
//
//go:embed keydata/runner.pub.pem
var runnerPublicKey string

const (
	currentKid = "local-current"
	nextKid    = "local-next"
)

// keys are the tenant's ring, and the tokens that it verified.
type keys struct {
	mu   sync.Mutex
	ring *ring
	seen map[string]*accessToken
}

func newKeys() *keys { return &keys{ring: embeddedRing(), seen: map[string]*accessToken{}} }

func privateKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not a PEM block")
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := k.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return key, nil
}

// publicKey reads a public key or a certificate.
func publicKey(text []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not a PEM block")
	}
	if block.Type == "CERTIFICATE" {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		if key, ok := cert.PublicKey.(*rsa.PublicKey); ok {
			return key, nil
		}
		return nil, errors.New("not an RSA certificate")
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return x509.ParsePKCS1PublicKey(block.Bytes)
	}
	key, ok := k.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("not an RSA key")
	}
	return key, nil
}

func jwkOf(kid string, key *rsa.PrivateKey) (object, error) {
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tenant.local"},
		NotBefore: start, NotAfter: start.AddDate(50, 0, 0),
	}, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tenant.local"}}, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	print := sha1.Sum(der) // see the import
	b64 := base64.RawURLEncoding
	return object{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
		"n":   b64.EncodeToString(key.N.Bytes()),
		"e":   b64.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		"x5t": b64.EncodeToString(print[:]),
		"x5c": []string{base64.StdEncoding.EncodeToString(der)},
	}, nil
}

// An accessToken is a verified one.
type accessToken struct {
	claims object
	scopes map[string]bool
	ends   int64
	ring   *ring // that verified it
}

// maxSeen bounds the memory of verified tokens.
const maxSeen = 10000

// access verifies a token once and remembers it: checking a signature costs
// more than most of what a request asks for.
func (k *keys) access(r *ring, token string, now time.Time) (*accessToken, error) {
	k.mu.Lock()
	t := k.seen[token]
	k.mu.Unlock()
	if t != nil && t.ring == r && now.Unix() < t.ends {
		return t, nil
	}
	claims, err := r.verify(token, now)
	if err != nil {
		return nil, err
	}
	t = &accessToken{claims: claims, scopes: map[string]bool{}, ring: r}
	for _, s := range splitSpace(str(claims, "scope")) {
		t.scopes[s] = true
	}
	if f, ok := claims["exp"].(float64); ok {
		t.ends = int64(f)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.seen) >= maxSeen {
		clear(k.seen)
	}
	k.seen[token] = t
	return t, nil
}
