// Package sim is a local Auth0 tenant: an http.Handler that walks the
// catalogue, with state in one place and quirks in files of their own. It
// shares nothing with the client: a simulator that shares code with its client
// proves nothing.
//
// One request takes this way: router.go finds the operation, serve.go writes
// the log, draws on the limits, checks the token and the arguments and calls
// the handler; generic.go answers whatever has no handler of its own straight
// from the table.
package sim

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"a0run/client/catalog"
	"a0run/client/sim/store"
)

// Options make a tenant. The zero value is an empty tenant without limits.
type Options struct {
	// Domain under which the tenant issues tokens; "" means the host of
	// BaseURL, or "tenant.local" where there is none.
	Domain string
	// BaseURL is where the tenant is reached ("https://127.0.0.1:8443"); ""
	// means "https://" + Domain.
	BaseURL string
	// Clock is the tenant's time; nil means time.Now.
	Clock func() time.Time
	// Seed is the text of a seed file, YAML or JSON, and SeedName its name for
	// errors.
	Seed     []byte
	SeedName string
	// SeedFS is the folder of the seed. Without Seed it is an export of
	// deploy-cli in its form of many files; with one, it has the files that an
	// export's tenant.yaml names.
	SeedFS fs.FS
	// Limits switches rate limits on, and limits on the number of objects.
	Limits Limits
	// NoConnectionRename makes PATCH /connections/{id} refuse another name, as
	// the current API does; without it the name changes, as the examples page
	// of 4.13 has it.
	NoConnectionRename bool
	// Gzip compresses answers for callers that accept it, as Auth0 does; it
	// costs more than everything else that a request asks for.
	Gzip bool
	// Data is a file in which the state is kept; "" keeps it in memory. What a
	// request was answered with is in the file when it is answered, also after
	// kill -9. A file that holds something is the state: the seed is not planted
	// again.
	Data string
	// ControlToken opens the control API under /__a0run/; "" means that one is
	// made up, which Credentials has.
	ControlToken string
	// LogLimit keeps only so many requests in the log, and of the older ones no
	// bodies where these together are large; 0 keeps all.
	LogLimit int
	// JobTime is how long an import or export takes on the tenant's clock; 0
	// means DefaultJobTime.
	JobTime time.Duration
}

// Limits are token buckets, a global one and one an endpoint group, and how many
// objects there may be.
type Limits struct {
	// Rate is how many tokens of the Management API come back within Per; 0
	// means no global limit. The rest is as in a Limit.
	Rate       float64
	Burst      int
	Per, Every time.Duration
	// Reset is "token" (the header names the second by which one token is
	// there again) or "full" (by which the bucket is full).
	Reset string
	// Groups are limits by catalogue bucket ("users.write").
	Groups map[string]Limit
	// Entities are how many objects of a kind there may be, by a name such as
	// "clients" or "users.roles"; a kind that is not named is not limited.
	Entities map[string]int
	// other is the group on which operations draw whose own has no limit, as
	// one plan has it.
	other string
}

// A Limit is one token bucket, or one for each user or address.
type Limit struct {
	// Rate is how many tokens come back within Per; a Per of 0 means a second.
	Rate float64
	Per  time.Duration
	// Burst is how many there are at most; 0 means Rate.
	Burst int
	// Every is the grain of the refill: Auth0's limits a second come back by
	// the millisecond, those a minute by the second. 0 means continuously.
	Every time.Duration
	// By says which requests share a bucket: "" all of them, else those of one
	// "ip" address, "user" (by the token), "ip+email", "ip+state", "ip+prompt" (a
	// page of a log-in), "ip+state+prompt" or "session" (an mfa_token).
	By string
	// verbs are those that draw on it; nil means all of the group.
	verbs []string
}

// A Fault makes matching requests go wrong.
type Fault struct {
	// Operation is a catalogue ID, or "" for every request.
	Operation string
	// After skips that many matching requests first; Count is how many go
	// wrong then (0 means 1, -1 means all).
	After, Count int
	// Status answers with it, Body and Headers; Delay waits first; Reset closes
	// the connection "before" or "after" the write; CutOff sends half of the
	// body.
	Status  int
	Body    string
	Headers map[string]string
	Delay   time.Duration
	Reset   string
	CutOff  bool
	// Share is how many of the matching requests go wrong, between 0 and 1, by
	// chance; 0 means all. Seed makes the chance the same each time.
	Share float64
	Seed  uint64
	// Slow is how long the body takes to come, in pieces.
	Slow time.Duration
	// ContentType is said of the answer instead of what it is.
	ContentType string
	// Stale has user searches show the users as they were so long ago, as far
	// as they changed after the fault was injected.
	Stale time.Duration
}

// Credentials are a tenant's own applications, made with it.
type Credentials struct {
	BaseURL            string `json:"base_url"`
	Domain             string `json:"domain"`
	ClientID           string `json:"client_id"`
	ClientSecret       string `json:"client_secret"`
	PrivateKeyClientID string `json:"private_key_client_id"`
	PrivateKey         string `json:"private_key"`
	CAFile             string `json:"ca_file,omitempty"`
	ControlToken       string `json:"control_token"`
}

