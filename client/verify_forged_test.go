package client

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func publicPEM(key any) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), err
}

const undecodable = "token could not be decoded."

// wantRefused runs tokens that must all be refused with one code and message.
func wantRefused(t *testing.T, code, message string, tokens map[string]string) {
	t.Helper()
	v := newVerifier()
	for name, token := range tokens {
		t.Run(name, func(t *testing.T) {
			_, err := v.verify(t.Context(), token, VerifyOptions{})
			wantInvalid(t, err, code, message)
		})
	}
}

func TestVerifyUndecodable(t *testing.T) {
	good := rs256(t, fullClaims())
	parts := strings.Split(good, ".")
	sign := func(header, payload string) string { return mint(t, header, payload, by{"RS256", rsaKey()}) }
	const head, claims = `{"alg":"RS256","kid":"k1"}`, `{"iss":"https://acme.example/","sub":"s","aud":"app-1","exp":1800000001,"iat":1800000000`
	b64 := base64.RawURLEncoding.EncodeToString
	wantRefused(t, "missing", "ID token is required but missing.", map[string]string{"empty": ""})
	wantRefused(t, "malformed", undecodable, map[string]string{
		"text":                  "not a token",
		"two parts":             parts[0] + "." + parts[1],
		"four parts":            good + ".AAAA",
		"dots":                  "..",
		"many dots":             strings.Repeat(".", 100_000),
		"huge":                  strings.Repeat("A", 2<<20),
		"huge with dots":        good + strings.Repeat("A", 2<<20),
		"truncated in payload":  good[:len(parts[0])+20],
		"line break":            good[:10] + "\n" + good[10:],
		"line break at the end": good + "\r\n",
		"space at the end":      good + " ",
		"padding":               good + "==",
		"standard base64":       parts[0] + "." + parts[1] + ".+/+/",
		"loose trailing bits":   parts[0] + "." + parts[1] + ".AB",
		"NUL":                   "\x00." + parts[1] + "." + parts[2],
		"not UTF-8 outside":     "\xff\xfe." + parts[1] + "." + parts[2],
		"header no JSON":        b64([]byte("hello")) + "." + parts[1] + "." + parts[2],
		"header a list":         sign(`["RS256"]`, claims+"}"),
		"header null":           sign(`null`, claims+"}"),
		"header not UTF-8":      sign("{\"alg\":\"RS256\",\"x\":\"\xff\"}", claims+"}"),
		"header with two algs":  sign(`{"alg":"none","alg":"RS256","kid":"k1"}`, claims+"}"),
		"header nested deeply":  sign(`{"alg":"RS256","x":`+strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)+"}", claims+"}"),
		"kid number":            sign(`{"alg":"RS256","kid":1}`, claims+"}"),
		"kid null":              sign(`{"alg":"RS256","kid":null}`, claims+"}"),
		"kid list":              sign(`{"alg":"RS256","kid":["k1"]}`, claims+"}"),
		"crit":                  sign(`{"alg":"RS256","kid":"k1","crit":["exp"]}`, claims+"}"),
		"crit empty":            sign(`{"alg":"RS256","kid":"k1","crit":[]}`, claims+"}"),
		"b64 false":             sign(`{"alg":"RS256","kid":"k1","b64":false}`, claims+"}"),
		"b64 false and crit":    sign(`{"alg":"RS256","kid":"k1","b64":false,"crit":["b64"]}`, claims+"}"),
		"payload no JSON":       sign(head, "hello"),
		"payload cut off":       sign(head, claims),
		"payload a list":        sign(head, "["+claims+"}]"),
		"payload a string":      sign(head, `"x"`),
		"payload null":          sign(head, "null"),
		"payload empty":         sign(head, ""),
		"payload twice":         sign(head, claims+"}{}"),
		"payload not UTF-8":     sign(head, claims+",\"name\":\"\xff\"}"),
		"payload NaN":           sign(head, claims+`,"x":NaN}`),
		"two audiences":         sign(head, claims+`,"aud":"app-1"}`),
		"two subjects, escaped": sign(head, claims+`,"s\u0075b":"admin"}`),
	})
	if _, err := newVerifier().verify(t.Context(), sign(head, claims+"}"), VerifyOptions{}); err != nil {
		t.Errorf("the honest token of this test: %v", err)
	}
}

