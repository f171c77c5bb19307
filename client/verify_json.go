package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// claimSet is a JSON object taken apart: names are exact (encoding/json would
// take "ISS" for iss in a struct) and each stands once.
type claimSet struct {
	list []claim
	// index finds a name in a long list; nil while the list is short, as in
	// every honest token, where a map costs more than all of the search.
	index map[string]int
}

type claim struct {
	name []byte // without escapes; a part of the text where it had none
	raw  json.RawMessage
}

// shortList is how many members are searched one after the other.
const shortList = 24

// get gives a member, nil where there is none.
func (c *claimSet) get(name string) json.RawMessage {
	raw, _ := c.find(name)
	return raw
}

// find gives a member, and whether there is one.
func (c *claimSet) find(name string) (json.RawMessage, bool) {
	if c.index != nil {
		i, ok := c.index[name]
		if !ok {
			return nil, false
		}
		return c.list[i].raw, true
	}
	for i := range c.list {
		if string(c.list[i].name) == name {
			return c.list[i].raw, true
		}
	}
	return nil, false
}

// has reports whether there is a member of that name.
func (c *claimSet) has(name []byte) bool {
	if c.index != nil {
		_, ok := c.index[string(name)]
		return ok
	}
	for i := range c.list {
		if have := c.list[i].name; len(have) == len(name) && string(have) == string(name) {
			return true
		}
	}
	return false
}

// add appends a member; false where there is one of its name.
func (c *claimSet) add(name []byte, raw json.RawMessage) bool {
	if c.has(name) {
		return false
	}
	c.list = append(c.list, claim{name, raw})
	switch {
	case c.index != nil:
		c.index[string(name)] = len(c.list) - 1
	case len(c.list) > shortList:
		c.index = make(map[string]int, 2*len(c.list))
		for i := range c.list {
			c.index[string(c.list[i].name)] = i
		}
	}
	return true
}

// read reads a JSON object into its members, which are parts of the text. A name
// that stands twice is refused: of a token with two "aud" the next reader could
// take the other.
func (c *claimSet) read(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	s := jsonScan{text: text}
	if s.next() != '{' {
		if !json.Valid(text) {
			return errors.New("not JSON")
		}
		return errors.New("not a JSON object")
	}
	for first := true; s.more('}', first); first = false {
		name, ok := nameOf(s.value())
		if !ok || s.next() != ':' {
			return errors.New("not JSON")
		}
		if !c.add(name, s.value()) {
			return fmt.Errorf("the member %q stands there twice", display(string(name)))
		}
	}
	if s.next(); s.bad || s.at != len(s.text)+1 {
		return errors.New("not JSON")
	}
	return nil
}

// nameOf reads a member's name.
func nameOf(raw json.RawMessage) ([]byte, bool) {
	if isString(raw) && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return raw[1 : len(raw)-1], true
	}
	name, ok := stringOf(raw)
	return []byte(name), ok
}

// elements reads a JSON array into its elements.
func elements(text []byte) ([]json.RawMessage, bool) {
	s := jsonScan{text: text}
	if s.next() != '[' {
		return nil, false
	}
	out := make([]json.RawMessage, 0, 4)
	for first := true; s.more(']', first); first = false {
		out = append(out, s.value())
	}
	return out, !s.bad
}

// A jsonScan cuts JSON (RFC 8259) into values and checks it on the way. A
// verifier reads two small objects for each token; encoding/json, which reads
// each of them three times to the same end, took half of the time that the
// signature took. FuzzMembers compares the two.
type jsonScan struct {
	text []byte
	at   int
	bad  bool // it is no JSON; set once and kept
}

// maxNesting is encoding/json's.
const maxNesting = 10_000

// next gives the next byte that is no space, and goes behind it; 0 behind the
// end.
func (s *jsonScan) next() byte {
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
	}
	s.at = len(s.text) + 1
	return 0
}

// more goes to the next element of an object or array; false at its end.
func (s *jsonScan) more(end byte, first bool) bool {
	c := s.next()
	switch {
	case s.bad:
		return false
	case c == end:
		return false
	case first && c != 0:
		s.at--
		return true
	case !first && c == ',':
		return true
	}
	s.bad = true
	return false
}

// value cuts out the value that begins here; nil where none does.
func (s *jsonScan) value() json.RawMessage {
	first := s.next()
	start := s.at - 1
	s.rest(first, 2) // it stands in an object or array already
	if s.bad {
		return nil
	}
	return s.text[start:s.at:s.at]
}

// rest goes behind a value whose first byte was read.
func (s *jsonScan) rest(first byte, depth int) {
	switch {
	case depth > maxNesting && (first == '{' || first == '['):
		s.bad = true
	case first == '"':
		s.skipString()
	case first == '{':
		for one := true; s.more('}', one); one = false {
			if s.next() != '"' {
				s.bad = true
				return
			}
			if s.skipString(); s.next() != ':' {
				s.bad = true
				return
			}
			s.rest(s.next(), depth+1)
		}
	case first == '[':
		for one := true; s.more(']', one); one = false {
			s.rest(s.next(), depth+1)
		}
	case first == '-' || first >= '0' && first <= '9':
		s.at--
		s.skipNumber()
	default:
		s.skipWord(first)
	}
}

// skipString goes behind the string whose quote was read.
func (s *jsonScan) skipString() {
	text := s.text
	for i := s.at; i < len(text); i++ {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		s.at = i + 1
		if c == '"' {
			return
		}
		if c < ' ' || !s.skipEscape() {
			break
		}
		i = s.at - 1
	}
	s.bad = true
}

// skipEscape goes behind what a backslash begins.
func (s *jsonScan) skipEscape() bool {
	if s.at >= len(s.text) {
		return false
	}
	c := s.text[s.at]
	s.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if s.at >= len(s.text) || !isHex(s.text[s.at]) {
				return false
			}
			s.at++
		}
		return true
	}
	return false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// skipNumber goes behind a number: -? int frac? exp?
func (s *jsonScan) skipNumber() {
	if s.is('-') {
		s.at++
	}
	if s.is('0') {
		s.at++
	} else if !s.skipDigits() {
		s.bad = true
		return
	}
	if s.is('.') {
		if s.at++; !s.skipDigits() {
			s.bad = true
			return
		}
	}
	if s.is('e') || s.is('E') {
		if s.at++; s.is('+') || s.is('-') {
			s.at++
		}
		s.bad = !s.skipDigits()
	}
}

// is reports whether the next byte is c.
func (s *jsonScan) is(c byte) bool { return s.at < len(s.text) && s.text[s.at] == c }

// skipDigits goes behind digits; false where there are none.
func (s *jsonScan) skipDigits() bool {
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

// skipWord goes behind true, false or null.
func (s *jsonScan) skipWord(first byte) {
	word := ""
	switch first {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	case 'n':
		word = "null"
	}
	end := s.at - 1 + len(word)
	if word == "" || end > len(s.text) || string(s.text[s.at-1:end]) != word {
		s.bad = true
		return
	}
	s.at = end
}
