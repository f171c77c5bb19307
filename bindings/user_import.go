package bindings

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
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

// The names under which the parts of an import and an export stand in records:
// each is a call of its own.
const (
	actionScan  = "file.scan"
	actionWait  = "users.export.wait"
	actionRead  = "users.export.read"
	actionWrite = "users.export.write"
)

// userEntries are the functions of auth0.users that are no operations: walkers
// over several of them.
func (t *table) userEntries(ns *engine.Namespace, role string) {
	ns.Set("import", t.importFunction(role))
	ns.Set("export", t.exportFunction(role))
}

// importFunction is auth0.users.import{connection_id=…, file=… or users=…}.
func (t *table) importFunction(role string) *engine.Function {
	f := &engine.Function{
		Name: "auth0.users.import", Summary: "Import users from a list or a file of any size into a database connection, and wait until that is done.",
		Returns: "{total, inserted, updated, failed, parts, errors = {{row, line, email, code, message, …}, …}}",
		Scopes:  []string{"create:users"},
		Params: []engine.Param{
			{Name: "connection_id", Type: "string", Required: true, Summary: "The id of the database connection."},
			{Name: "file", Type: "string", Summary: "A JSON array, NDJSON or CSV; gzip or not. It is read as it is sent."},
			{Name: "users", Type: "array", Summary: "The users themselves, instead of a file."},
			{Name: "format", Type: "string", Enum: []string{client.FormatJSON, client.FormatNDJSON, client.FormatCSV}, Summary: "Of the file, where its name and its beginning do not tell."},
			{Name: "upsert", Type: "boolean", Summary: "Change users that are there already; without it they fail."},
			{Name: "external_id", Type: "string", Summary: "A name of your own for the jobs."},
			{Name: "send_completion_email", Type: "boolean", Summary: "Mail the tenant's owners at the end of each part's job; false unless told."},
			{Name: onErrorParam, Type: "string", Enum: []string{string(engine.Continue), string(engine.Stop)}, Summary: "What to do about users that fail: continue (the summary names them, the run ends with exit code 4) or stop (an error, once all parts are done)."},
			{Name: "part_size", Type: "integer", Summary: "Bytes of a part, at most 500000, which it is unless told."},
			{Name: repeatableParam, Type: "boolean", Summary: "A part whose answer was lost may be uploaded again also without upsert: who was made by the first upload is then told as there already."},
			{Name: timeoutParam, Type: "any", Summary: "For connecting and for silence, for each request: seconds, or a text such as 1m30s."},
		},
	}
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		im, err := t.newImport(role, args)
		if err != nil {
			return nil, err
		}
		return im.run()
	}
	return f
}

const onErrorParam = "on_error"

// An userImport is one call of auth0.users.import.
type userImport struct {
	*table
	role   string
	args   *bound
	o      client.ImportOptions
	path   string // "" for a list
	list   []any
	parts  int // that there will be
	again  bool
	summed client.ImportSummary
	// planned says that nothing was sent: the run is a plan.
	planned bool
}

func (t *table) newImport(role string, args *bound) (*userImport, error) {
	if args.call.Task == nil {
		return nil, notHere(args.call)
	}
	im := &userImport{table: t, role: role, args: args, path: args.text("file"), again: args.truth("upsert") || args.truth(repeatableParam)}
	mail := args.truth("send_completion_email")
	im.o = client.ImportOptions{
		ConnectionID: args.text("connection_id"), Upsert: args.truth("upsert"), SendCompletionEmail: &mail,
		ExternalID: args.text("external_id"), Name: im.path, Format: args.text("format"), PartBytes: int(args.integer("part_size", client.MaxPart)),
	}
	im.summed.Errors = []client.ImportError{}
	if im.o.PartBytes < 1 || im.o.PartBytes > client.MaxPart {
		return nil, args.wrong(fmt.Sprintf("parameter part_size: got %d, want 1 to %d bytes", im.o.PartBytes, client.MaxPart), "")
	}
	list, given := args.values.Get("users")
	switch {
	case given == args.given("file"):
		return nil, args.wrong("give users, or a file of them", "usage: "+Signature(args.call.Func))
	case given:
		var ok bool
		if im.list, ok = list.([]any); !ok {
			return nil, args.wrong("parameter users: got "+kind(list)+", want a list of users", "")
		}
	}
	return im, nil
}

// truth is a boolean argument, false when not given.
func (b *bound) truth(name string) bool {
	v, _ := b.values.Get(name)
	return v == true
}