func TestVerifyForgedSignatures(t *testing.T) {
	const head = `{"alg":"RS256","kid":"k1"}`
	good := rs256(t, fullClaims())
	parts := strings.Split(good, ".")
	other := strings.Split(rs256(t, with(map[string]any{"sub": "auth0|2"})), ".")
	long := strings.Split(mint(t, head, fullClaims(), by{"RS256", rsaKey()}), ".")
	wantRefused(t, "signature", "Invalid token signature.", map[string]string{
		"of another key":        mint(t, head, fullClaims(), by{"RS256", otherRSA()}),
		"of another payload":    parts[0] + "." + other[1] + "." + parts[2],
		"of another header":     long[0] + "." + parts[1] + "." + parts[2],
		"none":                  parts[0] + "." + parts[1] + ".",
		"truncated":             parts[0] + "." + parts[1] + "." + parts[2][:100],
		"PS256 called RS256":    mint(t, head, fullClaims(), by{"PS256", rsaKey()}),
		"HMAC called RS256":     mint(t, head, fullClaims(), by{"HS256", []byte(mintSecret)}),
		"payload no JSON":       mint(t, head, "hello", by{"RS256", otherRSA()}), // found out only after the signature
		"expired and forged":    mint(t, head, with(map[string]any{"exp": 1}), by{"RS256", otherRSA()}),
		"HMAC with the modulus": mint(t, head, fullClaims(), by{"HS256", rsaKey().N.Bytes()}),
	})
}

func TestVerifyForgedAlgorithms(t *testing.T) {
	der := must(x509.MarshalPKIXPublicKey(&rsaKey().PublicKey))
	hs := func(key []byte) string {
		return mint(t, `{"alg":"HS256","kid":"k1"}`, fullClaims(), by{"HS256", key})
	}
	claims := segment(t, fullClaims())
	unsigned := func(header string) string { return segment(t, header) + "." + claims + "." }
	for name, tc := range map[string]struct{ token, alg string }{
		"none":                   {unsigned(`{"alg":"none"}`), "none"},
		"None":                   {unsigned(`{"alg":"None"}`), "None"},
		"nOnE":                   {unsigned(`{"alg":"nOnE","kid":"k1"}`), "nOnE"},
		"empty":                  {unsigned(`{"alg":""}`), ""},
		"missing":                {unsigned(`{"kid":"k1"}`), "None"},
		"null":                   {unsigned(`{"alg":null}`), "None"},
		"number":                 {unsigned(`{"alg":256}`), "256"},
		"true":                   {unsigned(`{"alg":true}`), "True"},
		"false":                  {unsigned(`{"alg":false}`), "False"},
		"list":                   {unsigned(`{"alg":["RS256"]}`), `["RS256"]`},
		"small letters":          {unsigned(`{"alg":"rs256"}`), "rs256"},
		"with a space":           {unsigned(`{"alg":"RS256 "}`), "RS256 "},
		"HS256 of the PEM":       {hs([]byte(must(publicPEM(&rsaKey().PublicKey)))), "HS256"},
		"HS256 of the DER":       {hs(der), "HS256"},
		"HS256 of PKCS #1":       {hs(x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)), "HS256"},
		"HS256 of the secret":    {hs([]byte(mintSecret)), "HS256"},
		"terminal escapes":       {unsigned(`{"alg":"\u001b[31m\nforged log line"}`), `\u001b[31m\u000aforged log line`},
		"crit does not hide alg": {unsigned(`{"alg":"none","crit":["b64"]}`), "none"},
		"long":                   {unsigned(`{"alg":"` + strings.Repeat("x", 50_000) + `"}`), strings.Repeat("x", 200) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newVerifier().verify(t.Context(), tc.token, VerifyOptions{})
			wantInvalid(t, err, "algorithm", `Signature algorithm of "`+tc.alg+`" is not supported. Expected the token to be signed with "RS256"`)
		})
	}
}

