package main

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is printed holds no control characters but tabs and line ends, whatever
// it was made of, and a text without any is not changed.
func TestHarmless(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"äöü 👩‍💻\tx\r\ny\n":        "äöü 👩‍💻\tx\r\ny\n",
		"\x1b[31m\a\r\x7f":         `\x1b[31m\x07\x0d\x7f`,
		"8 bit \x9b, UTF-8 \u009b": `8 bit \x9b, UTF-8 \x9b`,
		"gpj.\u202eexe":            "gpj.\u202eexe",
	} {
		if got := harmless(text, false); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
	}
	if got := harmless("gpj.\u202eexe", true); got != `gpj.\u202eexe` {
		t.Errorf("on a terminal: %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "text"))
		got := harmless(text, rapid.Bool().Draw(t, "terminal"))
		for _, r := range strings.NewReplacer("\r\n", "", "\n", "", "\t", "").Replace(got) {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffd && !strings.Contains(text, "\ufffd") {
				t.Fatalf("%q is printed as %q", text, got)
			}
		}
	})
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain ü 漢 ✓\tand\nlines": "plain ü 漢 ✓\tand\nlines",
		"\x1b[31m\a\r\x7f":        `\x1b[31m\x07\x0d\x7f`,
		"gpj.\u202eexe":           `gpj.\u202eexe`,
		"a\u200bb\ufeff\u2028":    `a\u200bb\ufeff\u2028`,
		"\u009b31m\u00a0":         `\x9b31m\xa0`,
		"tag \U000e0041":          `tag \U000e0041`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
