package lua

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// maxString bounds a single string that a library function makes, whatever
// the run's memory limit.
const maxString = 1 << 30

// openString makes the global table string.
func openString(l *lua.LState, acct accountant) {
	tb := l.CreateTable(0, 16)
	install(l, tb, acct, map[string]libFunc{
		"byte":    strByte,
		"char":    strChar,
		"find":    func(a args) int { return strFind(a, true) },
		"format":  strFormat,
		"gmatch":  strGmatch,
		"gsub":    strGsub,
		"len":     strLen,
		"lower":   strLower,
		"match":   func(a args) int { return strFind(a, false) },
		"rep":     strRep,
		"reverse": strReverse,
		"sub":     strSub,
		"upper":   strUpper,
	})
	l.G.Global.RawSetString(lua.StringLibName, tb)
}

// A builder makes a string whose bytes are charged before they exist.
type builder struct {
	a args
	b strings.Builder
}

func (b *builder) add(s string) {
	if free := b.b.Cap() - b.b.Len(); free < len(s) {
		need := b.b.Len() + len(s)
		if need > maxString {
			b.a.raise("resulting string too large")
		}
		more := max(2*b.b.Cap(), need, 64) - b.b.Len()
		b.a.acct.Grow(b.a.LState, int64(more+b.b.Len()))
		b.b.Grow(more)
	}
	b.b.WriteString(s)
}

// span turns Lua's 1-based, possibly negative range into a Go range of a
// string of n bytes; first > last means an empty one.
func span(n, first, last int) (from, to int) {
	if first < 0 {
		first = max(n+first+1, 1)
	}
	if last < 0 {
		last = n + last + 1
	}
	from, to = max(first, 1)-1, min(last, n)
	return from, max(from, to)
}

func strByte(a args) int {
	s := a.str(1)
	first := a.optInt(2, 1)
	from, to := span(len(s), first, a.optInt(3, first))
	if from >= len(s) {
		return 0
	}
	if to-from > maxValues {
		a.raise(fmt.Sprintf("string slice too long (at most %d bytes)", maxValues))
	}
	a.acct.Grow(a.LState, int64(to-from)*valueBytes)
	for _, c := range []byte(s[from:to]) {
		a.Push(lua.LNumber(c))
	}
	return to - from
}

func strChar(a args) int {
	n := a.GetTop()
	a.acct.Grow(a.LState, int64(n))
	b := make([]byte, n)
	for i := range b {
		c := a.int(i + 1)
		if c < 0 || c > 255 {
			a.fail(i+1, "invalid value")
		}
		b[i] = byte(c)
	}
	a.pushString(string(b))
	return 1
}

func strLen(a args) int {
	a.pushNumber(float64(len(a.str(1))))
	return 1
}

func strSub(a args) int {
	s := a.str(1)
	from, to := span(len(s), a.int(2), a.optInt(3, -1))
	if from >= len(s) {
		from, to = 0, 0
	}
	a.pushString(s[from:to])
	return 1
}

// mapBytes pushes its first argument with every byte changed. Lua's case is
// ASCII's: strings.ToLower would change the bytes of other letters.
func mapBytes(a args, change func(c byte) byte) int {
	s := a.str(1)
	a.acct.Grow(a.LState, int64(len(s)))
	a.steps(len(s))
	b := []byte(s)
	for i, c := range b {
		b[i] = change(c)
	}
	a.pushString(string(b))
	return 1
}

func strLower(a args) int {
	return mapBytes(a, func(c byte) byte {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	})
}

func strUpper(a args) int {
	return mapBytes(a, func(c byte) byte {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		return c
	})
}

func strReverse(a args) int {
	s := a.str(1)
	i := len(s)
	return mapBytes(a, func(byte) byte { i--; return s[i] })
}

func strRep(a args) int {
	s, n := a.str(1), a.int(2)
	if n <= 0 || s == "" {
		a.pushString("")
		return 1
	}
	if n > maxString/len(s) {
		a.acct.Grow(a.LState, saturated(len(s), n))
		a.raise("resulting string too large")
	}
	a.acct.Grow(a.LState, int64(len(s))*int64(n))
	a.steps(len(s) * n / 16)
	a.pushString(strings.Repeat(s, n))
	return 1
}

// saturated is x·y, or the largest integer.
func saturated(x, y int) int64 {
	if p := int64(x) * int64(y); p/int64(x) == int64(y) && p > 0 {
		return p
	}
	return 1<<63 - 1
}

