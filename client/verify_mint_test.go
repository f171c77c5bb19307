package client

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The tenant of these tests: its name, its application, its clock.
const (
	mintIssuer = "https://acme.example/"
	mintClient = "app-1"
	mintSecret = "a-shared-secret-of-some-length"
	mintJWKS   = "https://acme.example/.well-known/jwks.json"
	mintNow    = int64(1_800_000_000)
)

// Keys are slow to make and used by many tests.
var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherRSA = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	ec384Key = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	edKey    = sync.OnceValue(func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return must(key, err)
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// fullClaims are claims that pass every check that mintOptions can ask for.
func fullClaims() map[string]any {
	return map[string]any{
		"iss": mintIssuer, "sub": "auth0|1", "aud": mintClient,
		"exp": mintNow + 3600, "iat": mintNow - 60, "auth_time": mintNow - 60,
		"nonce": "n-1", "org_id": "org_1", "org_name": "acme", "azp": mintClient,
	}
}

// with returns the full claims with some changed; nil as a value removes one.
func with(changes map[string]any) map[string]any {
	claims := fullClaims()
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// by is who signs a token, and how.
type by struct {
	alg string
	key any
}

// mint signs a token: header and payload are JSON texts or values.
func mint(tb testing.TB, header, payload any, signer by) string {
	tb.Helper()
	signed := segment(tb, header) + "." + segment(tb, payload)
	sig, err := jwt.GetSigningMethod(signer.alg).Sign(signed, signer.key)
	if err != nil {
		tb.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func segment(tb testing.TB, v any) string {
	tb.Helper()
	text, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			tb.Fatal(err)
		}
		text = string(b)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// rs256 signs claims as the tenant does.
func rs256(tb testing.TB, claims any) string {
	tb.Helper()
	return mint(tb, map[string]any{"alg": "RS256", "typ": "JWT", "kid": "k1"}, claims, by{"RS256", rsaKey()})
}

// jwkOf writes a public key as a JWK; more members overwrite.
func jwkOf(key crypto.PublicKey, kid string, more map[string]any) map[string]any {
	b64 := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	jwk := map[string]any{"kid": kid, "use": "sig"}
	switch k := key.(type) {
	case *rsa.PublicKey:
		maps.Copy(jwk, map[string]any{"kty": "RSA", "alg": "RS256", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())})
	case *ecdsa.PublicKey:
		point := must(k.Bytes())[1:]
		maps.Copy(jwk, map[string]any{
			"kty": "EC", "crv": k.Params().Name,
			"x": b64(point[:len(point)/2]), "y": b64(point[len(point)/2:]),
		})
	case ed25519.PublicKey:
		maps.Copy(jwk, map[string]any{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": b64(k)})
	}
	maps.Copy(jwk, more)
	return jwk
}

func keySetText(keys ...map[string]any) []byte {
	return must(json.Marshal(map[string]any{"keys": keys}))
}

// newVerifier makes a verifier whose key set holds the tenant's RSA key k1 and
// an EC and an Ed25519 key beside it.
func newVerifier() *verifier {
	text := keySetText(
		jwkOf(&ecKey().PublicKey, "ec1", nil),
		jwkOf(&ec384Key().PublicKey, "ec384", nil),
		jwkOf(edKey().Public(), "ed1", nil),
		jwkOf(&rsaKey().PublicKey, "k1", nil),
	)
	return &verifier{
		issuer: mintIssuer, clientID: mintClient, secret: mintSecret, jwksURL: mintJWKS,
		now:  func() time.Time { return time.Unix(mintNow, 0) },
		keys: &keyrings{},
		fetch: func(_ context.Context, url string) ([]byte, error) {
			if url != mintJWKS {
				return nil, errors.New("a key set of another address was asked for: " + url)
			}
			return text, nil
		},
	}
}

// wantInvalid checks code and message of a refusal.
func wantInvalid(tb testing.TB, err error, code, message string) {
	tb.Helper()
	e, ok := errors.AsType[*TokenValidationError](err)
	if !ok {
		tb.Fatalf("got %T (%v), want a TokenValidationError", err, err)
	}
	if e.Code != code || e.Error() != message {
		tb.Errorf("got  %s: %s\nwant %s: %s", e.Code, e.Error(), code, message)
	}
}

func newEC() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func newEd() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}
