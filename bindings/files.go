package bindings

import (
	"errors"
	"io/fs"

	"a0run/engine"
)

// Files are the files that a playbook may read and write, for undo, which puts
// them back. Paths are those that the playbook used.
type Files struct{ table *table }

// NewFiles gives the files of a playbook: Config.Dir and the head's Files.
func NewFiles(cfg Config) *Files { return &Files{table: newTable(cfg)} }

func (f *Files) args() *bound {
	return &bound{call: &engine.HostCall{Func: &engine.Function{Name: "undo"}}, values: engine.NewObject(0)}
}

// Read gives a file's text; found is false where there is none.
func (f *Files) Read(path string) (text string, found bool, err error) {
	there, err := f.table.exists(f.args(), path)
	if err != nil || !there {
		return "", false, err
	}
	text, err = f.table.read(f.args(), path)
	return text, err == nil, err
}

// Write writes a file, whole or not at all.
func (f *Files) Write(path, text string) error { return f.table.write(f.args(), path, text) }

// Remove takes a file away; one that is gone is no error.
func (f *Files) Remove(path string) error {
	root, rel, err := f.table.open(f.args(), path)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written through it
	if err := root.Remove(rel); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fileError(f.args(), path, err)
	}
	return nil
}
