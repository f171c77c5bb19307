package sim

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"a0run/client/catalog"
	"a0run/client/sim/store"
)

// maxBody bounds what is read of a request.
const maxBody = 4 << 20

// A call is one request on its way to its handler.
type call struct {
	t       *Tenant
	tx      *store.Tx
	rt      *route
	op      *catalog.Operation
	params  []string // of the path, decoded
	query   url.Values
	body    map[string]any // a JSON object or a form
	list    []any          // a JSON array
	scalar  any            // a JSON text, number, truth value
	isPlain bool           // the body is scalar
	hasBody bool
	files   map[string][]byte
	req     *http.Request
	now     time.Time
	token   *accessToken
	trusted bool          // the application that calls may say whose address it calls for
	stale   time.Duration // a search shows the users as they were so long ago
}

// A handler answers a call. It runs inside the state's lock: alone when the
// operation mutates, beside other readers when it does not.
type handler func(*call) reply

// An exchange is what comes of a request, before it is put on a wire.
type exchange struct {
	status int
	header http.Header
	body   []byte
	// reset: the connection dies without an answer; cut: half of the body.
	reset, cut bool
	slow       time.Duration // how long the body takes
}

// exchange runs one request through the tenant, also one of a script of another
// origin.
func (t *Tenant) exchange(ctx context.Context, r *http.Request) (*exchange, error) {
	if x := t.preflight(r); x != nil {
		return x, nil
	}
	x, err := t.perform(ctx, r)
	if x != nil && x.header != nil {
		t.crossOrigin(r, x.header)
	}
	return x, err
}

func (t *Tenant) perform(ctx context.Context, r *http.Request) (*exchange, error) {
	raw, whole := readBody(r)
	line := &Request{
		At: t.now(), Method: r.Method, Path: r.URL.Path, RawPath: r.URL.EscapedPath(),
		Query: r.URL.Query().Encode(), Header: r.Header, Body: raw,
	}
	t.log.add(line)
	if !whole {
		return t.finish(line, "", failure(http.StatusRequestEntityTooLarge, "Payload Too Large", "")), nil
	}
	rt, params := t.routes.find(r.Method, line.RawPath)
	if rt == nil {
		return t.finish(line, "", t.unknown(line)), nil
	}
	c := &call{t: t, rt: rt, params: params, query: r.URL.Query(), req: r}
	broken := c.decode(raw)
	c.op = rt.pick(c.body)
	t.log.settle(line, c.op.ID, 0)
	fault := t.faults.next(c.op.ID)
	if fault != nil {
		if err := wait(ctx, fault.Delay); err != nil {
			return nil, err
		}
		if fault.Reset == "before" {
			t.log.settle(line, c.op.ID, 0)
			return &exchange{reset: true}, nil
		}
		if fault.Status != 0 {
			return t.finish(line, c.op.ID, fault.reply()), nil
		}
	}
	c.now = t.now()
	if fault != nil {
		c.stale = fault.Stale
	}
	x := t.finish(line, c.op.ID, t.answer(c, broken))
	if t.o.Gzip && len(x.body) > 0 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		x.compress()
	}
	if fault != nil {
		x.reset = fault.Reset == "after"
		x.cut = fault.CutOff
		x.slow = fault.Slow
		if fault.ContentType != "" {
			x.header.Set("Content-Type", fault.ContentType)
		}
		for k, v := range fault.Headers {
			x.header.Set(k, v)
		}
	}
	return x, nil
}

// wait sleeps on a timer of its own goroutine's bubble, so that virtual time
// carries it, and wakes when the caller gives up.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// answer draws on the limits, checks and calls the handler.
func (t *Tenant) answer(c *call, broken *reply) reply {
	t.runJobs(c.now)
	d, limited := t.limits.draw(c)
	t.tell(c, d.notices)
	if limited && !d.ok {
		return tooMany(c, d)
	}
	rep := t.checked(c, broken)
	if limited {
		rep = rep.withLimit(d)
	}
	return rep
}

func (t *Tenant) checked(c *call, broken *reply) reply {
	if rep := t.authorise(c); rep != nil {
		return *rep
	}
	if broken != nil {
		return *broken
	}
	if rep := validate(c); rep != nil {
		return *rep
	}
	var rep reply
	run := func(tx *store.Tx) {
		c.tx = tx
		if full := c.full(); full != nil {
			rep = *full
		} else {
			rep = c.rt.handle(c)
		}
		if c.op.API == catalog.Management && c.op.Effect != catalog.Read {
			c.logCall(rep)
		}
		c.tx = nil
	}
	// Authentication's reads (authorize) hand out codes, so only the
	// Management API's run beside each other.
	if c.op.Effect == catalog.Read && c.op.API == catalog.Management {
		t.state.View(run)
	} else {
		t.state.Update(run)
		if err := t.state.Err(); err != nil {
			return failure(http.StatusInternalServerError, "The local tenant cannot keep its state: "+err.Error(), "")
		}
	}
	if rep.redo != nil {
		again, err := rep.redo()
		if err != nil {
			return failure(http.StatusInternalServerError, err.Error(), "")
		}
		for k, v := range rep.header {
			again.header[k] = v
		}
		rep = again
	}
	if rep.late != nil {
		body, err := rep.late()
		if err != nil {
			return failure(http.StatusBadRequest, err.Error(), "")
		}
		rep.body = body
	}
	if c.rt.takes.Shows() && rep.body != nil && rep.status < http.StatusMultipleChoices {
		rep.body = c.rt.takes.Prune(rep.body)
	}
	return rep
}

