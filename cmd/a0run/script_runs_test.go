package main

import (
	"context"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"a0run/engine/journal"
)

// runid VAR [PLAYBOOK|undo|apply] sets VAR to the id of the newest run in the
// script's journal, of a playbook or kind where one is named.
func scriptRunID(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: runid VAR [PLAYBOOK|undo|apply]")
	}
	ctx := context.Background()
	db, err := journal.OpenReader(ctx, journal.Options{Path: filepath.Join(ts.Getenv("XDG_STATE_HOME"), "a0run", "journal.db")})
	ts.Check(err)
	defer db.Close() //nolint:errcheck // only read from
	f := journal.RunFilter{Limit: 1}
	if len(args) == 2 {
		switch args[1] {
		case "undo", "apply":
			f.Kind = args[1]
		default:
			f.Playbook = args[1]
		}
	}
	runs, err := db.Runs(ctx, f)
	ts.Check(err)
	if len(runs) == 0 {
		ts.Fatalf("there is no such run in the journal")
	}
	ts.Setenv(args[0], runs[0].ID)
}
