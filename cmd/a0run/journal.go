package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

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
	db       *journal.DB
	box      *seal.Box
	settings *journalSettings
	owner    engine.Owner
	given    string // --journal, as it was given
}

// openJournal opens the journal of a run; nil where there is to be none.
func (s *session) openJournal(ctx context.Context) (*openJournal, error) {
	if s.flags.journal == noJournal {
		return nil, nil
	}
	at, err := s.world.journalSettings(s.flags.journal, s.projectDir())
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(at.path); errors.Is(err, fs.ErrNotExist) {
		if s.goesOn {
			return nil, failedWith(&journal.MissingError{Path: at.path})
		}
		s.tellFolder(filepath.Dir(at.path))
	}
	j, err := s.openAt(ctx, at)
	return j, failedWith(err)
}

// tellFolder says that a folder is made for the journal: a mistyped --journal
// would begin a journal that nobody looks for.
func (s *session) tellFolder(dir string) {
	if _, err := os.Stat(dir); s.flags.journal != "" && !s.flags.quiet && errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(s.world.stderr, "note: there was no folder "+printable(dir)+"; it is made for the journal")
	}
}

// openAt opens the journal at its place, and deletes what is too old.
func (s *session) openAt(ctx context.Context, at *journalSettings) (*openJournal, error) {
	db, err := journal.Open(ctx, journal.Options{Path: at.path, Now: s.world.now})
	if err != nil {
		return nil, err
	}
	j := &openJournal{
		db: db, settings: at, given: s.flags.journal,
		owner: engine.Owner{ID: engine.NewID(), Name: s.world.process, TTL: durable.TTL},
	}
	if err := j.unlock(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if at.keep > 0 {
		if _, err := db.Prune(ctx, journal.PruneRule{Before: s.world.now().Add(-at.keep)}); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return j, nil
}

// unlock opens the key and holds it against the journal's own.
func (j *openJournal) unlock(ctx context.Context) error {
	stored, err := j.db.KeyCheck(ctx, "")
	if err != nil {
		return err
	}
	key, err := j.settings.key(ctx)
	if err != nil {
		return err
	}
	// A key file that is gone is not made anew: what was sealed would be lost.
	if j.box, err = key.Open(stored == ""); err != nil {
		return err
	}
	if stored, err = j.db.KeyCheck(ctx, j.box.Check()); err != nil {
		return err
	}
	return j.box.Verify(stored, j.settings.path, key.String())
}

// options are those of a run in this journal.
func (j *openJournal) options(s *session) durable.Options {
	return durable.Options{
		Journal: j.db, Box: j.box, Redactor: s.redactor, Owner: j.owner,
		API: bindings.API(s.globals), Images: s.images, Now: s.world.now, Undo: s.playbook.head().Undo,
		SealAll: j.settings.all,
	}
}

// flag is what the next command needs to find the journal.
func (j *openJournal) flag() string {
	if j.given == "" {
		return ""
	}
	return " --journal " + shellWord(j.given)
}

func (j *openJournal) close() { _ = j.db.Close() } // what was to be kept was acknowledged

// sealedParams writes the parameters' values; secrets are sealed, or all of it.
func (j *openJournal) sealedParams(s *session) (json.RawMessage, error) {
	text, err := engine.FormatJSON(s.params)
	if err != nil {
		return nil, err
	}
	declared := map[string]bool{} // also those that are too short to be looked for in texts
	for _, p := range s.playbook.head().Params {
		switch v, _ := s.params.Get(p.Name); x := v.(type) {
		case string:
			declared[x] = p.Type == "secret" || declared[x]
		case engine.Secret:
			declared[string(x)] = true
		}
	}
	secret := func(text string) bool { return declared[text] || s.redactor.Redact(text) != text }
	sealed := j.box.Text(text, secret, nil)
	if j.settings.all {
		sealed = j.box.All(slices.Concat([]byte("["), sealed, []byte("]"))) // as durable.Opener opens it
	}
	return sealed, nil
}

// run finds a run by the beginning of its id.
func (j *openJournal) run(ctx context.Context, id string) (*engine.RunRecord, error) {
	rec, err := j.db.Run(ctx, id)
	if errors.Is(err, engine.ErrNoRun) {
		return nil, &usageError{"there is no run " + id + " in the journal", "a0run runs" + j.flag() + " lists them"}
	}
	return rec, failedWith(err)
}

// lastUnfinished is the newest run that did not end well.
func (j *openJournal) lastUnfinished(ctx context.Context) (string, error) {
	runs, err := j.db.Runs(ctx, journal.RunFilter{Limit: 500})
	if err != nil {
		return "", failedWith(err)
	}
	for _, r := range runs {
		switch {
		case r.Status == engine.RunDone, r.Status == engine.RunQueued, r.UndoneBy != "":
		case r.Live:
			// Not the one before it: whoever types --last means this one.
			return "", &usageError{
				"the newest run that has not ended well, " + r.ID + ", is being executed",
				"a0run runs follow " + r.ID + " watches it; a0run resume RUN goes on with an older one",
			}
		default:
			return r.ID, nil
		}
	}
	return "", &usageError{"every run in the journal has ended well", "a0run runs" + j.flag() + " lists them"}
}

// lastWriter is the newest run that has written something, undos apart.
func (j *openJournal) lastWriter(ctx context.Context) (string, error) {
	runs, err := j.db.Runs(ctx, journal.RunFilter{Limit: 500})
	if err != nil {
		return "", failedWith(err)
	}
	for _, r := range runs {
		switch {
		case r.Kind == engine.KindUndo || r.Writes == 0:
		case r.UndoneBy != "" && !r.UndonePart:
			// Not the one before it: whoever types --last means this one.
			return "", &usageError{
				"the newest run that has written something, " + r.ID + ", was put back by run " + r.UndoneBy,
				"a0run undo RUN puts an older one back, or undoes the undo; a0run runs" + j.flag() + " lists them",
			}
		default:
			return r.ID, nil
		}
	}
	return "", &usageError{"no run in the journal has written anything", "a0run runs" + j.flag() + " lists them"}
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
	return failedWith(err)
}

// opener opens sealed texts; the secrets in them are known to the redactor from
// then on.
func (j *openJournal) opener(r *engine.Redactor) func(json.RawMessage) (json.RawMessage, error) {
	return durable.Opener(j.box, r)
}
