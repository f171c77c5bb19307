package client

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// maxTokenSize bounds what is decoded at all; real ID tokens have a few
// kilobytes.
const maxTokenSize = 1 << 20

// A jws is a token taken apart, nothing of it believed yet.
type jws struct {
	signed    string // what the signature is over: header and payload as they came
	header    *header
	payload   []byte
	signature []byte
}

// A header is a token's first part, decoded. It is not changed once it is read.
type header struct {
	text string // as it came
	claimSet
}

// A headerCache keeps the headers of some tokens whose signatures were good, so
// that nobody else can fill it. It saves the decoding only: what a header says is
// checked for every token.
type headerCache struct {
	last [4]atomic.Pointer[header] // a tenant has two keys, and two kinds of tokens
	next atomic.Uint32
}

// find gives the header of a text, nil where it is not kept.
func (c *headerCache) find(text string) *header {
	for i := range c.last {
		if h := c.last[i].Load(); h != nil && h.text == text {
			return h
		}
	}
	return nil
}

// keep keeps the header of a token whose signature was good.
func (c *headerCache) keep(h *header) {
	if len(h.text) <= maxKeptHeader && c.find(h.text) == nil {
		kept := &header{text: strings.Clone(h.text), claimSet: h.claimSet} // not the whole token
		c.last[c.next.Add(1)%uint32(len(c.last))].Store(kept)
	}
}

// maxKeptHeader is in bytes; honest ones have a hundred.
const maxKeptHeader = 1024

// parseJWS takes a token apart and reads its header. All three parts must be
// base64url without padding, of one form only: a lenient decoder would take
// many texts for the same token. The signature lies in the room.
func parseJWS(token string, known *headerCache, in *room) (jws, error) {
	if len(token) > maxTokenSize {
		return jws{}, malformed(fmt.Errorf("the token has %d bytes; more than %d are not read", len(token), maxTokenSize))
	}
	first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
	if first == last || strings.IndexByte(token[first+1:last], '.') >= 0 {
		return jws{}, malformed(fmt.Errorf("a token has three parts joined by dots, this has %d", strings.Count(token, ".")+1))
	}
	j := jws{signed: token[:last], header: known.find(token[:first])}
	var text []byte
	var err error
	if j.header == nil {
		if text, err = decodePart(nil, token[:first]); err != nil {
			return jws{}, malformed(fmt.Errorf("header: %w", err))
		}
	}
	if j.payload, err = decodePart(nil, token[first+1:last]); err != nil {
		return jws{}, malformed(fmt.Errorf("payload: %w", err))
	}
	if in.signature, err = decodePart(in.signature[:0], token[last+1:]); err != nil {
		return jws{}, malformed(fmt.Errorf("signature: %w", err))
	}
	j.signature = in.signature
	if j.header == nil {
		j.header = &header{text: token[:first]}
		if err := j.header.read(text); err != nil {
			return jws{}, malformed(fmt.Errorf("header: %w", err))
		}
	}
	return j, nil
}

// decodePart decodes base64url. The standard decoder skips line breaks, hence
// the look at them.
func decodePart(into []byte, part string) ([]byte, error) {
	if strings.IndexByte(part, '\n') >= 0 || strings.IndexByte(part, '\r') >= 0 {
		return into, errors.New("line breaks are not part of a token")
	}
	if strings.IndexByte(part, '=') >= 0 {
		return into, errors.New("padding is not part of a token")
	}
	into = slices.Grow(into[:0], base64.RawURLEncoding.DecodedLen(len(part)))
	n, err := base64.RawURLEncoding.Strict().Decode(into[:cap(into)], []byte(part))
	if corrupt, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return into, fmt.Errorf("not base64url from byte %d on", int64(corrupt))
	}
	return into[:n], err
}

// checkAlgorithm compares the header's alg with the one that the verifier
// pinned. The token never chooses: what it says is only compared.
func (j *jws) checkAlgorithm(want string) error {
	if raw := j.header.get("alg"); !textIs(raw, want) {
		got := pythonText(raw)
		return invalid("algorithm", `Signature algorithm of "%s" is not supported. Expected the token to be signed with "%s"`, got, want)
	}
	return nil
}

