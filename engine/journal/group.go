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
)

// A group gathers rows that go into the table with one statement.
type group struct {
	// stmt is the driver's: database/sql looks at every argument once more.
	stmt        driver.Stmt
	shared, own []int // places in columns
	args        []driver.NamedValue

	rows []*row
	n    *counted // of the rows' run
}

// prepare makes the statement on a connection.
func (g *group) prepare(ctx context.Context, conn *sql.Conn) error {
	g.shared, g.own = placesOf(groupShared), placesOf(groupOwn)
	g.args = make([]driver.NamedValue, len(g.shared)+groupRows*len(g.own))
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
func (g *group) text() string {
	rows := make([]string, groupRows)
	for i := range rows {
		values := make([]string, len(g.shared)+len(g.own))
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

// fill puts the values of the gathered rows into the arguments.
func (g *group) fill() {
	at := len(g.shared)
	for i, r := range g.rows {
		values := r.args()
		if i == 0 {
			for j, place := range g.shared {
				g.args[j].Value = values[place]
			}
		}
		for _, place := range g.own {
			g.args[at].Value = values[place]
			at++
		}
	}
}

// add writes a record, with those beside it.
func (w *writer) add(ctx context.Context, r *row, n *counted) error {
	g := &w.group
	if !g.takes(r) {
		if err := w.flushGroup(ctx); err != nil {
			return err
		}
		if !g.takes(r) {
			return w.call(ctx, r, n)
		}
	}
	g.rows, g.n = append(g.rows, r), n
	if len(g.rows) < groupRows {
		return nil
	}
	return w.flushGroup(ctx)
}

// flushGroup writes the records that are gathered.
func (w *writer) flushGroup(ctx context.Context) error {
	g := &w.group
	defer g.clear()
	if len(g.rows) < groupRows {
		for _, r := range g.rows {
			if err := w.call(ctx, r, g.n); err != nil {
				return err
			}
		}
		return nil
	}
	g.fill()
	var fresh int64
	err := w.conn.Raw(func(any) error {
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

func (g *group) clear() {
	clear(g.rows)
	g.rows, g.n = g.rows[:0], nil
}

// close gives the statement up; SQLite closes no connection that has one.
func (g *group) close(conn *sql.Conn) error {
	if g.stmt == nil {
		return nil
	}
	return conn.Raw(func(any) error { return g.stmt.Close() })
}
