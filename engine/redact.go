package engine

import (
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	// minSecret is the shortest secret, and the shortest line of one, that is
	// looked for: "1" or "abc" would blacken every text and protect nothing.
	minSecret = 4
	// minEncoded is the shortest base64 text that is looked for.
	minEncoded = 6
	// mask stands for a secret.
	mask = "[secret]"
)

// A Redactor knows secrets and takes them out of texts. Its zero value knows
// none; it is safe for concurrent use, also Add while others Redact.
//
// A text is found in the forms in which it travels: as it is, URL-encoded,
// JSON-escaped (once, and again inside another JSON text), in hex, and base64-encoded,
// also as a part of something longer that was encoded as a whole (the
// "client_id:secret" of Basic authentication). Of a secret of several lines
// (a PEM key) each line is looked for by itself. Secrets and lines shorter
// than 4 bytes are not looked for.
type Redactor struct {
	// Off lets everything through. Tests switch it to prove that what they
	// look for would be found.
	Off bool

	mu    sync.RWMutex
	known map[string]struct{}
	root  trieNode
	// begins has a bit for each first two bytes of a pattern, so that texts
	// without secrets cost one look a byte.
	begins [1 << 16 / 64]uint64
}

// NewRedactor returns a redactor that knows nothing.
func NewRedactor() *Redactor { return &Redactor{} }

// Add makes a secret known, with its URL-, JSON- and base64-encoded forms and
// line by line.
func (r *Redactor) Add(secret string) {
	if len(secret) < minSecret {
		return
	}
	r.mu.RLock()
	_, known := r.known[secret]
	r.mu.RUnlock()
	if known {
		return // the usual case: a token is told with every call
	}
	patterns := forms(secret)
	if strings.ContainsAny(secret, "\r\n") {
		for line := range strings.FieldsFuncSeq(secret, isLineEnd) {
			// The armour of a PEM text is no secret.
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") {
				patterns = append(patterns, forms(line)...)
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]struct{}{}
	}
	r.known[secret] = struct{}{}
	for _, p := range patterns {
		r.root.insert(p)
		bit := uint(p[0])<<8 | uint(p[1])
		r.begins[bit/64] |= 1 << (bit % 64)
	}
}

func isLineEnd(c rune) bool { return c == '\n' || c == '\r' }

// forms are the texts under which a secret can show up. None holds a line
// end, so that a line of output never waits for the next one.
func forms(secret string) []string {
	if len(secret) < minSecret {
		return nil
	}
	all := []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret),
		lowerEscapes(url.QueryEscape(secret)), lowerEscapes(url.PathEscape(secret)),
	}
	once := jsonInside(secret)
	quoted := strconv.Quote(secret)
	html := strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(once)
	all = append(all, once, jsonInside(once), html, jsonInside(html), quoted[1:len(quoted)-1])
	for _, text := range slices.Compact([]string{secret, once, html}) { // a body echoed in base64 holds the JSON form
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			all = append(all, enc.EncodeToString([]byte(text)))
			all = append(all, inner(enc, text)...)
		}
	}
	digits := hex.EncodeToString([]byte(secret))
	all = append(all, digits, strings.ToUpper(digits))
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(p string) bool { return len(p) < minSecret || strings.ContainsAny(p, "\r\n") })
}

// jsonInside is s as it stands between the quotes of a JSON string.
func jsonInside(s string) string {
	e := encoder{canonical: true} // takes bytes that are not UTF-8, too
	b, _ := e.text(nil, s)        // the canonical form has no errors
	return string(b[1 : len(b)-1])
}

// lowerEscapes writes the %2F of an URL as %2f.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i:], strings.ToLower(s[i:i+3]))
		}
	}
	return string(b)
}

// inner are the characters that stand in a longer base64 text wherever the
// secret begins in it: at one of three places of a group, without those
// characters that hold bits of the neighbours. The tail of a text that the
// secret ends is among them as far as the secret alone makes it.
func inner(enc *base64.Encoding, secret string) []string {
	var all []string
	for shift := range 3 {
		padded := append(make([]byte, shift), secret...)
		text := enc.WithPadding(base64.NoPadding).EncodeToString(padded)
		from := (shift*8 + 5) / 6 // the first character without the neighbour's bits
		to := len(padded) * 8 / 6 // the end of those that are full
		if to-from >= minEncoded {
			all = append(all, text[from:to], text[from:])
		}
	}
	return all
}

// Redact replaces every known secret by [secret]. Secrets that overlap are
// replaced as one.
func (r *Redactor) Redact(s string) string {
	if r == nil || r.Off || len(s) < minSecret {
		return s
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.known) == 0 {
		return s
	}
	spans := r.find(s)
	if len(spans) == 0 {
		return s
	}
	return redactSpans(s, spans)
}

