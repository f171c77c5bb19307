package durable_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"a0run/bindings"
	"a0run/client"
	"a0run/client/sim"
	"a0run/client/sim/store"
	"a0run/engine"
	"a0run/engine/durable"
	"a0run/engine/image"
	"a0run/engine/journal"
	"a0run/engine/lua"
	"a0run/engine/seal"
	"a0run/engine/yaml"
)

// A desk executes playbooks against a local tenant in the process, journaled:
// the real front ends, bindings, engine, journal, client and tenant, over the
// tenant's in-memory transport, so also in a synctest bubble.
type desk struct {
	t      *testing.T
	tenant *sim.Tenant
	db     *journal.DB
	box    *seal.Box
	path   string // the journal's
	dir    string // the playbook's
	now    func() time.Time
	env    map[string]string
	secret map[string]string
	all    bool // seal whole records
	shown  bool // nothing is known as a secret
	number int

	shutAlready bool
	// run is the id of the run of the last execution.
	run string
}

func newDesk(t *testing.T, o sim.Options) *desk {
	t.Helper()
	tenant, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, tenant: tenant, path: filepath.Join(t.TempDir(), "journal.db"), dir: t.TempDir(), now: time.Now, env: map[string]string{}, secret: map[string]string{}}
	if d.box, err = seal.New(bytes.Repeat([]byte{7}, seal.KeySize)); err != nil {
		t.Fatal(err)
	}
	d.open()
	t.Cleanup(d.close)
	return d
}

func (d *desk) open() {
	var err error
	if d.db, err = journal.Open(context.Background(), journal.Options{Path: d.path, Now: func() time.Time { return d.now() }}); err != nil {
		d.t.Fatal(err)
	}
}

// shut closes the journal before the test ends.
func (d *desk) shut() {
	d.close()
	d.shutAlready = true
}

func (d *desk) close() {
	if d.shutAlready {
		return
	}
	if err := d.db.Close(); err != nil {
		d.t.Error(err)
	}
}

// A play is one execution: of a new run, or of one that is resumed.
type play struct {
	name, text    string
	resume        string
	accept, retry bool
	concurrency   int
	params        map[string]string
	fate          fate
	// unlike changes what the command sets.
	undo engine.UndoPolicy
}

// A fate says when the process of an execution dies; the zero value is a long
// life.
type fate struct {
	// records is how many records the journal takes before the death.
	records int
	// request is the how-many-th request of the Management API is the last one;
	// when says whether the tenant still does it: "before", "after".
	request int
	when    string
	// mutating counts only those that change something.
	mutating bool
	// at tells the moment of the death.
	at <-chan struct{}
	// each is called with every request, before the tenant sees it.
	each func(n int, r *http.Request)
	// slow lets other requests live until the last one is done.
	slow bool
	// after is called when the tenant has done one.
	after func(n int, r *http.Request)
}

// A process is one that may die: nothing that it writes or sends after that
// arrives.
type process struct {
	engine.Journal
	db    *journal.DB
	fate  fate
	next  http.RoundTripper
	lease engine.Lease

	mu       sync.Mutex
	kill     func() // ends what the process does beside
	dead     bool
	records  int
	requests int
}

var errDead = errors.New("the process was killed")

func (p *process) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// take counts a record; false says that it is not written any more. The lock
// is held while it is queued, so that what is cut is the end of the order.
func (p *process) take() bool {
	if p.fate.records > 0 && p.records >= p.fate.records && !p.dead {
		p.dead = true
		go p.kill() // not here: the caller holds the order of the records
	}
	p.records++
	return !p.dead
}

type deadAck struct{}

func (deadAck) Done() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}
func (deadAck) Err() error { return errDead }

func (p *process) Begin(ctx context.Context, run *engine.RunRecord, o engine.Owner) (engine.Lease, error) {
	l, err := p.Journal.Begin(ctx, run, o)
	p.lease = l
	return l, err
}

func (p *process) Claim(ctx context.Context, run string, o engine.Owner) (engine.Lease, error) {
	l, err := p.Journal.Claim(ctx, run, o)
	p.lease = l
	return l, err
}

