package main

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"runtime"

	"a0run/bindings"
	"a0run/engine"
	"a0run/engine/durable"
	"a0run/engine/journal"
	"a0run/engine/seal"
)

// noJournal is what --journal is given for a run that leaves no trace.
const noJournal = "none"

// openJournal is an open journal with its key.
type openJournal struct {
	db    *journal.DB
	box   *seal.Box
	owner engine.Owner
	given string // --journal, as it was given
}

// keyVariable holds the key of the journal on a machine that has no key file.
const keyVariable = "A0RUN_JOURNAL_KEY"

// openJournal opens the journal of a run; nil where there is to be none.
func (s *session) openJournal(ctx context.Context) (*openJournal, error) {
	if s.flags.journal == noJournal {
		return nil, nil
	}
	path, err := s.world.journalPath(s.flags.journal)
	if err != nil {
		return nil, err
	}
	db, err := journal.Open(ctx, journal.Options{Path: path, Now: s.world.now})
	if err != nil {
		return nil, err
	}
	box, err := s.world.journalKey(path, true)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &openJournal{
		db: db, box: box, given: s.flags.journal,
		owner: engine.Owner{ID: engine.NewID(), Name: s.world.process, TTL: durable.TTL},
	}, nil
}

// journalPath is where the journal is kept: where told, else below the user's
// state folder (XDG Base Directory Specification).
func (w *world) journalPath(given string) (string, error) {
	if given != "" {
		return w.path(given), nil
	}
	for _, place := range []struct{ variable, below string }{
		{"XDG_STATE_HOME", ""}, {"LOCALAPPDATA", ""}, {"HOME", filepath.Join(".local", "state")},
	} {
		if place.variable == "LOCALAPPDATA" && runtime.GOOS != "windows" {
			continue
		}
		if dir, ok := w.getenv(place.variable); ok && filepath.IsAbs(dir) {
			return filepath.Join(dir, place.below, "a0run", "journal.db"), nil
		}
	}
	return "", &usageError{"no place for the journal: neither XDG_STATE_HOME nor HOME is set", "--journal FILE, or --journal none for a run that cannot be resumed"}
}

// journalKey reads the key of a journal; create makes a key file where there is
// none.
func (w *world) journalKey(path string, create bool) (*seal.Box, error) {
	if text, ok := w.getenv(keyVariable); ok && text != "" {
		return seal.Source{Text: text, Name: "the environment variable " + keyVariable}.Open(false)
	}
	return seal.Source{File: path + ".key"}.Open(create)
}

// options are those of a run in this journal.
func (j *openJournal) options(s *session) durable.Options {
	return durable.Options{
		Journal: j.db, Box: j.box, Redactor: s.redactor, Owner: j.owner,
		API: bindings.API(s.globals), Images: s.images, Now: s.world.now, Undo: s.playbook.head().Undo,
	}
}

// flag is what the next command needs to find the journal.
func (j *openJournal) flag() string {
	if j.given == "" {
		return ""
	}
	return " --journal " + j.given
}

func (j *openJournal) close() { _ = j.db.Close() } // what was to be kept was acknowledged

// sealedParams writes the parameters' values; secrets are sealed.
func (j *openJournal) sealedParams(params *engine.Object, r *engine.Redactor) (json.RawMessage, error) {
	text, err := engine.FormatJSON(params)
	if err != nil {
		return nil, err
	}
	secret := func(text string) bool { return r.Redact(text) != text }
	return j.box.Text(text, secret, nil), nil
}

// run finds a run by the beginning of its id.
func (j *openJournal) run(ctx context.Context, id string) (*engine.RunRecord, error) {
	rec, err := j.db.Run(ctx, id)
	if errors.Is(err, engine.ErrNoRun) {
		return nil, &usageError{"there is no run " + id + " in the journal", "a0run runs" + j.flag() + " lists them"}
	}
	return rec, err
}

// lastUnfinished is the newest run that did not end well.
func (j *openJournal) lastUnfinished(ctx context.Context) (string, error) {
	return "", &usageError{"every run in the journal has ended well", "a0run runs" + j.flag() + " lists them"}
}

// refused gives a refusal of the journal its exit code.
func refused(err error) error {
	var held *engine.HeldError
	switch {
	case errors.As(err, &held):
		return &usageError{held.Error(), held.Hint()}
	case errors.Is(err, engine.ErrEnded):
		return &usageError{"the run has ended well: there is nothing to go on with", "a0run run starts it anew, a0run undo puts it back"}
	}
	return err
}
