package lua

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

const (
	// maxCaptures is Lua's own bound.
	maxCaptures = 32
	// maxPatternDepth bounds the recursion of a match; every quantifier and
	// every capture of a pattern takes one level.
	maxPatternDepth = 1000
	// matchSpan is after how many steps of a match the accountant hears of it.
	matchSpan = 256
)

// The length of a capture that is not a piece of text.
const (
	captureOpen     = -1
	capturePosition = -2
)

type capture struct{ start, length int }

// A matcher tries one pattern on one subject. It is Lua's backtracking
// matcher, which can take exponential time; every step is charged, so that
// such a pattern ends with the task's limits.
type matcher struct {
	a        args
	src, pat string
	level    int
	captures [maxCaptures]capture
	depth    int
	ticks    int
}

// tick charges n steps.
func (m *matcher) tick(n int) {
	m.ticks += n
	if m.ticks >= matchSpan {
		m.a.acct.Step(m.ticks / 16)
		m.ticks = 0
	}
}

// try matches the pattern from p on at s, with no captures so far. It gives
// the end of the match, or -1.
func (m *matcher) try(s, p int) int {
	m.level, m.depth = 0, 0
	return m.match(s, p)
}

func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxPatternDepth {
		m.a.raise(fmt.Sprintf("pattern too complex (more than %d levels)", maxPatternDepth))
	}
	end := m.items(s, p)
	m.depth--
	return end
}

// items matches item after item, for as long as there is no choice.
func (m *matcher) items(s, p int) int {
	for p < len(m.pat) {
		m.tick(1)
		switch m.pat[p] {
		case '(':
			if p+1 < len(m.pat) && m.pat[p+1] == ')' {
				return m.openCapture(s, p+2, capturePosition)
			}
			return m.openCapture(s, p+1, captureOpen)
		case ')':
			return m.closeCapture(s, p+1)
		case '$':
			if p+1 == len(m.pat) {
				if s == len(m.src) {
					return s
				}
				return -1
			}
		case '%':
			if next, end, special := m.special(s, p); special {
				if next < 0 {
					return -1
				}
				s, p = next, end
				continue
			}
		}
		end := m.itemEnd(p)
		if end < len(m.pat) {
			switch m.pat[end] {
			case '*', '+', '-', '?':
				return m.repeated(s, p, end)
			}
		}
		if !m.single(s, p, end) {
			return -1
		}
		s, p = s+1, end
	}
	return s
}

// special handles %b, %f and back references: the new positions in subject
// (-1 when it does not match) and pattern.
func (m *matcher) special(s, p int) (next, end int, special bool) {
	if p+1 >= len(m.pat) {
		return 0, 0, false
	}
	switch c := m.pat[p+1]; {
	case c == 'b':
		return m.balanced(s, p+2), p + 4, true
	case c == 'f':
		p += 2
		if p >= len(m.pat) || m.pat[p] != '[' {
			m.a.raise("missing '[' after '%f' in pattern")
		}
		end = m.itemEnd(p)
		var before, here byte
		if s > 0 {
			before = m.src[s-1]
		}
		if s < len(m.src) {
			here = m.src[s]
		}
		if m.inSet(before, p, end-1) || !m.inSet(here, p, end-1) {
			return -1, 0, true
		}
		return s, end, true
	case isDigit(c):
		piece, isText := m.reference(c)
		if !isText || !strings.HasPrefix(m.src[s:], piece) {
			return -1, 0, true
		}
		m.tick(len(piece) / 16)
		return s + len(piece), p + 2, true
	}
	return 0, 0, false
}

// repeated handles an item with a quantifier, which stands at end.
func (m *matcher) repeated(s, p, end int) int {
	switch m.pat[end] {
	case '?':
		if m.single(s, p, end) {
			if e := m.match(s+1, end+1); e >= 0 {
				return e
			}
		}
		return m.match(s, end+1)
	case '-':
		for {
			if e := m.match(s, end+1); e >= 0 {
				return e
			}
			if !m.single(s, p, end) {
				return -1
			}
			s++
			m.tick(1)
		}
	}
	least := s
	if m.pat[end] == '+' {
		least++
	}
	last := s
	for m.single(last, p, end) {
		last++
		m.tick(1)
	}
	for ; last >= least; last-- {
		if e := m.match(last, end+1); e >= 0 {
			return e
		}
	}
	return -1
}

func (m *matcher) openCapture(s, p, length int) int {
	if m.level >= maxCaptures {
		m.a.raise("too many captures")
	}
	m.captures[m.level] = capture{s, length}
	m.level++
	e := m.match(s, p)
	if e < 0 {
		m.level--
	}
	return e
}