func (p *process) Intent(ctx context.Context, l engine.Lease, rec *engine.CallRecord) error {
	p.mu.Lock()
	ok := p.take()
	p.mu.Unlock()
	if !ok {
		return errDead
	}
	return p.Journal.Intent(ctx, l, rec)
}

func (p *process) Record(l engine.Lease, rec *engine.CallRecord) engine.Ack {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.take() {
		return deadAck{}
	}
	return p.Journal.Record(l, rec)
}

func (p *process) Step(l engine.Lease, s *engine.StepRecord) {
	if !p.isDead() {
		p.Journal.Step(l, s)
	}
}

func (p *process) Finish(ctx context.Context, l engine.Lease, end engine.RunEnd) error {
	if p.isDead() {
		return p.Release(ctx, l)
	}
	return p.Journal.Finish(ctx, l, end)
}

// RoundTrip is the process's only way to the tenant.
func (p *process) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, "/api/v2/") {
		if p.isDead() {
			return nil, errDead
		}
		return p.next.RoundTrip(r)
	}
	p.mu.Lock()
	if p.dead {
		p.mu.Unlock()
		return nil, errDead
	}
	if !p.fate.mutating || r.Method != http.MethodGet {
		p.requests++
	}
	n := p.requests
	last := p.fate.request > 0 && n == p.fate.request && (!p.fate.mutating || r.Method != http.MethodGet)
	if last && !p.fate.slow {
		p.dead = true
	}
	p.mu.Unlock()
	if p.fate.each != nil {
		p.fate.each(n, r)
	}
	if last {
		defer p.kill()
	}
	if last && p.fate.when == "before" {
		return nil, errDead
	}
	answer, err := p.next.RoundTrip(r)
	if p.fate.after != nil {
		p.fate.after(n, r)
	}
	if last && p.fate.slow {
		p.mu.Lock()
		p.dead = true
		p.mu.Unlock()
	}
	if p.isDead() {
		if err == nil {
			_ = answer.Body.Close()
		}
		return nil, errDead
	}
	return answer, err
}

// An execution is what came of a play.
type execution struct {
	err    error
	code   int
	prints []string
	events []engine.Event
	run    string
	died   bool
	sent   int // requests of the Management API
	// redactor knows what the process knew.
	redactor *engine.Redactor
}

// Emit keeps the events.
func (e *execution) Emit(ev engine.Event) {
	mu.Lock()
	defer mu.Unlock()
	e.events = append(e.events, ev)
}

var mu sync.Mutex // of the events: emitted from anywhere

// play executes a playbook to its end, or its process's death.
func (d *desk) play(p play) *execution {
	d.t.Helper()
	if p.name == "" {
		p.name = "book.lua"
	}
	e, err := d.try(p)
	if err != nil {
		d.t.Fatalf("the execution did not start: %v", err)
	}
	return e
}