// Holds reports whether a text holds a known secret, in any of its forms.
func (r *Redactor) Holds(text []byte) bool {
	if r == nil || r.Off || len(text) < minSecret {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.known) == 0 {
		return false
	}
	for i := 1; i < len(text); i++ {
		if !r.mayBegin(text[i-1], text[i]) {
			continue
		}
		if n, _ := longest(&r.root, text[i-1:]); n > 0 {
			return true
		}
	}
	return false
}

// A span is a part of a text that is secret.
type span struct{ from, to int }

func redactSpans(s string, spans []span) string {
	var b strings.Builder
	b.Grow(len(s))
	at := 0
	for _, x := range spans {
		b.WriteString(s[at:x.from])
		b.WriteString(mask)
		at = x.to
	}
	b.WriteString(s[at:])
	return b.String()
}

// find gives the secret spans of s in order, overlapping ones as one.
func (r *Redactor) find(s string) []span {
	var spans []span
	for i := 0; i+1 < len(s); i++ {
		if !r.mayBegin(s[i], s[i+1]) {
			continue
		}
		n, _ := longest(&r.root, s[i:])
		if n == 0 {
			continue
		}
		if last := len(spans) - 1; last >= 0 && i < spans[last].to {
			spans[last].to = max(spans[last].to, i+n)
		} else {
			spans = append(spans, span{i, i + n})
		}
	}
	return spans
}

func (r *Redactor) mayBegin(a, b byte) bool {
	bit := uint(a)<<8 | uint(b)
	return r.begins[bit/64]&(1<<(bit%64)) != 0
}

// Writer redacts what is written to w, also across writes: it holds back only
// what may be the beginning of a secret, never a whole line. The writer it
// gives has a method Flush that lets go of what is held back at the end.
func (r *Redactor) Writer(w io.Writer) io.Writer { return &redactWriter{redactor: r, to: w} }

// A Flusher lets go of what it holds back; the writers of Redactor.Writer are
// Flushers.
type Flusher interface{ Flush() error }

type redactWriter struct {
	redactor *Redactor
	to       io.Writer

	mu   sync.Mutex
	held []byte
}

// Write takes all of p, though a part of it may be written with a later call.
func (w *redactWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := string(append(w.held, p...))
	out, rest := w.redactor.redactBegun(text)
	w.held = append(w.held[:0], rest...)
	if out == "" {
		return len(p), nil
	}
	if _, err := io.WriteString(w.to, out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what is held back.
func (w *redactWriter) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := w.redactor.Redact(string(w.held))
	w.held = w.held[:0]
	_, err := io.WriteString(w.to, rest)
	return err
}

// redactBegun redacts a text that may go on: rest is the end of it that may
// be the beginning of a secret.
func (r *Redactor) redactBegun(s string) (out, rest string) {
	if r == nil || r.Off {
		return s, ""
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.known) == 0 {
		return s, ""
	}
	spans := r.find(s)
	cut := len(s)
	for i := max(0, len(s)-r.root.depth); i < len(s); i++ {
		if _, open := longest(&r.root, s[i:]); open {
			cut = i
			break
		}
	}
	for len(spans) > 0 && spans[len(spans)-1].to > cut {
		cut = min(cut, spans[len(spans)-1].from)
		spans = spans[:len(spans)-1]
	}
	return redactSpans(s[:cut], spans), s[cut:]
}

// A trieNode is a node of a radix tree of patterns: thousands of tokens begin
// with the same forty bytes, which a hash of the beginning would not tell
// apart.
type trieNode struct {
	label string // the bytes on the way here
	end   bool   // a pattern ends here
	kids  []*trieNode
	depth int // of the root: the length of the longest pattern
}

// insert adds a pattern below the root.
func (n *trieNode) insert(p string) {
	n.depth = max(n.depth, len(p))
	for {
		if p == "" {
			n.end = true
			return
		}
		i, found := n.kid(p[0])
		if !found {
			n.kids = slices.Insert(n.kids, i, &trieNode{label: p, end: true})
			return
		}
		k := n.kids[i]
		same := commonPrefix(k.label, p)
		if same < len(k.label) {
			upper := &trieNode{label: k.label[:same], kids: []*trieNode{k}}
			k.label = k.label[same:]
			n.kids[i] = upper
			k = upper
		}
		n, p = k, p[same:]
	}
}

func (n *trieNode) kid(c byte) (int, bool) {
	return slices.BinarySearchFunc(n.kids, c, func(k *trieNode, c byte) int { return int(k.label[0]) - int(c) })
}

// longest is the length of the longest pattern with which s begins; open says
// that s is used up inside a pattern that may go on.
func longest[T string | []byte](n *trieNode, s T) (length int, open bool) {
	at := 0
	for {
		if n.end {
			length = at
		}
		if at == len(s) {
			return length, len(n.kids) > 0
		}
		i, found := n.kid(s[at])
		if !found {
			return length, false
		}
		n = n.kids[i]
		same := commonPrefix(n.label, s[at:])
		at += same
		if same < len(n.label) {
			return length, at == len(s)
		}
	}
}

func commonPrefix[T string | []byte](a string, b T) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
