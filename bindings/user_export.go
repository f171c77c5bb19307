package bindings

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/engine"
)

// exportedAtOnce is how many users of an export one recorded call reads.
const exportedAtOnce = 500

// exportFunction is auth0.users.export{…}: an iterator over users, or with file
// a file.
func (t *table) exportFunction(role string) *engine.Function {
	f := &engine.Function{
		Name: "auth0.users.export", Summary: "Export the users of a connection or of the whole tenant by a job: one by one, or into a file.",
		Returns: "an iterator over the users; with file {file, bytes, users, sha256}",
		Scopes:  []string{"read:users"}, Listing: true, ListingUnless: "file",
		Params: []engine.Param{
			{Name: "connection_id", Type: "string", Summary: "Whose users; without it all of the tenant."},
			{Name: "fields", Type: "array", Summary: `The fields: names, or {name = "user_metadata.country", export_as = "country"}; at most 30. Without it all that a tenant tells of a user.`},
			{Name: "limit", Type: "integer", Summary: "How many users at most."},
			{Name: "format", Type: "string", Enum: []string{client.FormatJSON, client.FormatCSV}, Summary: "Of the file: json (an object a line) unless told."},
			{Name: "file", Type: "string", Summary: "Where to write, instead of giving an iterator; packed with gzip where it ends in .gz."},
			{Name: timeoutParam, Type: "any", Summary: "For connecting and for silence, for each request: seconds, or a text such as 1m30s."},
		},
	}
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		x, err := t.newExport(role, args)
		if err != nil {
			return nil, err
		}
		if x.path != "" {
			return x.write()
		}
		return x.iterate(), nil
	}
	return f
}

// A userExport is one call of auth0.users.export.
type userExport struct {
	*table
	role  string
	args  *bound
	given client.Args // of the job
	path  string
	csv   bool
}

func (t *table) newExport(role string, args *bound) (*userExport, error) {
	x := &userExport{table: t, role: role, args: args, path: args.text("file"), csv: args.text("format") == client.FormatCSV}
	if x.csv && x.path == "" {
		return nil, args.wrong("format csv gives a file and no users one by one", `name it: file = "users.csv"`)
	}
	fields, err := args.exportFields()
	if err != nil {
		return nil, err
	}
	limit := args.integer("limit", 0)
	if args.given("limit") && limit < 1 {
		return nil, args.wrong(fmt.Sprintf("parameter limit: got %d, want 1 or more", limit), "")
	}
	o := client.ExportOptions{ConnectionID: args.text("connection_id"), Format: args.text("format"), Fields: fields, Limit: int(limit)}
	if x.given, err = o.Args(); err != nil {
		return nil, x.failure(err)
	}
	return x, nil
}

