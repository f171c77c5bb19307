package search

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

type node interface {
	match(object map[string]any) bool
}

type (
	all   struct{}
	anyOf []node
	allOf []node
	not   struct{ n node }
)

func (all) match(map[string]any) bool { return true }

func (a anyOf) match(o map[string]any) bool {
	for _, n := range a {
		if n.match(o) {
			return true
		}
	}
	return false
}

func (a allOf) match(o map[string]any) bool {
	for _, n := range a {
		if !n.match(o) {
			return false
		}
	}
	return true
}

func (n not) match(o map[string]any) bool { return !n.n.match(o) }

// A path names a field, through objects and, transparently, arrays.
type path struct {
	parts []string
	// folded: values compare without regard to case.
	folded bool
	// plain: the field is below user_metadata, which has neither wildcards
	// nor ranges.
	plain  bool
	domain bool // email.domain, which is part of a string
}

func newPath(field string) path {
	p := path{parts: strings.Split(field, ".")}
	switch field {
	case "email", "name", "given_name", "family_name", "nickname":
		p.folded = true
	case "email.domain":
		p = path{parts: []string{"email"}, folded: true, domain: true}
	}
	p.plain = p.parts[0] == "user_metadata"
	return p
}

// find calls f with every indexed value at the path until f says true.
func (p path) find(o map[string]any, f func(any) bool) bool {
	if p.domain {
		email, _ := o["email"].(string)
		_, host, ok := strings.Cut(email, "@")
		return ok && f(host)
	}
	return walk(o, p.parts, f)
}

func walk(v any, parts []string, f func(any) bool) bool {
	switch v := v.(type) {
	case nil:
		return false // null is not indexed
	case []any:
		for _, e := range v {
			if walk(e, parts, f) {
				return true
			}
		}
		return false
	case map[string]any:
		if len(parts) == 0 {
			return len(v) > 0 && f(v)
		}
		if walk(v[parts[0]], parts[1:], f) {
			return true
		}
		if len(parts) > 1 { // a key that has dots in it
			return walk(v[strings.Join(parts, ".")], nil, f)
		}
		return false
	case string:
		return len(parts) == 0 && v != "" && f(v)
	}
	return len(parts) == 0 && f(v)
}

type exists struct{ path path }

func (e exists) match(o map[string]any) bool {
	return e.path.find(o, func(any) bool { return true })
}

// equal is field:value, quoted or bare.
type equal struct {
	path    path
	text    string
	number  float64
	numeric bool
}

func newEqual(field, text string) node {
	e := equal{path: newPath(field), text: text}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		e.number, e.numeric = n, true
	}
	return e
}

func (e equal) match(o map[string]any) bool {
	return e.path.find(o, func(v any) bool {
		switch v := v.(type) {
		case string:
			if v == e.text || e.path.folded && strings.EqualFold(v, e.text) {
				return true
			}
			return sameDay(v, e.text)
		case bool:
			return strconv.FormatBool(v) == e.text
		}
		n, ok := number(v)
		return ok && e.numeric && n == e.number
	})
}

// sameDay lets created_at:"2024-01-31" find all of that day, as a search over
// a date field does.
func sameDay(v, text string) bool {
	if len(text) < 4 || len(v) < 19 || v[4] != '-' || text[0] != v[0] {
		return false
	}
	low, high, ok := period(text)
	if !ok {
		return false
	}
	t, ok := instant(v)
	return ok && !t.Before(low) && !t.After(high)
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	}
	return math.NaN(), false
}

// wild is a term with stars.
type wild struct {
	path  path
	bare  bool
	parts []string
}

func newWild(field string, parts []string) node {
	w := wild{path: newPath(field), bare: field == "", parts: parts}
	if w.path.folded || w.bare {
		for i, p := range parts {
			w.parts[i] = strings.ToLower(p)
		}
	}
	return w
}

func (w wild) match(o map[string]any) bool {
	if w.bare {
		return texts(o, func(s string) bool {
			return eachWord(s, func(word string) bool { return glob(word, w.parts) })
		})
	}
	if w.path.plain {
		return false
	}
	return w.path.find(o, func(v any) bool {
		s, ok := v.(string)
		if w.path.folded {
			s = strings.ToLower(s)
		}
		return ok && glob(s, w.parts)
	})
}

// glob matches a text against the parts between stars: the first is a prefix,
// the last a suffix, the rest follow each other.
func glob(s string, parts []string) bool {
	rest, ok := cutPrefix(s, parts[0])
	if !ok {
		return false
	}
	if len(parts) == 1 {
		return rest == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		if rest, ok = cutFirst(rest, part); !ok {
			return false
		}
	}
	end := parts[len(parts)-1]
	if !strings.ContainsRune(end, 0) {
		return strings.HasSuffix(rest, end)
	}
	last, tail := []rune(end), []rune(rest)
	if len(tail) < len(last) {
		return false
	}
	_, ok = cutPrefix(string(tail[len(tail)-len(last):]), string(last))
	return ok
}

