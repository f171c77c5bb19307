package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// hidden stands wherever a Secret would be printed.
const hidden = "[secret]"

// A Secret is a text that shows itself only to Reveal: fmt, encoding/json, text
// marshalling and log/slog print [secret]. The text stands behind a pointer,
// because fmt prints the unexported fields of foreign structs without asking
// them. The zero value holds the empty text and prints as nothing.
type Secret struct{ text *string }

// NewSecret hides a text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal gives the text itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s.text == nil }

// String is "[secret]", or "" where there is no text.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return hidden
}

// Format prints the same for every verb, also %x and %#v.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is what log/slog writes.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is what encoding/json and other text encoders write.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads a JSON string; null gives the empty text.
func (s *Secret) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return errors.New("want a JSON string") // the decoder's own error could quote the text
	}
	*s = NewSecret(text)
	return nil
}
