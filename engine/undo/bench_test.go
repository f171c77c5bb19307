package undo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"a0run/bindings"
	"a0run/client"
	"a0run/client/catalog"
	"a0run/client/sim"
	"a0run/engine"
	"a0run/engine/durable"
	"a0run/engine/image"
	"a0run/engine/journal"
	"a0run/engine/lua"
	"a0run/engine/seal"
	"a0run/engine/undo"
	"a0run/engine/yaml"
)

// A desk runs playbooks against a local tenant and undoes them: the real front
// ends, bindings, engine, journal, client and tenant, in one process.
type desk struct {
	t      *testing.T
	tenant *sim.Tenant
	client *client.Client
	db     *journal.DB
	box    *seal.Box
	dir    string
	number int
	policy engine.UndoPolicy
	shown  strings.Builder // every text that was shown
}

func newDesk(t *testing.T, seed string) *desk {
	t.Helper()
	tenant, err := sim.New(sim.Options{Seed: []byte(seed), SeedName: "seed.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, tenant: tenant, dir: t.TempDir()}
	if d.box, err = seal.New(bytes.Repeat([]byte{7}, seal.KeySize)); err != nil {
		t.Fatal(err)
	}
	if d.db, err = journal.Open(t.Context(), journal.Options{Path: filepath.Join(t.TempDir(), "journal.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.db.Close(); err != nil {
			t.Error(err)
		}
	})
	d.client = d.connect(tenant.Transport())
	return d
}

func (d *desk) connect(via http.RoundTripper) *client.Client {
	cred := d.tenant.Credentials()
	c, err := client.New(cred.BaseURL, client.WithClientSecret(cred.ClientID, cred.ClientSecret),
		client.WithTransport(via), client.WithoutRetry(), client.WithoutValidation())
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// An execution is one execution of a run.
type execution struct {
	run, of, kind string
	resume        bool
	// stopAt is the how-many-th request of the Management API that is the last
	// one; 0 means none.
	stopAt int
	// each is called behind every request of the Management API.
	each   func(n int)
	stages func(s *durable.Session, images *image.Reader) []engine.Stage
	main   func(run *engine.Run, cfg bindings.Config) func(t *engine.Task) error
	head   engine.Head

	err  error
	code int
}

// cutter stops a run behind a request.
type cutter struct {
	next  http.RoundTripper
	after int
	stop  func()
	each  func(n int)

	mu sync.Mutex
	n  int
}

var errStop = errors.New("the test stops the run")

func (c *cutter) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.next.RoundTrip(r)
	if strings.HasPrefix(r.URL.Path, "/api/v2/") {
		c.mu.Lock()
		c.n++
		if c.each != nil {
			c.each(c.n)
		}
		if c.after > 0 && c.n == c.after {
			c.stop()
		}
		c.mu.Unlock()
	}
	return res, err
}

// execute executes a run to its end, or to where it is stopped.
func (d *desk) execute(e *execution) {
	d.t.Helper()
	ctx := d.t.Context()
	cut := &cutter{next: d.tenant.Transport(), after: e.stopAt, each: e.each}
	redactor := engine.NewRedactor()
	redactor.Add(d.tenant.Credentials().ClientSecret)
	cfg := bindings.Config{
		Redactor: redactor, Head: e.head, Dir: d.dir,
		Tenants: map[string]*client.Client{bindings.DefaultRole: d.connect(cut)},
		Secrets: func(_ context.Context, name string) (string, error) { return "The secret " + name, nil },
		// Undo is tried with the least that the local tenant takes.
		Validate: engine.ValidateOff,
	}
	images := image.NewReader(image.Options{API: bindings.API(cfg)})
	d.number++
	o := durable.Options{
		Journal: d.db, Box: d.box, Redactor: redactor, API: bindings.API(cfg), Images: images, Undo: d.policy,
		Owner: engine.Owner{ID: fmt.Sprintf("process %d", d.number), Name: "the test", TTL: time.Hour},
	}
	var s *durable.Session
	var err error
	if e.resume {
		s, err = durable.Resume(ctx, e.run, o)
	} else {
		e.run = fmt.Sprintf("run%03d", d.number)
		s, err = durable.Begin(ctx, &engine.RunRecord{
			ID: e.run, Kind: e.kind, Of: e.of, Started: time.Now(), Status: engine.RunRunning,
		}, o)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	config := engine.Config{Redactor: redactor}
	s.Configure(&config)
	config.Stages = e.stages(s, images)
	run := engine.NewRun(config)
	cfg.Run = run
	cut.stop = func() { run.Stop(errStop) }
	s.Beat(ctx, run)
	e.err = run.Main(ctx, e.main(run, cfg))
	if e.err == nil {
		e.err = s.Leftover(ctx)
	}
	e.code = run.ExitCode(e.err)
	if err := s.Finish(ctx, run, e.err, e.code); err != nil {
		d.t.Fatal(err)
	}
}

// play runs a playbook; a name that ends in .yaml is YAML.
func (d *desk) play(name, text string) string {
	d.t.Helper()
	e := d.try(name, text)
	if e.err != nil {
		d.t.Fatalf("the playbook failed: %v\n%s", e.err, text)
	}
	return e.run
}

func (d *desk) try(name, text string, each ...func(n int)) *execution {
	d.t.Helper()
	e := &execution{kind: engine.KindRun}
	for _, f := range each {
		e.each = f
	}
	e.stages = func(s *durable.Session, images *image.Reader) []engine.Stage {
		return []engine.Stage{s.Replay, s.Before, s.Settle, images.Watch}
	}
	if strings.HasSuffix(name, ".yaml") {
		p, err := yaml.Parse(name, []byte(text), nil)
		if err != nil {
			d.t.Fatal(err)
		}
		e.head = p.Head()
		e.main = func(run *engine.Run, cfg bindings.Config) func(t *engine.Task) error {
			names := bindings.Globals(cfg)
			return func(t *engine.Task) error { return p.Run(t, names, d.vm(run, names)) }
		}
	} else {
		p, err := lua.Parse(name, []byte(text))
		if err != nil {
			d.t.Fatal(err)
		}
		e.head = p.Head()
		e.main = func(run *engine.Run, cfg bindings.Config) func(t *engine.Task) error {
			vm := d.vm(run, bindings.Globals(cfg))
			return func(t *engine.Task) error { return vm.RunPlaybook(t, p) }
		}
	}
	d.execute(e)
	return e
}

func (d *desk) vm(run *engine.Run, names *engine.Namespace) *lua.VM {
	vm, err := lua.NewVM(lua.Options{Run: run, Globals: names, Print: func(string) {}})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(vm.Close)
	return vm
}

// options are those of an undo of a run.
func (d *desk) options(run string, cfg bindings.Config, redactor *engine.Redactor) undo.Options {
	return undo.Options{
		Journal: d.db, Run: run, Open: d.box.Open, API: bindings.API(cfg), Files: bindings.NewFiles(cfg), Redactor: redactor,
	}
}

// An undoing is one execution of an undo.
type undoing struct {
	execution
	result  *undo.Result
	earlier []string
	only    []string
	force   []string
}

// undo undoes a run; change fills in what is special.
func (d *desk) undo(run string, change ...func(u *undoing)) *undoing {
	d.t.Helper()
	u := &undoing{}
	u.of, u.kind = run, engine.KindUndo
	for _, f := range change {
		f(u)
	}
	d.again(u)
	return u
}

// again executes an undo, once more where u.resume is set.
func (d *desk) again(u *undoing) {
	d.t.Helper()
	var gate func(next engine.Doer) engine.Doer
	u.stages = func(s *durable.Session, images *image.Reader) []engine.Stage {
		late := func(next engine.Doer) engine.Doer {
			return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome { return gate(next).Do(ctx, c) })
		}
		return []engine.Stage{s.Replay, s.Before, late, s.Settle, images.Watch}
	}
	u.main = func(run *engine.Run, cfg bindings.Config) func(t *engine.Task) error {
		o := d.options(u.of, cfg, run.Redactor())
		o.Earlier, o.Only, o.Force = u.earlier, u.only, u.force
		it, err := undo.Load(d.t.Context(), o)
		if err != nil {
			d.t.Fatal(err)
		}
		gate = it.Gate
		return func(t *engine.Task) error {
			err := it.Run(t)
			u.result = it.Result()
			return err
		}
	}
	d.execute(&u.execution)
	if u.result != nil {
		if err := u.result.WriteText(&d.shown, undo.TextOptions{}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// preview is what an undo would do.
func (d *desk) preview(run string, change ...func(u *undoing)) *undo.Preview {
	d.t.Helper()
	u := &undoing{}
	for _, f := range change {
		f(u)
	}
	r := engine.NewRun(engine.Config{})
	cfg := bindings.Config{Run: r, Dir: d.dir, Tenants: map[string]*client.Client{bindings.DefaultRole: d.client}}
	o := d.options(run, cfg, r.Redactor())
	o.Earlier, o.Only, o.Force = u.earlier, u.only, u.force
	it, err := undo.Load(d.t.Context(), o)
	if err != nil {
		d.t.Fatal(err)
	}
	var p *undo.Preview
	writes := d.writes()
	err = r.Main(d.t.Context(), func(t *engine.Task) (err error) {
		p, err = it.Preview(t)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	if n := d.writes() - writes; n != 0 {
		d.t.Errorf("a preview sent %d writes", n)
	}
	if err := p.WriteText(&d.shown, undo.TextOptions{}); err != nil {
		d.t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		d.t.Fatal(err)
	}
	d.shown.Write(text)
	return p
}

// writes counts the requests that change the tenant so far.
func (d *desk) writes() int {
	n := 0
	for _, r := range d.tenant.Requests() {
		if op, ok := catalog.Default().Lookup(r.Operation); ok && op.API == catalog.Management && op.Effect.Mutates() {
			n++
		}
	}
	return n
}

// do calls an operation behind everybody's back.
func (d *desk) do(op string, args client.Args) any {
	d.t.Helper()
	res, err := d.client.Do(d.t.Context(), op, args)
	if err != nil {
		d.t.Fatalf("%s: %v", op, err)
	}
	var v any
	if len(res.Body) > 0 {
		if err := json.Unmarshal(res.Body, &v); err != nil {
			d.t.Fatal(err)
		}
	}
	return v
}

// volatile are fields that change by themselves.
func volatile(name string) bool {
	return slices.Contains([]string{"updated_at", "created_at", "last_login", "last_ip", "logins_count", "last_password_reset", "current_since", "updated_on"}, name)
}

// snapshot is the whole tenant as its API shows it: the answer of every read
// that can be asked, by its path.
func (d *desk) snapshot() map[string]string {
	d.t.Helper()
	s := &survey{d: d, answers: map[string]any{}, byPath: map[string]*catalog.Operation{}}
	for _, op := range catalog.Default().All() {
		if op.API == catalog.Management && op.Effect == catalog.Read && op.Verb == http.MethodGet {
			s.byPath[op.Path] = op
		}
	}
	shot := map[string]string{}
	for path, op := range s.byPath {
		if skipped(op) {
			continue
		}
		for _, args := range s.places(path) {
			if v, ok := s.read(op, args); ok {
				shot[op.ID+fmt.Sprint(args)] = plain(v)
			}
		}
	}
	return shot
}

// skipped are reads that tell of the requests themselves.
func skipped(op *catalog.Operation) bool {
	for _, p := range []string{"/logs", "/stats", "/jobs", "/tenants/settings/", "/users-by-email", "/user-blocks"} {
		if strings.HasPrefix(op.Path, p) {
			return true
		}
	}
	return strings.Contains(op.Path, "/logs")
}

type survey struct {
	d       *desk
	answers map[string]any
	byPath  map[string]*catalog.Operation
}

// places are the arguments for every object that a path can name.
func (s *survey) places(path string) []client.Args {
	before, rest, ok := strings.Cut(path, "/{")
	if !ok {
		return []client.Args{{}}
	}
	_ = rest
	out := []client.Args{{}}
	done := ""
	for ok {
		listing := done + before
		wire, after, _ := strings.Cut(rest, "}")
		op := s.byPath[listing]
		if op == nil {
			return nil
		}
		var next []client.Args
		for _, args := range out {
			for _, id := range s.ids(op, args) {
				more := client.Args{}
				for k, v := range args {
					more[k] = v
				}
				more[wire] = id
				next = append(next, more)
			}
		}
		out = next
		done = listing + "/{" + wire + "}"
		before, rest, ok = strings.Cut(after, "/{")
	}
	return out
}

func (s *survey) ids(op *catalog.Operation, args client.Args) []string {
	v, _ := s.read(op, args)
	list, _ := v.([]any)
	var ids []string
	for _, item := range list {
		o, _ := item.(map[string]any)
		field := op.Subject.Field
		if field == "" {
			field = "id"
		}
		if id, ok := o[field].(string); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// read asks once; a listing is the list of its items.
func (s *survey) read(op *catalog.Operation, args client.Args) (any, bool) {
	place := op.ID + fmt.Sprint(args)
	if v, ok := s.answers[place]; ok {
		return v, v != nil
	}
	named := client.Args{}
	for k, v := range args {
		a, ok := op.Arg(k)
		if !ok {
			return nil, false
		}
		named[a.Name] = v
	}
	var v any
	if op.IsListing() {
		list := []any{}
		for item, err := range client.Walk(s.d.t.Context(), op, named, func(ctx context.Context, op *catalog.Operation, args client.Args) (*client.Response, error) {
			return s.d.client.Do(ctx, op.ID, args)
		}) {
			if err != nil {
				list = nil
				break
			}
			var x any
			if json.Unmarshal(item, &x) == nil {
				list = append(list, x)
			}
		}
		if list != nil {
			v = list
		}
	} else if res, err := s.d.client.Do(s.d.t.Context(), op.ID, named); err == nil && json.Unmarshal(res.Body, &v) != nil {
		v = string(res.Body)
	}
	s.answers[place] = v
	return v, v != nil
}

// plain is a value as text: JSON without what changes by itself, without what
// is as good as nothing, lists sorted.
func plain(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case bool:
		if !x {
			return ""
		}
		return "true"
	case string:
		if x == "" {
			return ""
		}
		text, _ := json.Marshal(x)
		return string(text)
	case map[string]any:
		var parts []string
		for name, item := range x {
			if volatile(name) {
				continue
			}
			if text := plain(item); text != "" {
				parts = append(parts, strconv.Quote(name)+":"+text)
			}
		}
		return joined("{", parts, "}")
	case []any:
		var parts []string
		for _, item := range x {
			if text := plain(item); text != "" {
				parts = append(parts, text)
			}
		}
		return joined("[", parts, "]")
	}
	text, _ := json.Marshal(v)
	return string(text)
}

func joined(open string, parts []string, end string) string {
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return open + strings.Join(parts, ",") + end
}

// compare says in what two snapshots differ; ids are objects that have another
// id in the second.
func compare(before, after map[string]string, ids map[string]string) string {
	var pairs []string
	for old, id := range ids {
		pairs = append(pairs, id, old)
	}
	r := strings.NewReplacer(pairs...)
	named := map[string]string{}
	for k, v := range after {
		w := r.Replace(v)
		if w != v {
			w = resorted(w)
		}
		named[r.Replace(k)] = w
	}
	var out []string
	for k, v := range before {
		if w := named[k]; v != w {
			out = append(out, fmt.Sprintf("%s\n  before %s\n  after  %s", k, v, w))
		}
	}
	for k, v := range named {
		if _, ok := before[k]; !ok && v != "" {
			out = append(out, fmt.Sprintf("%s\n  before nothing\n  after  %s", k, v))
		}
	}
	sort.Strings(out)
	return strings.Join(out, "\n")
}

// resorted sorts lists again, after ids in them were exchanged.
func resorted(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	return plain(v)
}

// renamed are the objects of a result that came back under other ids.
func renamed(u *undoing) map[string]string {
	ids := map[string]string{}
	for _, item := range u.result.Items {
		if item.NewID != "" {
			ids[item.Object[strings.Index(item.Object, "/")+1:]] = item.NewID
		}
	}
	return ids
}

// tell is a result in words, for a failing test.
func tell(r *undo.Result) string {
	var b strings.Builder
	_ = r.WriteText(&b, undo.TextOptions{})
	return b.String()
}