// try is play where the start may be refused.
func (d *desk) try(p play) (*execution, error) {
	ctx := context.Background()
	var book struct {
		lua  *lua.Playbook
		yaml *yaml.Playbook
	}
	var err error
	var head engine.Head
	if strings.HasSuffix(p.name, ".lua") {
		if book.lua, err = lua.Parse(p.name, []byte(p.text)); err == nil {
			head = book.lua.Head()
		}
	} else {
		if book.yaml, err = yaml.Parse(p.name, []byte(p.text), nil); err == nil {
			head = book.yaml.Head()
		}
	}
	if err != nil {
		return nil, err
	}
	params, problems := head.ParseParams(p.params, nil)
	if len(problems) > 0 {
		return nil, problems
	}
	e := &execution{redactor: engine.NewRedactor()}
	e.redactor.Off = d.shown
	proc := &process{Journal: d.db, db: d.db, fate: p.fate, next: d.tenant.Transport()}
	cred := d.tenant.Credentials()
	c, err := client.New(cred.BaseURL, client.WithClientSecret(cred.ClientID, cred.ClientSecret),
		client.WithTransport(proc), client.WithoutRetry(), client.WithoutValidation(), client.WithClock(d.now))
	if err != nil {
		return nil, err
	}
	e.redactor.Add(cred.ClientSecret)
	for _, declared := range head.Params {
		if v, ok := params.Get(declared.Name); ok && declared.Type == "secret" {
			if text, isText := v.(engine.Secret); isText {
				e.redactor.Add(string(text))
			} else if text, isText := v.(string); isText {
				e.redactor.Add(text)
			}
		}
	}
	globals := bindings.Config{
		Redactor: e.redactor, Head: head, Params: params, Dir: d.dir,
		Tenants: map[string]*client.Client{bindings.DefaultRole: c},
		Getenv: func(name string) (string, bool) {
			v, ok := d.env[name]
			return v, ok
		},
		Secrets: func(_ context.Context, name string) (string, error) { return d.secret[name], nil },
	}
	images := image.NewReader(image.Options{API: bindings.API(globals), Now: d.now})
	d.number++
	o := durable.Options{
		Journal: proc, Box: d.box, Redactor: e.redactor, Now: d.now, Undo: p.undo, SealAll: d.all,
		Owner: engine.Owner{ID: fmt.Sprintf("process %d", d.number), Name: "the test", TTL: time.Hour},
		API:   bindings.API(globals), Images: images, AcceptChanges: p.accept, RetryFailed: p.retry,
	}
	var s *durable.Session
	if p.resume == "" {
		s, err = durable.Begin(ctx, &engine.RunRecord{ID: fmt.Sprintf("run%03d", d.number), Kind: engine.KindRun, Started: d.now(), Status: engine.RunRunning}, o)
	} else {
		s, err = durable.Resume(ctx, p.resume, o)
	}
	if err != nil {
		return nil, err
	}
	cfg := engine.Config{Concurrency: p.concurrency, Sink: e, Redactor: e.redactor, Now: d.now, Patience: head.Patience}
	s.Configure(&cfg)
	cfg.Stages = []engine.Stage{s.Replay, s.Before, s.Settle, images.Watch}
	run := engine.NewRun(cfg)
	globals.Run = run
	names := bindings.Globals(globals)
	vm, err := lua.NewVM(lua.Options{Run: run, Globals: names, Print: func(line string) { e.prints = append(e.prints, line) }})
	if err != nil {
		return nil, err
	}
	defer vm.Close()
	s.Beat(ctx, run)
	proc.mu.Lock()
	proc.kill = func() { run.Cancel(errDead) }
	proc.mu.Unlock()
	ended := make(chan struct{})
	defer close(ended)
	if p.fate.at != nil {
		go func() {
			select {
			case <-p.fate.at:
				proc.mu.Lock()
				proc.dead = true
				proc.mu.Unlock()
				proc.kill()
			case <-ended:
			}
		}()
	}
	e.err = run.Main(ctx, func(t *engine.Task) error {
		if book.lua != nil {
			return vm.RunPlaybook(t, book.lua)
		}
		return book.yaml.Run(t, names, vm)
	})
	if e.err == nil {
		e.err = s.Leftover(ctx)
	}
	e.code, e.run, e.died, e.sent = run.ExitCode(e.err), run.ID(), proc.isDead(), proc.requests
	d.run = e.run
	if err := s.Finish(ctx, run, e.err, e.code); err != nil && e.err == nil {
		e.err = err
	}
	return e, nil
}

// resume goes on with the last run until it ends without dying.
func (d *desk) resume(p play) *execution {
	d.t.Helper()
	p.resume, p.fate = d.run, fate{}
	return d.play(p)
}

// records are the calls of a run as the journal has them.
func (d *desk) records(run string) []*engine.CallRecord {
	d.t.Helper()
	var all []*engine.CallRecord
	for rec, err := range d.db.Load(context.Background(), run, 0) {
		if err != nil {
			d.t.Fatal(err)
		}
		all = append(all, rec)
	}
	return all
}

