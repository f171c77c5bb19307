package sim

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"a0run/client/sim/store"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// TestImportHashes: each algorithm takes the password that it was made of, and
// no other. Values that come from elsewhere than from Go say so.
func TestImportHashes(t *testing.T) {
	const pass = "Grüße-1"
	raw := base64.RawStdEncoding.EncodeToString
	salt := []byte("pepper")
	cheap, err := bcrypt.GenerateFromPassword([]byte(pass), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	derived, err := pbkdf2.Key(sha512.New, pass, salt, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	scrypted, err := scrypt.Key([]byte(pass), salt, 1024, 8, 1, 32)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte(pass))
	sum1 := sha1.Sum([]byte(pass + "pepper"))
	sum256 := sha256.Sum256([]byte("pepper" + pass))
	sum512 := sha512.Sum512([]byte(pass))
	latin := md5.Sum([]byte("Gr\xfc\xdfe-1"))
	hash := func(value, encoding string) object { return object{"value": value, "encoding": encoding} }
	for name, o := range map[string]object{
		"bcrypt":  {"algorithm": "bcrypt", "hash": hash(string(cheap), "utf8")},
		"argon2i": {"algorithm": "argon2", "hash": hash("$argon2i$v=19$m=64,t=1,p=1$"+raw(salt)+"$"+raw(argon2.Key([]byte(pass), salt, 1, 64, 1, 32)), "utf8")},
		"argon2":  {"algorithm": "argon2", "hash": hash("$argon2id$v=19$m=64,t=2,p=1$"+raw(salt)+"$"+raw(argon2.IDKey([]byte(pass), salt, 2, 64, 1, 32)), "utf8")},
		"pbkdf2":  {"algorithm": "pbkdf2", "hash": hash(fmt.Sprintf("$pbkdf2-sha512$i=10,l=64$%s$%s", raw(salt), raw(derived)), "utf8")},
		"scrypt": {
			"algorithm": "scrypt", "hash": hash(hex.EncodeToString(scrypted), "hex"), "salt": object{"value": "pepper", "encoding": "utf8"},
			"cost": 1024, "blockSize": 8, "parallelization": 1, "keylen": 32,
		},
		"hmac": {"algorithm": "hmac", "hash": object{
			"value": hex.EncodeToString(mac.Sum(nil)), "encoding": "hex", "digest": "sha256", "key": object{"value": base64.StdEncoding.EncodeToString([]byte("key")), "encoding": "base64"},
		}},
		"sha1, salt behind":    {"algorithm": "sha1", "hash": hash(base64.StdEncoding.EncodeToString(sum1[:]), "base64"), "salt": object{"value": "pepper", "position": "suffix"}},
		"sha256, salt before":  {"algorithm": "sha256", "hash": hash(hex.EncodeToString(sum256[:]), "hex"), "salt": object{"value": hex.EncodeToString(salt), "encoding": "hex"}},
		"sha512":               {"algorithm": "sha512", "hash": hash(hex.EncodeToString(sum512[:]), "hex")},
		"md5 of other letters": {"algorithm": "md5", "hash": hash(hex.EncodeToString(latin[:]), "hex"), "password": object{"encoding": "latin1"}},
		"ldap":                 {"algorithm": "ldap", "hash": hash("{SSHA}"+base64.StdEncoding.EncodeToString(append(sum1[:], salt...)), "utf8")},
	} {
		if !customFits(o, pass) {
			t.Errorf("%s does not take its password", name)
		}
		for _, wrong := range []string{"", "grüße-1", pass + " "} {
			if customFits(o, wrong) {
				t.Errorf("%s takes %q", name, wrong)
			}
		}
	}
	for name, c := range map[string]struct {
		pass string
		o    object
	}{
		"MD4 of RFC 1320, A.5":    {"abc", object{"algorithm": "md4", "hash": hash("a448017aaf21d8525fc10ae87aa6729d", "hex")}},
		"MD5 of RFC 1321, A.5":    {"abc", object{"algorithm": "md5", "hash": hash("900150983cd24fb0d6963f7d28e17f72", "hex")}},
		"HMAC-MD5 of RFC 2202, 2": {"what do ya want for nothing?", object{"algorithm": "hmac", "hash": object{"value": "750c783e6ab0b503eaa86e310a5db738", "encoding": "hex", "digest": "md5", "key": object{"value": "Jefe"}}}},
		"scrypt of RFC 7914, 12":  {"password", object{"algorithm": "scrypt", "cost": 1024, "blockSize": 8, "parallelization": 16, "salt": object{"value": "NaCl"}, "hash": hash("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640", "hex")}},
		"NT hash of open sources": {"password", object{"algorithm": "md4", "password": object{"encoding": "utf16le"}, "hash": hash("8846f7eaee8fb117ad06bdd830b7586c", "hex")}},
	} {
		if !customFits(c.o, c.pass) || customFits(c.o, c.pass+"x") {
			t.Errorf("%s", name)
		}
	}
	for name, o := range map[string]object{
		"nothing": {}, "no value": {"algorithm": "md5"}, "unknown": {"algorithm": "rot13", "hash": hash("x", "utf8")}, "no fields": {"algorithm": "argon2", "hash": hash("$", "utf8")},
		"dear": {"algorithm": "scrypt", "cost": 1 << 30, "hash": hash("aa", "hex")}, "no digest": {"algorithm": "hmac", "hash": hash("x", "utf8")},
		"short": {"algorithm": "ldap", "hash": hash("{SSHA}AAAA", "utf8")}, "empty": {"algorithm": "pbkdf2", "hash": hash("$pbkdf2-sha512$i=1$$", "utf8")},
	} {
		if customFits(o, "x") || customFits(o, "") {
			t.Errorf("%s takes a password", name)
		}
	}
}

// TestPasswordsRestHashed: nothing of a password is in the state, and an import's
// hash gives way to the tenant's own at the first log-in.
func TestPasswordsRestHashed(t *testing.T) {
	tenant, err := New(Options{Seed: []byte(`users: [{user_id: auth0|ann, email: ann@example.com, password: Plain-secret-1}]`)})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("Imported-1"))
	tenant.state.Update(func(tx *store.Tx) {
		if s := string(encode(tx.All(passwordsKey()))); strings.Contains(s, "Plain") || !strings.Contains(s, fastHash) {
			t.Errorf("passwords rest as %s", s)
		}
		tx.Put(passwordsKey(), "auth0|bob", object{"custom_password_hash": object{"algorithm": "sha256", "hash": object{"value": hex.EncodeToString(sum[:]), "encoding": "hex"}}})
		c := &call{t: tenant, tx: tx}
		for _, try := range []struct {
			user, pass string
			want       bool
		}{
			{"auth0|ann", "Plain-secret-1", true},
			{"auth0|ann", "Plain-secret-2", false},
			{"auth0|ann", "", false},
			{"auth0|nobody", "x", false},
			{"auth0|bob", "Imported-2", false},
			{"auth0|bob", "Imported-1", true},
			{"auth0|bob", "Imported-1", true},
		} {
			if got := c.passwordFits(try.user, try.pass); got != try.want {
				t.Errorf("%s %s: %v", try.user, try.pass, got)
			}
		}
		if o := tx.Get(passwordsKey(), "auth0|bob"); o["custom_password_hash"] != nil || str(o, "hash") == "" {
			t.Errorf("after a log-in rests %v", o)
		}
	})
}

