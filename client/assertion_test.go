package client

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(key any) string { return pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }

// assertionOf authenticates once and takes the assertion apart.
func assertionOf(t *testing.T, a *clientAuth, now time.Time) (text string, header, claims map[string]any) {
	t.Helper()
	fields, err := a.fields(now)
	if err != nil {
		t.Fatal(err)
	}
	if len(fields) != 2 || fields[0].Name != "client_assertion" ||
		fields[1] != (authField{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}) {
		t.Fatalf("fields %v", fields)
	}
	text = fields[0].Value
	for i, into := range []*map[string]any{&header, &claims} {
		part := must(base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[i]))
		if err := json.Unmarshal(part, into); err != nil {
			t.Fatal(err)
		}
	}
	return text, header, claims
}

func TestAssertion(t *testing.T) {
	a, err := newClientAuth(authConfig{
		ClientID: mintClient, Secret: "not sent", SigningKey: pkcs8(rsaKey()), SigningKeyID: "kid-1", Issuer: mintIssuer,
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(mintNow, 999_999_999)
	text, header, claims := assertionOf(t, a, now)
	if d := cmp.Diff(map[string]any{"alg": "RS256", "typ": "JWT", "kid": "kid-1"}, header); d != "" {
		t.Error(d)
	}
	jti, _ := claims["jti"].(string)
	delete(claims, "jti")
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(jti) {
		t.Errorf("jti %q is no random UUID", jti)
	}
	want := map[string]any{
		"iss": mintClient, "sub": mintClient, "aud": mintIssuer,
		"iat": float64(mintNow), "exp": float64(mintNow + 180),
	}
	if d := cmp.Diff(want, claims); d != "" {
		t.Error(d)
	}
	if _, err := jwt.Parse(text, func(*jwt.Token) (any, error) { return &rsaKey().PublicKey, nil },
		jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithValidMethods([]string{"RS256"})); err != nil {
		t.Errorf("signature: %v", err)
	}
}

func TestAssertionIsFresh(t *testing.T) {
	a := must(newClientAuth(authConfig{ClientID: "c", SigningKey: pkcs8(rsaKey()), Issuer: mintIssuer}))
	seen := map[any]bool{}
	for i := range 50 {
		_, header, claims := assertionOf(t, a, time.Unix(mintNow+int64(i), 0))
		if _, ok := header["kid"]; ok {
			t.Error("a kid that nobody set")
		}
		if seen[claims["jti"]] || claims["iat"] != float64(mintNow+int64(i)) {
			t.Fatalf("assertion %d repeats: %v", i, claims)
		}
		seen[claims["jti"]] = true
	}
}

func TestAuthenticationFields(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  authConfig
		want []authField
	}{
		"secret": {authConfig{ClientID: "c", Secret: "s"}, []authField{{"client_secret", "s"}}},
		"none":   {authConfig{ClientID: "c"}, nil},
	} {
		got, err := must(newClientAuth(tc.cfg)).fields(time.Unix(0, 0))
		if err != nil || cmp.Diff(tc.want, got) != "" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestAssertionAlgorithms(t *testing.T) {
	der := must(x509.MarshalECPrivateKey(ecKey()))
	for name, tc := range map[string]struct {
		key, alg string
		public   any
	}{
		"default":           {pkcs8(rsaKey()), "", &rsaKey().PublicKey},
		"RS384":             {pkcs8(rsaKey()), "RS384", &rsaKey().PublicKey},
		"RS512":             {pkcs8(rsaKey()), "RS512", &rsaKey().PublicKey},
		"PS256":             {pkcs8(rsaKey()), "PS256", &rsaKey().PublicKey},
		"PKCS #1":           {pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), "RS256", &rsaKey().PublicKey},
		"wrong label":       {pemOf("RSA PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(rsaKey()))), "RS256", &rsaKey().PublicKey},
		"space around":      {"\n  \n" + pkcs8(rsaKey()) + "\n\n", "RS256", &rsaKey().PublicKey},
		"CRLF":              {strings.ReplaceAll(pkcs8(rsaKey()), "\n", "\r\n"), "RS256", &rsaKey().PublicKey},
		"text before":       {"Bag Attributes\n    friendlyName: x\n" + pkcs8(rsaKey()), "RS256", &rsaKey().PublicKey},
		"ES256":             {pkcs8(ecKey()), "ES256", &ecKey().PublicKey},
		"ES256, SEC 1":      {pemOf("EC PRIVATE KEY", der), "ES256", &ecKey().PublicKey},
		"ES256, parameters": {pemOf("EC PARAMETERS", []byte{6, 1, 1}) + pemOf("EC PRIVATE KEY", der), "ES256", &ecKey().PublicKey},
		"ES384":             {pkcs8(ec384Key()), "ES384", &ec384Key().PublicKey},
		"EdDSA":             {pkcs8(edKey()), "EdDSA", edKey().Public()},
		"HS256":             {"a shared secret", "HS256", []byte("a shared secret")},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := newClientAuth(authConfig{ClientID: "c", SigningKey: tc.key, SigningAlg: tc.alg, Issuer: mintIssuer})
			if err != nil {
				t.Fatal(err)
			}
			now := time.Unix(mintNow, 0)
			text, header, _ := assertionOf(t, a, now)
			want := tc.alg
			if want == "" {
				want = "RS256"
			}
			_, err = jwt.Parse(text, func(*jwt.Token) (any, error) { return tc.public, nil },
				jwt.WithTimeFunc(func() time.Time { return now }), jwt.WithValidMethods([]string{want}))
			if err != nil || header["alg"] != want {
				t.Errorf("alg %v: %v", header["alg"], err)
			}
		})
	}
}

func TestSigningKeyMistakes(t *testing.T) {
	good := pkcs8(rsaKey())
	lines := strings.Split(good, "\n")
	// The canaries are pieces of key text that no error may hold.
	canaries := []string{lines[1][:20], lines[5][:20], "hunter2"}
	t.Setenv("GODEBUG", "rsa1024min=0")
	short := must(rsa.GenerateKey(rand.Reader, 512))
	t.Setenv("GODEBUG", "")
	for name, tc := range map[string]struct{ key, alg, reason, next string }{
		"text":               {"hunter2 is no key", "", "not PEM", "-----BEGIN PRIVATE KEY-----"},
		"base64 alone":       {strings.Join(lines[1:len(lines)-2], ""), "", "not PEM", "-----BEGIN PRIVATE KEY-----"},
		"escaped breaks":     {strings.ReplaceAll(good, "\n", `\n`), "", `\n`, "real line breaks"},
		"in one line":        {strings.ReplaceAll(good, "\n", " "), "", "cannot be read to its end", "lines of their own"},
		"cut off":            {good[:len(good)/2], "", "cannot be read to its end", "no line is missing"},
		"damaged":            {pemOf("PRIVATE KEY", []byte("hunter2")), "", "no private key", "PKCS #8"},
		"public":             {must(publicPEM(&rsaKey().PublicKey)), "", "public key, which cannot sign", "private key that belongs to it"},
		"certificate":        {pemOf("CERTIFICATE", []byte("hunter2")), "", "certificate, which cannot sign", "private key"},
		"encrypted":          {pemOf("ENCRYPTED PRIVATE KEY", []byte("hunter2")), "", "passphrase", "openssl pkey"},
		"encrypted, old way": {strings.Replace(pemOf("RSA PRIVATE KEY", []byte("hunter2")), "\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1), "", "passphrase", "openssl pkey"},
		"OpenSSH":            {pemOf("OPENSSH PRIVATE KEY", []byte("hunter2")), "", "OpenSSH", "ssh-keygen"},
		"EC for RS256":       {pkcs8(ecKey()), "", "RS256 wants an RSA key, this is an EC key", "ES256"},
		"RSA for ES256":      {good, "ES256", "ES256 wants an EC key, this is an RSA key", "RS256"},
		"RSA for EdDSA":      {good, "EdDSA", "EdDSA wants an Ed25519 key", "RS256"},
		"P-256 for ES384":    {pkcs8(ecKey()), "ES384", "ES384 wants another curve than P-256", "P-384"},
		"PEM for HS256":      {good, "HS256", "cannot be the shared secret", "RS256"},
		"short RSA":          {pkcs8(short), "", "512 bits is too short", "2048"},
		"alg in small":       {good, "rs256", `algorithm "rs256" is not known`, `write "RS256"`},
		"alg unknown":        {good, "RS257", "is not known", "RS256, RS384"},
		"alg none":           {good, "none", "is not known", "RS256"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newClientAuth(authConfig{ClientID: "c", SigningKey: tc.key, SigningAlg: tc.alg, Issuer: mintIssuer})
			e, ok := errors.AsType[*KeyError](err)
			if !ok || !strings.Contains(e.Error(), tc.reason) || !strings.Contains(e.Hint(), tc.next) || e.Code() != "signing_key" {
				t.Fatalf("got %v\nwant %q and %q", err, tc.reason, tc.next)
			}
			for _, c := range canaries {
				if strings.Contains(err.Error(), c) {
					t.Errorf("shows the key: %v", err)
				}
			}
		})
	}
	if _, err := newClientAuth(authConfig{SigningKey: good}); err == nil || !strings.Contains(err.Error(), "client id") {
		t.Errorf("a key without a client id: %v", err)
	}
}
