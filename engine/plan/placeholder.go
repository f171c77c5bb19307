package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// placeholderMark begins the part of a placeholder that tells it from every
// other text; digits of the call's key follow.
const placeholderMark = "plan_"

// placeholderDigits is how many hex digits follow the mark.
const placeholderDigits = 32

// IsPlaceholder reports whether a text is, or holds, the id or secret of
// something that a plan creates. No tenant gives such ids.
func IsPlaceholder(s string) bool { return findPlaceholder(s) >= 0 }

// findPlaceholder is where the mark of the first placeholder stands, -1 where
// there is none.
func findPlaceholder(s string) int {
	from := 0
	for {
		i := strings.Index(s[from:], placeholderMark)
		if i < 0 {
			return -1
		}
		i += from
		digits := s[i+len(placeholderMark):]
		if len(digits) >= placeholderDigits && isHex(digits[:placeholderDigits]) {
			return i
		}
		from = i + len(placeholderMark)
	}
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// placeholder is the id of what a call creates: the same call, the same id. An
// empty part is the object itself; others name what comes with it.
func placeholder(prefix, key, part string) string {
	if part == "" && len(key) == placeholderDigits && isHex(key) {
		return prefix + placeholderMark + key
	}
	sum := sha256.Sum256([]byte(key + "\x00" + part))
	return prefix + placeholderMark + hex.EncodeToString(sum[:])[:placeholderDigits]
}

// withoutPlaceholders replaces the placeholders of a text by a word that no
// tenant knows: a search for one finds nothing, and none is ever sent.
func withoutPlaceholders(s string) string {
	for {
		i := findPlaceholder(s)
		if i < 0 {
			return s
		}
		begin := i
		for begin > 0 && isWord(s[begin-1]) {
			begin--
		}
		s = s[:begin] + "no_such_object" + s[i+len(placeholderMark)+placeholderDigits:]
	}
}

func isWord(c byte) bool {
	return c == '_' || c == '|' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
