package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "canary-5f1e"

func TestSecretHides(t *testing.T) {
	s := NewSecret(canary)
	type outer struct {
		Shown  Secret
		hidden Secret
		p      *Secret
	}
	holder := outer{s, s, &s}
	_ = holder.hidden
	texts := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s", "%T"} {
		texts["Secret "+verb] = fmt.Sprintf(verb, s)
		texts["pointer "+verb] = fmt.Sprintf(verb, &s)
		texts["struct "+verb] = fmt.Sprintf(verb, holder)
		texts["Token "+verb] = fmt.Sprintf(verb, &Token{AccessToken: s, IDToken: s, RefreshToken: s})
		texts["list "+verb] = fmt.Sprintf(verb, []any{s, map[Secret]Secret{s: s}})
	}
	texts["JSON"] = string(must(json.Marshal(map[string]any{"a": s, "b": &s, "c": &Token{AccessToken: s}})))
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "secret", s, "token", Token{AccessToken: s}, "holder", holder)
	}
	texts["slog"] = log.String()
	texts["error"] = fmt.Errorf("a: %v, %w", s, &ptrError{s}).Error()
	hexed := fmt.Sprintf("%x", canary)
	for name, text := range texts {
		if strings.Contains(text, canary) || strings.Contains(strings.ToLower(text), hexed) {
			t.Errorf("%s shows it: %s", name, text)
		}
	}
	for _, name := range []string{"Secret %v", "Secret %x", "JSON", "slog", "error"} {
		if !strings.Contains(texts[name], "[secret]") {
			t.Errorf("%s: %s", name, texts[name])
		}
	}
	if v := slog.AnyValue(s).Resolve(); v.Kind() != slog.KindString || v.String() != "[secret]" {
		t.Errorf("slog handlers get %v", v)
	}
	if s.Reveal() != canary {
		t.Errorf("Reveal gives %q", s.Reveal())
	}
}

type ptrError struct{ s Secret }

func (e *ptrError) Error() string { return fmt.Sprint(e.s) }

func TestSecretEmpty(t *testing.T) {
	for _, s := range []Secret{{}, NewSecret("")} {
		if !s.IsZero() || s.Reveal() != "" || fmt.Sprint(s) != "" {
			t.Errorf("%#v is not empty", s)
		}
	}
	if NewSecret("x").IsZero() {
		t.Error("a text is empty")
	}
}

func TestSecretFromJSON(t *testing.T) {
	var in struct{ A, B, C Secret }
	if err := json.Unmarshal([]byte(`{"A":"x\ny","B":null}`), &in); err != nil {
		t.Fatal(err)
	}
	if in.A.Reveal() != "x\ny" || !in.B.IsZero() || !in.C.IsZero() {
		t.Errorf("%q %q %q", in.A.Reveal(), in.B.Reveal(), in.C.Reveal())
	}
	if err := json.Unmarshal([]byte(`{"A":{"x":"`+canary+`"}}`), &in); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("an object as secret: %v", err)
	}
}