func TestVerifyForgedKeyIDs(t *testing.T) {
	for name, tc := range map[string]struct{ header, kid string }{
		"missing":            {`{"alg":"RS256"}`, ""},
		"empty":              {`{"alg":"RS256","kid":""}`, ""},
		"unknown":            {`{"alg":"RS256","kid":"k2"}`, "k2"},
		"path":               {`{"alg":"RS256","kid":"../../dev/null"}`, "../../dev/null"},
		"SQL":                {`{"alg":"RS256","kid":"k1' OR '1'='1"}`, "k1' OR '1'='1"},
		"address":            {`{"alg":"RS256","kid":"https://evil.example/k1"}`, "https://evil.example/k1"},
		"the EC key's":       {`{"alg":"RS256","kid":"ec1"}`, "ec1"},
		"the Ed25519 key's":  {`{"alg":"RS256","kid":"ed1"}`, "ed1"},
		"in other letters":   {`{"alg":"RS256","kid":"K1"}`, "K1"},
		"with a NUL":         {`{"alg":"RS256","kid":"k1\u0000"}`, `k1\u0000`},
		"with a line break":  {`{"alg":"RS256","kid":"a\nb"}`, `a\u000ab`},
		"under another name": {`{"alg":"RS256","KID":"k1"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newVerifier().verify(t.Context(), mint(t, tc.header, fullClaims(), by{"RS256", rsaKey()}), VerifyOptions{})
			wantInvalid(t, err, "key", `RSA Public Key with ID "`+tc.kid+`" was not found.`)
		})
	}
	token := mint(t, `{"alg":"ES256","kid":"k1"}`, fullClaims(), by{"ES256", ecKey()})
	_, err := newVerifier().verify(t.Context(), token, VerifyOptions{Algorithm: "ES256"})
	wantInvalid(t, err, "key", `EC Public Key with ID "k1" was not found.`)
	token = mint(t, `{"alg":"ES256","kid":"ec384"}`, fullClaims(), by{"ES256", ecKey()})
	_, err = newVerifier().verify(t.Context(), token, VerifyOptions{Algorithm: "ES256"})
	wantInvalid(t, err, "key", `EC Public Key with ID "ec384" was not found.`)
}

// A token that names an address of keys makes nobody go there, and one that
// carries its key is not believed.
func TestVerifyKeysInTheToken(t *testing.T) {
	var asked atomic.Int64
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write(keySetText(jwkOf(&otherRSA().PublicKey, "k1", nil), jwkOf(&otherRSA().PublicKey, "evil", nil)))
	}))
	defer evil.Close()
	jwk := jwkOf(&otherRSA().PublicKey, "k1", nil)
	for name, more := range map[string]map[string]any{
		"jku":         {"jku": evil.URL},
		"x5u":         {"x5u": evil.URL},
		"jwk":         {"jwk": jwk},
		"x5c":         {"x5c": []string{"MIIB"}},
		"all of them": {"jku": evil.URL, "x5u": evil.URL, "jwk": jwk},
	} {
		t.Run(name, func(t *testing.T) {
			header := map[string]any{"alg": "RS256", "kid": "k1"}
			for k, v := range more {
				header[k] = v
			}
			_, err := newVerifier().verify(t.Context(), mint(t, header, fullClaims(), by{"RS256", otherRSA()}), VerifyOptions{})
			wantInvalid(t, err, "signature", "Invalid token signature.")
			header["kid"] = "evil"
			_, err = newVerifier().verify(t.Context(), mint(t, header, fullClaims(), by{"RS256", otherRSA()}), VerifyOptions{})
			wantInvalid(t, err, "key", `RSA Public Key with ID "evil" was not found.`)
			header["kid"] = "k1"
			if _, err := newVerifier().verify(t.Context(), mint(t, header, fullClaims(), by{"RS256", rsaKey()}), VerifyOptions{}); err != nil {
				t.Errorf("the tenant's own token with such a header: %v", err)
			}
		})
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the token's address was asked %d times", n)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(rs256(f, fullClaims()), "RS256")
	f.Add(mint(f, `{"alg":"HS256"}`, fullClaims(), by{"HS256", []byte(mintSecret)}), "HS256")
	f.Add(mint(f, `{"alg":"ES256","kid":"ec1"}`, fullClaims(), by{"ES256", ecKey()}), "ES256")
	f.Add(mint(f, `{"alg":"RS256","kid":"k1"}`, `{"aud":[1],"exp":1e999}`, by{"RS256", rsaKey()}), "RS256")
	f.Add(segment(f, `{"alg":"none"}`)+".e30.", "RS256")
	f.Add("..", "EdDSA")
	f.Add("e30.e30.e30", "PS256")
	f.Add("", "HS512")
	v := newVerifier()
	f.Fuzz(func(t *testing.T, token, alg string) {
		claims, err := v.verify(context.Background(), token, VerifyOptions{Algorithm: alg})
		checkVerdict(t, claims, err)
		// The same bytes as an honestly signed payload reach the claim checks.
		if alg == "HS256" {
			token := mint(t, `{"alg":"HS256"}`, token, by{"HS256", []byte(mintSecret)})
			claims, err := v.verify(context.Background(), token, VerifyOptions{Algorithm: alg, Nonce: ptr(""), MaxAge: ptr(int64(0)), Organization: "o"})
			checkVerdict(t, claims, err)
		}
	})
}

func checkVerdict(t *testing.T, claims *Claims, err error) {
	t.Helper()
	switch e := err.(type) { //nolint:errorlint // the verifier promises these very types, unwrapped
	case nil:
		if _, err := members(claims.JSON); err != nil {
			t.Errorf("accepted claims are no object: %v", err)
		}
	case *TokenValidationError:
		if e.Code == "" || e.Message == "" || claims != nil {
			t.Errorf("bad refusal: %#v", e)
		}
	case *ArgumentError:
	default:
		t.Errorf("foreign error %T: %v", err, err)
	}
}

// FuzzKeySet feeds key sets: whatever stands in them, reading and using them
// neither panics nor lets a token through that the tenant's key did not sign.
func FuzzKeySet(f *testing.F) {
	f.Add(keySetText(jwkOf(&rsaKey().PublicKey, "k1", nil)))
	f.Add(keySetText(jwkOf(&ecKey().PublicKey, "k1", map[string]any{"crv": "P-521"})))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"k1","n":"AQAB","e":"AQAB"},{"kty":"oct","kid":"k1","k":"AAAA"},null,5]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"k1","n":"AA","e":"__________8"},{"kty":"EC","kid":"k1","crv":"P-256","x":"AA","y":"AA"}]}`))
	tokens := map[string]string{
		"RS256": mint(f, `{"alg":"RS256","kid":"k1"}`, fullClaims(), by{"RS256", otherRSA()}),
		"ES256": mint(f, `{"alg":"ES256","kid":"k1"}`, fullClaims(), by{"ES256", must(newEC())}),
		"EdDSA": mint(f, `{"alg":"EdDSA","kid":"k1"}`, fullClaims(), by{"EdDSA", must(newEd())}),
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v := newVerifier()
		v.fetch = func(context.Context, string) ([]byte, error) { return text, nil }
		for alg, token := range tokens {
			if _, err := v.verify(context.Background(), token, VerifyOptions{Algorithm: alg}); err == nil {
				t.Errorf("%s: a token of an unknown key was accepted", alg)
			}
		}
	})
}
