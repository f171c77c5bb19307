package web

import (
	"fmt"
	"html/template"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"a0run/engine/serve"
)

// Pictures are SVG that is written here. Their colours come from classes, for
// the page's policy takes no style attributes, and the theme is the page's.

// bars draws the newest due times of a schedule, the newest at the right: the
// height is how long the run took beside the others, the colour how it ended.
func bars(fires []serve.Fire) template.HTML {
	const width, height, most = 6, 28, 30
	fires = fires[max(0, len(fires)-most):]
	longest := time.Duration(1)
	for _, f := range fires {
		longest = max(longest, f.Took)
	}
	var b strings.Builder
	counts := map[string]int{}
	fmt.Fprintf(&b, `<svg class="bars" width="%d" height="%d" viewBox="0 0 %d %d" role="group" aria-label="%%s">`, most*width, height, most*width, height)
	for i, f := range fires {
		word := fireWord(f)
		counts[word]++
		h := 4
		if f.Outcome == serve.FireRun {
			h = 6 + int(float64(height-6)*float64(f.Took)/float64(longest))
		}
		x := (most - len(fires) + i) * width
		rect := fmt.Sprintf(`<rect class="fill-%s" x="%d" y="%d" width="%d" height="%d" rx="1"><title>%s: %s</title></rect>`,
			stateOf(word).Class, x, height-h, width-2, h, template.HTMLEscapeString(f.Due.Format("Jan 2 15:04")), template.HTMLEscapeString(word))
		if f.Run != "" {
			rect = `<a href="/runs/` + template.HTMLEscapeString(f.Run) + `" tabindex="-1">` + rect + `</a>`
		}
		b.WriteString(rect)
	}
	b.WriteString(`</svg>`)
	return template.HTML(strings.Replace(b.String(), "%s", template.HTMLEscapeString(barsLabel(counts)), 1)) //nolint:gosec // escaped piece by piece
}

func barsLabel(counts map[string]int) string {
	if len(counts) == 0 {
		return "no due times yet"
	}
	var parts []string
	for _, word := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[word], word))
	}
	return "newest due times: " + strings.Join(parts, ", ")
}

// fireWord is what became of a due time, in a word.
func fireWord(f serve.Fire) string {
	if f.Outcome == serve.FireRun && f.Status != "" {
		return f.Status
	}
	return f.Outcome
}

// A lane is a row of the time line.
type lane struct {
	Name, URL string
	Picture   template.HTML
}

// lanes draws what ran and what will run, a row for each schedule or playbook,
// from 12 hours ago to 12 hours from now.
func lanes(now time.Time, ran []runRow, due []serve.Due) []lane {
	const most = 10
	type marks struct {
		url   string
		marks strings.Builder
		n     int
	}
	rows := map[string]*marks{}
	row := func(name, url string) *marks {
		if rows[name] == nil {
			rows[name] = &marks{url: url}
		}
		return rows[name]
	}
	at := func(t time.Time) float64 { return 500 + 500*t.Sub(now).Hours()/12 }
	for i := len(ran) - 1; i >= 0; i-- {
		run := &ran[i]
		from := at(run.Started)
		if run.Started.IsZero() || from < 0 {
			continue
		}
		to := 500.0
		if !run.Ended.IsZero() {
			to = at(run.Ended)
		}
		m := row(run.Base, "/runs?playbook="+url.QueryEscape(run.Base))
		m.n++
		fmt.Fprintf(&m.marks, `<a href="/runs/%s" tabindex="-1"><rect class="fill-%s" x="%.1f" y="4" width="%.1f" height="12"><title>%s %s: %s</title></rect></a>`,
			template.HTMLEscapeString(run.ID), run.State.Class, from, max(to-from, 3), template.HTMLEscapeString(run.Started.Format("15:04")),
			template.HTMLEscapeString(run.Playbook), template.HTMLEscapeString(run.State.Word))
	}
	for _, d := range due {
		x := at(d.At)
		if x > 1000 {
			continue
		}
		m := row(path.Base(d.Playbook), "/runs?playbook="+url.QueryEscape(path.Base(d.Playbook)))
		m.n++
		fmt.Fprintf(&m.marks, `<rect class="due" x="%.1f" y="4" width="3" height="12"><title>%s %s</title></rect>`, x,
			template.HTMLEscapeString(d.At.Format("15:04")), template.HTMLEscapeString(d.Schedule))
	}
	var all []lane
	for _, name := range sortedKeys(rows) {
		m := rows[name]
		picture := `<svg class="lane" viewBox="0 0 1000 20" preserveAspectRatio="none" role="group" aria-label="` +
			template.HTMLEscapeString(name+": "+plural(m.n, "time")) + `"><line class="rule" x1="0" x2="1000" y1="10" y2="10"/>` +
			`<line class="now" x1="500" x2="500" y1="0" y2="20"/>` + m.marks.String() + `</svg>`
		all = append(all, lane{name, m.url, template.HTML(picture)}) //nolint:gosec // escaped piece by piece
	}
	if len(all) > most {
		slices.SortStableFunc(all, func(a, b lane) int { return rows[b.Name].n - rows[a.Name].n })
		all = all[:most]
	}
	return all
}
