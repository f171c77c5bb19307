package plan

import (
	"bufio"
	"fmt"
	"io"
)

// Text shows a plan on a terminal: object by object, then totals, scopes, the
// work to be done, and what cannot be known.
func (p *Plan) Text(w io.Writer, o RenderOptions) error {
	v := newView(p, o)
	out := bufio.NewWriter(w)
	for _, b := range v.blocks() {
		for _, g := range b.groups {
			v.textGroup(out, g)
		}
		if b.more > 0 {
			fmt.Fprintf(out, "%s\n", v.o.Paint(b.of.sign, fmt.Sprintf("  %s and %s more %s", b.of.sign, thousands(b.more), b.of.kind)))
			v.textLines(out, b.of.lines)
		}
	}
	fmt.Fprintf(out, "\n%s\n", v.o.Paint("", v.headline()))
	for _, t := range p.Totals() {
		fmt.Fprintf(out, "  %8s  %s\n", thousands(t.Calls), onTenant(p, t))
	}
	if n := v.unchanged(); n > 0 {
		fmt.Fprintf(out, "  %8s  %s\n", thousands(n), findAll(n))
	}
	if s := v.scopes(); len(s) > 0 {
		fmt.Fprintf(out, "\n%s\n", v.o.Paint("", "Least scopes"))
		for _, line := range s {
			fmt.Fprintf(out, "  %s\n", line)
		}
	}
	if len(p.Used) > 0 || len(p.Changes) > 0 {
		fmt.Fprintf(out, "\n%s\n", v.work())
	}
	if len(p.Unknown) > 0 {
		fmt.Fprintf(out, "\n%s\n", v.o.Paint("!", "What the plan cannot know"))
		for _, u := range p.unknowns() {
			fmt.Fprintf(out, "  %s\n", v.say(u.line()))
		}
	}
	if p.Error != "" {
		fmt.Fprintf(out, "\n%s\n", v.o.Paint("-", "The playbook did not reach its end: "+v.say(p.Error)))
	}
	return out.Flush()
}

func (v *view) textGroup(out io.Writer, g group) {
	fmt.Fprintf(out, "%s", v.o.Paint(g.sign, "  "+g.sign+" "+g.title))
	if g.where != "" {
		fmt.Fprintf(out, "  (%s)", v.say(g.where))
	}
	fmt.Fprintln(out)
	v.textLines(out, g.lines)
}

func (v *view) textLines(out io.Writer, lines []line) {
	for _, l := range lines {
		sign := l.sign
		if sign == "" {
			sign = " "
		}
		fmt.Fprintf(out, "%s\n", v.o.Paint(l.sign, "      "+sign+" "+l.text))
	}
}

// line is an unknown in one line.
func (u Unknown) line() string {
	s := u.Operation + ": " + u.Reason
	if u.Where != "" {
		s = u.Where + ": " + s
	}
	return s
}

// onTenant names an operation, with its tenant where there are several.
func onTenant(p *Plan, t Total) string {
	if len(p.Tenants) > 1 && t.Tenant != "" {
		return t.Operation + " on " + t.Tenant
	}
	return t.Operation
}
