package notify

import (
	"fmt"
	"strings"
	"text/template"
	"time"
)

// The templates that are used where a0run.yaml gives none.
const (
	defaultTitle = `a0run: {{summary .}}`
	defaultText  = `{{range .Notices}}{{line .}}
{{end}}{{if .Left}}and {{.Left}} more
{{end}}`
)

// A Template writes a message.
type Template struct{ title, text *template.Template }

// ParseTemplate reads the templates of a title and a text (Go's text/template);
// "" takes the default. Both are tried on a message of each kind, so that a
// mistake shows when the file is read and not at night.
//
// They see a Message, and these functions besides text/template's own: summary
// (a message in a few words), line (a notice on one or more lines), time (a
// time as people read it), upper, and join.
func ParseTemplate(title, text string) (*Template, error) {
	if title == "" {
		title = defaultTitle
	}
	if text == "" {
		text = defaultText
	}
	t := &Template{}
	for _, part := range []struct {
		name, text string
		into       **template.Template
	}{{"title", title, &t.title}, {"text", text, &t.text}} {
		parsed, err := template.New(part.name).Funcs(functions()).Option("missingkey=error").Parse(part.text)
		if err != nil {
			return nil, err
		}
		*part.into = parsed
	}
	for _, kind := range Kinds() {
		n := Notice{Kind: kind, Playbook: "nightly", Run: "0123456789abcdef", At: time.Unix(0, 0), Count: 1}
		if _, _, err := t.write(Message{Notices: []Notice{n}, Total: 1}); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// mostMessage bounds a message: Discord takes 2,000 characters, and shoutrrr
// splits what is longer into many messages.
const mostMessage = 1900

func (t *Template) write(m Message) (title, text string, err error) {
	var a, b strings.Builder
	if err := t.title.Execute(&a, m); err != nil {
		return "", "", err
	}
	if err := t.text.Execute(&b, m); err != nil {
		return "", "", err
	}
	text = strings.TrimSpace(b.String())
	if len(text) > mostMessage {
		cut := strings.ToValidUTF8(text[:mostMessage], "")
		if i := strings.LastIndexByte(cut, '\n'); i > mostMessage/2 {
			cut = cut[:i]
		}
		text = cut + "\n…"
	}
	return oneLine(a.String()), text, nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func functions() template.FuncMap {
	return template.FuncMap{
		"summary": summary, "line": line, "upper": strings.ToUpper, "join": strings.Join,
		"time": func(t time.Time) string { return t.Format("2006-01-02 15:04 MST") },
	}
}

// summary is a message in a few words: "3 runs failed, 1 recovered".
func summary(m Message) string {
	var parts []string
	for _, k := range []struct{ kind, one, many string }{
		{Approval, "a plan waits for approval", "%d plans wait for approval"},
		{Failed, "a run failed", "%d runs failed"},
		{Missed, "a run was missed", "%d runs were missed"},
		{Recovered, "well again", "%d well again"},
	} {
		of := m.Of(k.kind)
		switch n := m.Count(k.kind); {
		case n == 0:
		case len(of) == 1 && n == 1:
			parts = append(parts, k.one+": "+of[0].Title())
		case len(of) == 1:
			parts = append(parts, fmt.Sprintf(k.many, n)+": "+of[0].Title())
		default:
			parts = append(parts, fmt.Sprintf(k.many, n))
		}
	}
	return strings.Join(parts, ", ")
}

// line is a notice as a message has it.
func line(n Notice) string {
	var b strings.Builder
	sign := map[string]string{Approval: "approve", Failed: "FAILED", Missed: "missed", Recovered: "recovered"}[n.Kind]
	b.WriteString(sign + "  " + n.Title())
	if n.Tenant != "" {
		b.WriteString(" on " + n.Tenant)
	}
	if n.Count > 1 {
		fmt.Fprintf(&b, " ×%d", n.Count)
	}
	switch {
	case n.Kind == Missed && !n.Due.IsZero():
		b.WriteString(", due " + n.Due.Format("2006-01-02 15:04 MST"))
	case n.Kind == Approval && !n.Due.IsZero():
		b.WriteString(", lapses " + n.Due.Format("2006-01-02 15:04 MST"))
	case n.Status != "" && n.Kind == Failed && n.Status != Failed:
		b.WriteString(" (" + n.Status + ")")
	}
	if n.Error != "" {
		b.WriteString("\n  " + n.Error)
	}
	switch {
	case n.Link != "":
		b.WriteString("\n  " + n.Link)
	case n.Run != "" && n.Kind == Approval:
		b.WriteString("\n  " + n.Run)
	case n.Run != "":
		b.WriteString("\n  a0run runs show " + n.Run)
	}
	return b.String()
}
