package client

import (
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
	name string
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
		if c.list[i].name == name {
			return c.list[i].raw, true
		}
	}
	return nil, false
}

// add appends a member; false where there is one of its name.
func (c *claimSet) add(name string, raw json.RawMessage) bool {
	if _, twice := c.find(name); twice {
		return false
	}
	c.list = append(c.list, claim{name, raw})
	switch {
	case c.index != nil:
		c.index[name] = len(c.list) - 1
	case len(c.list) > shortList:
		c.index = make(map[string]int, 2*len(c.list))
		for i := range c.list {
			c.index[c.list[i].name] = i
		}
	}
	return true
}

// members reads a JSON object into its members. A name that stands twice is
// refused: of a token with two "aud" the next reader could take the other.
func members(text []byte) (*claimSet, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	if !json.Valid(text) {
		return nil, errors.New("not JSON")
	}
	s := jsonScan{text: text}
	if s.next() != '{' {
		return nil, errors.New("not a JSON object")
	}
	out := &claimSet{list: make([]claim, 0, shortList/2)}
	for s.more('}') {
		name, ok := nameOf(s.value())
		if !ok {
			return nil, errors.New("not JSON")
		}
		s.next() // the colon
		if !out.add(name, s.value()) {
			return nil, fmt.Errorf("the member %q stands there twice", display(name))
		}
	}
	return out, nil
}

// nameOf reads a member's name; for those that nearly every token has it makes
// no new text.
func nameOf(raw json.RawMessage) (string, bool) {
	switch string(raw) {
	case `"alg"`:
		return "alg", true
	case `"typ"`:
		return "typ", true
	case `"kid"`:
		return "kid", true
	case `"iss"`:
		return "iss", true
	case `"sub"`:
		return "sub", true
	case `"aud"`:
		return "aud", true
	case `"exp"`:
		return "exp", true
	case `"iat"`:
		return "iat", true
	case `"azp"`:
		return "azp", true
	case `"scope"`:
		return "scope", true
	}
	return stringOf(raw)
}

// elements reads a JSON array, which is known to be JSON, into its elements.
func elements(text []byte) ([]json.RawMessage, bool) {
	s := jsonScan{text: text}
	if s.next() != '[' {
		return nil, false
	}
	out := make([]json.RawMessage, 0, 4)
	for s.more(']') {
		out = append(out, s.value())
	}
	return out, true
}

// A jsonScan cuts JSON that json.Valid has accepted into values. A verifier
// reads two small objects for each token; encoding/json took half of the time
// that the signature took.
type jsonScan struct {
	text []byte
	at   int
}

// next gives the next byte that is no space, and goes behind it.
func (s *jsonScan) next() byte {
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c
		}
	}
	return 0
}

// more goes to the next element of an object or array; false at its end.
func (s *jsonScan) more(end byte) bool {
	c := s.next()
	if c == end || c == 0 {
		return false
	}
	if c != ',' {
		s.at--
	}
	return true
}

// value cuts out the value that begins here.
func (s *jsonScan) value() json.RawMessage {
	first := s.next()
	start := s.at - 1
	switch first {
	case '"':
		s.skipString()
	case '{', '[':
		s.skipNested()
	default:
		for s.at < len(s.text) && !endsLiteral(s.text[s.at]) {
			s.at++
		}
	}
	return s.text[start:s.at:s.at]
}

// endsLiteral reports whether a byte cannot be part of a number, true, false or
// null.
func endsLiteral(c byte) bool {
	switch c {
	case ',', ']', '}', ' ', '\t', '\n', '\r':
		return true
	}
	return false
}

// skipString goes behind the string whose quote was read.
func (s *jsonScan) skipString() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			return
		}
		s.at++
	}
}

// skipNested goes behind the object or array whose bracket was read.
func (s *jsonScan) skipNested() {
	for depth := 1; depth > 0 && s.at < len(s.text); {
		c := s.text[s.at]
		s.at++
		switch c {
		case '"':
			s.skipString()
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
	}
}
