package plan

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"strings"
)

// Markdown shows a plan in a pull request: the sentence, a table of totals, and
// the objects in collapsible parts, as diffs.
func (p *Plan) Markdown(w io.Writer, o RenderOptions) error {
	v := newView(p, o)
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "### Plan of `%s`\n\n%s\n", strings.ReplaceAll(v.say(p.Playbook.Path), "`", "'"), v.headline())
	if totals := p.Totals(); len(totals) > 0 {
		fmt.Fprintf(out, "\n| calls | operation |\n| ---: | :--- |\n")
		for _, t := range totals {
			fmt.Fprintf(out, "| %s | `%s` |\n", thousands(t.Calls), onTenant(p, t))
		}
	}
	for _, b := range v.blocks() {
		v.markdownBlock(out, b)
	}
	if len(p.Unknown) > 0 {
		fmt.Fprintf(out, "\n**What the plan cannot know**\n\n")
		for _, u := range p.unknowns() {
			fmt.Fprintf(out, "- %s\n", markdownText(v.say(u.line())))
		}
	}
	if s := v.scopes(); len(s) > 0 {
		fmt.Fprintf(out, "\nLeast scopes: %s\n", "`"+strings.Join(s, "`; `")+"`")
	}
	if len(p.Used) > 0 || len(p.Changes) > 0 {
		fmt.Fprintf(out, "\n%s\n", v.work())
	}
	if n := v.unchanged(); n > 0 {
		fmt.Fprintf(out, "\n%s %s.\n", thousands(n), findAll(n))
	}
	if p.Error != "" {
		fmt.Fprintf(out, "\n**The playbook did not reach its end:** %s\n", markdownText(v.say(p.Error)))
	}
	return out.Flush()
}

// markdownBlock is one collapsible part: the objects of a kind that follow each
// other.
func (v *view) markdownBlock(out io.Writer, b block) {
	for from := 0; from < len(b.groups); {
		to := from
		for to < len(b.groups) && b.groups[to].kind == b.groups[from].kind && to-from < 50 {
			to++
		}
		title := b.groups[from].sign + " " + b.groups[from].title
		if to-from > 1 {
			title = fmt.Sprintf("%s (%d)", b.groups[from].kind, to-from)
		}
		v.details(out, title, b.groups[from:to])
		from = to
	}
	if b.more > 0 {
		of := b.of
		of.title = fmt.Sprintf("and %s more %s", thousands(b.more), b.of.kind)
		v.details(out, of.sign+" "+of.title, []group{of})
	}
}

func (v *view) details(out io.Writer, title string, groups []group) {
	var body strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&body, "%s %s\n", diffSign(g.sign), g.title)
		for _, l := range g.lines {
			fmt.Fprintf(&body, "%s     %s\n", diffSign(l.sign), l.text)
		}
	}
	fence := "```"
	for strings.Contains(body.String(), fence) {
		fence += "`"
	}
	fmt.Fprintf(out, "\n<details><summary>%s</summary>\n\n%sdiff\n%s%s\n\n</details>\n", html.EscapeString(title), fence, body.String(), fence)
}

// diffSign is a sign that a diff is coloured by.
func diffSign(sign string) string {
	switch sign {
	case "+", "-", "!":
		return sign
	case "~":
		return "!"
	case "=":
		return "#"
	}
	return " "
}

// markdownText takes the meaning off a text's characters.
func markdownText(s string) string {
	var b strings.Builder
	for _, r := range html.EscapeString(s) {
		if strings.ContainsRune("\\`*_[]#|~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
