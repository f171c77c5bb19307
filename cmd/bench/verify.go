package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"a0run/client"
)

// keyTransport answers every request with a key set.
type keyTransport []byte

func (t keyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(t)),
	}, nil
}

// verification compares the checking of an ID token with that of its bare
// signature, one after the other on one core, so that a busy machine slows both.
func (b *bench) verification() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	now := time.Now().Unix()
	signed := b64([]byte(`{"alg":"RS256","typ":"JWT","kid":"k1"}`)) + "." + b64(fmt.Appendf(nil,
		`{"iss":"https://acme.example/","sub":"auth0|63d17c4a8869daf88ed7db97","aud":"app-1","iat":%d,"exp":%d,"auth_time":%d,"nonce":"n-1","org_id":"org_1","org_name":"acme","azp":"app-1"}`,
		now, now+36000, now))
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		return err
	}
	token := signed + "." + b64(signature)
	c, err := client.New("acme.example", client.WithClientID("app-1"), client.WithTransport(keyTransport(
		fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"k1","use":"sig","alg":"RS256","n":"%s","e":"%s"}]}`,
			b64(key.N.Bytes()), b64(big.NewInt(int64(key.E)).Bytes())))))
	if err != nil {
		return err
	}
	mine, _, ratio, err := b.against(500, func() error {
		_, err := c.VerifyIDToken(context.Background(), token, client.VerifyOptions{})
		return err
	}, func() error {
		digest := sha256.Sum256([]byte(signed))
		return rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature)
	})
	if err != nil {
		return err
	}
	fmt.Printf("\nID tokens (RS256) a second and core %6.0f (goal 20,000), times the bare signature %.2f (goal 1.10)\n", 1e6/mine, ratio)
	return nil
}
