package client

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"
)

// The formats of a file of users.
const (
	FormatJSON   = "json"   // an array of objects
	FormatNDJSON = "ndjson" // an object a line
	FormatCSV    = "csv"
)

// maxRow bounds the text of one user of a file: a file that never ends its
// first user must not be read into memory.
const maxRow = 16 << 20

// A UserRow is one user of a file.
type UserRow struct {
	// Row is the how-many-th user of the file it is, Line the line on which it
	// begins; both from 1. Line is 0 for a list, which has no lines.
	Row, Line int
	// User is the object as an import takes it, compact; nil where Problem says
	// what is wrong with the row.
	User json.RawMessage
	// Problem is why the row cannot be imported, Code its name ("invalid_json",
	// "invalid_row", "not_a_database_user", "user_too_large").
	Problem, Code string
	// Left names what was left out of the user because no import takes it.
	Left []string
}

// A FileError is a file that cannot be read as users, with the place in it.
type FileError struct {
	// Name is the file's, "" where it has none; Line and Column are 0 where the
	// place is not known.
	Name         string
	Line, Column int
	Problem      string
	Next         string // what to do
	Err          error
}

// Error is name:line:column: problem.
func (e *FileError) Error() string {
	var b strings.Builder
	if e.Name != "" {
		b.WriteString(e.Name)
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ":%d", e.Column)
		}
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	return b.String()
}

// Hint says what to do.
func (e *FileError) Hint() string { return e.Next }

// Unwrap gives the cause.
func (e *FileError) Unwrap() error { return e.Err }

// ReadUsers reads users from a file: a JSON array, NDJSON or CSV; packed with
// gzip or not, with or without a byte order mark. name is for errors and tells
// the format where format is "": by .csv, .ndjson or .jsonl, else by how the text
// begins.
//
// One row is in memory at a time. A row that is wrong by itself (a line that is
// no JSON, a CSV row with a field too few) is given with its Problem; what leaves
// open where the next row begins, such as a mistake inside a JSON array, is a
// [*FileError] and ends the loop.
func ReadUsers(r io.Reader, name, format string) iter.Seq2[UserRow, error] {
	return func(yield func(UserRow, error) bool) {
		f, err := openUsers(r, name, format)
		if err == nil {
			err = f.read(func(row UserRow) bool { return yield(row, nil) })
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(UserRow{}, err)
		}
	}
}

// usersFile is a file of users on its way.
type usersFile struct {
	name   string
	format string
	in     *lineReader
	rows   int
	give   func(UserRow) bool
}

// openUsers unpacks the text and finds its format.
func openUsers(r io.Reader, name, format string) (*usersFile, error) {
	f := &usersFile{name: name, format: format}
	text := bufio.NewReaderSize(r, 64<<10)
	if head, _ := text.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(text)
		if err != nil {
			return nil, f.fail(0, 0, "cannot be unpacked: "+err.Error(), err)
		}
		text = bufio.NewReaderSize(z, 64<<10)
	}
	if head, _ := text.Peek(3); string(head) == "\uFEFF" {
		_, _ = text.Discard(3) // they are there
	}
	if head, _ := text.Peek(2); len(head) == 2 && (head[0] == 0xFF && head[1] == 0xFE || head[0] == 0xFE && head[1] == 0xFF) {
		e := f.fail(1, 1, "the text is UTF-16, and only UTF-8 is read", nil)
		e.Next = "save it as UTF-8"
		return nil, e
	}
	f.in = &lineReader{from: text, line: 1}
	if f.format == "" {
		f.format = formatOf(name, text)
	}
	return f, nil
}

// formatOf guesses a format by the name of a file, or by how it begins.
func formatOf(name string, text *bufio.Reader) string {
	switch path.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz")) {
	case ".csv":
		return FormatCSV
	case ".ndjson", ".jsonl":
		return FormatNDJSON
	}
	head, _ := text.Peek(4096)
	switch head = bytes.TrimLeft(head, " \t\r\n"); {
	case len(head) == 0, head[0] == '[':
		return FormatJSON
	case head[0] == '{':
		return FormatNDJSON
	case strings.HasSuffix(strings.ToLower(name), ".json"):
		return FormatJSON
	}
	return FormatCSV
}

