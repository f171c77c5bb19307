package lua

import "strings"

// excerpts are the lines of a source as messages may show them: what stands in
// strings and comments is left out. A password is known to be secret only when
// it is used, which may be after the message is written.
func excerpts(text string) []string {
	e := &excerpt{text: text}
	for e.i < len(text) {
		e.token()
	}
	return append(e.lines, e.line.String())
}

// An excerpt reads a source that the parser has read, byte by byte, and counts
// lines as the parser does.
type excerpt struct {
	text  string
	i     int
	lines []string
	line  strings.Builder
	// hidden says that something of the string or comment under way was left
	// out on this line.
	hidden bool
}

// token copies a byte of code, or a string or comment without its inside.
func (e *excerpt) token() {
	rest := e.text[e.i:]
	switch {
	case rest[0] == '"', rest[0] == '\'':
		e.quoted(rest[0])
	case strings.HasPrefix(rest, "--"):
		e.copy(2)
		if e.long() {
			return
		}
		for e.i < len(e.text) && !isBreak(e.text[e.i]) {
			e.hide(1)
		}
		e.shown()
	case rest[0] == '[':
		if !e.long() {
			e.copy(1)
		}
	default:
		e.copy(1)
	}
}

// quoted is a string in quotes.
func (e *excerpt) quoted(quote byte) {
	e.copy(1)
	for e.i < len(e.text) && e.text[e.i] != quote {
		if e.text[e.i] == '\\' {
			e.hide(1)
		}
		e.hide(1)
	}
	e.shown()
	e.copy(1)
}

// long is a string or the rest of a comment in long brackets, if one begins
// here.
func (e *excerpt) long() bool {
	rest := e.text[e.i:]
	level := len(rest) - len(strings.TrimLeft(strings.TrimPrefix(rest, "["), "=")) - 1
	if !strings.HasPrefix(rest, "[") || !strings.HasPrefix(rest[1+level:], "[") {
		return false
	}
	e.copy(2 + level)
	end := "]" + strings.Repeat("=", level) + "]"
	inside := strings.Index(e.text[e.i:], end)
	if inside < 0 {
		inside = len(e.text) - e.i
	}
	for stop := e.i + inside; e.i < stop; {
		e.hide(1)
	}
	e.shown()
	e.copy(len(end))
	return true
}

// copy shows n bytes.
func (e *excerpt) copy(n int) {
	for stop := min(e.i+n, len(e.text)); e.i < stop; {
		if !e.broke() {
			e.line.WriteByte(e.text[e.i])
			e.i++
		}
	}
}

// hide leaves out n bytes, but no line.
func (e *excerpt) hide(n int) {
	for stop := min(e.i+n, len(e.text)); e.i < stop; {
		if !e.broke() {
			e.hidden = true
			e.i++
		}
	}
}

// shown marks that something was left out.
func (e *excerpt) shown() {
	if e.hidden {
		e.line.WriteString("…")
	}
	e.hidden = false
}

// broke ends the line, if it ends here. Two different bytes are one end.
func (e *excerpt) broke() bool {
	c := e.text[e.i]
	if !isBreak(c) {
		return false
	}
	e.shown()
	e.lines = append(e.lines, e.line.String())
	e.line.Reset()
	e.i++
	if e.i < len(e.text) && isBreak(e.text[e.i]) && e.text[e.i] != c {
		e.i++
	}
	return true
}

func isBreak(c byte) bool { return c == '\n' || c == '\r' }
