package journal

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// groupRows is how many rows one statement writes. Twice as many gain nothing more.
const groupRows = 16

// The columns of a group: those in which all its rows are the same, which are bound
// once, and those that each row has for itself. What is in neither is null. Most
// rows of a run are made in one place of its playbook, and through the driver
// a text costs as much as SQLite takes to write a row of ten.
const (
	groupShared = "run, place, step, operation, tenant, effect, mutates, kind, state, tolerated, durable"
	groupOwn    = "id, key, wake, task, n, object, args, value, before, status, waited_us, began, took_us"
	groupOwns   = 13
)

// openGroups is how many groups are gathered at a time: the pages that a list reads
// come between the writes that are made of them.
const openGroups = 4

// A grouper gathers rows that go into the table with one statement.
type grouper struct {
	// stmt is the driver's: database/sql looks at every argument once more.
	stmt   driver.Stmt
	shared []int // places in columns
	args   []driver.NamedValue

	open [openGroups]group
	next int // the one that makes room for another
}

// A group are rows that are gathered.
type group struct {
	rows []*row
	n    *counted // of the rows' run
}

// prepare makes the statement on a connection.
func (g *grouper) prepare(ctx context.Context, conn *sql.Conn) error {
	g.shared = placesOf(groupShared)
	g.args = make([]driver.NamedValue, len(g.shared)+groupRows*groupOwns)
	for i := range g.args {
		g.args[i].Ordinal = i + 1
	}
	return conn.Raw(func(c any) (err error) {
		preparer, ok := c.(driver.ConnPrepareContext)
		if !ok {
			return errors.New("the driver of SQLite prepares no statements")
		}
		g.stmt, err = preparer.PrepareContext(ctx, g.text())
		return err
	})
}

// placesOf are the places of some of columns.
func placesOf(names string) (places []int) {
	all := strings.Split(columns, ", ")
	for name := range strings.SplitSeq(names, ", ") {
		for i, column := range all {
			if column == name {
				places = append(places, i)
			}
		}
	}
	return places
}

// text is the statement. A number is written only where the first row's parameters
// are meant: SQLite goes through all numbers that were written whenever it is asked for
// the name of a parameter, and the driver asks for each.
func (g *grouper) text() string {
	rows := make([]string, groupRows)
	for i := range rows {
		values := make([]string, len(g.shared)+groupOwns)
		for j := range values {
			values[j] = "?"
			if i > 0 && j < len(g.shared) {
				values[j] += strconv.Itoa(j + 1)
			}
		}
		rows[i] = "(" + strings.Join(values, ",") + ")"
	}
	return "INSERT INTO calls (" + groupShared + ", " + groupOwn + ") VALUES " + strings.Join(rows, ",") + " ON CONFLICT (run, key) DO NOTHING"
}

// takes reports whether a row can go with those that are gathered.
func (g *group) takes(r *row) bool {
	if len(r.rec.Failure) > 0 || len(r.rec.Note) > 0 || r.tries != nil {
		return false
	}
	if len(g.rows) == 0 {
		return true
	}
	first, c := &g.rows[0].rec, &r.rec
	return r.run == g.rows[0].run && c.Where == first.Where && c.Step == first.Step && c.Operation == first.Operation &&
		c.Tenant == first.Tenant && c.Effect == first.Effect && c.Mutates == first.Mutates && c.Kind == first.Kind &&
		c.State == first.State && c.Tolerated == first.Tolerated && c.Durable == first.Durable
}

// fill puts the values of rows into the arguments.
func (g *grouper) fill(rows []*row) {
	at := len(g.shared)
	values := rows[0].args()
	for j, place := range g.shared {
		g.args[j].Value = values[place]
	}
	for _, r := range rows {
		for _, value := range r.own() {
			g.args[at].Value = value
			at++
		}
	}
}

// of is the group that a row goes into, or that makes room for it; nil where the row
// goes in by itself. No two rows of a transaction have one key, so their order does
// not matter.
func (g *grouper) of(r *row) *group {
	var empty *group
	for i := range g.open {
		switch o := &g.open[i]; {
		case !o.takes(r):
		case len(o.rows) > 0:
			return o
		case empty == nil:
			empty = o
		}
	}
	if empty != nil || len(r.rec.Failure) > 0 || len(r.rec.Note) > 0 || r.tries != nil {
		return empty
	}
	g.next = (g.next + 1) % openGroups
	return &g.open[g.next]
}

// add writes a record, with those beside it.
func (w *writer) add(ctx context.Context, r *row, n *counted) error {
	g := w.group.of(r)
	if g == nil {
		return w.call(ctx, r, n)
	}
	if !g.takes(r) {
		if err := w.flushGroup(ctx, g); err != nil {
			return err
		}
	}
	g.rows, g.n = append(g.rows, r), n
	if len(g.rows) < groupRows {
		return nil
	}
	return w.flushGroup(ctx, g)
}

// flushGroups writes all records that are gathered.
func (w *writer) flushGroups(ctx context.Context) error {
	for i := range w.group.open {
		if err := w.flushGroup(ctx, &w.group.open[i]); err != nil {
			return err
		}
	}
	return nil
}

// flushGroup writes the records of a group.
func (w *writer) flushGroup(ctx context.Context, g *group) error {
	defer g.clear()
	if len(g.rows) < groupRows {
		for _, r := range g.rows {
			if err := w.call(ctx, r, g.n); err != nil {
				return err
			}
		}
		return nil
	}
	fresh, err := w.group.insert(ctx, w.conn, g.rows)
	if err != nil {
		return fmt.Errorf("%d calls: %w", len(g.rows), err)
	}
	for _, r := range g.rows {
		if fresh < groupRows {
			// Some have a row already: an intent, an attempt.
			if in, err := w.isIn(ctx, r); err != nil {
				return err
			} else if !in {
				if err := w.replaceRow(ctx, r); err != nil {
					return err
				}
				continue
			}
		}
		if err := w.counted(ctx, r, g.n); err != nil {
			return err
		}
	}
	return nil
}

// insert writes groupRows rows, but for those whose key has one, and says how many.
func (g *grouper) insert(ctx context.Context, conn *sql.Conn, rows []*row) (fresh int64, err error) {
	g.fill(rows)
	err = conn.Raw(func(any) error {
		stmt, ok := g.stmt.(driver.StmtExecContext)
		if !ok {
			return errors.New("the driver of SQLite executes no statements")
		}
		result, err := stmt.ExecContext(ctx, g.args)
		if err == nil {
			fresh, err = result.RowsAffected()
		}
		return err
	})
	return fresh, err
}

func (g *group) clear() {
	clear(g.rows)
	g.rows, g.n = g.rows[:0], nil
}

func (g *grouper) clear() {
	for i := range g.open {
		g.open[i].clear()
	}
}

// close gives the statement up; SQLite closes no connection that has one.
func (g *grouper) close(conn *sql.Conn) error {
	if g.stmt == nil {
		return nil
	}
	return conn.Raw(func(any) error { return g.stmt.Close() })
}