func (f *usersFile) read(give func(UserRow) bool) error {
	f.give = give
	switch f.format {
	case FormatJSON:
		return f.array()
	case FormatNDJSON:
		return f.lines()
	case FormatCSV:
		return f.csv()
	}
	return &ArgumentError{Argument: "format", Problem: fmt.Sprintf("%q is none of json, ndjson and csv", f.format)}
}

// fail is an error at a place of the file.
func (f *usersFile) fail(line, column int, problem string, err error) *FileError {
	return &FileError{Name: f.name, Line: line, Column: column, Problem: problem, Err: err}
}

// unreadable is an error of the reader below; its own place is where it stopped.
func (f *usersFile) unreadable(err error) error {
	if own, ok := errors.AsType[*FileError](err); ok {
		return own
	}
	return f.fail(f.in.line, 0, err.Error(), err)
}

// out gives one row out.
func (f *usersFile) out(row UserRow) error {
	f.rows++
	row.Row = f.rows
	if !f.give(row) {
		return errEnough
	}
	return nil
}

// array reads a JSON array, element by element.
func (f *usersFile) array() error {
	c, err := f.in.skip()
	switch {
	case errors.Is(err, io.EOF):
		e := f.fail(0, 0, "the file is empty", err)
		e.Next = "an import without users is a file with []"
		return e
	case err != nil:
		return f.unreadable(err)
	case c != '[':
		e := f.fail(f.in.line, f.in.column, "the file holds no list of users: it begins with "+quoteByte(c), nil)
		e.Next = "want a JSON array, a JSON object a line (NDJSON), or CSV"
		return e
	}
	for first := true; ; first = false {
		c, err := f.in.skip()
		if err == nil && c == ']' && first {
			break
		}
		if err == nil {
			err = f.element(c)
		}
		if errors.Is(err, errEnough) {
			return err
		}
		if err != nil {
			return f.cutOff(err)
		}
		c, err = f.in.skip()
		switch {
		case err != nil:
			return f.cutOff(err)
		case c == ']':
			return f.afterArray()
		case c != ',':
			return f.fail(f.in.line, f.in.column, fmt.Sprintf("after row %d: %s where , or ] is expected", f.rows, quoteByte(c)), nil)
		}
	}
	return f.afterArray()
}

// cutOff is an array that ends too early.
func (f *usersFile) cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return f.fail(f.in.line, f.in.column, fmt.Sprintf("the file ends in the midst of its list, after row %d", f.rows), io.ErrUnexpectedEOF)
	}
	return f.unreadable(err)
}

// afterArray looks for what should not be there.
func (f *usersFile) afterArray() error {
	c, err := f.in.skip()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return f.unreadable(err)
	}
	return f.fail(f.in.line, f.in.column, "after the list: "+quoteByte(c)+" where the file should end", nil)
}

// element reads one element of an array; c is its first byte.
func (f *usersFile) element(c byte) error {
	line, column := f.in.line, f.in.column
	text, err := f.in.value(c)
	switch {
	case errors.Is(err, errRowTooLong):
		return f.fail(line, column, fmt.Sprintf("row %d does not end within %d MB", f.rows+1, maxRow>>20), err)
	case err != nil:
		return err
	case text == nil:
		return f.fail(line, column, fmt.Sprintf("row %d begins with %s, which is no JSON", f.rows+1, quoteByte(c)), nil)
	}
	if at, problem := syntaxOf(text); problem != "" {
		line, column = placeIn(text, at, line, column)
		return f.fail(line, column, fmt.Sprintf("row %d is no JSON: %s", f.rows+1, problem), nil)
	}
	return f.out(rowOf(text, line))
}

// lines reads a JSON object a line; empty lines are no rows.
func (f *usersFile) lines() error {
	for {
		line := f.in.line
		text, err := f.in.textLine()
		if errors.Is(err, errRowTooLong) {
			return f.fail(line, 0, fmt.Sprintf("row %d does not end within %d MB", f.rows+1, maxRow>>20), err)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return f.unreadable(err)
		}
		if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 {
			if string(trimmed) == "{" && f.rows == 0 {
				e := f.fail(line, 1, "the file is neither a JSON array nor a JSON object a line", nil)
				e.Next = "write all users as one array: [ {…}, {…} ]"
				return e
			}
			if stop := f.out(f.lineRow(trimmed, line)); stop != nil {
				return stop
			}
		}
		if err != nil {
			return nil //nolint:nilerr // the end of the file
		}
	}
}