// strFind is string.find, and string.match without find.
func strFind(a args, find bool) int {
	s, pat := a.str(1), a.str(2)
	start := a.optInt(3, 1)
	if start < 0 {
		start = len(s) + start + 1
	}
	start = min(max(start-1, 0), len(s))
	if find && (lua.LVAsBool(a.Get(4)) || !strings.ContainsAny(pat, "^$*+?.([%-")) {
		return findPlain(a, s, pat, start)
	}
	m := matcher{a: a, src: s, pat: pat}
	first := 0
	anchored := strings.HasPrefix(pat, "^")
	if anchored {
		first = 1
	}
	for ; start <= len(s); start++ {
		if end := m.try(start, first); end >= 0 {
			if !find {
				return m.push(start, end, true)
			}
			a.Push(lua.LNumber(start + 1))
			a.Push(lua.LNumber(end))
			return m.push(start, end, false) + 2
		}
		if anchored {
			break
		}
	}
	a.Push(lua.LNil)
	return 1
}

func findPlain(a args, s, pat string, start int) int {
	a.steps((len(s) - start) / 16)
	i := strings.Index(s[start:], pat)
	if i < 0 {
		a.Push(lua.LNil)
		return 1
	}
	a.Push(lua.LNumber(start + i + 1))
	a.Push(lua.LNumber(start + i + len(pat)))
	return 2
}

// strGmatch gives an iterator that keeps its own place, so that it can be
// called by hand and by for alike. An empty match where the last match ended
// is no match; see strGsub.
func strGmatch(a args) int {
	s, pat := a.str(1), a.str(2)
	at, lastEnd := 0, -1
	a.Push(libFunction(a.LState, a.acct, "gmatch", func(a args) int {
		m := matcher{a: a, src: s, pat: pat}
		for ; at <= len(s); at++ {
			end := m.try(at, 0)
			if end < 0 || end == lastEnd {
				continue
			}
			start := at
			at, lastEnd = end, end
			return m.push(start, end, true)
		}
		return 0
	}))
	return 1
}

// strGsub replaces matches. An empty match right behind a match is no match,
// as in later Luas: "a,b" with [^,]* has two fields, where 5.1 finds four.
func strGsub(a args) int {
	s, pat := a.str(1), a.str(2)
	replacement := a.Get(3)
	text, isText := concatText(replacement)
	switch replacement.Type() {
	case lua.LTTable, lua.LTFunction:
	default:
		if !isText {
			a.fail(3, "string/function/table expected")
		}
	}
	limit := a.optInt(4, len(s)+1)
	m := matcher{a: a, src: s, pat: pat}
	first := 0
	anchored := strings.HasPrefix(pat, "^")
	if anchored {
		first = 1
	}
	out := builder{a: a}
	n, copied, lastEnd := 0, 0, -1
	for at := 0; n < limit && at <= len(s); {
		end := m.try(at, first)
		if end < 0 || end == lastEnd {
			at++
		} else {
			n++
			if isText {
				out.add(s[copied:at])
				m.expand(&out, text, at, end)
				copied = end
			} else if value, ok := m.valueFor(replacement, at, end); ok {
				out.add(s[copied:at])
				out.add(value)
				copied = end
			}
			at, lastEnd = end, end
		}
		if anchored {
			break
		}
	}
	if out.b.Len() == 0 && copied == 0 {
		a.pushString(s) // nothing was replaced, or nothing by nothing
	} else {
		out.add(s[copied:])
		a.pushString(out.b.String())
	}
	a.pushNumber(float64(n))
	return 2
}

// valueFor is what a table or a function gives for the match from s to e; false
// leaves the match as it is. A function may block, fail or call gsub itself:
// the matcher is this call's.
func (m *matcher) valueFor(replacement lua.LValue, s, e int) (string, bool) {
	var v lua.LValue
	if tb, ok := replacement.(*lua.LTable); ok {
		v = m.a.GetTable(tb, m.capture(0, s, e))
	} else {
		m.a.Push(replacement)
		m.a.Call(m.push(s, e, true), 1)
		v = m.a.Get(-1)
		m.a.Pop(1)
	}
	if lua.LVIsFalse(v) {
		return "", false
	}
	text, ok := concatText(v)
	if !ok {
		m.a.raise(fmt.Sprintf("invalid replacement value (a %s)", luaTypeName(v)))
	}
	return text, true
}

// expand writes text with captures in the place of %0 to %9.
func (m *matcher) expand(out *builder, text string, s, e int) {
	for i := strings.IndexByte(text, '%'); i >= 0; i = strings.IndexByte(text, '%') {
		out.add(text[:i])
		if i+1 == len(text) {
			m.a.raise("invalid use of '%' at the end of the replacement; write %% for a percent sign")
		}
		switch c := text[i+1]; {
		case c == '0':
			out.add(m.src[s:e])
		case isDigit(c):
			piece, _ := concatText(m.capture(int(c)-'1', s, e))
			out.add(piece)
		default:
			out.add(text[i+1 : i+2])
		}
		text = text[i+2:]
	}
	out.add(text)
}