// run scans, then sends and waits. A file that cannot be read to its end sends
// nothing.
func (im *userImport) run() (any, error) {
	seen, err := im.scan()
	if err != nil {
		return nil, err
	}
	im.parts = seen.Parts
	im.say("info", fmt.Sprintf("users.import: %s into %s, in %s", amount(seen.Users, "user"), im.o.ConnectionID, amount(seen.Parts, "part")), nil)
	if len(seen.Left) > 0 {
		im.say("info", "users.import: left out, since no import takes them: "+strings.Join(seen.Left, ", "), nil)
	}
	task := im.args.call.Task
	source, done, err := im.source(nil)
	if err != nil {
		return nil, err
	}
	defer done()
	rows := hashed(source, seen.SHA256, im.changed)
	for step, err := range client.Import(task.Context(), client.CutUsers(rows, im.o.PartBytes), im.o, im.port()) {
		if err != nil {
			return nil, im.failure(err)
		}
		im.summed.Add(step)
		im.progress(step)
	}
	return im.result()
}

// result is the summary; failed users are failed items of the run.
func (im *userImport) result() (any, error) {
	sum := &im.summed
	text, err := json.Marshal(sum)
	if err != nil {
		return nil, err
	}
	line := fmt.Sprintf("users.import: %d inserted, %d updated, %d failed of %d", sum.Inserted, sum.Updated, sum.Failed, sum.Total)
	if im.planned {
		line = fmt.Sprintf("users.import: %s planned, %s cannot be imported; how many are new shows when they are", amount(sum.Inserted, "user"), amount(sum.Failed, "row"))
	}
	im.say(map[bool]string{true: "warn", false: "info"}[sum.Failed > 0], line, nil)
	if sum.Failed == 0 {
		return json.RawMessage(text), nil
	}
	items := make([]engine.ItemError, len(sum.Errors))
	for i, e := range sum.Errors {
		name := engine.NameAuth0Error
		if e.Part == 0 {
			name = engine.NameArgumentError // no tenant has seen the row
		}
		items[i] = engine.ItemError{Key: e.Place(), Err: &engine.Error{
			Name: name, ErrorCode: e.Code, Message: e.Message, Operation: im.args.call.Func.Name, Where: im.args.call.Where, Item: e.Place(), ResetAt: -1,
		}}
	}
	if im.args.text(onErrorParam) == string(engine.Stop) {
		return nil, engine.FailedItems(im.args.call.Where, items)
	}
	im.args.call.Task.Tolerate(items)
	return json.RawMessage(text), nil
}

// A scanned is what a look at all of the users has found. It is what the journal
// and a plan keep of a file.
type scanned struct {
	SHA256 string   `json:"sha256,omitempty"`
	Bytes  int64    `json:"bytes,omitempty"`
	Users  int      `json:"users"`
	Bad    int      `json:"bad_rows"`
	Parts  int      `json:"parts"`
	Left   []string `json:"left_out,omitempty"`
}

// scan reads all rows without sending any. Of a file that is a call of its own:
// another content on resume, or when a plan is applied, is told then.
func (im *userImport) scan() (scanned, error) {
	if im.path == "" {
		return im.look(nil)
	}
	args := engine.NewObject(2)
	args.Set("path", im.path)
	args.Set("part_size", int64(im.o.PartBytes))
	own := &bound{call: im.args.call, values: args}
	v, err := im.perform(own, &engine.Action{
		Name: actionScan, Effect: catalog.Read, Object: im.path,
		Digest: func(v any) any { text, _ := v.(string); return json.RawMessage(text) },
	}, func(ctx context.Context) (any, error) {
		seen, err := im.look(ctx.Err)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(seen)
		return string(text), err
	})
	if err != nil {
		return scanned{}, err
	}
	var seen scanned
	text, _ := v.(string)
	return seen, json.Unmarshal([]byte(text), &seen)
}

// look reads all rows; stopped tells when to give up.
func (im *userImport) look(stopped func() error) (scanned, error) {
	sum := sha256.New()
	source, done, err := im.source(sum)
	if err != nil {
		return scanned{}, err
	}
	defer done()
	var seen scanned
	for part, err := range client.CutUsers(source.rows, im.o.PartBytes) {
		if err == nil && stopped != nil {
			err = stopped()
		}
		if err != nil {
			return seen, im.failure(err)
		}
		seen.Users += part.Users
		seen.Bad += len(part.Bad)
		seen.Left = append(seen.Left, part.Left...)
		if part.Users > 0 {
			seen.Parts++
		}
	}
	if im.path != "" {
		seen.SHA256, seen.Bytes = source.digest()
	}
	return seen, nil
}

