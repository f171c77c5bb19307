package main

import "testing"

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
