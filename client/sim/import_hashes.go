package sim

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5" // imports bring it
	"crypto/pbkdf2"
	"crypto/sha1" // imports bring it
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
	"unicode/utf16"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/md4"       //nolint:staticcheck // SA1019: imports bring it
	"golang.org/x/crypto/ripemd160" //nolint:staticcheck // SA1019: imports bring it
	"golang.org/x/crypto/scrypt"
)

// The hashes that a bulk import may bring (Auth0's page "Bulk User Import
// Database Schema and Examples"): algorithm, hash with its encoding, digest and
// key, salt with its encoding and position, the password's encoding, and the
// numbers of scrypt.

// hashAlgorithms are those that an import may name.
func hashAlgorithms() []string {
	return []string{"argon2", "bcrypt", "hmac", "ldap", "md4", "md5", "sha1", "sha256", "sha512", "pbkdf2", "scrypt"}
}

func digestOf(name string) func() hash.Hash {
	return map[string]func() hash.Hash{
		"md4": md4.New, "md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384,
		"sha512": sha512.New, "ripemd160": ripemd160.New,
	}[strings.ReplaceAll(strings.ToLower(name), "-", "")]
}

// customFits reports whether a password is that of a custom_password_hash. One
// whose parts do not fit together fits no password, as at Auth0.
func customFits(o object, password string) bool {
	h, text := sub(o, "hash"), encoded(str(sub(o, "password"), "encoding"), password)
	value := str(h, "value")
	switch algorithm := str(o, "algorithm"); algorithm {
	case "bcrypt":
		return bcrypt.CompareHashAndPassword([]byte(value), text) == nil
	case "argon2":
		return argonFits(value, text)
	case "pbkdf2":
		return pbkdf2Fits(value, text)
	case "ldap":
		return ldapFits(value, text)
	case "scrypt":
		return scryptFits(o, text)
	case "hmac":
		digest := digestOf(str(h, "digest"))
		if digest == nil {
			return false
		}
		mac := hmac.New(digest, decoded(str(sub(h, "key"), "encoding"), str(sub(h, "key"), "value")))
		mac.Write(salted(o, text))
		return same(decoded(str(h, "encoding"), value), mac.Sum(nil))
	default:
		digest := digestOf(algorithm)
		if digest == nil {
			return false
		}
		sum := digest()
		sum.Write(salted(o, text))
		return same(decoded(str(h, "encoding"), value), sum.Sum(nil))
	}
}

func same(a, b []byte) bool { return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }

func decoded(encoding, s string) []byte {
	switch encoding {
	case "hex":
		b, _ := hex.DecodeString(s)
		return b
	case "base64":
		return unbase64(s)
	}
	return []byte(s)
}

func unbase64(s string) []byte {
	b, _ := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "="))
	return b
}

// encoded is a password in the bytes that were hashed.
func encoded(encoding, s string) []byte {
	switch encoding {
	case "utf16le", "ucs2":
		var b []byte
		for _, u := range utf16.Encode([]rune(s)) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
		return b
	case "latin1", "binary", "ascii":
		var b []byte
		for _, r := range s {
			b = append(b, byte(r))
		}
		return b
	}
	return []byte(s)
}

// salted is a password with its salt, before it unless told otherwise.
func salted(o object, text []byte) []byte {
	s := sub(o, "salt")
	salt := decoded(str(s, "encoding"), str(s, "value"))
	if str(s, "position") == "suffix" {
		return bytes.Join([][]byte{text, salt}, nil)
	}
	return bytes.Join([][]byte{salt, text}, nil)
}

// phc are the fields of a hash in the PHC string format, and its numbers.
func phc(value string) (fields []string, numbers map[string]int) {
	fields = strings.Split(strings.TrimPrefix(value, "$"), "$")
	numbers = map[string]int{}
	for _, f := range fields {
		for _, one := range strings.Split(f, ",") {
			if name, n, ok := strings.Cut(one, "="); ok {
				if i, err := strconv.Atoi(n); err == nil && i >= 0 {
					numbers[name] = i
				}
			}
		}
	}
	return fields, numbers
}

// dearest bounds what one look at a hash may cost.
const dearest = 1 << 20

func argonFits(value string, text []byte) bool {
	fields, n := phc(value)
	if len(fields) < 4 || n["m"] < 8 || n["m"] > dearest || n["t"] < 1 || n["t"] > 100 || n["p"] < 1 || n["p"] > 255 {
		return false
	}
	salt, sum := unbase64(fields[len(fields)-2]), unbase64(fields[len(fields)-1])
	if len(sum) == 0 {
		return false
	}
	switch fields[0] {
	case "argon2id":
		return same(sum, argon2.IDKey(text, salt, uint32(n["t"]), uint32(n["m"]), uint8(n["p"]), uint32(len(sum)))) //nolint:gosec // G115: bounded above
	case "argon2i":
		return same(sum, argon2.Key(text, salt, uint32(n["t"]), uint32(n["m"]), uint8(n["p"]), uint32(len(sum)))) //nolint:gosec // G115: bounded above
	}
	// Of argon2d nothing fits: Auth0 checks by its library magic, whose libsodium
	// knows the other two.
	return false
}

func pbkdf2Fits(value string, text []byte) bool {
	fields, n := phc(value)
	name, ok := strings.CutPrefix(fields[0], "pbkdf2-")
	digest := digestOf(name)
	if !ok || digest == nil || len(fields) != 4 || n["i"] < 1 || n["i"] > 10*dearest {
		return false
	}
	sum := unbase64(fields[3])
	key, err := pbkdf2.Key(digest, string(text), unbase64(fields[2]), n["i"], len(sum))
	return err == nil && same(sum, key)
}

func scryptFits(o object, text []byte) bool {
	cost, block, parallel := 16384, 8, 1
	sum := decoded(str(sub(o, "hash"), "encoding"), str(sub(o, "hash"), "value"))
	for name, into := range map[string]*int{"cost": &cost, "blockSize": &block, "parallelization": &parallel} {
		if n, ok := number(o[name]); ok {
			*into = int(n)
		}
	}
	if n, ok := number(o["keylen"]); ok && int(n) != len(sum) || cost > dearest || cost*block > 32*dearest {
		return false
	}
	s := sub(o, "salt")
	key, err := scrypt.Key(text, decoded(str(s, "encoding"), str(s, "value")), cost, block, parallel, len(sum))
	return err == nil && same(sum, key)
}

// ldapFits checks a hash with the name of its scheme before it, with the salt
// behind the digest where the scheme has one (RFC 2307, and what OpenLDAP made of
// it).
func ldapFits(value string, text []byte) bool {
	scheme, rest, ok := strings.Cut(strings.TrimPrefix(value, "{"), "}")
	name := map[string]string{
		"MD5": "md5", "SMD5": "md5", "SHA": "sha1", "SSHA": "sha1", "SHA256": "sha256", "SSHA256": "sha256", "SHA512": "sha512", "SSHA512": "sha512",
	}[strings.ToUpper(scheme)]
	digest := digestOf(name)
	if !ok || digest == nil {
		return false
	}
	sum, raw := digest(), unbase64(rest)
	if len(raw) < sum.Size() {
		return false
	}
	sum.Write(text)
	sum.Write(raw[sum.Size():])
	return same(raw[:sum.Size()], sum.Sum(nil))
}
