package search

import (
	"fmt"
	"strings"
	"unicode"
)

type tokKind int

const (
	tokEnd    tokKind = iota
	tokWord           // bare text, escapes still in it
	tokPhrase         // quoted text, escapes resolved
	tokAnd
	tokOr
	tokNot
	tokOpen  // (
	tokClose // )
	tokColon
	tokFrom  // [ or {
	tokUntil // ] or }
	tokPlus
	tokCompare // > >= < <=
)

type token struct {
	kind  tokKind
	text  string
	col   int
	tight bool // no space before it
}

func (t token) String() string {
	if t.kind == tokEnd {
		return "the end of the query"
	}
	return fmt.Sprintf("%q", t.text)
}

func (t token) errorf(format string, args ...any) error {
	return &Error{Column: t.col, Reason: fmt.Sprintf(format, args...)}
}

// A scanner cuts a query into tokens; columns count runes.
type scanner struct {
	in  []rune
	at  int
	out []token
	// ranged: a range is open. Inside it a colon belongs to the time of day
	// and a minus to a number.
	ranged bool
}

func scan(q string) ([]token, error) {
	s := &scanner{in: []rune(q)}
	for {
		gap := s.at
		for s.at < len(s.in) && unicode.IsSpace(s.in[s.at]) {
			s.at++
		}
		tight := s.at == gap && s.at > 0
		if s.at == len(s.in) {
			s.out = append(s.out, token{kind: tokEnd, col: s.at + 1})
			return s.out, nil
		}
		t, err := s.one()
		if err != nil {
			return nil, err
		}
		t.tight = tight
		s.out = append(s.out, t)
	}
}

func (s *scanner) one() (token, error) {
	start := s.at
	c := s.in[start]
	if kind, ok := punctuation(c); ok {
		s.at++
		if kind == tokFrom || kind == tokUntil {
			s.ranged = kind == tokFrom
		}
		return token{kind: kind, text: string(c), col: start + 1}, nil
	}
	switch c {
	case '"':
		return s.phrase()
	case '>', '<':
		s.at++
		if s.at < len(s.in) && s.in[s.at] == '=' {
			s.at++
		}
		return token{kind: tokCompare, text: string(s.in[start:s.at]), col: start + 1}, nil
	case '-':
		// A minus forbids what follows it, but "-5" after a colon, after ">=" or
		// inside a range is a number.
		if last := s.last(); last != tokColon && last != tokCompare && !s.ranged {
			s.at++
			return token{kind: tokNot, text: "-", col: start + 1}, nil
		}
	case '&', '|':
		if s.at+1 < len(s.in) && s.in[s.at+1] == c {
			s.at += 2
			kind := tokAnd
			if c == '|' {
				kind = tokOr
			}
			return token{kind: kind, text: string(s.in[start:s.at]), col: start + 1}, nil
		}
	}
	return s.word()
}

// last is the kind of the token before, tokEnd where there is none.
func (s *scanner) last() tokKind {
	if len(s.out) == 0 {
		return tokEnd
	}
	return s.out[len(s.out)-1].kind
}

func punctuation(c rune) (tokKind, bool) {
	switch c {
	case '(':
		return tokOpen, true
	case ')':
		return tokClose, true
	case ':':
		return tokColon, true
	case '[', '{':
		return tokFrom, true
	case ']', '}':
		return tokUntil, true
	case '!':
		return tokNot, true
	case '+':
		return tokPlus, true
	}
	return 0, false
}

func (s *scanner) phrase() (token, error) {
	t := token{kind: tokPhrase, col: s.at + 1}
	var b strings.Builder
	for s.at++; s.at < len(s.in); s.at++ {
		switch c := s.in[s.at]; c {
		case '"':
			s.at++
			t.text = b.String()
			return t, nil
		case '\\':
			if s.at+1 < len(s.in) {
				s.at++
			}
			b.WriteRune(s.in[s.at])
		default:
			b.WriteRune(c)
		}
	}
	return token{}, t.errorf("the quotation mark is never closed")
}

func (s *scanner) word() (token, error) {
	t := token{kind: tokWord, col: s.at + 1}
	start := s.at
	compared := s.last() == tokCompare
	for ; s.at < len(s.in); s.at++ {
		c := s.in[s.at]
		if c == '\\' {
			if s.at+1 == len(s.in) {
				return token{}, &Error{Column: s.at + 1, Reason: "a backslash at the end escapes nothing"}
			}
			s.at++
			continue
		}
		if unicode.IsSpace(c) || c == '"' || s.at > start && c == ':' && !s.ranged && !compared && !s.timeAt() {
			break
		}
		if kind, ok := punctuation(c); ok && kind != tokColon && kind != tokPlus && kind != tokNot {
			break
		}
	}
	t.text = string(s.in[start:s.at])
	switch t.text {
	case "AND":
		t.kind = tokAnd
	case "OR":
		t.kind = tokOr
	case "NOT":
		t.kind = tokNot
	}
	return t, nil
}

// timeAt reports whether the colon here stands inside a time of day
// ("2024-01-31T10:00:00Z"), where the value began after another colon.
func (s *scanner) timeAt() bool {
	return s.last() == tokColon &&
		s.at > 0 && unicode.IsDigit(s.in[s.at-1]) && s.at+1 < len(s.in) && unicode.IsDigit(s.in[s.at+1])
}
