package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// KeySize is the size of a master key in bytes.
const KeySize = 32

// Prefix begins every sealed string.
const Prefix = "a0run:sealed:v1:"

// opening is how a sealed string begins in a text. What Text writes begins with
// exactly these bytes; a string that only decodes to the prefix is sealed by
// Text and never looked at by Open.
const opening = `"` + Prefix

// ErrSealed says that a sealed string could not be opened: it was sealed under
// another key, or changed since.
var ErrSealed = errors.New("a sealed value cannot be opened: it was sealed with another key, or damaged since")

// A Box seals and opens. It is safe for concurrent use.
type Box struct {
	aead  cipher.AEAD
	mac   []byte
	check []byte
}

// New makes a box of a master key of KeySize bytes.
func New(master []byte) (*Box, error) {
	if len(master) != KeySize {
		return nil, fmt.Errorf("a key has %d bytes, not %d", KeySize, len(master))
	}
	var keys [3][]byte
	for i, use := range []string{"seal", "mac", "check"} {
		key, err := hkdf.Key(sha256.New, master, nil, "a0run "+use+" v1", KeySize)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	block, err := aes.NewCipher(keys[0])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Box{aead: aead, mac: keys[1], check: keys[2]}, nil
}

// MAC is the key for the HMACs of the keys of calls, KeySize bytes. It tells
// nothing of the key that seals.
func (b *Box) MAC() []byte { return bytes.Clone(b.mac) }

// Check is a value that tells keys apart and nothing else: a journal stores it
// and shows it to Verify when it is opened again.
func (b *Box) Check() string {
	mac := hmac.New(sha256.New, b.check)
	_, _ = mac.Write([]byte("a0run key check v1")) // a hash's Write never fails
	return base64.RawStdEncoding.EncodeToString(mac.Sum(nil)[:12])
}

// Verify compares the check value that a journal stores with the box's own. An
// empty one is that of a journal without a key and fits every box. journal and
// from name the journal's file and the key's source in the *WrongKeyError.
func (b *Box) Verify(check, journal, from string) error {
	if check == "" || hmac.Equal([]byte(check), []byte(b.Check())) {
		return nil
	}
	return &WrongKeyError{Journal: journal, From: from}
}

// Text seals every string of a JSON text, object keys among them, whose decoded
// value secret says yes to, and those that look like sealed ones already, so
// that Open is its exact inverse. Every other byte stays as it is; where
// nothing is to be sealed the answer is text itself.
//
// A text that is not JSON is sealed whole, as one JSON string, where secret
// says yes to it.
//
// maybe, when it is not nil, is asked first and once for the whole text: where
// it says no, no string holds a secret. A text with escapes is always walked,
// because a secret can hide in them.
func (b *Box) Text(text json.RawMessage, secret func(string) bool, maybe func([]byte) bool) json.RawMessage {
	if len(text) == 0 {
		return text
	}
	if maybe != nil && bytes.IndexByte(text, '\\') < 0 &&
		!Sealed(text) && !maybe(text) {
		return text
	}
	if !json.Valid(text) {
		if secret(string(text)) {
			return b.All(text)
		}
		return text
	}
	return replace(text, func(literal []byte) ([]byte, bool) {
		s := decode(literal)
		if !strings.HasPrefix(s, Prefix) && !secret(s) {
			return nil, false
		}
		return b.seal(literal), true
	})
}

// All seals a whole text, as one JSON string.
func (b *Box) All(text json.RawMessage) json.RawMessage {
	if len(text) == 0 {
		return text
	}
	return b.seal(text)
}

// Open undoes Text and All: it gives the very text that was sealed. It fails
// with ErrSealed.
func (b *Box) Open(text json.RawMessage) (json.RawMessage, error) {
	if !Sealed(text) || !json.Valid(text) {
		return text, nil
	}
	var failed error
	opened := replace(text, func(literal []byte) ([]byte, bool) {
		if failed != nil || !bytes.HasPrefix(literal, []byte(opening)) {
			return nil, false
		}
		plain, err := b.open(literal)
		failed = err
		return plain, err == nil
	})
	if failed != nil {
		return nil, failed
	}
	return opened, nil
}

// Sealed says whether a text may hold sealed strings.
//
// It goes from v to v, of which a text has few: every value that is written or read
// is looked through here.
func Sealed(text json.RawMessage) bool {
	const rare = len(opening) - len("v1:")
	for at := rare; at < len(text); at++ {
		i := bytes.IndexByte(text[at:], opening[rare])
		if i < 0 {
			return false
		}
		if at += i; bytes.HasPrefix(text[at-rare:], []byte(opening)) {
			return true
		}
	}
	return false
}

// seal writes a piece of JSON as a sealed string. The piece is sealed with its
// quotes and escapes, so that opening puts back the very bytes, and so that a
// sealed string and a sealed text are opened alike.
func (b *Box) seal(piece []byte) []byte {
	sealed := b.aead.Seal(nil, nil, piece, nil)
	out := make([]byte, 0, len(opening)+base64.RawStdEncoding.EncodedLen(len(sealed))+1)
	out = append(out, opening...)
	out = base64.RawStdEncoding.AppendEncode(out, sealed)
	return append(out, '"')
}

func (b *Box) open(literal []byte) ([]byte, error) {
	code := literal[len(opening) : len(literal)-1]
	sealed, err := base64.RawStdEncoding.Strict().AppendDecode(nil, code)
	if err != nil {
		return nil, ErrSealed // the decoder's words tell nothing to anybody
	}
	plain, err := b.aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// replace walks the string literals of a valid JSON text, with their quotes,
// and puts in what with gives for them. It copies only when something changes.
func replace(text []byte, with func(literal []byte) ([]byte, bool)) []byte {
	var out []byte
	kept := 0 // what of text is in out
	for at := 0; at < len(text); {
		i := bytes.IndexByte(text[at:], '"')
		if i < 0 {
			break
		}
		start := at + i
		at = end(text, start)
		if piece, ok := with(text[start:at]); ok {
			out = append(append(out, text[kept:start]...), piece...)
			kept = at
		}
	}
	if kept == 0 {
		return text
	}
	return append(out, text[kept:]...)
}

// end is the place behind the string literal that begins at start.
func end(text []byte, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// decode is the value of a string literal. One without escapes is taken as it
// is: encoding/json would put U+FFFD where a secret has a byte that is not
// UTF-8.
func decode(literal []byte) string {
	inner := literal[1 : len(literal)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var s string
	if json.Unmarshal(literal, &s) != nil {
		return string(inner) // never, in a valid text
	}
	return s
}
