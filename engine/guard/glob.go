package guard

import "strings"

// A glob is a pattern: * stands for any text, ? for one character, a backslash
// takes the next character as it is. Upper and lower case are the same: a
// protection that a capital letter gets around is none.
type glob struct {
	text  string
	parts []globPart
}

type globPart struct {
	r       rune
	any     bool // *
	anyRune bool // ?
}

func newGlob(text string) glob {
	g := glob{text: text}
	escaped := false
	for _, r := range text {
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case !escaped && r == '*':
			if n := len(g.parts); n == 0 || !g.parts[n-1].any { // ** is *
				g.parts = append(g.parts, globPart{any: true})
			}
		case !escaped && r == '?':
			g.parts = append(g.parts, globPart{anyRune: true})
		default:
			g.parts = append(g.parts, globPart{r: folded(r)})
		}
		escaped = false
	}
	if escaped {
		g.parts = append(g.parts, globPart{r: '\\'})
	}
	return g
}

// folded is one rune for all the cases of a letter.
func folded(r rune) rune {
	for _, lower := range strings.ToLower(strings.ToUpper(string(r))) {
		return lower
	}
	return r
}

// wild reports whether the pattern can match more than one text.
func (g glob) wild() bool {
	for _, p := range g.parts {
		if p.any || p.anyRune {
			return true
		}
	}
	return false
}

// match goes back to the last * only, so that its time is at most the product
// of both lengths.
func (g glob) match(text string) bool {
	runes := []rune(text)
	i, star, mark := 0, -1, 0
	for at := 0; at < len(runes); {
		switch {
		case i < len(g.parts) && g.parts[i].any:
			star, mark = i, at
			i++
		case i < len(g.parts) && (g.parts[i].anyRune || g.parts[i].r == folded(runes[at])):
			i++
			at++
		case star >= 0:
			mark++
			i, at = star+1, mark
		default:
			return false
		}
	}
	for i < len(g.parts) && g.parts[i].any {
		i++
	}
	return i == len(g.parts)
}
