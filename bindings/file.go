package bindings

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// maxFile bounds what file.read takes into memory.
const maxFile = 256 << 20

// errNotRegular is why a folder, a pipe or a device is neither read nor
// written.
var errNotRegular = errors.New("is no regular file")

// fileNamespace is file.read, write and exists. A path is relative to the
// playbook's folder; what lies outside it does not exist for the playbook
// unless the head declares it.
func (t *table) fileNamespace() *engine.Namespace {
	ns := engine.NewNamespace("file")
	read := &engine.Function{
		Name: "file.read", Summary: "Read a whole file.", Returns: "its text",
		Params: []engine.Param{textParam("path")},
	}
	read.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		return t.readText(args, args.text("path"))
	}
	ns.Set("read", read)
	exists := &engine.Function{
		Name: "file.exists", Summary: "Say whether a file is there.", Returns: "true or false",
		Params: []engine.Param{textParam("path")},
	}
	exists.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		return t.perform(args, &engine.Action{Name: exists.Name, Effect: catalog.Read}, func(context.Context) (any, error) {
			return t.exists(args, args.text("path"))
		})
	}
	ns.Set("exists", exists)
	write := &engine.Function{
		Name: "file.write", Summary: "Write a whole file, at once or not at all.", Returns: "nothing",
		Params: []engine.Param{textParam("path"), textParam("text")},
	}
	write.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		// The text is known by its hash and size: the journal and the events
		// must not hold a file a second time.
		text := args.text("text")
		path := args.text("path")
		args.values.Set("text", fileDigest(text))
		return t.perform(args, &engine.Action{
			Name: write.Name, Effect: catalog.Replace, Kind: engine.KindFiles, Object: path, Payload: text, PayloadArg: "text",
			Image: func() (any, error) { return t.image(args, path) },
		}, func(context.Context) (any, error) {
			return nil, t.write(args, path, text)
		})
	}
	ns.Set("write", write)
	return ns
}

// readText is a recorded read of a file.
func (t *table) readText(args *bound, path string) (string, error) {
	action := &engine.Action{Name: "file.read", Effect: catalog.Read, Kind: engine.KindFiles, Object: path, Digest: digestOf}
	v, err := t.perform(args, action, func(context.Context) (any, error) {
		return t.read(args, path)
	})
	text, _ := v.(string)
	return text, err
}

// fileDigest stands for the text of a file where that is recorded and shown.
func fileDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("sha256:%s (%d bytes)", hex.EncodeToString(sum[:]), len(text))
}

// digestOf is what the journal keeps of a file's text.
func digestOf(value any) any {
	text, _ := value.(string)
	sum := sha256.Sum256([]byte(text))
	o := engine.NewObject(2)
	o.Set("sha256", hex.EncodeToString(sum[:]))
	o.Set("bytes", int64(len(text)))
	return o
}

// image is a file's text before a write, for undo; nil where there is none.
func (t *table) image(args *bound, path string) (any, error) {
	switch there, err := t.exists(args, path); {
	case err != nil:
		return nil, err
	case !there:
		return nil, nil
	}
	return t.read(args, path)
}

// open gives the root folder in which a path lies, and the path within it. It
// is the playbook's folder, or that of a declared file or folder; os.Root keeps
// symbolic links from leading out of it.
func (t *table) open(args *bound, path string) (*os.Root, string, error) {
	if t.cfg.Dir == "" {
		return nil, "", args.wrong("there are no files here", "the playbook came from standard input: declare files in the head and run it from a file")
	}
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(t.cfg.Dir, path)
	}
	dir := t.cfg.Dir
	if rel, err := filepath.Rel(dir, full); err != nil || !filepath.IsLocal(rel) {
		declared, ok := t.declared(full)
		if !ok {
			return nil, "", args.wrong("the file "+path+" lies outside the playbook's folder and does not exist for it",
				`declare it in the head: files = {"`+path+`"}`)
		}
		dir = declared
	}
	rel, err := filepath.Rel(dir, full)
	if err != nil {
		return nil, "", fileError(args, path, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", fileError(args, path, err)
	}
	return root, rel, nil
}

