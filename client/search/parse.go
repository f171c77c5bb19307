package search

import (
	"strings"
	"unicode/utf8"
)

// maxDepth bounds nesting, so that a hostile query cannot exhaust the stack.
const maxDepth = 200

type parser struct {
	toks  []token
	at    int
	depth int
}

func (p *parser) peek() token { return p.toks[p.at] }

func (p *parser) next() token {
	t := p.toks[p.at]
	if t.kind != tokEnd {
		p.at++
	}
	return t
}

// or reads alternatives; field is the field of an enclosing field:( … ).
func (p *parser) or(field string) (node, error) {
	first, err := p.and(field)
	if err != nil {
		return nil, err
	}
	alts := anyOf{first}
	for {
		switch t := p.peek(); t.kind {
		case tokOr:
			p.next()
		case tokEnd, tokClose, tokUntil:
			if len(alts) == 1 {
				return first, nil
			}
			return alts, nil
		default: // side by side: an alternative too
		}
		n, err := p.and(field)
		if err != nil {
			return nil, err
		}
		alts = append(alts, n)
	}
}

func (p *parser) and(field string) (node, error) {
	first, err := p.unary(field)
	if err != nil {
		return nil, err
	}
	parts := allOf{first}
	for p.peek().kind == tokAnd {
		p.next()
		n, err := p.unary(field)
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
	}
	// "a NOT b" and "a -b" mean a without b, not a or everything but b.
	for p.peek().kind == tokNot {
		n, err := p.unary(field)
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
		for p.peek().kind == tokAnd {
			p.next()
			if n, err = p.unary(field); err != nil {
				return nil, err
			}
			parts = append(parts, n)
		}
	}
	parts = gather(parts)
	if len(parts) == 1 {
		return parts[0], nil
	}
	return parts, nil
}

func (p *parser) unary(field string) (node, error) {
	p.depth++
	defer func() { p.depth-- }()
	t := p.peek()
	if p.depth > maxDepth {
		return nil, t.errorf("the query is nested more than %d deep", maxDepth)
	}
	switch t.kind {
	case tokNot:
		p.next()
		n, err := p.unary(field)
		if err != nil {
			return nil, err
		}
		return not{n}, nil
	case tokPlus:
		p.next()
		return p.unary(field)
	case tokOpen:
		p.next()
		return p.group(t, field)
	case tokWord:
		if p.toks[p.at+1].kind == tokColon && field == "" {
			return p.fielded()
		}
		return p.value(field)
	case tokPhrase, tokFrom, tokCompare:
		return p.value(field)
	case tokAnd, tokOr:
		return nil, t.errorf("%s stands where a term is expected", t)
	case tokColon:
		return nil, t.errorf("a field name is missing before the colon")
	default:
		return nil, t.errorf("a term is expected, not %s", t)
	}
}

func (p *parser) group(open token, field string) (node, error) {
	if p.peek().kind == tokClose {
		return nil, p.peek().errorf("the brackets are empty")
	}
	n, err := p.or(field)
	if err != nil {
		return nil, err
	}
	if t := p.next(); t.kind != tokClose {
		return nil, open.errorf("the bracket is never closed")
	}
	return n, nil
}

func (p *parser) fielded() (node, error) {
	name := unescape(p.next().text)
	p.next() // the colon
	if name == "_exists_" {
		t := p.next()
		if t.kind != tokWord && t.kind != tokPhrase {
			return nil, t.errorf("_exists_ needs a field name, not %s", t)
		}
		return exists{newPath(unescape(t.text))}, nil
	}
	switch t := p.peek(); t.kind {
	case tokOpen:
		p.next()
		return p.group(t, name)
	case tokWord, tokPhrase, tokFrom, tokCompare:
		return p.value(name)
	default:
		return nil, t.errorf("field %q has no value", name)
	}
}

// value reads one term of a field, or of no field.
func (p *parser) value(field string) (node, error) {
	t := p.next()
	switch t.kind {
	case tokFrom:
		return p.span(t, field)
	case tokCompare:
		return p.compare(t, field)
	case tokPhrase:
		if field == "" {
			return newBare(t.text), nil
		}
		return newEqual(field, t.text), nil
	case tokWord:
		return word(t, field)
	default:
		return nil, t.errorf("a value is expected, not %s", t)
	}
}

func word(t token, field string) (node, error) {
	if !hasWildcard(t.text) {
		if field == "" {
			return newBare(unescape(t.text)), nil
		}
		return newEqual(field, unescape(t.text)), nil
	}
	if strings.Trim(t.text, "*") == "" {
		if field == "" || field == "*" {
			return all{}, nil
		}
		return exists{newPath(field)}, nil
	}
	parts := splitWildcard(t.text)
	if parts[0] == "" {
		if longest(parts) < 3 {
			return nil, t.errorf("a term that begins with * needs at least 3 characters: %q", t.text)
		}
	}
	return newWild(field, parts), nil
}

func longest(parts []string) int {
	n := 0
	for _, p := range parts {
		n = max(n, utf8.RuneCountInString(p))
	}
	return n
}

func (p *parser) span(open token, field string) (node, error) {
	if field == "" {
		return nil, open.errorf("a range needs a field: field:[a TO b]")
	}
	from := p.next()
	if from.kind != tokWord && from.kind != tokPhrase {
		return nil, from.errorf("the range has no lower end; write * for an open one")
	}
	if t := p.next(); t.kind != tokWord || t.text != "TO" {
		return nil, t.errorf("TO is expected inside the range, not %s", t)
	}
	to := p.next()
	if to.kind != tokWord && to.kind != tokPhrase {
		return nil, to.errorf("the range has no upper end; write * for an open one")
	}
	shut := p.next()
	if shut.kind != tokUntil {
		return nil, open.errorf("the range is never closed")
	}
	return span{
		path: newPath(field),
		low:  bound(from, open.text == "["),
		high: bound(to, shut.text == "]"),
	}, nil
}

func bound(t token, inclusive bool) limit {
	if t.kind == tokWord && t.text == "*" {
		return limit{open: true}
	}
	text := t.text
	if t.kind == tokWord {
		text = unescape(text)
	}
	return newLimit(text, inclusive)
}

func (p *parser) compare(op token, field string) (node, error) {
	if field == "" {
		return nil, op.errorf("%s needs a field: field:%s5", op.text, op.text)
	}
	t := p.next()
	if t.kind != tokWord && t.kind != tokPhrase {
		return nil, t.errorf("%s needs a value, not %s", op.text, t)
	}
	l := bound(t, strings.HasSuffix(op.text, "="))
	if op.text[0] == '>' {
		return span{path: newPath(field), low: l, high: limit{open: true}}, nil
	}
	return span{path: newPath(field), low: limit{open: true}, high: l}, nil
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	escaped := false
	for _, c := range s {
		if c == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteRune(c)
	}
	return b.String()
}

func hasWildcard(s string) bool {
	escaped := false
	for _, c := range s {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '*' || c == '?':
			return true
		}
	}
	return false
}

// splitWildcard cuts a term at its stars; a "?" stays as the rune 0, which
// stands for any one character.
func splitWildcard(s string) []string {
	var parts []string
	var b strings.Builder
	escaped := false
	for _, c := range s {
		switch {
		case escaped:
			escaped = false
			b.WriteRune(c)
		case c == '\\':
			escaped = true
		case c == '*':
			parts = append(parts, b.String())
			b.Reset()
		case c == '?':
			b.WriteRune(0)
		default:
			b.WriteRune(c)
		}
	}
	return append(parts, b.String())
}
