package yaml

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"a0run/engine"
)

// syntaxError reports yaml.v3's error. The line that it names is often that in
// which the list or mapping around begins, and it names no column; both are
// worked out here.
func (r *reader) syntaxError(err error) {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	named := 0
	if m := regexp.MustCompile(`^line (\d+): (.*)$`).FindStringSubmatch(msg); m != nil {
		named, _ = strconv.Atoi(m[1])
		msg = m[2]
	}
	line := r.brokenLine()
	if line == 0 {
		line = max(named, 1)
	}
	for l := max(line-1, 1); l <= line; l++ {
		if col := r.tab(l); col > 0 {
			r.problem(engine.Position{File: r.file, Line: l, Column: col}, "indent with spaces", "a tab cannot indent YAML")
			return
		}
	}
	text := r.line(line)
	at := engine.Position{File: r.file, Line: line, Column: len(text) - len(strings.TrimLeft(text, " ")) + 1}
	hint := ""
	switch {
	case strings.Contains(msg, "did not find expected ',' or"):
		hint = "a comma is missing, or a bracket of this line or of one above is not closed"
	case strings.Contains(msg, "mapping values are not allowed"):
		hint = "a text with \": \" in it needs quotes; or the indentation is wrong"
		if i := secondColon(text); i > 0 {
			at.Column = i
		}
	case strings.Contains(msg, "did not find expected key"), strings.Contains(msg, "did not find expected '-' indicator"):
		hint = "the indentation does not fit the lines above"
	case strings.Contains(msg, "could not find expected ':'"):
		hint = "a key without its colon; or the lines of a text that are indented too little"
	case strings.Contains(msg, "cannot start any token"):
		hint = "put the text in quotes"
		if i := strings.IndexAny(text, "@`%"); i >= 0 {
			at.Column = i + 1
		}
	}
	r.problem(at, hint, "YAML syntax: %s", msg)
}

func (r *reader) line(n int) string {
	if n < 1 || n > len(r.lines) {
		return ""
	}
	text, _, _ := strings.Cut(string(r.source[r.lines[n-1]:]), "\n")
	return text
}

// secondColon is the column of the second ": " of a line.
func secondColon(line string) int {
	first := strings.Index(line, ": ")
	if first < 0 {
		return 0
	}
	if second := strings.Index(line[first+2:], ": "); second >= 0 {
		return first + 2 + second + 1
	}
	return 0
}

// tab is the column of a tab in the indentation of a line, or 0.
func (r *reader) tab(n int) int {
	for i, c := range r.line(n) {
		if c == '\t' {
			return i + 1
		}
		if c != ' ' && c != '-' {
			break
		}
	}
	return 0
}

// brokenLine is the first line with which the text cannot be YAML any more,
// whatever may follow: it is looked for by halving. A shorter beginning can be
// broken too because it ends inside a list or a text; those are completed
// first, and a line found is held against the lines that follow it.
func (r *reader) brokenLine() int {
	good, bad := 0, len(r.lines)
	r.budget = maxSearched
	for good+1 < bad && r.budget > 0 {
		if mid := (good + bad) / 2; r.completes(mid) {
			good = mid
		} else {
			bad = mid
		}
		if good+1 < bad {
			continue
		}
		for next := bad + 1; next <= min(bad+20, len(r.lines)) && r.budget > 0; next++ {
			if r.completes(next) {
				good, bad = next, len(r.lines)
				break
			}
		}
	}
	if r.budget <= 0 {
		return 0
	}
	return bad
}

// maxSearched bounds the text that is parsed to find a broken line: about half
// a second. In a larger file yaml.v3's own line must do.
const maxSearched = 4 << 20

// completes reports whether the first n lines are the beginning of some YAML.
func (r *reader) completes(n int) bool {
	end := len(r.source)
	if n < len(r.lines) {
		end = r.lines[n]
	}
	head := string(r.source[:end])
	pad := "\n" + strings.Repeat(" ", 40)
	closers := closing(head)
	if len(closers) > maxDepth {
		return false // refused in any case, and slow to parse
	}
	for _, tail := range []string{"", pad + closers, pad + "\"" + closers, pad + "'" + closers, ": 0", pad + ": 0" + closers} {
		r.budget -= len(head)
		if parses(strings.TrimSuffix(head, "\n") + tail) {
			return true
		}
	}
	return false
}

// closing are the brackets that would close those open at the end of a text;
// it does not know texts from brackets, which is why it is only tried.
func closing(s string) string {
	var open []byte
	for i := range len(s) {
		switch c := s[i]; c {
		case '[':
			open = append(open, ']')
		case '{':
			open = append(open, '}')
		case ']', '}':
			if n := len(open); n > 0 && open[n-1] == c {
				open = open[:n-1]
			}
		}
	}
	for i, j := 0, len(open)-1; i < j; i, j = i+1, j-1 {
		open[i], open[j] = open[j], open[i]
	}
	return string(open)
}

func parses(s string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	var n yaml.Node
	err := yaml.NewDecoder(bytes.NewReader([]byte(s))).Decode(&n)
	return err == nil || err == io.EOF //nolint:errorlint // the decoder gives io.EOF itself for an empty text
}
