package client

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// The types of a column. What a CSV file holds are texts: a ZIP code of digits
// must stay one. So a type is either the API's own (email_verified), or written
// behind the column's name: app_metadata.logins:number.
const (
	cellText    = "text"
	cellNumber  = "number"
	cellBoolean = "boolean"
	cellJSON    = "json"
)

// A csvColumn is a column: the steps of its field and the type of its values.
type csvColumn struct {
	name  string
	steps []string
	kind  string
}

// csv reads rows under a head; an empty cell is a field that is not there.
func (f *usersFile) csv() error {
	guard := &rowGuard{from: f.in.from}
	r := csv.NewReader(guard)
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		e := f.fail(0, 0, "the file is empty", err)
		e.Next = "the first row of a CSV file names its columns"
		return e
	}
	if err != nil {
		return f.csvError(err)
	}
	columns, err := f.columns(head)
	if err != nil {
		return err
	}
	quoted := false // the texts begin with a quote, as Auth0 exports them
	for first := true; ; first = false {
		guard.read = 0
		cells, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			if err = f.badCSV(err); err != nil {
				return err
			}
			continue
		}
		line, _ := r.FieldPos(0)
		if first {
			quoted = exportedByAuth0(columns, cells)
		}
		if err := f.out(csvRow(columns, cells, quoted, line)); err != nil {
			return err
		}
	}
}

// badCSV gives out a row that is no CSV. Only a row that does not end is the end
// of the file.
func (f *usersFile) badCSV(err error) error {
	bad, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return f.csvError(err)
	}
	return f.out(UserRow{Line: bad.StartLine, Code: "invalid_row", Problem: fmt.Sprintf("%v (line %d, column %d)", bad.Err, bad.Line, bad.Column)})
}

func (f *usersFile) csvError(err error) error {
	if errors.Is(err, errRowTooLong) {
		return f.fail(0, 0, fmt.Sprintf("row %d does not end within %d MB: is a quote not closed?", f.rows+1, maxRow>>20), err)
	}
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		return f.fail(bad.Line, bad.Column, bad.Err.Error(), err)
	}
	return f.unreadable(err)
}

// columns reads the head.
func (f *usersFile) columns(head []string) ([]csvColumn, error) {
	columns := make([]csvColumn, len(head))
	for i, cell := range head {
		name := strings.TrimSpace(cell)
		kind := ""
		if before, after, typed := strings.Cut(name, ":"); typed {
			name, kind = before, after
		}
		c := csvColumn{name: name, steps: strings.Split(name, "."), kind: kind}
		if c.kind == "" {
			c.kind = c.usual()
		}
		problem := c.problem(columns[:i])
		if problem != "" {
			e := f.fail(1, 0, fmt.Sprintf("column %d, %q: %s", i+1, cell, problem), nil)
			e.Next = "a column is named as the field of the user is (email, app_metadata.plan), with :number, :boolean or :json where it holds no texts"
			return nil, e
		}
		columns[i] = c
	}
	return columns, nil
}

// usual is the type of a field of a user, text where the API has no other.
func (c csvColumn) usual() string {
	switch c.name {
	case "email_verified", "phone_verified", "blocked":
		return cellBoolean
	case "app_metadata", "user_metadata", "custom_password_hash", "mfa_factors", "identities":
		return cellJSON
	case "logins_count":
		return cellNumber
	}
	return cellText
}

// problem is what is wrong with a column behind others.
func (c csvColumn) problem(others []csvColumn) string {
	if slices.Contains(c.steps, "") {
		return "the name is empty, or a part of it"
	}
	if !slices.Contains([]string{cellText, cellNumber, cellBoolean, cellJSON}, c.kind) {
		return "the type " + c.kind + " is none of text, number, boolean and json"
	}
	for _, o := range others {
		n := min(len(o.steps), len(c.steps))
		switch {
		case o.name == c.name:
			return "the column is there twice"
		case slices.Equal(o.steps[:n], c.steps[:n]):
			return "the column " + o.name + " holds the same field"
		}
	}
	return ""
}

// exportedByAuth0 recognises the files of an export job by their first row: each
// of their texts begins with a single quote, so that no spreadsheet takes it for
// a formula. No address and no id begins so by itself.
func exportedByAuth0(columns []csvColumn, cells []string) bool {
	marked := false
	for i, cell := range cells {
		if i < len(columns) && cell != "" && slices.Contains([]string{"email", userID, "username"}, columns[i].name) {
			if cell[0] != '\'' {
				return false
			}
			marked = true
		}
	}
	return marked
}

// csvRow makes a user of a row.
func csvRow(columns []csvColumn, cells []string, quoted bool, line int) UserRow {
	row := UserRow{Line: line}
	if len(cells) != len(columns) {
		row.Code, row.Problem = "invalid_row", fmt.Sprintf("the row has %d fields, the head has %d", len(cells), len(columns))
		return row
	}
	var members fields
	for i, c := range columns {
		cell := cells[i]
		if cell == "" {
			continue
		}
		if quoted && c.kind == cellText {
			cell = strings.TrimPrefix(cell, "'")
		}
		value, problem := c.value(cell)
		if problem != "" {
			row.Code, row.Problem = "invalid_row", fmt.Sprintf("column %s: %s", c.name, problem)
			return row
		}
		members = put(members, c.steps, value)
	}
	return row.of(members)
}

// value is a cell as JSON, or what is wrong with it. The cell itself is not
// told: it may be a secret.
func (c csvColumn) value(cell string) (json.RawMessage, string) {
	switch c.kind {
	case cellNumber:
		if _, err := strconv.ParseFloat(cell, 64); err != nil || !json.Valid([]byte(cell)) {
			return nil, "the value is no number"
		}
		return json.RawMessage(cell), ""
	case cellBoolean:
		switch strings.ToLower(cell) {
		case "true":
			return json.RawMessage("true"), ""
		case "false":
			return json.RawMessage("false"), ""
		}
		return nil, "the value is neither true nor false"
	case cellJSON:
		if at, problem := syntaxOf([]byte(cell)); problem != "" {
			return nil, fmt.Sprintf("the value is no JSON (character %d)", at+1)
		}
		return json.RawMessage(cell), ""
	}
	text, err := encode(cell)
	if err != nil {
		return nil, err.Error()
	}
	return text, ""
}

// put sets a value at a path, with the objects on the way.
func put(members fields, steps []string, value json.RawMessage) fields {
	if len(steps) == 1 {
		return append(members, field{steps[0], value})
	}
	for i, m := range members {
		if m.name == steps[0] {
			inner, err := fieldsOf(m.value)
			if err != nil {
				inner = nil // columns of one field are refused
			}
			members[i].value = put(inner, steps[1:], value).object()
			return members
		}
	}
	return append(members, field{steps[0], put(nil, steps[1:], value).object()})
}

// rowGuard stops the reading of a row that does not end.
type rowGuard struct {
	from io.Reader
	read int
}

func (g *rowGuard) Read(p []byte) (int, error) {
	if g.read > maxRow {
		return 0, errRowTooLong
	}
	n, err := g.from.Read(p)
	g.read += n
	return n, err
}
