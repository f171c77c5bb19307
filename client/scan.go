package client

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// validJSON is json.Valid, in a third of its time: every answer passes it.
// FuzzScan compares the two.
func validJSON(text []byte) bool {
	s := jsonScan{text: text}
	s.rest(s.next(), 1)
	if s.bad || s.at > len(text) {
		return false
	}
	return s.next() == 0 && s.at == len(text)+1
}

// memberOf gives the first member of that name of a JSON object, nil where there
// is none or the text is no object.
func memberOf(text json.RawMessage, name string) json.RawMessage {
	s := jsonScan{text: text}
	if s.next() != '{' {
		return nil
	}
	for first := true; s.more('}', first); first = false {
		found, ok := nameOf(s.value())
		if !ok || s.next() != ':' {
			return nil
		}
		if raw := s.value(); string(found) == name {
			return raw
		}
	}
	return nil
}

// textOf is a member that is a string, a number or a boolean, as text.
func textOf(object json.RawMessage, name string) string {
	raw := memberOf(object, name)
	if raw == nil {
		return ""
	}
	text, err := plainJSON(raw)
	if err != nil || string(raw) == "null" {
		return ""
	}
	return text
}

// cutList takes a JSON array apart; the elements are copies, so that one that is kept
// does not keep the page.
func cutList(text json.RawMessage) ([]json.RawMessage, bool) {
	s := jsonScan{text: text}
	if s.next() != '[' {
		return nil, false
	}
	out := make([]json.RawMessage, 0, 64)
	for first := true; s.more(']', first); first = false {
		out = append(out, bytes.Clone(s.value()))
	}
	return out, !s.bad
}

// tree decodes a text that is JSON, as encoding/json does; numbers are
// plainNumber's.
func tree(text json.RawMessage) any {
	s := jsonScan{text: text}
	return s.tree()
}

func (s *jsonScan) tree() any {
	switch first := s.next(); first {
	case '{':
		out := map[string]any{}
		for one := true; s.more('}', one); one = false {
			name, _ := stringOf(s.value())
			s.next() // the colon
			out[name] = s.tree()
		}
		return out
	case '[':
		out := []any{}
		for one := true; s.more(']', one); one = false {
			out = append(out, s.tree())
		}
		return out
	default:
		start := s.at - 1
		s.rest(first, 2)
		if s.bad {
			return nil
		}
		switch raw := s.text[start:s.at]; first {
		case '"':
			text, _ := stringOf(raw)
			return text
		case 't', 'f':
			return first == 't'
		case 'n':
			return nil
		default:
			return numberIn(raw)
		}
	}
}

// numberIn is plainNumber of a text.
func numberIn(raw []byte) any {
	if len(raw) <= 15 && bytes.IndexByte(raw, '.') < 0 && bytes.IndexByte(raw, 'e') < 0 && bytes.IndexByte(raw, 'E') < 0 {
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err == nil && (n != 0 || raw[0] != '-') {
			return float64(n)
		}
	}
	return plainNumber(json.Number(raw))
}