func (m *matcher) closeCapture(s, p int) int {
	n := m.level - 1
	for n >= 0 && m.captures[n].length != captureOpen {
		n--
	}
	if n < 0 {
		m.a.raise("invalid pattern capture")
	}
	m.captures[n].length = s - m.captures[n].start
	e := m.match(s, p)
	if e < 0 {
		m.captures[n].length = captureOpen
	}
	return e
}

// reference is the text of the capture that a back reference names; a position
// has none.
func (m *matcher) reference(digit byte) (text string, isText bool) {
	n := int(digit) - '1'
	if n < 0 || n >= m.level || m.captures[n].length == captureOpen {
		m.a.raise("invalid capture index")
	}
	c := m.captures[n]
	if c.length == capturePosition {
		return "", false
	}
	return m.src[c.start : c.start+c.length], true
}

// balanced matches %bxy, whose xy stands at p.
func (m *matcher) balanced(s, p int) int {
	if p+1 >= len(m.pat) {
		m.a.raise("unbalanced pattern")
	}
	if s >= len(m.src) || m.src[s] != m.pat[p] {
		return -1
	}
	open, shut := m.pat[p], m.pat[p+1]
	depth := 1
	for i := s + 1; i < len(m.src); i++ {
		m.tick(1)
		switch m.src[i] {
		case shut:
			if depth--; depth == 0 {
				return i + 1
			}
		case open:
			depth++
		}
	}
	return -1
}

// itemEnd is where the single-character item at p ends.
func (m *matcher) itemEnd(p int) int {
	c := m.pat[p]
	p++
	switch c {
	case '%':
		if p >= len(m.pat) {
			m.a.raise("malformed pattern (ends with '%')")
		}
		return p + 1
	case '[':
		if p < len(m.pat) && m.pat[p] == '^' {
			p++
		}
		for first := true; first || p >= len(m.pat) || m.pat[p] != ']'; first = false {
			if p >= len(m.pat) {
				m.a.raise("malformed pattern (missing ']')")
			}
			p++
			if m.pat[p-1] == '%' && p < len(m.pat) {
				p++
			}
		}
		return p + 1
	}
	return p
}

// single says whether the item from p to end matches the byte at s.
func (m *matcher) single(s, p, end int) bool {
	if s >= len(m.src) {
		return false
	}
	c := m.src[s]
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.pat[p+1])
	case '[':
		return m.inSet(c, p, end-1)
	}
	return m.pat[p] == c
}

// inSet says whether c is in the set that begins at p and whose ] is at last.
func (m *matcher) inSet(c byte, p, last int) bool {
	in := true
	p++
	if m.pat[p] == '^' {
		in = false
		p++
	}
	for p < last {
		m.ticks++
		switch {
		case m.pat[p] == '%': // at the end it takes the ], as in C
			if inClass(c, m.pat[p+1]) {
				return in
			}
			p += 2
		case p+2 < last && m.pat[p+1] == '-':
			if m.pat[p] <= c && c <= m.pat[p+2] {
				return in
			}
			p += 3
		default:
			if m.pat[p] == c {
				return in
			}
			p++
		}
	}
	return !in
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// inClass says whether c is in the class of a letter (%a); what is no class
// stands for itself (%.).
func inClass(c, class byte) bool {
	if !isLetter(class) {
		return class == c
	}
	var in bool
	switch class | 0x20 {
	case 'a':
		in = isLetter(c)
	case 'c':
		in = c < ' ' || c == 0x7f
	case 'd':
		in = isDigit(c)
	case 'l':
		in = c >= 'a' && c <= 'z'
	case 'p':
		in = c > ' ' && c < 0x7f && !isLetter(c) && !isDigit(c)
	case 's':
		in = strings.IndexByte(spaceBytes, c) >= 0
	case 'u':
		in = c >= 'A' && c <= 'Z'
	case 'w':
		in = isLetter(c) || isDigit(c)
	case 'x':
		in = digitValue(c) < 16
	case 'z':
		in = c == 0
	default:
		return class == c
	}
	return in == (class >= 'a') // a capital letter is the class's complement
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// capture is capture i of the match from s to e; the whole match stands for
// the first one where the pattern has none.
func (m *matcher) capture(i, s, e int) lua.LValue {
	if i >= m.level {
		if i > 0 {
			m.a.raise("invalid capture index")
		}
		return lua.LString(m.src[s:e])
	}
	c := m.captures[i]
	switch c.length {
	case captureOpen:
		m.a.raise("unfinished capture")
	case capturePosition:
		return lua.LNumber(c.start + 1)
	}
	return lua.LString(m.src[c.start : c.start+c.length])
}

// push pushes all captures of a match, or the match itself if it has none and
// whole is set.
func (m *matcher) push(s, e int, whole bool) int {
	n := m.level
	if n == 0 && whole {
		n = 1
	}
	for i := range n {
		m.a.Push(m.capture(i, s, e))
	}
	return n
}
