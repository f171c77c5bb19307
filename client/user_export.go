package client

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// mostExportFields is how many fields an export has at most.
const mostExportFields = 30

// An ExportField is one field of an export: its path ("user_metadata.country",
// "identities[0].connection"), and the name it has in the file; "" means the
// path.
type ExportField struct {
	Name     string `json:"name"`
	ExportAs string `json:"export_as,omitempty"`
}

// UserExportFields are what an export has that names no fields: all that a tenant
// tells of a user. Auth0's own choice leaves the metadata out and gives the
// fields other names.
func UserExportFields() []ExportField {
	var all []ExportField
	for _, name := range []string{
		userID, "email", "email_verified", "username", "phone_number", "phone_verified", "name", "given_name", "family_name",
		"nickname", "picture", "blocked", "user_metadata", "app_metadata", "identities", createdAt, "updated_at", "last_login",
		"last_ip", "logins_count", "last_password_reset", "multifactor",
	} {
		all = append(all, ExportField{Name: name})
	}
	return all
}

// ExportOptions say what is exported.
type ExportOptions struct {
	// ConnectionID is whose users; "" means all of the tenant.
	ConnectionID string
	// Format is FormatJSON (an object a line) or FormatCSV; "" means JSON.
	Format string
	// Fields are the fields in their order; nil means UserExportFields.
	Fields []ExportField
	// Limit is how many users at most; 0 means all.
	Limit int
}

// Args are the arguments of jobs.export_users.
func (o ExportOptions) Args() (Args, error) {
	body := map[string]any{"format": FormatJSON, "fields": o.Fields}
	switch o.Format {
	case "", FormatJSON:
	case FormatCSV:
		body["format"] = FormatCSV
	default:
		return nil, &ArgumentError{Operation: opExport, Argument: "format", Problem: fmt.Sprintf("%q is neither json nor csv", o.Format)}
	}
	if o.Fields == nil {
		body["fields"] = UserExportFields()
	}
	if len(o.Fields) > mostExportFields {
		return nil, &ArgumentError{Operation: opExport, Argument: "fields", Problem: fmt.Sprintf("%d fields, and an export has at most %d", len(o.Fields), mostExportFields)}
	}
	if o.ConnectionID != "" {
		body["connection_id"] = o.ConnectionID
	}
	if o.Limit > 0 {
		body["limit"] = o.Limit
	}
	return Args{"body": body}, nil
}

// StartExport starts a job with the arguments of jobs.export_users and waits
// until its file is there. It gives the job's id.
func StartExport(ctx context.Context, args Args, port JobPort) (string, error) {
	resp, err := port.do(ctx, opExport, args)
	if err != nil {
		return "", err
	}
	id := idOf(resp.Body, "id")
	if id == "" {
		return "", &Auth0Error{StatusCode: resp.Status, ErrorCode: unknownCode, Operation: opExport, Header: resp.Header, Body: resp.Body, Message: "the answer names no job"}
	}
	for tries := 0; ; tries++ {
		if err := port.sleep(ctx, pollAfter(tries)); err != nil {
			return "", err
		}
		state, err := port.state(ctx, id)
		switch {
		case err != nil:
			return "", err
		case state.Status == "completed":
			return id, nil
		case state.Status == "failed":
			return "", &Auth0Error{StatusCode: http.StatusOK, ErrorCode: "job_failed", Operation: opExport, Header: http.Header{}, Message: "the export job " + id + " failed: " + state.why()}
		}
	}
}