// declared finds the folder of a head's files entry that covers a path: the
// entry itself when it is a folder, its folder when it is that very file.
func (t *table) declared(full string) (string, bool) {
	for _, entry := range t.cfg.Head.Files {
		if !filepath.IsAbs(entry) {
			entry = filepath.Join(t.cfg.Dir, entry)
		}
		if full == entry {
			return filepath.Dir(entry), true
		}
		if rel, err := filepath.Rel(entry, full); err == nil && filepath.IsLocal(rel) {
			return entry, true
		}
	}
	return "", false
}

func (t *table) read(args *bound, path string) (string, error) {
	root, rel, err := t.open(args, path)
	if err != nil {
		return "", err
	}
	defer root.Close() //nolint:errcheck // only read from
	if info, err := root.Stat(rel); err == nil && !info.Mode().IsRegular() {
		return "", fileError(args, path, errNotRegular) // opening a pipe would wait for its other end
	}
	f, err := root.Open(rel)
	if err != nil {
		return "", fileError(args, path, err)
	}
	defer f.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", fileError(args, path, err)
	}
	if len(text) > maxFile {
		return "", fileError(args, path, fmt.Errorf("larger than %d MB", maxFile>>20))
	}
	return string(text), nil
}

func (t *table) exists(args *bound, path string) (bool, error) {
	root, rel, err := t.open(args, path)
	if err != nil {
		return false, err
	}
	defer root.Close() //nolint:errcheck // only read from
	switch _, err := root.Stat(rel); {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	default:
		return false, fileError(args, path, err)
	}
}

// write makes the file whole beside its place and renames it there.
func (t *table) write(args *bound, path, text string) error {
	root, rel, err := t.open(args, path)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written through it after the rename
	if info, err := root.Stat(rel); rel == "." || err == nil && !info.Mode().IsRegular() {
		return fileError(args, path, errNotRegular)
	}
	if dir := filepath.Dir(rel); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return fileError(args, path, err)
		}
	}
	beside := rel + ".a0run-new"
	f, err := root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fileError(args, path, err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = root.Rename(beside, rel)
	}
	if err != nil {
		err = errors.Join(err, root.Remove(beside))
		return fileError(args, path, err)
	}
	return nil
}

// fileError says what is wrong with a file, by the name the playbook used.
func fileError(args *bound, path string, err error) *engine.Error {
	cause := err
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		cause = pathErr.Err
	}
	return &engine.Error{
		Name: engine.NameFileError, Where: args.call.Where, Operation: args.call.Func.Name, ResetAt: -1,
		Message: path + ": " + cause.Error(), Cause: err,
	}
}

// csvNamespace is csv.read, decode and encode (RFC 4180).
func (t *table) csvNamespace() *engine.Namespace {
	ns := engine.NewNamespace("csv")
	delimiter := engine.Param{Name: "delimiter", Type: "string", Summary: "One character; a comma unless told otherwise."}
	read := &engine.Function{
		Name: "csv.read", Summary: "Read a CSV file whose first row names the columns.",
		Params: []engine.Param{textParam("path"), delimiter}, Returns: "a list of objects, all values texts",
	}
	read.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		text, err := t.readText(args, args.text("path"))
		if err != nil {
			return nil, err
		}
		return args.rows(args.text("path"), text)
	}
	ns.Set("read", read)
	ns.Set("decode", pure("csv.decode", pureFunc{
		summary: "Read a CSV text whose first row names the columns.", returns: "a list of objects, all values texts",
		params: []engine.Param{textParam("text"), delimiter},
		call:   func(args *bound) (any, error) { return args.rows("text", args.text("text")) },
	}))
	ns.Set("encode", pure("csv.encode", pureFunc{
		summary: "Write a list of objects as CSV with a row of names.", returns: "text",
		params: []engine.Param{
			{Name: "rows", Type: "array", Positional: true, Required: true},
			{Name: "columns", Type: "string[]", Summary: "The columns in their order; those of all rows unless told otherwise."},
			delimiter,
		},
		call: encodeCSV,
	}))
	return ns
}

