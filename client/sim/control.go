package sim

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"a0run/client/sim/store"
)

// The control API is how tests in any language steer a tenant: its time, its
// faults, its snapshots. It stands beside Auth0's API under a prefix that Auth0
// does not have, and takes a token of its own.

const controlRoot = "/__a0run/"

type control struct {
	token string
	mu    sync.Mutex
	snaps map[string]*store.Store
}

func newControl(token string) *control {
	if token == "" {
		token = rand.Text()
	}
	return &control{token: token, snaps: map[string]*store.Store{}}
}

// A fault on the wire: durations as Go writes them ("250ms").
type faultText struct {
	Operation   string            `json:"operation,omitempty"`
	After       int               `json:"after,omitempty"`
	Count       int               `json:"count,omitempty"`
	Share       float64           `json:"share,omitempty"`
	Seed        uint64            `json:"seed,omitempty"`
	Status      int               `json:"status,omitempty"`
	Body        string            `json:"body,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"`
	Delay       string            `json:"delay,omitempty"`
	Reset       string            `json:"reset,omitempty"`
	CutOff      bool              `json:"cut_off,omitempty"`
	Slow        string            `json:"slow,omitempty"`
	Stale       string            `json:"stale,omitempty"`
	ContentType string            `json:"content_type,omitempty"`
}

func (f faultText) fault(t *Tenant) (Fault, error) {
	out := Fault{
		Operation: f.Operation, After: f.After, Count: f.Count, Share: f.Share, Seed: f.Seed, Status: f.Status,
		Body: f.Body, Headers: f.Headers, Reset: f.Reset, CutOff: f.CutOff, ContentType: f.ContentType,
	}
	err := known(t.table, f.Operation)
	if f.Reset != "" && f.Reset != "before" && f.Reset != "after" {
		err = errors.Join(err, fmt.Errorf(`reset is %q; it must be "before" or "after"`, f.Reset))
	}
	if f.Share < 0 || f.Share > 1 {
		err = errors.Join(err, fmt.Errorf("share is %v; it must be between 0 and 1", f.Share))
	}
	for name, into := range map[string]struct {
		text string
		d    *time.Duration
	}{"delay": {f.Delay, &out.Delay}, "slow": {f.Slow, &out.Slow}, "stale": {f.Stale, &out.Stale}} {
		if into.text == "" {
			continue
		}
		d, wrong := time.ParseDuration(into.text)
		if wrong != nil || d < 0 {
			err = errors.Join(err, fmt.Errorf("%s is %q; write it like 250ms or 3s", name, into.text))
		}
		*into.d = d
	}
	if err == nil {
		err = out.pointless()
	}
	return out, err
}

func textOf(f Fault) faultText {
	d := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	return faultText{
		Operation: f.Operation, After: f.After, Count: f.Count, Share: f.Share, Seed: f.Seed, Status: f.Status, Body: f.Body,
		Headers: f.Headers, Delay: d(f.Delay), Reset: f.Reset, CutOff: f.CutOff, Slow: d(f.Slow), Stale: d(f.Stale), ContentType: f.ContentType,
	}
}

// serveControl answers a request below the prefix.
func (t *Tenant) serveControl(w http.ResponseWriter, r *http.Request, path string) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || subtle.ConstantTimeCompare([]byte(token), []byte(t.control.token)) != 1 {
		answerControl(w, http.StatusUnauthorized, object{"error": "the control API wants Authorization: Bearer CONTROL_TOKEN; control_token stands in the ready file"})
		return
	}
	what, name, _ := strings.Cut(path, "/")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		answerControl(w, http.StatusRequestEntityTooLarge, object{"error": "the body is too large"})
		return
	}
	answer := map[string]func(*http.Request, string, []byte) (any, error){
		"clock": t.controlClock, "faults": t.controlFaults, "snapshots": t.controlSnapshots, "requests": t.controlRequests,
		"mail": t.controlMail, "approvals": t.controlApprovals,
	}[what]
	if answer == nil {
		answerControl(w, http.StatusNotFound, object{"error": "there are approvals, clock, faults, mail, requests and snapshots under " + controlRoot})
		return
	}
	out, err := answer(r, name, body)
	switch {
	case errors.Is(err, errNoSnapshot):
		answerControl(w, http.StatusNotFound, object{"error": err.Error()})
	case errors.Is(err, errVerb):
		answerControl(w, http.StatusMethodNotAllowed, object{"error": err.Error()})
	case err != nil:
		answerControl(w, http.StatusBadRequest, object{"error": err.Error()})
	default:
		answerControl(w, http.StatusOK, out)
	}
}

