package bindings

import (
	"errors"
	"io/fs"

	"a0run/engine"
)

// Files are the files that a playbook may read and write (Config.Dir and what
// Config.Head declares), for undo, which puts them back without a playbook.
func Files(cfg Config) *PlaybookFiles { return &PlaybookFiles{&table{cfg: cfg}} }

// PlaybookFiles are the files of a playbook; paths are as the playbook gave
// them.
type PlaybookFiles struct{ table *table }

func (f *PlaybookFiles) args(name string) *bound {
	return &bound{call: &engine.HostCall{Func: &engine.Function{Name: name}}, values: engine.NewObject(0)}
}

// Read gives a file's text; found is false where there is none.
func (f *PlaybookFiles) Read(path string) (text string, found bool, err error) {
	args := f.args("file.read")
	if found, err = f.table.exists(args, path); err != nil || !found {
		return "", false, err
	}
	text, err = f.table.read(args, path)
	return text, err == nil, err
}

// Write writes a whole file, at once or not at all.
func (f *PlaybookFiles) Write(path, text string) error {
	return f.table.write(f.args("file.write"), path, text)
}

// Remove takes a file away; one that is not there is no error.
func (f *PlaybookFiles) Remove(path string) error {
	args := f.args("file.remove")
	root, rel, err := f.table.open(args, path)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written through it
	if err := root.Remove(rel); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fileError(args, path, err)
	}
	return nil
}
