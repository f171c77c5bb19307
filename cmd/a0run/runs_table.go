package main

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A table prints rows under headings. It waits for the first rows to know how
// wide its columns are, then every row is printed as it comes, so that a run of
// a million calls needs no memory. On a terminal it fits the width: columns
// that may shrink do, then those that may go, go.
type table struct {
	w       *world
	columns []column
	indent  int

	waiting []tableRow
	widths  []int // nil while rows wait
	below   bool  // notes stand below their rows, not behind them
}

// A column is one of a table.
type column struct {
	title string
	right bool // numbers stand to the right
	// least is how narrow it may become; 0 for as wide as its values.
	least int
	// tail says that the end of a value matters more than its beginning.
	tail bool
	// drop says when the column goes: the highest first; 0 for never.
	drop int
}

// A tableRow is the values of a row.
type tableRow struct {
	cells []string
	// paint is the colour of the value of one column.
	paint  string
	column int
	// note is what stands behind the row.
	note string
}

// rowsForWidth is after how many rows a table knows its widths.
const rowsForWidth = 200

func (t *table) add(row tableRow) {
	for i, cell := range row.cells {
		row.cells[i] = oneLine(cell)
	}
	if t.widths != nil {
		t.print(row)
		return
	}
	if t.waiting = append(t.waiting, row); len(t.waiting) == rowsForWidth {
		t.flush()
	}
}

// flush prints what waits.
func (t *table) flush() {
	if t.widths == nil && len(t.waiting) > 0 {
		t.measure()
		titles := make([]string, len(t.columns))
		for i, c := range t.columns {
			titles[i] = c.title
		}
		t.print(tableRow{cells: titles, column: -1, paint: "2"})
	}
	for _, row := range t.waiting {
		t.print(row)
	}
	t.waiting = nil
}

// measure fixes the widths.
func (t *table) measure() {
	t.widths = make([]int, len(t.columns))
	note := 0
	for i, c := range t.columns {
		t.widths[i] = utf8.RuneCountInString(c.title)
	}
	used := make([]bool, len(t.columns))
	for _, row := range t.waiting {
		for i, cell := range row.cells {
			n := utf8.RuneCountInString(cell)
			t.widths[i] = max(t.widths[i], n)
			used[i] = used[i] || n > 0
		}
		note = max(note, utf8.RuneCountInString(row.note))
	}
	for i := range t.widths {
		if !used[i] {
			t.widths[i] = 0 // nothing to say: the column is left out
		}
	}
	if !t.w.stdoutTerminal {
		return
	}
	t.shrink()
	t.below = note > 0 && t.total()+2+note > t.w.width
}

func (t *table) total() int {
	n := t.indent
	for _, width := range t.widths {
		if width > 0 {
			n += width + 2
		}
	}
	return n - 2
}

// shrink makes the table fit: as few columns go as must, then those that may
// shrink share what is left.
func (t *table) shrink() {
	for t.total()-t.spare() > t.w.width {
		first := -1
		for i, c := range t.columns {
			if t.widths[i] > 0 && c.drop > 0 && (first < 0 || c.drop > t.columns[first].drop) {
				first = i
			}
		}
		if first < 0 {
			break // too narrow for anything: the terminal breaks the lines
		}
		t.widths[first] = 0
	}
	for over := t.total() - t.w.width; over > 0; over-- {
		i := t.widest()
		if i < 0 {
			return
		}
		t.widths[i]--
	}
}

// narrowest is how narrow a column may become.
func (t *table) narrowest(i int) int {
	c := t.columns[i]
	if c.least == 0 {
		return t.widths[i]
	}
	return min(t.widths[i], max(c.least, utf8.RuneCountInString(c.title)))
}

// spare is by how much all columns together may shrink.
func (t *table) spare() int {
	n := 0
	for i := range t.columns {
		n += t.widths[i] - t.narrowest(i)
	}
	return n
}

// widest is the widest column that may still shrink.
func (t *table) widest() int {
	best := -1
	for i := range t.columns {
		if t.widths[i] > t.narrowest(i) && (best < 0 || t.widths[i] > t.widths[best]) {
			best = i
		}
	}
	return best
}

func (t *table) print(row tableRow) {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", t.indent))
	first := true
	for i, cell := range row.cells {
		if t.widths[i] == 0 {
			continue
		}
		if !first {
			b.WriteString("  ")
		}
		first = false
		if t.w.stdoutTerminal {
			cell = shortened(cell, t.widths[i], t.columns[i].tail)
		}
		pad := strings.Repeat(" ", max(0, t.widths[i]-utf8.RuneCountInString(cell)))
		if row.paint != "" && (i == row.column || row.column < 0) {
			cell = t.w.paint(row.paint, cell)
		}
		if t.columns[i].right {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	line := strings.TrimRight(b.String(), " ")
	switch {
	case row.note == "":
	case t.below:
		line += "\n" + strings.Repeat(" ", t.indent+2) + t.w.paint("2", "→ ") + row.note
	default:
		line = b.String() + "  " + row.note
	}
	fmt.Fprintln(t.w.stdout, line)
}

// shortened cuts a text to a width and shows that it did.
func shortened(text string, width int, tail bool) string {
	n := utf8.RuneCountInString(text)
	if n <= width {
		return text
	}
	runes := []rune(text)
	if tail {
		return "…" + string(runes[n-width+1:])
	}
	return string(runes[:width-1]) + "…"
}

// paint colours a text on stdout where that is a terminal.
func (w *world) paint(code, text string) string {
	if !w.color || !w.stdoutTerminal || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
