package undo

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// TextOptions say how writes are printed.
type TextOptions struct {
	// Full prints every write; else of many that are alike (one operation, one
	// reason) only the first.
	Full bool
}

// Of more than foldAbove writes that are alike, foldTo are printed.
const (
	foldAbove = 20
	foldTo    = 5
)

// WriteText prints a preview for people.
func (p *Preview) WriteText(out io.Writer, o TextOptions) error {
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
		o.items(&b, s.title, only(p.Items, s.verdict))
	}
	fmt.Fprintf(&b, "\nThe undo takes %s.\n", count(p.Requests, "request"))
	_, err := out.Write(b.Bytes())
	return err
}

// WriteText prints a result for people: what was not simply undone, then the
// numbers.
func (r *Result) WriteText(out io.Writer, o TextOptions) error {
	var b bytes.Buffer
	for _, s := range []struct {
		verdict Verdict
		title   string
	}{
		{Undone, "Made again"},
		{Left, "Left alone"},
		{Impossible, "Cannot be undone"},
		{Unknown, "Unknown, look first"},
		{Failed, "Failed"},
	} {
		o.items(&b, s.title, only(r.Items, s.verdict))
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
	if r.Bare > 0 {
		parts = append(parts, fmt.Sprintf("%s made again without what had gone with it", count(r.Bare, "object")))
	}
	fmt.Fprintf(&b, "Undo of run %s: %s\n", r.Run, strings.Join(parts, ", "))
	_, err := out.Write(b.Bytes())
	return err
}

// only are the items of one verdict.
func only(items []Item, verdict Verdict) []*Item {
	var out []*Item
	for i := range items {
		if items[i].Verdict == verdict {
			out = append(out, &items[i])
		}
	}
	return out
}

// A bulk is what items have in common that are shown as one.
type bulk struct{ tenant, operation, reason string }

// items prints a section: of what is alike only the first, where there is much
// of it, and how much there is.
func (o TextOptions) items(b *bytes.Buffer, title string, items []*Item) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s (%d):%s\n", title, len(items), byOperation(items))
	left := map[bulk]int{}
	for _, item := range items {
		left[item.bulk()]++
	}
	cut := map[bulk]bool{}
	for of, n := range left {
		cut[of] = !o.Full && n > foldAbove
	}
	shown := map[bulk]int{}
	for _, item := range items {
		of := item.bulk()
		left[of]--
		if shown[of]++; !cut[of] || shown[of] <= foldTo {
			writeItem(b, item)
		} else if left[of] == 0 {
			of.write(b, shown[of]-foldTo)
		}
	}
}

// byOperation counts the items of a section that is too long to be counted by
// eye.
func byOperation(items []*Item) string {
	if len(items) <= foldAbove {
		return ""
	}
	var names []string
	n := map[string]int{}
	for _, item := range items {
		if n[item.Operation]++; n[item.Operation] == 1 {
			names = append(names, item.Operation)
		}
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", n[name], name)
	}
	return " " + strings.Join(names, ", ")
}

func (i *Item) bulk() bulk { return bulk{i.Tenant, i.Operation, i.Reason} }

// write is the line for items that are not shown.
func (of bulk) write(b *bytes.Buffer, n int) {
	fmt.Fprintf(b, "  and %d more of %s", n, of.operation)
	if of.reason != "" {
		b.WriteString(": " + of.reason)
	}
	b.WriteByte('\n')
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
	case item.Recreated && item.Verdict == Undone:
		b.WriteString("      came back under the id that it had\n")
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
