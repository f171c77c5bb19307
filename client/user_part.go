package client

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
)

// MaxPart is the longest file of a part. The tenant takes requests of 512,000
// bytes, of which the form around the file needs some.
const MaxPart = 500_000

// A UserPart is what one import job takes: a JSON array of some rows of a file.
type UserPart struct {
	// Number is the how-many-th part it is, from 1.
	Number int
	// First and Last are its rows (UserRow.Row); rows between them that cannot be
	// imported are in Bad.
	First, Last int
	// Users is how many users Body holds, which may be none.
	Users int
	Body  []byte
	// Bad are the rows that cannot be imported, and why.
	Bad []ImportError
	// Left names fields that were left out since the part before because no
	// import takes them.
	Left []string

	rows []partRow
}

// A partRow is where a user of a part came from and where it lies in Body.
type partRow struct{ row, line, from, to int }

// An ImportError is a user that was not imported.
type ImportError struct {
	// Row and Line are the place in the file (UserRow); both 0 where the tenant
	// names a user that cannot be told among those of the part.
	Row  int `json:"row,omitempty"`
	Line int `json:"line,omitempty"`
	// LastRow is the last of the rows where the whole part failed.
	LastRow int `json:"last_row,omitempty"`
	// Part is the part's number, 0 for a row that was in none.
	Part int `json:"part,omitempty"`
	rowNames
	// Errors are those of the API, or our own, the first of which is Code and
	// Message.
	Code    string       `json:"code,omitempty"`
	Message string       `json:"message,omitempty"`
	Errors  []ImportFlaw `json:"errors,omitempty"`
}

// Place names the row: "row 17", "rows 1-412", or the user where the row is not
// known.
func (e ImportError) Place() string {
	switch {
	case e.LastRow > e.Row:
		return fmt.Sprintf("rows %d-%d", e.Row, e.LastRow)
	case e.Row > 0:
		return fmt.Sprintf("row %d", e.Row)
	}
	return fmt.Sprintf("part %d, a user of it", e.Part)
}

// An ImportFlaw is one thing that is wrong with a user.
type ImportFlaw struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Path    string `json:"path,omitempty"`
}

// CutUsers cuts rows into parts of at most size bytes; 0 means MaxPart. The cut
// depends on the rows alone, so that the same file gives the same parts. Left
// over bad rows come as a last part without users.
func CutUsers(rows iter.Seq2[UserRow, error], size int) iter.Seq2[*UserPart, error] {
	if size <= 0 || size > MaxPart {
		size = MaxPart
	}
	return func(yield func(*UserPart, error) bool) {
		c := &cutter{size: size, part: &UserPart{Number: 1}}
		for row, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if full := c.add(row); full != nil && !yield(full, nil) {
				return
			}
		}
		if c.part.Users > 0 || len(c.part.Bad) > 0 {
			yield(c.part, nil)
		}
	}
}

// cutter is the part that is being filled.
type cutter struct {
	size int
	part *UserPart
	left []string // named already
}

// add puts a row into the part; where that is full, it comes out first.
func (c *cutter) add(row UserRow) (full *UserPart) {
	if row.Problem == "" && len(row.User)+2 > c.size {
		row.Code = "user_too_large"
		row.Problem = fmt.Sprintf("the user has %d bytes, and a part takes %d", len(row.User), c.size-2)
	}
	p := c.part
	if row.Problem == "" && p.Users > 0 && len(p.Body)+len(row.User)+1 > c.size {
		full = p
		p = &UserPart{Number: p.Number + 1}
		c.part = p
	}
	if p.First == 0 {
		p.First = row.Row
	}
	p.Last = row.Row
	for _, name := range row.Left {
		if !slices.Contains(c.left, name) {
			c.left = append(c.left, name)
			p.Left = append(p.Left, name)
		}
	}
	if row.Problem != "" {
		flaw := ImportFlaw{Code: row.Code, Message: row.Problem}
		p.Bad = append(p.Bad, ImportError{
			Row: row.Row, Line: row.Line, rowNames: namesIn(row.User), Code: flaw.Code, Message: flaw.Message, Errors: []ImportFlaw{flaw},
		})
		return full
	}
	if p.Users == 0 {
		p.Body = append(make([]byte, 0, min(c.size, MaxPart)), '[')
	} else {
		p.Body[len(p.Body)-1] = ','
	}
	from := len(p.Body)
	p.Body = append(p.Body, row.User...)
	p.rows = append(p.rows, partRow{row.Row, row.Line, from, len(p.Body)})
	p.Body = append(p.Body, ']')
	p.Users++
	return full
}

// explain finds the rows of the users that the tenant names in a job's errors.
//
// The tenant gives each user back and no number. A user is known by its names;
// of rows with the same names the later ones are taken, since the tenant reads
// the file from its beginning and takes the first.
func (p *UserPart) explain(body json.RawMessage) ([]ImportError, error) {
	var list []struct {
		User   json.RawMessage `json:"user"`
		Errors []ImportFlaw    `json:"errors"`
	}
	if len(body) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("the errors of the job cannot be read: %w", err)
	}
	rows := make([]rowNames, len(p.rows))
	for i, r := range p.rows {
		rows[i] = namesIn(p.Body[r.from:r.to])
	}
	taken := make([]bool, len(rows))
	out := make([]ImportError, len(list))
	for i := len(list) - 1; i >= 0; i-- { // from the end, as the rows
		names := namesIn(list[i].User)
		e := ImportError{Part: p.Number, rowNames: names, Errors: list[i].Errors}
		if len(e.Errors) > 0 {
			e.Code, e.Message = e.Errors[0].Code, e.Errors[0].Message
		}
		if at := find(rows, taken, names); at >= 0 {
			taken[at] = true
			e.Row, e.Line = p.rows[at].row, p.rows[at].line
		}
		if e.ID != "" {
			e.ID = databasePrefix + e.ID
		}
		out[i] = e
	}
	slices.SortStableFunc(out, func(a, b ImportError) int { return a.Row - b.Row })
	return out, nil
}

// find is the last row that bears all the names, else one of them.
func find(rows []rowNames, taken []bool, names rowNames) int {
	for _, fits := range []func(rowNames) bool{names.same, names.one} {
		for i := len(rows) - 1; i >= 0; i-- {
			if !taken[i] && fits(rows[i]) {
				return i
			}
		}
	}
	return -1
}
