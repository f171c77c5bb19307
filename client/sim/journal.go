package sim

import (
	"fmt"
	"io"
	"sync"
)

// A journal is the log of all requests, in the order of their arrival.
type journal struct {
	mu    sync.Mutex
	limit int
	lines []*Request
}

func newJournal(limit int) *journal { return &journal{limit: limit} }

func (j *journal) add(r *Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, r)
	if j.limit > 0 && len(j.lines) > 2*j.limit {
		j.lines = append([]*Request(nil), j.lines[len(j.lines)-j.limit:]...)
	}
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
// they came, secrets too.
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
	t.log.lines = nil
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