func (b *bound) delimiter() (rune, error) {
	text := b.text("delimiter")
	if text == "" {
		return ',', nil
	}
	runes := []rune(text)
	if len(runes) != 1 || strings.ContainsRune("\"\r\n\uFFFD", runes[0]) {
		return 0, b.wrong(fmt.Sprintf("parameter delimiter: got %q, want one character", text), "")
	}
	return runes[0], nil
}

// rows reads CSV; a bad row is named by file and row.
func (b *bound) rows(name, text string) (any, error) {
	comma, err := b.delimiter()
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\uFEFF")))
	r.Comma = comma
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return []any{}, nil
	}
	if err != nil {
		return nil, b.badRow(name, err)
	}
	header = append([]string(nil), header...)
	if err := b.checkHeader(name, header); err != nil {
		return nil, err
	}
	rows := []any{}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, b.badRow(name, err)
		}
		o := engine.NewObject(len(header))
		for i, column := range header {
			o.Set(column, row[i])
		}
		rows = append(rows, o)
	}
}

func (b *bound) checkHeader(name string, header []string) error {
	seen := map[string]bool{}
	for i, column := range header {
		switch {
		case column == "":
			return b.csvError(fmt.Sprintf("%s:1: column %d has no name", name, i+1))
		case seen[column]:
			return b.csvError(fmt.Sprintf("%s:1: column %q is there twice", name, column))
		}
		seen[column] = true
	}
	return nil
}

func (b *bound) badRow(name string, err error) error {
	var bad *csv.ParseError
	if !errors.As(err, &bad) {
		return fileError(b, name, err)
	}
	what := bad.Err.Error()
	if errors.Is(bad.Err, csv.ErrFieldCount) {
		what = "wrong number of fields"
	}
	return b.csvError(fmt.Sprintf("%s:%d: %s", name, bad.Line, what))
}

func (b *bound) csvError(message string) *engine.Error {
	return &engine.Error{Name: engine.NameFileError, Where: b.call.Where, Operation: b.call.Func.Name, ResetAt: -1, Message: message}
}

func encodeCSV(args *bound) (any, error) {
	comma, err := args.delimiter()
	if err != nil {
		return nil, err
	}
	v, _ := args.values.Get("rows")
	rows, _ := v.([]any)
	columns := args.columns(rows)
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.Comma = comma
	record := append([]string(nil), columns...)
	for i := -1; i < len(rows); i++ {
		if i >= 0 {
			o, ok := rows[i].(*engine.Object)
			if !ok {
				return nil, args.wrong(fmt.Sprintf("row %d: got %s, want an object", i+1, kind(rows[i])), "")
			}
			for j, column := range columns {
				cell, _ := o.Get(column)
				record[j] = cellText(cell)
			}
		}
		if err := w.Write(record); err != nil {
			return nil, args.wrong(err.Error(), "")
		}
	}
	w.Flush()
	return out.String(), w.Error()
}

// columns are the given ones, or all of the rows': those of the first row in
// its order, then the others by name.
func (b *bound) columns(rows []any) []string {
	if v, ok := b.values.Get("columns"); ok {
		list, _ := v.([]any)
		columns := make([]string, 0, len(list))
		for _, c := range list {
			s, _ := c.(string)
			columns = append(columns, s)
		}
		return columns
	}
	var columns, later []string
	seen := map[string]bool{}
	for i, row := range rows {
		o, _ := row.(*engine.Object)
		for name := range o.All() {
			if seen[name] {
				continue
			}
			seen[name] = true
			if i == 0 {
				columns = append(columns, name)
			} else {
				later = append(later, name)
			}
		}
	}
	sort.Strings(later)
	return append(columns, later...)
}

func cellText(v any) string {
	switch x := v.(type) {
	case nil, engine.Null:
		return ""
	case string:
		return x
	}
	text, err := engine.FormatJSON(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
