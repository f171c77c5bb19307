package client_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"a0run/client"
)

// exampleTenant is a tenant of three lines: it has one key and gives one token.
func exampleTenant(key *rsa.PrivateKey) *httptest.Server {
	b64 := base64.RawURLEncoding.EncodeToString
	keys := fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"key-1","alg":"RS256","n":"%s","e":"%s"}]}`,
		b64(key.N.Bytes()), b64(big.NewInt(int64(key.E)).Bytes()))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, keys)
	})
	mux.HandleFunc("POST /oauth/token", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Assertion string `json:"client_assertion"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		_, err := jwt.Parse(body.Assertion, func(*jwt.Token) (any, error) { return &key.PublicKey, nil })
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"error":"invalid_client"}`)
			return
		}
		_, _ = fmt.Fprint(w, `{"access_token":"very-secret","token_type":"Bearer","expires_in":86400}`)
	})
	return httptest.NewServer(mux)
}

func ExampleClient_VerifyIDToken() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	tenant := exampleTenant(key)
	defer tenant.Close()
	c, err := client.New(tenant.URL, client.WithClientID("my-app"))
	if err != nil {
		panic(err)
	}
	defer c.CloseIdleConnections()

	// A token as a log-in would give it.
	now := time.Now().Unix()
	login := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": c.Issuer(), "aud": "my-app", "sub": "auth0|1", "name": "Ada",
		"iat": now, "exp": now + 600, "nonce": "n-0S6",
	})
	login.Header["kid"] = "key-1"
	token, err := login.SignedString(key)
	if err != nil {
		panic(err)
	}

	nonce := "n-0S6"
	claims, err := c.VerifyIDToken(context.Background(), token, client.VerifyOptions{Nonce: &nonce})
	if err != nil {
		panic(err)
	}
	var user struct{ Sub, Name string }
	if err := claims.Decode(&user); err != nil {
		panic(err)
	}
	fmt.Println(user.Sub, user.Name)

	nonce = "another"
	_, err = c.VerifyIDToken(context.Background(), token, client.VerifyOptions{Nonce: &nonce})
	if refused, ok := errors.AsType[*client.TokenValidationError](err); ok {
		fmt.Println(refused.Code)
		fmt.Println(refused)
		fmt.Println(refused.Hint())
	}
	// Output:
	// auth0|1 Ada
	// nonce
	// Nonce (nonce) claim mismatch in the ID token; expected "another", found "n-0S6"
	// the token answers another request than the one with this nonce
}

func ExampleClient_GetToken() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	tenant := exampleTenant(key)
	defer tenant.Close()
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})

	// With a signing key the client proves itself by a signed assertion, a
	// fresh one for every request; no secret is sent.
	c, err := client.New(tenant.URL, client.WithPrivateKey("my-app", client.PrivateKey{PEM: string(text)}))
	if err != nil {
		panic(err)
	}
	defer c.CloseIdleConnections()
	token, err := c.GetToken(context.Background(), "client_credentials", client.Args{"audience": "https://api.example/"})
	if err != nil {
		panic(err)
	}
	fmt.Println(token.TokenType, token.AccessToken, token.ExpiresIn)
	fmt.Println(len(token.AccessToken.Reveal()))
	// Output:
	// Bearer [secret] 86400
	// 11
}

func ExampleSecret() {
	password := client.NewSecret("correct horse battery staple")
	fmt.Printf("%v %+v %q %x\n", password, password, password, password)
	text, err := json.Marshal(map[string]any{"password": password})
	fmt.Println(string(text), err)
	fmt.Println(password.Reveal())
	// Output:
	// [secret] [secret] [secret] [secret]
	// {"password":"[secret]"} <nil>
	// correct horse battery staple
}
