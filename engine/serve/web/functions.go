package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"a0run/engine"
)

// functions are what templates call.
func (p *pages) functions() template.FuncMap {
	r := p.room
	return template.FuncMap{
		"static": func(name string) string { return "/static/" + name + "?v=" + p.files[name].version },
		"took":   took, "number": number, "short": short, "state": stateOf, "base": path.Base, "seg": url.PathEscape,
		"pretty": pretty, "compact": compactJSON, "plural": plural, "list": func(v ...any) []any { return v },
		"when": r.when, "ago": r.ago, "clock": r.clock, "iso": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"join": strings.Join, "lower": strings.ToLower, "upperFirst": upperFirst, "tenants": tenantText,
		"objectURL": objectURL, "add": func(a, b int) int { return a + b }, "lines": func(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") },
		"rate": rateText, "div": func(a, b int) int { return a / b },
		"dict": dict, "csp": func() string { return csp },
	}
}

// dict makes a map of its arguments, for a template that needs several.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d arguments", len(pairs))
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

// rateText is a rate in the unit in which Auth0 publishes it.
func rateText(perSecond float64) string {
	if perSecond < 10 {
		return fmt.Sprintf("%.0f a minute", perSecond*60)
	}
	return fmt.Sprintf("%.0f a second", perSecond)
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// took is a time that something took, rounded to what a person reads.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "–"
	case d < time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm %02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh %02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// number has spaces between its thousands.
func number(v any) string {
	text := fmt.Sprint(v)
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return sign + text
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + one + "s"
}

// short is the beginning of an id.
func short(id string) string { return id[:min(8, len(id))] }

// when is a moment: without its date where that is today's.
func (r *Room) when(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	t, now := t.In(r.o.Zone), r.o.Now().In(r.o.Zone)
	layout := "2006-01-02 15:04"
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		layout = "15:04:05"
	case t.Year() == now.Year():
		layout = "Jan 2 15:04"
	}
	return r.timeTag(t, t.Format(layout))
}

// clock is a moment to the millisecond.
func (r *Room) clock(t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	return r.timeTag(t.In(r.o.Zone), t.In(r.o.Zone).Format("15:04:05.000"))
}

// ago is how long ago a moment was, or how long until it comes.
func (r *Room) ago(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	d := r.o.Now().Sub(t)
	text := about(max(d, -d))
	switch {
	case text == "":
		text = "now"
	case d < 0:
		text = "in " + text
	default:
		text += " ago"
	}
	return r.timeTag(t.In(r.o.Zone), text)
}

func about(d time.Duration) string {
	switch {
	case d < time.Second:
		return ""
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 3*time.Hour:
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// timeTag is a moment with what it is exactly; all that is in it is made here.
func (r *Room) timeTag(t time.Time, text string) template.HTML {
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339Nano) + `" title="` + //nolint:gosec // times hold no markup
		template.HTMLEscapeString(t.Format("Mon 2 Jan 2006, 15:04:05 MST")) + `">` + template.HTMLEscapeString(text) + `</time>`)
}

// A state is how something stands: its word, its sign, and the class that
// colours both. The sign tells it to those who see no colour.
type state struct{ Word, Sign, Class string }

// stateOf knows the states of runs, calls, steps, due times and approvals.
func stateOf(word string) state {
	s := state{Word: word, Sign: "○", Class: "idle"}
	switch word {
	case engine.RunDone, "ok", "resolved", "recovered", "approved", "undone", "put back", "already":
		s.Sign, s.Class = "✓", "good"
	case engine.RunRunning, "begun", "resuming":
		s.Sign, s.Class = "●", "busy"
	case engine.RunFailed, "killed", engine.RunInDoubt, "ended", "rejected", "unknown", "impossible", "set aside", "timeout":
		s.Sign, s.Class = "✕", "bad"
	case engine.RunItems, engine.RunInterrupted, engine.RunRefused, engine.RunMoved, "missed", "lapsed", "left", "cancelled", "tolerated":
		s.Sign, s.Class = "!", "warn"
	case "queued", "waiting", "waits":
		s.Sign, s.Class = "◔", "wait"
	case "paused", "blackout":
		s.Sign = "❚❚"
	}
	if word == "" {
		s.Word = "unknown"
	}
	return s
}

// tenantText names tenants by role; the one role of most playbooks says nothing.
func tenantText(by map[string]string) string {
	if len(by) == 1 {
		for _, name := range by {
			return name
		}
	}
	var parts []string
	for _, role := range sortedKeys(by) {
		parts = append(parts, role+"="+by[role])
	}
	return strings.Join(parts, " ")
}

// objectURL is the page of an object; "" where it is none.
func objectURL(kind, id string) string {
	if kind == "" {
		return ""
	}
	q := url.Values{"object": {kind + "/" + id}}
	if id == "" {
		q.Set("object", kind)
	}
	return "/objects?" + q.Encode()
}

// pretty is JSON with line ends, for people.
func pretty(text json.RawMessage) string {
	if len(text) == 0 {
		return ""
	}
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return b.String()
}

// compactJSON is a value on one line: a text without its quotes.
func compactJSON(text json.RawMessage) string {
	var s string
	if json.Unmarshal(text, &s) == nil {
		return s
	}
	return string(text)
}

// intOf reads a number of a query; what is none is 0.
func intOf(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