// checkExtensions refuses what would change the meaning of the token: critical
// extensions (none is known here) and an unencoded payload. Keys and addresses
// of keys in the header (jwk, jku, x5c, x5u) are not looked at at all.
func (j *jws) checkExtensions() error {
	if _, ok := j.header.find("crit"); ok {
		return malformed(errors.New("header: it demands critical extensions (crit), none of which is known"))
	}
	if b64, ok := j.header.find("b64"); ok && string(b64) != "true" {
		return malformed(errors.New("header: an unencoded payload (b64) is not allowed"))
	}
	return nil
}

// checkType refuses a token of another kind: an access token that names itself
// one ("at+jwt") is no ID token, a logout token is neither.
func (j *jws) checkType(kind tokenKind) error {
	raw, given := j.header.find("typ")
	if !given {
		return nil
	}
	typ, ok := stringOf(raw)
	if !ok {
		return malformed(errors.New("header: its type (typ) is not a string"))
	}
	if !kind.takes(typ) {
		return invalid("type", `Type (typ) "%s" in the token's header is not that of an %s`, display(typ), kind.noun)
	}
	return nil
}

// kid is the header's key id; a missing one is "".
func (j *jws) kid() (string, error) {
	raw, ok := j.header.find("kid")
	if !ok {
		return "", nil
	}
	kid, ok := stringOf(raw)
	if !ok {
		return "", malformed(errors.New("header: its key id (kid) is not a string"))
	}
	return kid, nil
}

// verify checks the signature with a key that belongs to the method.
func (j *jws) verify(method jwt.SigningMethod, key any) error {
	if err := method.Verify(j.signed, j.signature, key); err != nil {
		return &TokenValidationError{Code: "signature", Message: "Invalid token signature.", Err: err}
	}
	return nil
}

// curveFits reports whether a key is on the curve of an ES algorithm; other
// keys fit always.
func curveFits(method jwt.SigningMethod, key any) bool {
	es, isES := method.(*jwt.SigningMethodECDSA)
	pub, isEC := key.(*ecdsa.PublicKey)
	return !isES || isEC && pub.Params().BitSize == es.CurveBits
}

// stringOf reads a JSON string.
func stringOf(raw json.RawMessage) (string, bool) {
	if !isString(raw) {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1]), true // nothing in it to decode
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// textIs reports whether a JSON value is the string want.
func textIs(raw json.RawMessage, want string) bool {
	if isString(raw) && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1:len(raw)-1]) == want
	}
	got, ok := stringOf(raw)
	return ok && got == want
}

func isString(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '"' }

// pythonText writes a header value as the Python SDK's messages do: strings
// bare, a missing one as None.
func pythonText(raw json.RawMessage) string {
	if s, ok := stringOf(raw); ok {
		return display(s)
	}
	switch text := string(raw); text {
	case "", "null":
		return "None"
	case "true":
		return "True"
	case "false":
		return "False"
	default:
		return display(text)
	}
}

// display makes a text of the token's header, which anyone can write, fit for
// an error message: control characters (which could rewrite a terminal or forge
// a log line) become escapes, and a long text is cut.
func display(s string) string { return shown(s, 200) }

// claimText is display for what the tenant has signed: cut only where no
// message would be read any more.
func claimText(s string) string { return shown(s, 4000) }

func shown(s string, most int) string {
	var b strings.Builder
	for i, r := range s {
		if i >= most {
			b.WriteString("…")
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}

func malformed(cause error) error {
	return &TokenValidationError{Code: "malformed", Message: "token could not be decoded.", Err: cause}
}

// invalid builds an error; texts of the token among args must have gone through
// display or claimText.
func invalid(code, format string, args ...any) error {
	return &TokenValidationError{Code: code, Message: fmt.Sprintf(format, args...)}
}
