package undo

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"a0run/engine"
)

// A Preview is what an undo would do, found with reads only.
type Preview struct {
	// Run is the run that would be undone.
	Run string `json:"run"`
	// Items are its writes, in the order in which they would be undone.
	Items []Item `json:"items"`
	// Counts are how many writes there are of each verdict.
	Counts map[Verdict]int `json:"counts"`
	// Requests is how many requests the undo takes.
	Requests int `json:"requests"`
}

// Preview says what Run would do. It is called by the main task of a run that
// has no journal and may read only; several writes of one object are followed
// in thought.
func (u *Undo) Preview(t *engine.Task) (*Preview, error) {
	preview := &Preview{Run: u.o.Run, Counts: map[Verdict]int{}}
	p := u.newPass(true)
	index := map[*change]int{}
	items := make([]Item, len(u.changes))
	for _, level := range u.levels {
		for _, c := range level {
			index[c] = len(index)
		}
	}
	err := p.run(t, func(t *engine.Task, c *change) error {
		item, err := p.visitQuietly(t, c)
		items[index[c]] = item
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		preview.Items = append(preview.Items, item)
		preview.Counts[item.Verdict]++
		preview.Requests += item.Requests
	}
	return preview, nil
}

// visitQuietly is visit for a preview: what cannot be read is an item of the
// preview and no failure of the run that makes it.
func (p *pass) visitQuietly(t *engine.Task, c *change) (Item, error) {
	item, err := p.visit(t, c, func(w *work, d decision, l *look, _ *Item) error {
		if w.op == nil {
			p.known[c.ref()] = answerOf(d.after)
			return nil
		}
		l.put(c.tenant, d.after, p.known)
		return nil
	})
	if e := engine.AsError(err); e != nil && e.Uncatchable() {
		return item, e
	}
	return item, nil
}

// WriteText prints a preview for people.
func (p *Preview) WriteText(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Undo of run %s: %s\n", p.Run, count(len(p.Items), "write"))
	for _, s := range []struct {
		verdict Verdict
		title   string
	}{
		{PutBack, "Will be put back"},
		{Already, "Already as before"},
		{Left, "Will be left alone"},
		{Impossible, "Cannot be undone"},
		{Unknown, "Unknown, look first"},
		{Failed, "Cannot be told"},
	} {
		writeItems(&b, s.title, p.Items, s.verdict)
	}
	fmt.Fprintf(&b, "\nThe undo takes %s.\n", count(p.Requests, "request"))
	_, err := out.Write(b.Bytes())
	return err
}

// WriteText prints a result for people: what was not simply undone, then the
// numbers.
func (r *Result) WriteText(out io.Writer) error {
	var b bytes.Buffer
	for _, s := range []struct {
		verdict Verdict
		title   string
	}{
		{Undone, "Came back under another id"},
		{Left, "Left alone"},
		{Impossible, "Cannot be undone"},
		{Unknown, "Unknown, look first"},
		{Failed, "Failed"},
	} {
		writeItems(&b, s.title, r.Items, s.verdict)
	}
	var parts []string
	for _, v := range []Verdict{Undone, Already, Left, Impossible, Unknown, Failed} {
		if n := r.Counts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	if len(parts) == 0 {
		parts = []string{"the run has written nothing"}
	}
	fmt.Fprintf(&b, "Undo of run %s: %s\n", r.Run, strings.Join(parts, ", "))
	_, err := out.Write(b.Bytes())
	return err
}

func writeItems(b *bytes.Buffer, title string, items []Item, verdict Verdict) {
	n := 0
	for i := range items {
		if items[i].Verdict == verdict {
			n++
		}
	}
	if n == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s (%d):\n", title, n)
	for i := range items {
		if items[i].Verdict == verdict {
			writeItem(b, &items[i])
		}
	}
}

func writeItem(b *bytes.Buffer, item *Item) {
	fmt.Fprintf(b, "  %s  %s", item.Object, item.Operation)
	if item.Where != "" {
		fmt.Fprintf(b, "  %s", item.Where)
	}
	b.WriteByte('\n')
	if item.Reason != "" {
		fmt.Fprintf(b, "      %s\n", item.Reason)
	}
	for _, d := range item.Changes {
		fmt.Fprintf(b, "      %s\n", d.text(item.Verdict))
	}
	switch {
	case item.NewID != "":
		fmt.Fprintf(b, "      came back as %s\n", item.NewID)
	case item.Recreated:
		b.WriteString("      comes back as a new object, mostly under another id\n")
	}
	for _, note := range item.Notes {
		fmt.Fprintf(b, "      note: %s\n", note)
	}
}

// text is a field with what it is and what it will be, or was.
func (d Diff) text(v Verdict) string {
	field := d.Field
	if field != "" {
		field += ": "
	}
	if v == Left {
		return fmt.Sprintf("%snow %s, the run had left %s", field, orNothing(d.Now), orNothing(d.Then))
	}
	return fmt.Sprintf("%s%s → %s", field, orNothing(d.Now), orNothing(d.Then))
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