func (f *usersFile) lineRow(text []byte, line int) UserRow {
	if at, problem := syntaxOf(text); problem != "" {
		return UserRow{Line: line, Code: "invalid_json", Problem: fmt.Sprintf("the line is no JSON: %s (column %d)", problem, at+1)}
	}
	return rowOf(text, line)
}

// syntaxOf finds what is wrong with a JSON text, and where.
func syntaxOf(text []byte) (at int, problem string) {
	if json.Valid(text) {
		return 0, ""
	}
	var v any
	err := json.Unmarshal(text, &v)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return int(max(e.Offset-1, 0)), e.Error()
	}
	return 0, fmt.Sprint(err)
}

// placeIn moves a place by an offset in a text.
func placeIn(text []byte, at, line, column int) (int, int) {
	for _, c := range text[:min(at, len(text))] {
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column
}

func quoteByte(c byte) string {
	if c < 0x80 {
		return fmt.Sprintf("%q", string(rune(c)))
	}
	return "a character"
}

// A lineReader reads bytes and knows where it is.
type lineReader struct {
	from *bufio.Reader
	// line and column are the place of the byte read last.
	line, column int
	newline      bool // the byte read last ended its line
	buf          []byte
}

var errRowTooLong = errors.New("the row does not end")

func (r *lineReader) next() (byte, error) {
	c, err := r.from.ReadByte()
	if err != nil {
		return 0, err
	}
	if r.newline {
		r.line, r.column, r.newline = r.line+1, 0, false
	}
	r.column++
	r.newline = c == '\n'
	return c, nil
}

// skip is the next byte that is no white space.
func (r *lineReader) skip() (byte, error) {
	for {
		c, err := r.next()
		if err != nil || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, err
		}
	}
}

// value reads one JSON value whose first byte is c, by its brackets and quotes
// alone; nil where c begins none. The text is good until the next call.
func (r *lineReader) value(c byte) ([]byte, error) {
	r.buf = append(r.buf[:0], c)
	switch {
	case c == '{' || c == '[':
		return r.nested()
	case c == '"':
		return r.buf, r.quoted()
	case c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z':
		return r.word()
	}
	return nil, nil
}

func (r *lineReader) nested() ([]byte, error) {
	for depth := 1; depth > 0; {
		c, err := r.keep()
		if err != nil {
			return nil, err
		}
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			if err := r.quoted(); err != nil {
				return nil, err
			}
		}
	}
	return r.buf, nil
}

// quoted reads a string to its end; its first quote is read.
func (r *lineReader) quoted() error {
	for {
		c, err := r.keep()
		if err != nil {
			return err
		}
		switch c {
		case '\\':
			if _, err := r.keep(); err != nil {
				return err
			}
		case '"':
			return nil
		}
	}
}

// word reads a number or a name to what ends it.
func (r *lineReader) word() ([]byte, error) {
	for {
		head, err := r.from.Peek(1)
		if err != nil || strings.IndexByte(" \t\r\n,]}", head[0]) >= 0 {
			return r.buf, nil //nolint:nilerr // what follows is somebody else's
		}
		if _, err := r.keep(); err != nil {
			return nil, err
		}
	}
}

func (r *lineReader) keep() (byte, error) {
	c, err := r.next()
	if err != nil {
		return 0, err
	}
	if r.buf = append(r.buf, c); len(r.buf) > maxRow {
		return 0, errRowTooLong
	}
	return c, nil
}

// textLine reads to the end of a line. The text is good until the next call.
func (r *lineReader) textLine() ([]byte, error) {
	r.buf = r.buf[:0]
	for {
		part, err := r.from.ReadSlice('\n')
		r.buf = append(r.buf, part...)
		switch {
		case len(r.buf) > maxRow:
			return nil, errRowTooLong
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil:
			r.line++
		}
		return r.buf, err
	}
}
