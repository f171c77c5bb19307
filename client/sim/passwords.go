package sim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"a0run/client/sim/store"

	"golang.org/x/crypto/bcrypt"
)

// Passwords rest as salted hashes. Those that come in clear are hashed fast:
// seeds have 100,000 users, tests make thousands a second, and bcrypt with the
// ten rounds that Auth0 uses would take a twentieth of a second for each. Those
// of imports stay in the hash that they came in until the first log-in with
// them, as at Auth0.

const fastHash = "hmac-sha256$"

func hashed(password string) string {
	salt := make([]byte, 12)
	_, _ = rand.Read(salt) // it never fails
	return fastHash + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(fastSum(salt, password))
}

func fastSum(salt []byte, password string) []byte {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(password))
	return mac.Sum(nil)
}

// fits reports whether a password is that of a hash made by hashed.
func fitsHash(hash, password string) bool {
	rest, ok := strings.CutPrefix(hash, fastHash)
	salt, sum, cut := strings.Cut(rest, "$")
	raw, err := base64.RawStdEncoding.DecodeString(salt)
	if !ok || !cut || err != nil {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(sum), []byte(base64.RawStdEncoding.EncodeToString(fastSum(raw, password)))) == 1
}

// setPassword keeps a user's password, and the hashes of those before it.
func setPassword(tx *store.Tx, user, password string) {
	old := tx.Get(passwordsKey(), user)
	o := object{"hash": hashed(password)}
	var before []any
	if h := str(old, "hash"); h != "" {
		before = append(before, h)
	}
	before = append(before, items(old, "before")...)
	if len(before) > maxHistory {
		before = before[:maxHistory]
	}
	if before != nil {
		o["before"] = before
	}
	tx.Put(passwordsKey(), user, o)
}

// maxHistory is the longest history that a connection can ask for.
const maxHistory = 24

// passwordFits reports whether it is the user's password.
func (c *call) passwordFits(user, password string) bool {
	o := c.tx.Get(passwordsKey(), user)
	switch {
	case o == nil || password == "":
		return false
	case str(o, "hash") != "":
		return fitsHash(str(o, "hash"), password)
	case str(o, "password") != "": // a file of --data from before passwords were hashed
		if subtle.ConstantTimeCompare([]byte(str(o, "password")), []byte(password)) != 1 {
			return false
		}
	case str(o, "password_hash") != "":
		if bcrypt.CompareHashAndPassword([]byte(str(o, "password_hash")), []byte(password)) != nil {
			return false
		}
	default:
		if !customFits(sub(o, "custom_password_hash"), password) {
			return false
		}
	}
	c.tx.Put(passwordsKey(), user, object{"hash": hashed(password)})
	return true
}
