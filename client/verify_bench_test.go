package client

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// Verification beside the bare crypto: what is not the signature is the part
// that can be made better or worse here.
func BenchmarkVerify(b *testing.B) {
	v := newVerifier()
	token := rs256(b, fullClaims())
	access := rs256(b, accessClaims(nil))
	hs := mint(b, `{"alg":"HS256"}`, fullClaims(), by{"HS256", []byte(mintSecret)})
	es := mint(b, `{"alg":"ES256","kid":"ec1"}`, fullClaims(), by{"ES256", ecKey()})
	run := func(name string, check func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			began := time.Now()
			for b.Loop() {
				if err := check(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "tokens/s")
		})
	}
	id := func(token string, o VerifyOptions) func() error {
		return func() error { _, err := v.verify(context.Background(), token, o); return err }
	}
	dot := strings.LastIndex(token, ".")
	digest, signature := sha256.Sum256([]byte(token[:dot])), must(base64.RawURLEncoding.DecodeString(token[dot+1:]))
	run("RS256, bare crypto", func() error {
		return rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, digest[:], signature)
	})
	run("RS256", id(token, VerifyOptions{}))
	run("RS256, access token", func() error {
		_, err := v.verifyAccess(context.Background(), access, AccessOptions{Audience: mintAPI, Scopes: []string{"read:users"}})
		return err
	})
	b.Run("RS256, times the bare crypto", func(b *testing.B) { // interleaved: on a busy machine nothing else can be compared
		var ours, bare time.Duration
		for b.Loop() {
			began := time.Now()
			if _, err := v.verify(context.Background(), token, VerifyOptions{}); err != nil {
				b.Fatal(err)
			}
			between := time.Now()
			digest := sha256.Sum256([]byte(token[:dot]))
			if err := rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, digest[:], signature); err != nil {
				b.Fatal(err)
			}
			ours, bare = ours+between.Sub(began), bare+time.Since(between)
		}
		b.ReportMetric(float64(ours)/float64(bare), "ratio")
	})
	run("ES256", id(es, VerifyOptions{Algorithm: "ES256"}))
	run("HS256", id(hs, VerifyOptions{Algorithm: "HS256"}))
	run("refused by its algorithm", func() error {
		if _, err := v.verify(context.Background(), token, VerifyOptions{Algorithm: "PS256"}); err == nil {
			b.Fatal("accepted")
		}
		return nil
	})
}