// exportFields reads fields: names, or names with what they are called.
func (b *bound) exportFields() ([]client.ExportField, error) {
	v, given := b.values.Get("fields")
	list, ok := v.([]any)
	if !given {
		return nil, nil
	}
	if !ok || len(list) == 0 {
		return nil, b.wrong("parameter fields: want a list of at least one field", "")
	}
	fields := make([]client.ExportField, 0, len(list))
	for i, item := range list {
		var f client.ExportField
		switch x := item.(type) {
		case string:
			f.Name = x
		case *engine.Object:
			name, _ := x.Get("name")
			as, _ := x.Get("export_as")
			f.Name, _ = name.(string)
			f.ExportAs, _ = as.(string)
		}
		if f.Name == "" {
			return nil, b.wrong(fmt.Sprintf("parameter fields, item %d: want a name, or {name = …, export_as = …}", i+1), "")
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (x *userExport) failure(err error) error {
	im := userImport{table: x.table, args: x.args}
	return im.failure(err)
}

// start runs the job in a task: it changes nothing, so that a plan runs it too,
// and its pauses are real ones there.
func (x *userExport) start(task *engine.Task) (string, error) {
	if task == nil {
		return "", notHere(x.args.call)
	}
	here := *x.args.call
	here.Task = task
	args := &bound{call: &here, values: x.args.values}
	port := client.JobPort{
		Do: func(_ context.Context, op *catalog.Operation, given client.Args) (*client.Response, error) {
			call := x.apiCall(op, x.role, &bound{call: &here, values: timeoutOf(args)})
			return x.jobCall(call, exportTree(given), func(a *engine.Action) { a.Effect = catalog.Read })
		},
		Sleep: func(_ context.Context, d time.Duration) error {
			values := engine.NewObject(1)
			values.Set("seconds", d.Seconds())
			_, err := x.perform(&bound{call: &here, values: values}, &engine.Action{Name: actionWait, Effect: catalog.Read, Quiet: true},
				func(ctx context.Context) (any, error) { return nil, pause(ctx, d) })
			return untyped(err)
		},
	}
	job, err := client.StartExport(task.Context(), x.given, port)
	if err != nil {
		return "", x.failure(err)
	}
	return job, nil
}

// exportTree takes the job's arguments into the run's form.
func exportTree(given client.Args) *engine.Object {
	out := engine.NewObject(len(given))
	for _, name := range sortedKeys(given) {
		v := given[name]
		if text, err := json.Marshal(v); err == nil {
			if tree, err := engine.ParseJSON(text); err == nil {
				v = tree
			}
		}
		out.Set(name, v)
	}
	return out
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// open fetches the job's file.
func (x *userExport) open(ctx context.Context, job string) (io.ReadCloser, error) {
	tenant, ok := x.cfg.Tenants[x.role]
	if !ok {
		return nil, x.args.wrong("no tenant stands for the role "+x.role, "name one with --tenant")
	}
	return tenant.OpenExport(ctx, job)
}

// iterate gives users one by one. They are read in calls of some hundred each, so
// that a run which is resumed has those that it had; where it goes on, the file of
// the same job is fetched again.
func (x *userExport) iterate() *engine.Iterator {
	s := &exportStream{userExport: x}
	return &engine.Iterator{
		Next: func(t *engine.Task) (json.RawMessage, bool, error) {
			for len(s.ready) == 0 {
				if s.ended {
					return nil, false, nil
				}
				if err := s.more(t); err != nil {
					return nil, false, err
				}
			}
			user := s.ready[0]
			s.ready = s.ready[1:]
			return user, true, nil
		},
		Close: s.close,
	}
}

// An exportStream is an export that is being read.
type exportStream struct {
	*userExport
	job   string
	at    int // users that were read
	ready []json.RawMessage
	ended bool

	// The file, where this process has it open, and how many of its users were
	// read.
	file io.ReadCloser
	next func() (json.RawMessage, error, bool)
	stop func()
	from int
}

// more reads the next users by a recorded call.
func (s *exportStream) more(t *engine.Task) error {
	if s.job == "" {
		job, err := s.start(t)
		if err != nil {
			return err
		}
		s.job = job
	}
	values := engine.NewObject(3)
	values.Set("job", s.job)
	values.Set("from", int64(s.at))
	values.Set("count", int64(exportedAtOnce))
	here := *s.args.call
	here.Task = t
	v, err := s.perform(&bound{call: &here, values: values}, &engine.Action{Name: actionRead, Tenant: s.role, Effect: catalog.Read}, func(ctx context.Context) (any, error) {
		return s.read(ctx, s.at)
	})
	if err != nil {
		return s.failure(err)
	}
	users, err := usersIn(v)
	if err != nil {
		return s.failure(err)
	}
	s.ready = users
	s.at += len(users)
	s.ended = len(users) < exportedAtOnce
	return nil
}

// usersIn takes a list of users apart: the text that was read, or the tree that a
// journal gives.
func usersIn(v any) ([]json.RawMessage, error) {
	text, isText := v.(json.RawMessage)
	if !isText {
		var err error
		if text, err = engine.FormatJSON(v); err != nil {
			return nil, err
		}
	}
	var users []json.RawMessage
	return users, json.Unmarshal(text, &users)
}

// read gives the users from the at-th on.
func (s *exportStream) read(ctx context.Context, at int) (any, error) {
	if s.file == nil || s.from > at {
		s.close()
		file, err := s.open(ctx, s.job)
		if err != nil {
			return nil, err
		}
		s.file, s.from = file, 0
		s.next, s.stop = iter.Pull2(client.ExportLines(file))
	}
	buf := bytes.NewBufferString("[")
	for s.from < at+exportedAtOnce {
		user, err, ok := s.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if s.from >= at {
			if buf.Len() > 1 {
				buf.WriteByte(',')
			}
			buf.Write(user)
		}
		s.from++
	}
	buf.WriteByte(']')
	return json.RawMessage(buf.Bytes()), nil
}

func (s *exportStream) close() {
	if s.file == nil {
		return
	}
	s.stop()
	_ = s.file.Close() // it was only read, and is gone with this
	s.file = nil
}

// write exports into a file of the playbook, whole or not at all.
func (x *userExport) write() (any, error) {
	job, err := x.start(x.args.call.Task)
	if err != nil {
		return nil, err
	}
	values := engine.NewObject(2)
	values.Set("job", job)
	values.Set("file", x.path)
	v, err := x.perform(&bound{call: x.args.call, values: values}, &engine.Action{
		Name: actionWrite, Effect: catalog.Replace, Object: x.path,
	}, func(ctx context.Context) (any, error) {
		file, err := x.open(ctx, job)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // it was only read, and is gone with this
		return x.save(file)
	})
	if err != nil {
		return nil, x.failure(err)
	}
	if v == nil { // a plan writes nothing
		out := engine.NewObject(1)
		out.Set("file", x.path)
		return out, nil
	}
	return v, nil
}

// save writes a text beside its place and renames it there.
func (x *userExport) save(text io.Reader) (any, error) {
	root, rel, err := x.table.open(x.args, x.path)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing is written through it after the rename
	if info, err := root.Stat(rel); rel == "." || err == nil && !info.Mode().IsRegular() {
		return nil, fileError(x.args, x.path, errNotRegular)
	}
	if dir := filepath.Dir(rel); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return nil, fileError(x.args, x.path, err)
		}
	}
	beside := rel + ".a0run-new"
	f, err := root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fileError(x.args, x.path, err)
	}
	w := &savedFile{sum: sha256.New(), csv: x.csv}
	err = errors.Join(x.copy(f, w, text), f.Sync(), f.Close())
	if err == nil {
		err = root.Rename(beside, rel)
	}
	if err != nil {
		return nil, fileError(x.args, x.path, errors.Join(err, root.Remove(beside)))
	}
	out := engine.NewObject(4)
	out.Set("file", x.path)
	out.Set("bytes", w.bytes)
	out.Set("users", w.users())
	out.Set("sha256", hex.EncodeToString(w.sum.Sum(nil)))
	raw, err := engine.FormatJSON(out)
	return json.RawMessage(raw), err
}

// copy writes the text, packed where the file's name says so.
func (x *userExport) copy(f io.Writer, w *savedFile, text io.Reader) error {
	w.to = f
	if !strings.HasSuffix(x.path, ".gz") {
		_, err := io.Copy(w, text)
		return err
	}
	z := gzip.NewWriter(f)
	w.to = z
	_, err := io.Copy(w, text)
	return errors.Join(err, z.Close())
}

// A savedFile counts what is written, before it is packed.
type savedFile struct {
	to  io.Writer
	sum interface {
		io.Writer
		Sum([]byte) []byte
	}
	bytes  int64
	lines  int64
	csv    bool
	quoted bool // inside a cell of CSV, where a line may go on
	open   bool // the last line has no end yet
}

func (w *savedFile) Write(p []byte) (int, error) {
	_, _ = w.sum.Write(p) // a hash takes everything
	w.bytes += int64(len(p))
	for _, c := range p {
		switch {
		case c == '"' && w.csv:
			w.quoted = !w.quoted
		case c == '\n' && !w.quoted:
			w.lines++
		}
		w.open = c != '\n'
	}
	return w.to.Write(p)
}

// users is how many there are: the lines, without the head of CSV.
func (w *savedFile) users() int64 {
	n := w.lines
	if w.open {
		n++
	}
	if w.csv && n > 0 {
		n--
	}
	return n
}