// ExportUsers exports users and yields each as JSON. The file is fetched wholly
// before the first one is handed out, so that a slow loop holds no connection
// open.
func (c *Client) ExportUsers(ctx context.Context, o ExportOptions) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		if o.Format == FormatCSV {
			yield(nil, &ArgumentError{Operation: opExport, Argument: "format", Problem: "a loop over users reads json", Next: "ExportTo writes a csv file"})
			return
		}
		file, err := c.exportFile(ctx, o)
		if err != nil {
			yield(nil, err)
			return
		}
		defer file.Close() //nolint:errcheck // a file that was only read, and is gone with this
		for line, err := range ExportLines(file) {
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// ExportTo exports users and writes the file, unpacked, in the form that the
// tenant gives it.
func (c *Client) ExportTo(ctx context.Context, w io.Writer, o ExportOptions) error {
	file, err := c.exportFile(ctx, o)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // a file that was only read, and is gone with this
	_, err = io.Copy(w, file)
	return err
}

func (c *Client) exportFile(ctx context.Context, o ExportOptions) (io.ReadCloser, error) {
	args, err := o.Args()
	if err != nil {
		return nil, err
	}
	id, err := StartExport(ctx, args, c.jobPort(callOptions{}))
	if err != nil {
		return nil, err
	}
	return c.OpenExport(ctx, id)
}

// ExportLines reads the users of a JSON export.
func ExportLines(r io.Reader) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		in := &lineReader{from: bufio.NewReaderSize(r, 64<<10), line: 1}
		for n := 1; ; n++ {
			text, err := in.textLine()
			if err != nil && !errors.Is(err, io.EOF) {
				yield(nil, fmt.Errorf("the export's line %d cannot be read: %w", n, err))
				return
			}
			if len(strings.TrimSpace(string(text))) > 0 {
				if !json.Valid(text) {
					yield(nil, fmt.Errorf("the export's line %d is no JSON", n))
					return
				}
				if !yield(json.RawMessage(strings.TrimSpace(string(text))), nil) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

// downloads is how often the file of an export is fetched until it comes whole.
const downloads = 4

// OpenExport fetches the file of a finished export job wholly and gives its text,
// unpacked. The tenant keeps the file for 24 hours, and each address of it for a
// minute; a fresh one is asked for here.
//
// The text lies in a temporary file that no other process can read: it is
// encrypted with a key that is never written down. Close removes it.
func (c *Client) OpenExport(ctx context.Context, job string) (io.ReadCloser, error) {
	var failed error
	for range downloads {
		state, err := c.jobPort(callOptions{}).state(ctx, job)
		if err != nil {
			return nil, err
		}
		if state.Location == "" {
			return nil, &Auth0Error{StatusCode: http.StatusOK, ErrorCode: "no_file", Operation: opExport, Header: http.Header{}, Message: "the export job " + job + " (" + state.Status + ") has no file"}
		}
		c.learn(state.Location)
		file, again, err := c.download(ctx, state.Location)
		if err == nil {
			return unpacked(file)
		}
		failed = err
		if !again || ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// download fetches a file into a spool; again says that another try may help.
func (c *Client) download(ctx context.Context, location string) (*spool, bool, error) {
	ctx, w := newWatch(ctx, c.cfg.Timeouts.or(Timeouts{Connect: DefaultConnect, Silence: DefaultUploadSilence}))
	defer w.stop()
	fault := func(err error) error {
		if timeout, ok := errors.AsType[*TimeoutError](context.Cause(ctx)); ok {
			t := *timeout
			t.Operation = opExport
			return &t
		}
		return &NetworkError{Operation: opExport, Phase: "receive", Err: withoutAddress(err)}
	}
	resp, err := c.fetch(ctx, location)
	if err != nil {
		if refused, own := errors.AsType[*Auth0Error](err); own {
			return nil, false, refused
		}
		return nil, true, fault(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end or given up
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096)) // what came of it is shown
		return nil, resp.StatusCode == http.StatusForbidden || resp.StatusCode >= http.StatusInternalServerError, &Auth0Error{
			StatusCode: resp.StatusCode, ErrorCode: unknownCode, Operation: opExport, Header: resp.Header, Body: text,
			Message: "the export's file was not given: " + http.StatusText(resp.StatusCode),
		}
	}
	file, err := newSpool()
	if err != nil {
		return nil, false, err
	}
	if _, err := io.Copy(file, watched{resp.Body, w}); err != nil {
		_ = file.Close()
		return nil, true, fault(err)
	}
	return file, false, nil
}

// withoutAddress takes the address, which opens the file, out of an error.
func withoutAddress(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// fetch asks for a file at its address, wherever that is, without a token.
func (c *Client) fetch(ctx context.Context, location string) (*http.Response, error) {
	for hop := 0; ; hop++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
		if err != nil {
			return nil, fmt.Errorf("the address of the file cannot be read")
		}
		if req.URL.Scheme != "https" && (c.base.Scheme != "http" || !loopback(req.URL.Hostname())) {
			return nil, &Auth0Error{StatusCode: http.StatusOK, ErrorCode: "no_file", Operation: opExport, Header: http.Header{}, Message: "the address of the file is not https: users would travel in the clear"}
		}
		resp, err := c.transport.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		next := redirect(req, resp)
		if next == nil || hop == maxRedirects {
			return resp, nil
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 4096)
		_ = resp.Body.Close()
		location = next.String()
		c.learn(location)
	}
}

// unpacked reads a file that may be packed with gzip.
func unpacked(file *spool) (io.ReadCloser, error) {
	text := bufio.NewReaderSize(file, 64<<10)
	if head, _ := text.Peek(2); len(head) < 2 || head[0] != 0x1f || head[1] != 0x8b {
		return opened{text, file}, nil
	}
	z, err := gzip.NewReader(text)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the export's file cannot be unpacked: %w", err), file.Close())
	}
	return opened{z, file}, nil
}

// opened is a reader with the file below it.
type opened struct {
	io.Reader
	io.Closer
}
