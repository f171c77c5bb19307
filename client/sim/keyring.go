package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // x5t is a SHA-1 by definition
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"time"

	"a0run/client/sim/store"

	"github.com/golang-jwt/jwt/v5"
)

// A ring is the tenant's signing keys at one moment. Until somebody rotates
// them they are the two that are embedded; afterwards they stand in the state,
// so that a snapshot and a file of --data have them.
type ring struct {
	version uint64 // of the collection, 0: the embedded keys
	keys    []*ringKey
}

// A ringKey is one of them. Its role is current, next or previous.
type ringKey struct {
	kid, role string
	revoked   bool
	private   func() (*rsa.PrivateKey, error)
	jwk       func() (object, error)
	o         object
}

func signingKey() store.Key { return store.Key{Kind: "auth:signing-keys"} }

func newRingKey(o object, private func() (*rsa.PrivateKey, error)) *ringKey {
	k := &ringKey{kid: str(o, "kid"), role: str(o, "role"), revoked: truth(o, "revoked"), private: private, o: o}
	k.jwk = sync.OnceValues(func() (object, error) {
		key, err := private()
		if err != nil {
			return nil, err
		}
		return jwkOf(k.kid, key)
	})
	return k
}

func embeddedRing() *ring {
	one := func(kid, role string, text []byte) *ringKey {
		o := object{"kid": kid, "role": role, "pem": string(text), "current_since": "2024-01-01T00:00:00.000Z"}
		return newRingKey(o, sync.OnceValues(func() (*rsa.PrivateKey, error) { return privateKey(text) }))
	}
	return &ring{keys: []*ringKey{one(currentKid, "current", currentKey), one(nextKid, "next", nextKey)}}
}

// ringOf is the ring that the state has.
func (k *keys) ringOf(tx *store.Tx) *ring {
	version := tx.Version(signingKey())
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ring.version == version {
		return k.ring
	}
	all := tx.All(signingKey())
	r := &ring{version: version}
	for _, o := range all {
		text := []byte(str(o, "pem"))
		r.keys = append(r.keys, newRingKey(o, sync.OnceValues(func() (*rsa.PrivateKey, error) { return privateKey(text) })))
	}
	if len(all) == 0 { // a snapshot of before was restored
		r.keys = embeddedRing().keys
	}
	k.ring = r
	clear(k.seen) // a token of a revoked key is good no more
	return r
}

// ring is that of the state that a handler has before it.
func (c *call) ring() *ring { return c.t.keys.ringOf(c.tx) }

// ring is the present one, outside of the state's lock.
func (t *Tenant) ring() *ring {
	var r *ring
	t.state.View(func(tx *store.Tx) { r = t.keys.ringOf(tx) })
	return r
}

func (r *ring) role(name string) *ringKey {
	for _, k := range r.keys {
		if k.role == name && !k.revoked {
			return k
		}
	}
	return nil
}

// sign makes a token of the current key.
func (r *ring) sign(claims object) (string, error) {
	k := r.role("current")
	if k == nil {
		return "", errors.New("the tenant has no current signing key")
	}
	key, err := k.private()
	if err != nil {
		return "", err
	}
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(claims))
	t.Header["kid"] = k.kid
	return t.SignedString(key)
}

// key is the public key that a token names.
func (r *ring) key(t *jwt.Token) (any, error) {
	for _, k := range r.keys {
		if k.kid == t.Header["kid"] && !k.revoked {
			key, err := k.private()
			if err != nil {
				return nil, err
			}
			return &key.PublicKey, nil
		}
	}
	return nil, errors.New("unknown kid")
}

// verify checks a token of this ring's keys and its times.
func (r *ring) verify(token string, now time.Time) (object, error) {
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims, r.key,
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(func() time.Time { return now }))
	return object(claims), err
}

// jwks are the keys with which tokens may be checked: what was revoked is gone.
func (r *ring) jwks() (object, error) {
	list := []object{}
	for _, role := range []string{"current", "next", "previous"} {
		for _, k := range r.keys {
			if k.role != role || k.revoked {
				continue
			}
			j, err := k.jwk()
			if err != nil {
				return nil, err
			}
			list = append(list, j)
		}
	}
	return object{"keys": list}, nil
}

// shown is a key as the Management API has it.
func (k *ringKey) shown() (object, error) {
	jwk, err := k.jwk()
	if err != nil {
		return nil, err
	}
	chain, _ := jwk["x5c"].([]string)
	der, err := base64.StdEncoding.DecodeString(chain[0])
	if err != nil {
		return nil, err
	}
	print := sha1.Sum(der) // see the import
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	parts := make([]string, len(print))
	for i, b := range print {
		parts[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	out := object{
		"kid": k.kid, "cert": cert, "pkcs7": cert, "fingerprint": strings.Join(parts, ":"), "thumbprint": strings.ToUpper(hex.EncodeToString(print[:])),
		"current": k.role == "current", "next": k.role == "next", "previous": k.role == "previous", "revoked": k.revoked,
	}
	for _, f := range []string{"current_since", "current_until", "revoked_at"} {
		if v, has := k.o[f]; has {
			out[f] = v
		}
	}
	return out, nil
}

func listSigningKeys(c *call) reply {
	r := c.ring()
	return reply{status: c.status(200), late: func() (any, error) {
		out := []object{}
		for _, k := range r.keys {
			o, err := k.shown()
			if err != nil {
				return nil, err
			}
			out = append(out, o)
		}
		return out, nil
	}}
}

func getSigningKey(c *call) reply {
	for _, k := range c.ring().keys {
		if k.kid == c.id() {
			return reply{status: c.status(200), late: func() (any, error) { return k.shown() }}
		}
	}
	return absent("/keys/signing")
}

// rotateSigningKey makes the next key the current one, and a new next one. What
// the old key signed stays good until it is revoked.
func rotateSigningKey(c *call) reply {
	fresh, err := freshKey(c)
	if err != nil {
		return failure(500, err.Error(), "")
	}
	for _, k := range c.ring().keys {
		o := store.Clone(k.o)
		switch k.role {
		case "current":
			o["role"], o["current_until"] = "previous", stamp(c.now)
		case "next":
			o["role"], o["current_since"] = "current", stamp(c.now)
		}
		c.tx.Put(signingKey(), k.kid, o)
	}
	c.tx.Put(signingKey(), str(fresh, "kid"), fresh)
	return keyAnswer(c, c.ring().role("current"))
}

func freshKey(c *call) (object, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return object{"kid": c.t.ids.base64("/keys/signing", "", 16), "role": "next", "pem": string(text)}, nil
}

func keyAnswer(c *call, k *ringKey) reply {
	return reply{status: c.status(200), late: func() (any, error) {
		o, err := k.shown()
		if err != nil {
			return nil, err
		}
		return object{"kid": o["kid"], "cert": o["cert"]}, nil
	}}
}

func revokeSigningKey(c *call) reply {
	for _, k := range c.ring().keys {
		if k.kid != c.params[0] {
			continue
		}
		if k.role != "previous" {
			return failure(400, "Only a previously used key can be revoked; rotate the keys first.", "invalid_body")
		}
		if !k.revoked {
			o := store.Clone(k.o)
			o["revoked"], o["revoked_at"] = true, stamp(c.now)
			c.tx.Put(signingKey(), k.kid, o)
		}
		return keyAnswer(c, k)
	}
	return absent("/keys/signing")
}