// A Request is one line of the tenant's log.
type Request struct {
	At        time.Time
	Operation string
	Method    string
	Path      string // decoded, without the query
	RawPath   string
	Query     string // sorted and encoded
	Header    http.Header
	Body      []byte
	Status    int
}

// A Tenant is one local tenant.
type Tenant struct {
	o       Options
	table   *catalog.Table
	routes  *router
	state   *store.Store
	ids     *ids
	keys    *keys
	limits  *limiter
	faults  *faults
	log     *journal
	answers *answers
	past    *past
	clock   *clock
	control *control
	notes   []string
	jobDue  atomic.Int64 // when the next job ends, UNIX nanoseconds; 0: none is under way

	// where the tenant is reached; Serve learns it after New.
	mu     sync.RWMutex
	base   string
	domain string
	caFile string
}

// New makes a tenant from its seed.
func New(o Options) (*Tenant, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	t := &Tenant{
		o: o, table: catalog.Default(), state: store.New(indexes(), orders()...),
		faults: newFaults(), log: newJournal(o.LogLimit),
		keys: newKeys(), answers: &answers{}, past: &past{}, clock: &clock{base: o.Clock}, control: newControl(o.ControlToken),
	}
	t.state.Pack(usersKind)
	t.state.Pack(passwordsKey().Kind)
	for _, relation := range []string{userRoles, memberships, memberRoles} {
		t.state.Pack(relation)
		t.state.Pack(relation + "~")
	}
	t.state.Watch(usersKind, func(id string, old store.Object) { t.past.note(t.now(), id, old) })
	t.place(o.BaseURL)
	t.ids = newIDs(t.Domain())
	t.routes = newRouter(t.table)
	seed, err := readSeed(t, o.Seed, o.SeedName)
	if err != nil {
		return nil, err
	}
	if seed.clock != nil && o.Seed != nil {
		t.SetClock(*seed.clock, false)
	}
	if t.limits, err = newLimiter(seed.merge(o.Limits)); err != nil {
		return nil, err
	}
	t.o.Seed = nil // it may be large
	t.notes = seed.notes
	empty, err := t.open()
	if err != nil {
		return nil, err
	}
	if empty {
		if err := t.plant(seed); err != nil {
			return nil, errors.Join(err, t.Close())
		}
	}
	for _, f := range seed.faults {
		t.Inject(f)
	}
	return t, nil
}

func (t *Tenant) place(base string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.base, t.domain = base, t.o.Domain
	if t.domain == "" {
		if u, err := url.Parse(base); err == nil && u.Host != "" {
			t.domain = u.Host
		} else {
			t.domain = "tenant.local"
		}
	}
	if t.base == "" {
		t.base = "https://" + t.domain
	}
}

// Domain is the domain under which the tenant issues tokens.
func (t *Tenant) Domain() string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.domain
}

// BaseURL is where the tenant is reached.
func (t *Tenant) BaseURL() string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.base
}

// Issuer is the iss of the tokens that the tenant issues.
func (t *Tenant) Issuer() string { return "https://" + t.Domain() + "/" }

// now is the tenant's time.
func (t *Tenant) now() time.Time { return t.clock.now() }

// Credentials are the tenant's own.
func (t *Tenant) Credentials() Credentials {
	t.mu.RLock()
	defer t.mu.RUnlock()
	c := Credentials{
		BaseURL: t.base, Domain: t.domain, CAFile: t.caFile,
		ControlToken: t.control.token,
		ClientID:     runnerID, PrivateKeyClientID: runnerKeyID, PrivateKey: runnerKey,
	}
	t.state.View(func(tx *store.Tx) {
		c.ClientSecret, _ = tx.Get(clientsKey(), runnerID)["client_secret"].(string)
	})
	return c
}

// Inject adds a fault. Its operation may be named by an alias too. It panics
// when there is no operation of that name: the fault would never happen, and
// the test that waits for it would pass for nothing.
func (t *Tenant) Inject(f Fault) {
	if err := known(t.table, f.Operation); err != nil {
		panic("sim: Inject: " + err.Error())
	}
	if op, ok := t.table.Lookup(f.Operation); ok {
		f.Operation = op.ID
	}
	if f.Stale > 0 {
		t.past.keep(f.Stale)
	}
	t.faults.add(f)
}

// Faults are those that were injected and are not used up, with what is left of
// their After and Count.
func (t *Tenant) Faults() []Fault { return t.faults.all() }

// SeedNotes are the parts of a seed that were not planted: of an export of
// deploy-cli, what this tenant does not model or finds elsewhere.
func (t *Tenant) SeedNotes() []string { return t.notes }

// State is the tenant's state, to be looked at and changed by tests.
func (t *Tenant) State() *store.Store { return t.state }