// finish encodes a reply and closes the log line.
func (t *Tenant) finish(line *Request, operation string, rep reply) *exchange {
	x := &exchange{status: rep.status, header: http.Header{}}
	kind := rep.kind
	switch {
	case rep.text != "":
		x.body = []byte(rep.text)
	case rep.body != nil:
		x.body = encode(rep.body)
	}
	if kind == "" {
		kind = "application/json; charset=utf-8"
	}
	x.header.Set("Content-Type", kind)
	x.header.Set("X-Auth0-Requestid", t.ids.request())
	for k, v := range rep.header {
		x.header.Set(k, v)
	}
	t.log.settle(line, operation, rep.status)
	return x
}

// compress packs the body.
func (x *exchange) compress() {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(x.body) // a buffer takes everything
	_ = w.Close()
	x.body = b.Bytes()
	x.header.Set("Content-Encoding", "gzip")
}

func (t *Tenant) unknown(line *Request) reply {
	if strings.HasPrefix(line.RawPath, managementRoot) {
		return failure(http.StatusNotFound, "Not Found", "")
	}
	return reply{status: http.StatusNotFound, kind: "text/html; charset=utf-8", text: "Not found."}
}

// readBody is the body, and whether it came whole and within bounds.
func readBody(r *http.Request) ([]byte, bool) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, true
	}
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	_ = r.Body.Close()
	return raw, err == nil
}

// decode reads the body; what it returns is the answer to a body that cannot
// be read, sent only after the caller is known.
func (c *call) decode(raw []byte) *reply {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	c.hasBody = true
	kind, params, _ := mime.ParseMediaType(c.req.Header.Get("Content-Type"))
	switch kind {
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return badBody(c, "Payload validation error: 'Invalid form'.")
		}
		c.body = map[string]any{}
		for k := range form {
			c.body[k] = form.Get(k)
		}
		return nil
	case "multipart/form-data":
		return c.decodeParts(raw, params["boundary"])
	case "text/html":
		if c.rt.path == loginTemplate { // a page, as its editors send it
			c.scalar, c.isPlain = string(raw), true
			return nil
		}
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil || d.More() {
		if c.rt.api == catalog.Authentication {
			c.body = map[string]any{}
		}
		return badBody(c, "Payload validation error: 'Invalid request payload JSON format'.")
	}
	switch v := v.(type) {
	case map[string]any:
		c.body = v
	case []any:
		c.list = v
	default:
		c.scalar, c.isPlain = v, true
	}
	return nil
}

func (c *call) decodeParts(raw []byte, boundary string) *reply {
	c.body, c.files = map[string]any{}, map[string][]byte{}
	parts := multipart.NewReader(bytes.NewReader(raw), boundary)
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return badBody(c, "Payload validation error: 'Invalid multipart payload'.")
		}
		text, err := io.ReadAll(p)
		if err != nil {
			return badBody(c, "Payload validation error: 'Invalid multipart payload'.")
		}
		if p.FileName() != "" {
			c.files[p.FormName()] = text
		} else {
			c.body[p.FormName()] = string(text)
		}
	}
}

// ServeHTTP answers one request.
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.Path, controlRoot); ok {
		t.serveControl(w, r, rest)
		return
	}
	if r.URL.Path == "/" && r.Method == http.MethodGet {
		t.servePage(w)
		return
	}
	x, err := t.exchange(r.Context(), r)
	if err != nil {
		return // the caller is gone
	}
	if x.reset {
		reset(w)
		return
	}
	for k, v := range x.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(x.body)))
	if x.status == http.StatusNoContent {
		w.Header().Del("Content-Length")
	}
	w.WriteHeader(x.status)
	if x.cut {
		// Fewer bytes than announced, and really sent: a client that got
		// nothing would quietly ask again.
		_, _ = w.Write(x.body[:len(x.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	if x.slow > 0 {
		x.trickle(r.Context(), w)
		return
	}
	_, _ = w.Write(x.body)
}

// pieces is in how many a slow body comes.
const pieces = 8

// trickle writes the body piece by piece.
func (x *exchange) trickle(ctx context.Context, w http.ResponseWriter) {
	for i := range pieces {
		_, _ = w.Write(x.body[len(x.body)*i/pieces : len(x.body)*(i+1)/pieces])
		_ = http.NewResponseController(w).Flush()
		if wait(ctx, x.slow/pieces) != nil {
			return
		}
	}
}

// reset kills the connection under a request: with a TCP reset where there is
// one to be had, by aborting the stream under HTTP/2.
func reset(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