func TestPasswordPolicies(t *testing.T) {
	with := func(options object) object { return object{"name": "db", "options": options} }
	user := object{"email": "ann.smith@example.com", "name": "Ann Smith"}
	for _, c := range []struct {
		options object
		pass    string
		want    string
	}{
		{object{"passwordPolicy": "none"}, "x", ""},
		{object{"passwordPolicy": "low"}, "12345", "PasswordStrengthError"},
		{object{"passwordPolicy": "low"}, "123456", ""},
		{object{"passwordPolicy": "fair"}, "abcdefgh1", "PasswordStrengthError"},
		{object{"passwordPolicy": "fair"}, "Abcdefg1", ""},
		{object{"passwordPolicy": "good"}, "abcdefg1", "PasswordStrengthError"},
		{object{"passwordPolicy": "good"}, "abcdef-1", ""},
		{object{"passwordPolicy": "excellent"}, "Abcdef-1", "PasswordStrengthError"},
		{object{"passwordPolicy": "excellent"}, "Abcccdefg-1", "PasswordStrengthError"},
		{object{"passwordPolicy": "excellent"}, "Abccdefgh-1", ""},
		{object{"passwordPolicy": "good", "password_complexity_options": object{"min_length": 12}}, "Abcdef-1", "PasswordStrengthError"},
		{object{"passwordPolicy": "none", "password_dictionary": object{"enable": true}}, "Password1", "PasswordDictionaryError"},
		{object{"passwordPolicy": "none", "password_dictionary": object{"enable": true, "dictionary": []any{"acme"}}}, "ACME", "PasswordDictionaryError"},
		{object{"passwordPolicy": "none", "password_no_personal_info": object{"enable": true}}, "my-ann.smith-1", "PasswordNoUserInfoError"},
	} {
		got := ""
		if w := weakness(with(c.options), user, c.pass); w != nil {
			got = w.name
		}
		if got != c.want {
			t.Errorf("%v takes %s as %q, want %q", c.options, c.pass, got, c.want)
		}
	}
}
