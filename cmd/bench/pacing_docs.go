package main

import (
	"fmt"
	"html"
	"os"
	"strings"
)

// The table and the chart that the bench writes into the documentation.

const (
	tableBegins = "<!-- written by make bench: pace -->\n"
	tableEnds   = "<!-- end -->\n"
)

// paceTable is the table in Markdown.
func paceTable(order []cell, rows map[string][]outcome) string {
	var b strings.Builder
	b.WriteString("| The tenant allows | Users | Who | Seconds | Of the ideal | Refused | Lost |\n|---|--:|---|--:|--:|--:|--:|\n")
	for _, c := range order {
		for i, o := range rows[c.name] {
			name, users := "", ""
			if i == 0 {
				name, users = c.name, fmt.Sprint(c.users)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %.1f | %.3f | %d | %d |\n", name, users, o.who, o.took.Seconds(), o.ratio(c), o.refused, o.lost)
		}
	}
	return b.String()
}

// replaceTable puts the table between its marks.
func replaceTable(file, table string) error {
	text, err := os.ReadFile(file) //nolint:gosec // our own documentation
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), tableBegins)
	_, after, ok2 := strings.Cut(rest, tableEnds)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no place for the table", file)
	}
	return os.WriteFile(file, []byte(before+tableBegins+"\n"+table+"\n"+tableEnds+after), 0o600)
}

// paceChart draws how much of the ideal time each one took: bars from 1, and the
// refusals and losses in words beside them.
func paceChart(order []cell, rows map[string][]outcome) string {
	const left, width, bar, gap, head = 330, 420, 15, 26, 46
	most := 1.2
	height := head
	for _, c := range order {
		height += gap
		for _, o := range rows[c.name] {
			most = max(most, min(o.ratio(c), 2.5))
			height += bar
		}
	}
	x := func(ratio float64) float64 { return left + (min(ratio, most)-1)/(most-1)*width }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 980 %d" font-family="sans-serif" font-size="12">`+"\n", height+20)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	fmt.Fprintf(&b, `<text x="10" y="20" font-size="14" font-weight="bold">All users listed and patched: the time taken, as a multiple of the ideal</text>`+"\n")
	for _, mark := range []float64{1, 1.03, 1.1, 1.25, 1.5, 2} {
		if mark > most {
			break
		}
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>`+"\n", x(mark), head-8, x(mark), height)
		if mark != 1.03 || most < 1.6 {
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="#666" text-anchor="middle">%v</text>`+"\n", x(mark), head-12, mark)
		}
	}
	y := head
	colors := []string{"#0b6e4f", "#3aa17e", "#9a9a9a", "#c96f4a"}
	for _, c := range order {
		y += gap
		fmt.Fprintf(&b, `<text x="10" y="%d" font-weight="bold">%s, %d users</text>`+"\n", y-6, html.EscapeString(c.name), c.users)
		for i, o := range rows[c.name] {
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-8, y+bar-4, html.EscapeString(o.who))
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left, y+2, max(1, x(o.ratio(c))-left), bar-4, colors[i%len(colors)])
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" fill="#333">%.3f · %d refused%s</text>`+"\n", max(x(o.ratio(c)), left)+6, y+bar-4, o.ratio(c), o.refused, lostText(o.lost))
			y += bar
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func lostText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" · %d users lost", n)
}