func answerControl(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(encode(body))
}

var (
	errVerb       = errors.New("this path does not take this verb")
	errNoSnapshot = errors.New("there is no snapshot of that name")
)

// strictly reads a body, and refuses what nobody reads.
func strictly(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// controlClock: GET shows the time; POST {"set": TIME, "frozen": true} or
// {"step": "1h"} changes it.
func (t *Tenant) controlClock(r *http.Request, _ string, body []byte) (any, error) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		var in struct {
			Set    string `json:"set"`
			Step   string `json:"step"`
			Frozen bool   `json:"frozen"`
		}
		if err := strictly(body, &in); err != nil {
			return nil, err
		}
		at, wrong := time.Parse(time.RFC3339, in.Set)
		step, amiss := time.ParseDuration(in.Step)
		switch {
		case in.Set == "" && in.Step == "" && !in.Frozen:
			return nil, errors.New(`say {"set": "2026-01-31T12:00:00Z"}, {"step": "1h"} or {"frozen": true}`)
		case in.Set != "" && wrong != nil:
			return nil, fmt.Errorf("set is %q; write it like 2026-01-31T12:00:00Z", in.Set)
		case in.Step != "" && amiss != nil:
			return nil, fmt.Errorf("step is %q; write it like 90s or 1h", in.Step)
		case in.Set != "":
			t.SetClock(at, in.Frozen)
		case in.Frozen:
			t.SetClock(t.Now(), true)
		}
		if in.Step != "" {
			t.StepClock(step)
		}
	default:
		return nil, errVerb
	}
	return object{"now": t.Now().UTC().Format(time.RFC3339Nano)}, nil
}

// controlFaults: GET lists what is not used up, POST adds one, DELETE takes all
// back.
func (t *Tenant) controlFaults(r *http.Request, _ string, body []byte) (any, error) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		var in faultText
		if err := strictly(body, &in); err != nil {
			return nil, err
		}
		f, err := in.fault(t)
		if err != nil {
			return nil, err
		}
		t.Inject(f)
	case http.MethodDelete:
		t.faults.clear()
	default:
		return nil, errVerb
	}
	out := []faultText{}
	for _, f := range t.faults.all() {
		out = append(out, textOf(f))
	}
	return object{"faults": out}, nil
}

// controlSnapshots: GET lists them; POST NAME keeps the state under a name, PUT
// NAME makes the state that of the snapshot, DELETE NAME forgets it.
func (t *Tenant) controlSnapshots(r *http.Request, name string, _ []byte) (any, error) {
	c := t.control
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.Method == http.MethodGet && name == "":
	case name == "":
		return nil, errors.New("say which: POST, PUT or DELETE " + controlRoot + "snapshots/NAME")
	case r.Method == http.MethodPost:
		c.snaps[name] = t.state.Snapshot()
	case c.snaps[name] == nil:
		return nil, errNoSnapshot
	case r.Method == http.MethodPut:
		t.state.Restore(c.snaps[name])
	case r.Method == http.MethodDelete:
		delete(c.snaps, name)
	default:
		return nil, errVerb
	}
	names := sortedKeys(c.snaps)
	if names == nil {
		names = []string{}
	}
	return object{"snapshots": names}, nil
}

// controlRequests: GET shows what was asked of the tenant, DELETE forgets it.
func (t *Tenant) controlRequests(r *http.Request, _ string, _ []byte) (any, error) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodDelete:
		t.ForgetRequests()
	default:
		return nil, errVerb
	}
	out := []object{}
	for _, line := range t.Requests() {
		out = append(out, object{
			"at": stamp(line.At), "operation": line.Operation, "method": line.Method, "path": line.Path,
			"query": line.Query, "status": line.Status,
		})
	}
	return object{"requests": out}, nil
}
