package sim

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// A journal is the log of all requests, in the order of their arrival.
type journal struct {
	mu    sync.Mutex
	limit int
	lines []*Request
	seen  map[string]string // values of headers, each held once
	heads []http.Header     // whole headers that came last, the same for many requests
	bytes int               // of the bodies of lines, where there is a limit
}

func newJournal(limit int) *journal { return &journal{limit: limit, seen: map[string]string{}} }

const (
	// manyValues is how many values of headers are remembered at a time. Callers
	// send the same few again and again, tokens of 8 KB among them; only what
	// is another in each request is not worth it.
	manyValues = 1000
	// bodyRoom is how much the bodies of a limited log may take: the oldest are
	// given up.
	bodyRoom = 32 << 20
)

func (j *journal) add(r *Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r.Header = j.header(r.Header)
	j.lines = append(j.lines, r)
	if j.limit == 0 {
		return
	}
	if len(j.lines) > 2*j.limit {
		j.drop(j.lines[:len(j.lines)-j.limit])
		j.lines = append([]*Request(nil), j.lines[len(j.lines)-j.limit:]...)
	}
	j.bytes += len(r.Body)
	if j.bytes > bodyRoom { // half of it at once: to look for the oldest costs something
		for _, old := range j.lines {
			if j.bytes <= bodyRoom/2 {
				break
			}
			j.drop([]*Request{old})
		}
	}
}

// drop gives bodies up.
func (j *journal) drop(lines []*Request) {
	for _, r := range lines {
		j.bytes -= len(r.Body)
		r.Body = nil
	}
}

// manyHeads is how many headers are looked at to find an equal one: callers send
// their requests with a few.
const manyHeads = 8

// header is a request's header, held once for all requests that have it, as is each
// value of one that no other has.
func (j *journal) header(h http.Header) http.Header {
	for _, one := range j.heads {
		if maps.EqualFunc(one, h, slices.Equal[[]string]) {
			return one
		}
	}
	out := make(http.Header, len(h))
	n := 0
	for _, values := range h {
		n += len(values)
	}
	room := make([]string, 0, n)
	for name, values := range h {
		from := len(room)
		for _, v := range values {
			one, ok := j.seen[v]
			if !ok {
				if len(j.seen) == manyValues {
					clear(j.seen)
				}
				one = v
				j.seen[one] = one
			}
			room = append(room, one)
		}
		out[name] = room[from:len(room):len(room)]
	}
	if len(j.heads) == manyHeads {
		j.heads = slices.Delete(j.heads, 0, 1)
	}
	j.heads = append(j.heads, out)
	return out
}

// settle writes what became of a request into its line.
func (j *journal) settle(r *Request, operation string, status int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if operation != "" {
		r.Operation = operation
	}
	r.Status = status
}

// Requests is a copy of the log so far, in the order of arrival. A request
// that is not answered yet has status 0. Headers and bodies stand there as
// they came, secrets too; they are shared, and not to be changed.
func (t *Tenant) Requests() []Request {
	j := t.log
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	if j.limit > 0 && len(lines) > j.limit {
		lines = lines[len(lines)-j.limit:]
	}
	out := make([]Request, len(lines))
	for i, r := range lines {
		out[i] = *r
	}
	return out
}

// ForgetRequests empties the log.
func (t *Tenant) ForgetRequests() {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	t.log.lines, t.log.bytes = nil, 0
	clear(t.log.seen)
	t.log.heads = nil
}

// WriteLog prints the log, one request a line, without headers and bodies,
// which hold secrets.
func (t *Tenant) WriteLog(w io.Writer) error {
	for _, r := range t.Requests() {
		query := r.Query
		if query != "" {
			query = "?" + query
		}
		_, err := fmt.Fprintf(w, "%s %d %s %s%s %s\n",
			r.At.UTC().Format("15:04:05.000"), r.Status, r.Method, r.RawPath, query, r.Operation)
		if err != nil {
			return err
		}
	}
	return nil
}