// keys are the keys of the operations of a run, sorted.
func (d *desk) keys(run string) []string {
	var keys []string
	for _, rec := range d.records(run) {
		if rec.Tenant != "" && rec.State != engine.StateRefused {
			keys = append(keys, rec.Operation+" "+rec.Task+" "+rec.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// states counts a run's mutating records by state.
func (d *desk) states(run string) map[string]int {
	n := map[string]int{}
	for _, rec := range d.records(run) {
		if rec.Mutates {
			n[rec.State]++
		}
	}
	return n
}

// writes are the mutating requests that reached the tenant's API, in order.
func (d *desk) writes() []string { return writesOf(d.tenant) }

func writesOf(tenant *sim.Tenant) []string {
	var lines []string
	for _, r := range tenant.Requests() {
		if r.Method != http.MethodGet && strings.HasPrefix(r.Path, "/api/v2/") {
			lines = append(lines, fmt.Sprintf("%s %s %s", r.Method, r.Path, r.Body))
		}
	}
	return lines
}

// count is how many requests of a method came whose path begins so.
func (d *desk) count(method, prefix string) int {
	n := 0
	for _, r := range d.tenant.Requests() {
		if r.Method == method && strings.HasPrefix(r.Path, "/api/v2"+prefix) {
			n++
		}
	}
	return n
}

// state is what the tenant holds of the kinds that tests write, without times.
func (d *desk) state() string { return stateOf(d.t, d.tenant) }

func stateOf(t *testing.T, tenant *sim.Tenant) string {
	t.Helper()
	var b strings.Builder
	dump := func(tx *store.Tx, k store.Key) {
		var lines []string
		for _, o := range tx.All(k) {
			o = store.Clone(o)
			for _, name := range []string{"created_at", "updated_at"} {
				delete(o, name)
			}
			text, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, string(text))
		}
		slices.Sort(lines)
		for _, line := range lines {
			fmt.Fprintf(&b, "%s %s %s\n", k.Kind, k.Scope, line)
		}
	}
	tenant.State().View(func(tx *store.Tx) {
		for _, kind := range []string{"/users", "/roles", "/clients", "/connections", "/organizations", "/resource-servers", "/rules"} {
			dump(tx, store.Key{Kind: kind})
		}
		for _, u := range tx.All(store.Key{Kind: "/users"}) {
			id, _ := u["user_id"].(string)
			dump(tx, store.Links("user-roles", id))
			dump(tx, store.Links("memberships", id))
		}
	})
	return b.String()
}

// wants fails on another error name than wanted; "" wants none.
func (e *execution) wants(t *testing.T, name string) {
	t.Helper()
	_ = e.failure(t, name)
}

// failure is wants and gives the error.
func (e *execution) failure(t *testing.T, name string) *engine.Error {
	t.Helper()
	got := ""
	err := engine.AsError(e.err)
	if err != nil {
		got = err.Name
	}
	if got != name {
		t.Fatalf("the run ended with %v (%s), want %q", e.err, got, name)
	}
	return err
}

// seedUsers is a seed of n users with ids that a test can name, and two roles.
func seedUsers(n int) []byte {
	var b strings.Builder
	b.WriteString("users:\n")
	base := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		at := base.Add(time.Duration(i) * time.Minute).Format("2006-01-02T15:04:05.000Z")
		fmt.Fprintf(&b, "  - {user_id: 'auth0|u%d', email: 'u%d@example.com', connection: Username-Password-Authentication, created_at: '%s', updated_at: '%s'}\n", i, i, at, at)
	}
	b.WriteString("roles:\n  - {id: rol_a, name: alpha, description: a}\n  - {id: rol_b, name: beta, description: b}\n")
	return []byte(b.String())
}

func (d *desk) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// put changes the tenant behind everybody's back.
func (d *desk) put(k store.Key, id string, o store.Object) {
	d.tenant.State().Update(func(tx *store.Tx) { tx.Put(k, id, o) })
}

// resolve says what became of a call.
func (d *desk) resolve(key string, done bool, object string) {
	d.t.Helper()
	if _, err := d.db.Resolve(context.Background(), d.run, key, journal.Verdict{Done: done, Object: object}); err != nil {
		d.t.Fatal(err)
	}
}