// cutPrefix cuts a part from the front; the rune 0 in it stands for any one.
func cutPrefix(s, part string) (string, bool) {
	if !strings.ContainsRune(part, 0) {
		return strings.CutPrefix(s, part)
	}
	r := []rune(s)
	n := 0
	for _, want := range part {
		if n == len(r) || want != 0 && r[n] != want {
			return s, false
		}
		n++
	}
	return string(r[n:]), true
}

func cutFirst(s, part string) (string, bool) {
	if !strings.ContainsRune(part, 0) {
		_, after, ok := strings.Cut(s, part)
		return after, ok
	}
	for i := range s {
		if rest, ok := cutPrefix(s[i:], part); ok {
			return rest, true
		}
	}
	return s, false
}

// bare is a term without a field: a word, or several in this order, in the text
// of any field but user_metadata.
type bare struct{ words []string }

func newBare(text string) node {
	var b bare
	eachWord(text, func(w string) bool {
		b.words = append(b.words, w)
		return false
	})
	return b
}

func (b bare) match(o map[string]any) bool {
	if len(b.words) == 0 {
		return false
	}
	return texts(o, func(s string) bool {
		at := 0
		return eachWord(s, func(w string) bool {
			if w != b.words[at] {
				at = 0
			}
			if w == b.words[at] {
				at++
			}
			return at == len(b.words)
		})
	})
}

func texts(o map[string]any, f func(string) bool) bool {
	for k, v := range o {
		if k == "user_metadata" {
			continue
		}
		if deepTexts(v, f) {
			return true
		}
	}
	return false
}

func deepTexts(v any, f func(string) bool) bool {
	switch v := v.(type) {
	case string:
		return f(v)
	case []any:
		for _, e := range v {
			if deepTexts(e, f) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if deepTexts(e, f) {
				return true
			}
		}
	}
	return false
}

// eachWord calls f with every word of a text in lower case until it says true.
func eachWord(s string, f func(string) bool) bool {
	start := -1
	for i, c := range s {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || c == '_' {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 && f(strings.ToLower(s[start:i])) {
			return true
		}
		start = -1
	}
	return start >= 0 && f(strings.ToLower(s[start:]))
}

// A limit is one end of a range.
type limit struct {
	open      bool
	inclusive bool
	text      string
	number    float64
	numeric   bool
	from, to  time.Time // the first and last instant that the text covers
	dated     bool
}

func newLimit(text string, inclusive bool) limit {
	l := limit{text: text, inclusive: inclusive}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		l.number, l.numeric = n, true
	}
	l.from, l.to, l.dated = period(text)
	return l
}

type span struct {
	path      path
	low, high limit
}

func (s span) match(o map[string]any) bool {
	if s.path.plain {
		return false
	}
	return s.path.find(o, func(v any) bool {
		return s.low.below(v, s.path.folded) && s.high.above(v, s.path.folded)
	})
}

// below reports whether the value lies above this lower end.
func (l limit) below(v any, folded bool) bool {
	c, ok := l.compare(v, folded, !l.inclusive)
	return l.open || ok && (c > 0 || c == 0 && l.inclusive)
}

// above reports whether the value lies below this upper end.
func (l limit) above(v any, folded bool) bool {
	c, ok := l.compare(v, folded, l.inclusive)
	return l.open || ok && (c < 0 || c == 0 && l.inclusive)
}

// compare orders a value against the limit. A date without a time of day
// covers the whole day: late says that its last instant counts.
func (l limit) compare(v any, folded, late bool) (int, bool) {
	if l.open {
		return 0, true
	}
	if n, ok := number(v); ok {
		if !l.numeric {
			return 0, false
		}
		return compareFloat(n, l.number), true
	}
	s, ok := v.(string)
	if !ok {
		return 0, false
	}
	if l.dated {
		if t, ok := instant(s); ok {
			if late {
				return t.Compare(l.to), true
			}
			return t.Compare(l.from), true
		}
	}
	text := l.text
	if folded {
		s, text = strings.ToLower(s), strings.ToLower(text)
	}
	return strings.Compare(s, text), true
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// instant reads a stored time.
func instant(s string) (time.Time, bool) {
	if len(s) < 10 || s[4] != '-' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse("2006-01-02", s)
	}
	return t, err == nil
}

// period reads a time as somebody writes it in a query, and gives the first
// and the last instant that it covers.
func period(s string) (from, to time.Time, ok bool) {
	if len(s) < 4 || s[0] < '0' || s[0] > '9' {
		return from, to, false
	}
	for _, f := range []struct {
		layout              string
		years, months, days int
		rest                time.Duration
	}{
		{layout: time.RFC3339Nano},
		{layout: "2006-01-02T15:04:05", rest: time.Second},
		{layout: "2006-01-02T15:04Z07:00", rest: time.Minute},
		{layout: "2006-01-02T15:04", rest: time.Minute},
		{layout: "2006-01-02", days: 1},
		{layout: "2006-01", months: 1},
		{layout: "2006", years: 1},
	} {
		t, err := time.Parse(f.layout, s)
		if err != nil {
			continue
		}
		end := t.AddDate(f.years, f.months, f.days).Add(f.rest)
		if end.After(t) {
			end = end.Add(-time.Nanosecond)
		}
		return t, end, true
	}
	return from, to, false
}
