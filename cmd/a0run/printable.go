package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable shows control characters, and those that turn the direction of
// writing or cannot be seen, instead of sending them to a terminal: what a
// tenant answers must not move its cursor, set its title or look like another
// text.
func printable(text string) string {
	if strings.IndexFunc(text, controls) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !controls(r):
			b.WriteRune(r)
		default:
			b.WriteString(escaped(r))
		}
	}
	return b.String()
}

func controls(r rune) bool {
	return r != '\n' && r != '\t' && r != ' ' && (!unicode.IsPrint(r) || unicode.Is(unicode.Cf, r))
}

// escaped shows a character by its number.
func escaped(r rune) string {
	if r < 0x100 {
		return fmt.Sprintf("\\x%02x", r)
	}
	q := strconv.QuoteRuneToASCII(r)
	return q[1 : len(q)-1]
}

// harmless is what a playbook prints with its control characters shown instead
// of sent, but for tabs and line ends: a value of a tenant must not command the
// terminal, or the log viewer, that shows it. Else the text is not changed; on a
// terminal those characters are shown, too, that turn the direction of writing.
func harmless(text string, terminal bool) string {
	var b strings.Builder
	done := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		shown := ""
		switch {
		case r == utf8.RuneError && size == 1:
			shown = escaped(rune(text[i]))
		case r == '\n' || r == '\t' || r == '\r' && strings.HasPrefix(text[i:], "\r\n"):
		case unicode.IsControl(r), terminal && unicode.Is(unicode.Bidi_Control, r):
			shown = escaped(r)
		}
		if shown != "" {
			b.WriteString(text[done:i] + shown)
			done = i + size
		}
		i += size
	}
	if done == 0 {
		return text
	}
	return b.String() + text[done:]
}