// A userSource gives rows, and the digest of the file they came from.
type userSource struct {
	rows   iter.Seq2[client.UserRow, error]
	digest func() (sha string, bytes int64)
}

// source opens the users; done closes them.
func (im *userImport) source(sum hash.Hash) (s userSource, done func(), err error) {
	if im.path == "" {
		return userSource{rows: im.listed, digest: func() (string, int64) { return "", 0 }}, func() {}, nil
	}
	file, done, err := im.openFile(im.args, im.path)
	if err != nil {
		return s, nil, err
	}
	if sum == nil {
		sum = sha256.New()
	}
	counted := &counter{to: sum}
	s.rows = client.ReadUsers(io.TeeReader(file, counted), im.path, im.o.Format)
	s.digest = func() (string, int64) {
		_, _ = io.Copy(counted, file) // what stands behind the last row; a fault shows as another digest
		return hex.EncodeToString(sum.Sum(nil)), counted.n
	}
	return s, done, nil
}

type counter struct {
	to io.Writer
	n  int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.to.Write(p)
}

// listed gives the users of a list as rows.
func (im *userImport) listed(yield func(client.UserRow, error) bool) {
	for i, v := range im.list {
		text, err := engine.FormatJSON(v)
		if err != nil {
			yield(client.UserRow{}, im.args.wrong(fmt.Sprintf("parameter users, item %d: %v", i+1, err), ""))
			return
		}
		if !yield(client.RowOf(i+1, text), nil) {
			return
		}
	}
}

// hashed compares the file, when its last row was given, with what the scan saw.
func hashed(s userSource, want string, changed func() error) iter.Seq2[client.UserRow, error] {
	return func(yield func(client.UserRow, error) bool) {
		for row, err := range s.rows {
			if !yield(row, err) {
				return
			}
		}
		if got, _ := s.digest(); got != want {
			yield(client.UserRow{}, changed())
		}
	}
}

func (im *userImport) changed() error {
	return fileError(im.args, im.path, errors.New("the file was changed while it was imported"))
}

// openFile opens a file of the playbook to be read as a stream.
func (t *table) openFile(args *bound, path string) (*os.File, func(), error) {
	root, rel, err := t.open(args, path)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close() //nolint:errcheck // only read from
	if info, err := root.Stat(rel); err == nil && !info.Mode().IsRegular() {
		return nil, nil, fileError(args, path, errNotRegular)
	}
	f, err := root.Open(filepath.ToSlash(rel))
	if err != nil {
		return nil, nil, fileError(args, path, err)
	}
	return f, func() { _ = f.Close() }, nil
}

// failure is an error of the walker as a playbook sees it: a file's with its
// place in the file.
func (im *userImport) failure(err error) error {
	var file *client.FileError
	var own *engine.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &file):
		return &engine.Error{
			Name: engine.NameFileError, Where: im.args.call.Where, Operation: im.args.call.Func.Name, ResetAt: -1,
			Message: file.Error(), HintText: file.Hint(), Cause: err,
		}
	case errors.Is(err, context.Canceled):
		return im.args.call.Task.Stopped()
	}
	e := *toError(err, im.args.call.Func.Name)
	if e.Where.File == "" {
		e.Where = im.args.call.Where
	}
	return &e
}

// port makes a call of the run of each request, and a durable sleep of each
// pause.
func (im *userImport) port() client.JobPort {
	task, where := im.args.call.Task, im.args.call.Where
	return client.JobPort{
		Do:     im.jobCalls(im.args, im.role),
		Upload: im.upload,
		Sleep:  func(_ context.Context, d time.Duration) error { return untyped(task.Sleep(d, where)) },
	}
}

// untyped keeps a nil *engine.Error from becoming an error.
func untyped(err error) error {
	if e, ok := err.(*engine.Error); ok && e == nil { //nolint:errorlint // the pointer itself
		return nil
	}
	return err
}

// jobCalls makes requests about jobs for a function that is no operation itself.
func (t *table) jobCalls(args *bound, role string) client.DoFunc {
	return func(_ context.Context, op *catalog.Operation, given client.Args) (*client.Response, error) {
		return t.jobCall(t.apiCall(op, role, &bound{call: args.call, values: timeoutOf(args)}), treeOf(given), nil)
	}
}

