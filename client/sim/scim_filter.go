package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A filter expression of SCIM (RFC 7644, section 3.4.2.2) as Auth0's searches
// take it: eq ne co sw ew pr gt ge lt le, and, or, brackets, at most five
// comparisons. Operators and names of fields are written in any case; so are
// texts but those of id, which is what a SCIM attribute is unless it says
// otherwise.

const maxSCIM = 5

type scimParser struct {
	toks  []string // a quoted text keeps its first quotation mark
	at    int
	count int // of comparisons
}

func parseSCIM(q string) (func(object) bool, error) {
	toks, err := scanSCIM(q)
	if err != nil {
		return nil, err
	}
	p := &scimParser{toks: toks}
	match, err := p.or()
	switch {
	case err != nil:
		return nil, err
	case p.at < len(toks):
		return nil, fmt.Errorf("%s is not expected", toks[p.at])
	case p.count > maxSCIM:
		return nil, fmt.Errorf("there are %d comparisons, and %d are allowed", p.count, maxSCIM)
	}
	return match, nil
}

func scanSCIM(q string) ([]string, error) {
	var toks []string
	for q = strings.TrimLeft(q, " "); q != ""; q = strings.TrimLeft(q, " ") {
		switch q[0] {
		case '(', ')':
			toks, q = append(toks, q[:1]), q[1:]
		case '"':
			quoted, err := strconv.QuotedPrefix(q)
			if err != nil {
				return nil, fmt.Errorf("%s has no end", q)
			}
			text, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, err
			}
			toks, q = append(toks, `"`+text), q[len(quoted):]
		default:
			end := strings.IndexAny(q, ` ()"`)
			if end < 0 {
				end = len(q)
			}
			toks, q = append(toks, q[:end]), q[end:]
		}
	}
	return toks, nil
}

func (p *scimParser) next() string {
	if p.at == len(p.toks) {
		return ""
	}
	p.at++
	return p.toks[p.at-1]
}

func (p *scimParser) word(w string) bool {
	if p.at < len(p.toks) && strings.EqualFold(p.toks[p.at], w) {
		p.at++
		return true
	}
	return false
}

func (p *scimParser) or() (func(object) bool, error) {
	left, err := p.and()
	for err == nil && p.word("or") {
		a := left
		var b func(object) bool
		b, err = p.and()
		left = func(o object) bool { return a(o) || b(o) }
	}
	return left, err
}

func (p *scimParser) and() (func(object) bool, error) {
	left, err := p.term()
	for err == nil && p.word("and") {
		a := left
		var b func(object) bool
		b, err = p.term()
		left = func(o object) bool { return a(o) && b(o) }
	}
	return left, err
}

func (p *scimParser) term() (func(object) bool, error) {
	if p.word("(") {
		inner, err := p.or()
		if err == nil && !p.word(")") {
			err = fmt.Errorf("a bracket is not closed")
		}
		return inner, err
	}
	if p.word("not") {
		inner, err := p.term()
		return func(o object) bool { return !inner(o) }, err
	}
	field, op := p.next(), strings.ToLower(p.next())
	if field == "" || op == "" || strings.HasPrefix(field, `"`) {
		return nil, fmt.Errorf(`a comparison is expected, as in: name eq "acme"`)
	}
	p.count++
	if op == "pr" {
		return func(o object) bool { return scimValue(o, field) != nil }, nil
	}
	test := scimTests()[op]
	if test == nil {
		return nil, fmt.Errorf("%s is no operator%s", op, didYouMean(op, sortedKeys(scimTests())))
	}
	value := p.next()
	if value == "" {
		return nil, fmt.Errorf("%s %s has no value", field, op)
	}
	text, quoted := strings.CutPrefix(value, `"`)
	if (op == "co" || op == "ew") && len([]rune(text)) < 3 {
		return nil, fmt.Errorf("%s wants at least 3 characters", op)
	}
	if !quoted && text != "true" && text != "false" {
		return nil, fmt.Errorf("%s stands without quotation marks", text)
	}
	return func(o object) bool {
		v := scimValue(o, field)
		if v == nil {
			return op == "ne"
		}
		a, b := fmt.Sprint(v), text
		if !strings.EqualFold(field, "id") {
			a, b = strings.ToLower(a), strings.ToLower(b)
		}
		return test(a, b)
	}, nil
}

// scimTests compare what a field holds with the value of the filter.
func scimTests() map[string]func(a, b string) bool {
	return map[string]func(a, b string) bool{
		"eq": func(a, b string) bool { return a == b }, "ne": func(a, b string) bool { return a != b },
		"co": strings.Contains, "sw": strings.HasPrefix, "ew": strings.HasSuffix,
		"gt": func(a, b string) bool { return scimOrder(a, b) > 0 }, "ge": func(a, b string) bool { return scimOrder(a, b) >= 0 },
		"lt": func(a, b string) bool { return scimOrder(a, b) < 0 }, "le": func(a, b string) bool { return scimOrder(a, b) <= 0 },
	}
}

// scimOrder compares times as times and everything else as text.
func scimOrder(a, b string) int {
	x, okX := scimTime(a)
	y, okY := scimTime(b)
	if okX && okY {
		return x.Compare(y)
	}
	return strings.Compare(a, b)
}

func scimTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, strings.ToUpper(s)); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// scimValue is what a field holds, by its path ("metadata.plan"); nil where it
// holds nothing.
func scimValue(o object, field string) any {
	first, rest, deeper := strings.Cut(field, ".")
	for name, v := range o {
		if !strings.EqualFold(name, first) {
			continue
		}
		if inner, ok := v.(object); ok && deeper {
			return inner[rest] // keys of metadata have their case, and may have dots
		}
		if deeper || v == "" {
			return nil
		}
		return v
	}
	return nil
}
