package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"a0run/engine/project"
	"a0run/engine/seal"
)

// findProject reads the a0run.yaml of a folder, from there upwards; nil where
// there is none.
func (w *world) findProject(dir string) (*project.Project, error) {
	for at := dir; ; at = filepath.Dir(at) {
		_, err := os.Stat(filepath.Join(at, project.FileName))
		if err == nil {
			return project.Find(dir, w.outside())
		}
		if !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return nil, nil // what cannot be looked at is said when it is needed
		}
	}
}

// keepRuns is how long runs are kept unless a0run.yaml says otherwise.
const keepRuns = 90 * 24 * time.Hour

// journalSettings are where the journal is and how it is kept.
type journalSettings struct {
	path string
	keep time.Duration // less than 0: for good
	all  bool          // everything is sealed, not only secrets
	// key finds the key where it is needed: it may be a command's to give, which
	// asks a person, and listing runs needs none.
	key func(ctx context.Context) (seal.Source, error)
}

// journalSettings are what --journal says, else the a0run.yaml of a folder,
// else the user's state folder. The key is that of the environment, else of
// a0run.yaml, else the file beside the journal.
func (w *world) journalSettings(given, dir string) (*journalSettings, error) {
	p, err := w.findProject(dir)
	if err != nil {
		return nil, err
	}
	if p == nil {
		p = &project.Project{}
	}
	j := &journalSettings{path: p.Path(p.Journal.File), keep: p.Journal.Keep, all: p.Journal.Encrypt == project.EncryptAll}
	if j.keep == 0 {
		j.keep = keepRuns
	}
	switch {
	case given != "":
		j.path = w.path(given)
	case j.path == "":
		if j.path, err = w.stateFolder(); err != nil {
			return nil, err
		}
	}
	j.key = func(ctx context.Context) (seal.Source, error) { return w.keySource(ctx, p, j.path) }
	return j, nil
}

// stateFolder is the journal's default place (XDG Base Directory Specification).
func (w *world) stateFolder() (string, error) {
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

// keyVariable holds the key of the journal on a machine that has no key file.
const keyVariable = "A0RUN_JOURNAL_KEY"

func (w *world) keySource(ctx context.Context, p *project.Project, journal string) (seal.Source, error) {
	if text, ok := w.getenv(keyVariable); ok && text != "" {
		return seal.Source{Text: text, Name: "the environment variable " + keyVariable}, nil
	}
	text, err := p.JournalKey(ctx, w.outside())
	switch {
	case err != nil:
		return seal.Source{}, err
	case text != "":
		return seal.Source{Text: string(text), Name: p.Journal.Key.String()}, nil
	case p.Journal.Key.File != "":
		return seal.Source{File: p.Path(p.Journal.Key.File)}, nil
	}
	return seal.Source{File: journal + ".key"}, nil
}

// journalPath is where the history of runs is looked for, from the working
// folder.
func (w *world) journalPath(given string) (string, error) {
	j, err := w.journalSettings(given, w.dir)
	if err != nil {
		return "", err
	}
	return j.path, nil
}

// journalKey opens the key of a journal; create makes a key file where there is
// none.
func (w *world) journalKey(path string, create bool) (*seal.Box, error) {
	j, err := w.journalSettings(path, w.dir)
	if err != nil {
		return nil, err
	}
	key, err := j.key(context.Background())
	if err != nil {
		return nil, err
	}
	return key.Open(create)
}