// timeoutOf takes the timeout of a function over to its requests.
func timeoutOf(args *bound) *engine.Object {
	out := engine.NewObject(1)
	if v, ok := args.values.Get(timeoutParam); ok {
		out.Set(timeoutParam, v)
	}
	return out
}

// jobCall sends one request; change may change its action first.
func (t *table) jobCall(call *apiCall, values *engine.Object, change func(*engine.Action)) (*client.Response, error) {
	action, failed := call.action(values)
	if failed != nil {
		return nil, failed
	}
	if change != nil {
		change(action)
	}
	out := call.args.call.Task.Do(action)
	if out.Err != nil {
		return nil, jobError{out.Err}
	}
	body, _ := out.Value.(json.RawMessage)
	return &client.Response{Status: out.Status, Body: body}, nil
}

// A jobError lets the walker see the status of an error of the run.
type jobError struct{ own *engine.Error }

func (e jobError) Error() string { return e.own.Error() }

// Status is the HTTP status.
func (e jobError) Status() int { return e.own.StatusCode }

// Unwrap gives the error of the run.
func (e jobError) Unwrap() error { return e.own }

// upload sends a part. Its text holds the hashes of passwords and is megabytes in
// the end: what is recorded, planned and shown is its digest with its rows.
func (im *userImport) upload(_ context.Context, part *client.UserPart, given client.Args) (*client.Response, error) {
	op, ok := im.ops.Lookup("jobs.import_users")
	if !ok {
		return nil, im.args.wrong("the catalogue has no jobs.import_users", "")
	}
	sum := sha256.Sum256(part.Body)
	digest := engine.NewObject(4)
	digest.Set("part", int64(part.Number))
	digest.Set("rows", fmt.Sprintf("%d-%d", part.First, part.Last))
	digest.Set("users", int64(part.Users))
	digest.Set("sha256", hex.EncodeToString(sum[:]))
	recorded := treeOf(given)
	recorded.Set("users", digest)
	call := im.apiCall(op, im.role, &bound{call: im.args.call, values: timeoutOf(im.args)})
	tenant := im.cfg.Tenants[im.role]
	timeout, failed := im.args.timeout()
	if failed != nil {
		return nil, failed
	}
	name := fmt.Sprintf("users-%d.json", part.Number)
	return im.jobCall(call, recorded, func(a *engine.Action) {
		a.Repeatable = im.again
		a.Payload, a.PayloadArg = string(part.Body), "users"
		a.Bulk = &engine.Bulk{Kind: "users", Count: part.Users, Changes: im.o.Upsert}
		a.Perform = func(ctx context.Context, at *engine.Attempt) engine.Outcome {
			sent := make(client.Args, len(given)+1)
			for k, v := range given {
				sent[k] = v
			}
			sent["users"] = client.FileArg{Name: name, Data: bytes.NewReader(part.Body)}
			resp, err := tenant.Do(ctx, op.ID, sent, attemptOptions(at, timeout)...)
			if err != nil {
				return im.failed(err, op)
			}
			return im.answered(resp, op)
		}
	})
}

// progress tells of a step.
func (im *userImport) progress(s client.ImportStep) {
	place := fmt.Sprintf("users.import: part %d of %d (rows %d-%d)", s.Part, im.parts, s.First, s.Last)
	switch {
	case s.State == client.StepUploaded:
		im.say("debug", fmt.Sprintf("%s: uploaded, %s, %s", place, amount(s.Users, "user"), s.Job), nil)
	case s.State == client.StepWaiting:
		im.say("info", place+": waits, since the tenant runs two import jobs already", nil)
	case s.Job == "":
		im.say("warn", fmt.Sprintf("users.import: %s at the end cannot be imported", amount(len(s.Errors), "row")), nil)
	case s.Planned:
		im.planned = true
		im.say("info", fmt.Sprintf("%s: %s planned", place, amount(s.Users, "user")), nil)
	default:
		im.say("info", fmt.Sprintf("%s: %d inserted, %d updated, %d failed; %d of %d parts are done", place, s.Counts.Inserted, s.Counts.Updated, s.Counts.Failed, im.summed.Parts, im.parts), nil)
	}
}

// say writes a line to the log of the run.
func (im *userImport) say(level, text string, fields any) {
	e := engine.Event{Level: level, Text: text}
	if fields != nil {
		e.Fields, _ = json.Marshal(fields) // a struct of ours
	}
	im.args.call.Task.Log(e, im.args.call.Where)
}

// amount is a number with its noun.
func amount(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
