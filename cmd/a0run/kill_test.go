package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"a0run/client/sim"
	"a0run/client/sim/store"
	"a0run/engine"
	"a0run/engine/journal"
)

// The kill tests run the real command in a process of its own against a tenant
// in the test's process, kill it (kill -9) at random points, and resume until
// the run ends. `make test` kills a few runs a few times; `make torture` sets
//
//	A0RUN_TORTURE  how many kills altogether
//	A0RUN_CALLS    how many calls a run has, about
//	A0RUN_SEED     where the random points come from

// killLua is a playbook of creates, patches, deletes and relations in tasks;
// its last write depends on what the tasks counted together.
const killLua = `
playbook { params = { units = "integer" } }
local ids = {}
for i = 1, params.units do ids[i] = i end
local done, last = 0, {}
parallel.each(ids, {concurrency = 8}, function(i)
  local user = auth0.users.create({
    email = "new" .. i .. "@example.com", connection = "Username-Password-Authentication",
    password = "Str0ng-Secret!" .. i, user_metadata = {token = "t" .. i},
  })
  auth0.users.update(user.user_id, {user_metadata = {unit = i}})
  if i % 3 == 0 then
    local role = auth0.roles.create({name = "role" .. i, description = "of " .. i})
    auth0.users.add_roles(user.user_id, {role.id})
  end
  if i % 4 == 0 then
    local app = auth0.clients.create({name = "app" .. i % 8, app_type = "spa", description = "of " .. i})
    auth0.clients.update(app.client_id, {client_metadata = {unit = tostring(i)}})
  end
  if i % 6 == 0 then
    auth0.users.remove_roles("auth0|u" .. i, {"rol_a"})
  end
  if i % 5 == 0 then
    auth0.users.delete("auth0|u" .. i)
  else
    auth0.users.update("auth0|u" .. i, {blocked = true})
  end
  auth0.users.get("auth0|keep" .. i % 7)
  done = done + 1
  last[#last % 3 + 1] = i
end)
auth0.users.update("auth0|keep0", {user_metadata = {done = done, last = #last}})
`

// killYAML is the same without what only Lua can say.
const killYAML = `
params: {units: integer}
steps:
  - id: ids
    lua: |
      local ids = {}
      for i = 1, params.units do ids[i] = i end
      return ids
  - for_each: ${{ steps.ids.result }}
    concurrency: 8
    block:
      - id: user
        auth0.users.create:
          body:
            email: new${{ item }}@example.com
            connection: Username-Password-Authentication
            password: Str0ng-Secret!${{ item }}
            user_metadata: {token: "t${{ item }}"}
      - auth0.users.update:
          id: ${{ steps.user.result.user_id }}
          body: {user_metadata: {unit: "${{ item }}"}}
      - when: ${{ item % 3 == 0 }}
        block:
          - id: role
            auth0.roles.create:
              body: {name: "role${{ item }}", description: "of ${{ item }}"}
          - auth0.users.add_roles:
              id: ${{ steps.user.result.user_id }}
              roles: ["${{ steps.role.result.id }}"]
      - when: ${{ item % 4 == 0 }}
        block:
          - id: app
            auth0.clients.create:
              body: {name: "app${{ item % 8 }}", app_type: spa, description: "of ${{ item }}"}
          - auth0.clients.update:
              id: ${{ steps.app.result.client_id }}
              body: {client_metadata: {unit: "${{ tostring(item) }}"}}
      - when: ${{ item % 6 == 0 }}
        auth0.users.remove_roles: {id: "auth0|u${{ item }}", roles: [rol_a]}
      - when: ${{ item % 5 == 0 }}
        auth0.users.delete: {id: "auth0|u${{ item }}"}
      - when: ${{ item % 5 ~= 0 }}
        auth0.users.update: {id: "auth0|u${{ item }}", body: {blocked: true}}
      - auth0.users.get: {id: "auth0|keep${{ item % 7 }}"}
  - auth0.users.update:
      id: auth0|keep0
      body: {user_metadata: {done: "${{ #steps.ids.result }}", last: 3}}
`

// callsPerUnit is about how many calls a unit makes.
const callsPerUnit = 4.4

// A victim is a run that is killed again and again.
type victim struct {
	t       *testing.T
	seed    uint64
	rng     *rand.Rand
	tenant  *sim.Tenant
	server  *httptest.Server
	dir     string
	name    string // the playbook's file
	units   int
	faults  bool
	secret  string
	base    string
	journal string

	mu      sync.Mutex
	cmd     *exec.Cmd // what is running, nil when it was killed
	left    int       // requests until it is killed
	how     string    // before, after, middle
	open    int       // connections
	closed  sync.Cond // one of them has ended
	gap     int       // at most so many requests between two kills
	doubted int       // how many records were only begun, over all kills
	kills   int
}

func newVictim(t *testing.T, seed uint64, name string, units int) *victim {
	t.Helper()
	v := &victim{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), name: name, units: units, dir: t.TempDir()}
	v.closed.L = &v.mu
	v.server = httptest.NewUnstartedServer(http.HandlerFunc(v.serve))
	v.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	v.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state { //nolint:exhaustive // only how many there are
		case http.StateNew:
			v.connections(1)
		case http.StateClosed, http.StateHijacked:
			v.connections(-1)
		}
	}
	v.base = "http://" + v.server.Listener.Addr().String()
	var err error
	// The same domain for all: ids are made of it.
	if v.tenant, err = sim.New(sim.Options{BaseURL: v.base, Domain: "tenant.test", Seed: killSeed(units)}); err != nil {
		t.Fatal(err)
	}
	cred := v.tenant.Credentials()
	v.secret = cred.ClientSecret
	text := killLua
	if strings.HasSuffix(name, ".yaml") {
		text = killYAML
	}
	project := fmt.Sprintf("default: t\ntenants:\n  t:\n    domain: %s\n    client_id: %s\n    client_secret: {env: CLIENT_SECRET}\n    audience: https://tenant.test/api/v2/\n",
		v.base, cred.ClientID)
	for file, text := range map[string]string{name: text, "a0run.yaml": project} {
		if err := os.WriteFile(filepath.Join(v.dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v.journal = filepath.Join(v.dir, "journal.db")
	v.server.Start()
	t.Cleanup(v.server.Close)
	return v
}

// killSeed is a tenant with users to be patched and deleted.
func killSeed(units int) []byte {
	var b strings.Builder
	b.WriteString("roles:\n  - {id: rol_a, name: alpha, description: a}\nusers:\n")
	line := func(name string, i int) {
		fmt.Fprintf(&b, "  - {user_id: 'auth0|%[1]s%[2]d', email: '%[1]s%[2]d@example.com', connection: Username-Password-Authentication, "+
			"roles: [rol_a], created_at: '2025-01-01T00:00:00.000Z', updated_at: '2025-01-01T00:00:00.000Z'}\n", name, i)
	}
	for i := range units {
		line("u", i+1)
	}
	for i := range 7 {
		line("keep", i)
	}
	return []byte(b.String())
}

// serve is the tenant, and the hand that kills.
func (v *victim) serve(w http.ResponseWriter, r *http.Request) {
	how := ""
	v.mu.Lock()
	if v.cmd != nil && strings.HasPrefix(r.URL.Path, "/api/v2/") {
		if v.left--; v.left == 0 {
			how = v.how
		}
	}
	v.mu.Unlock()
	switch how {
	case "":
		v.tenant.ServeHTTP(w, r)
		return
	case "before":
		v.kill()
		panic(http.ErrAbortHandler)
	}
	answer := httptest.NewRecorder()
	v.tenant.ServeHTTP(answer, r)
	if body := answer.Body.Bytes(); how == "middle" && len(body) > 1 {
		w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
	}
	v.kill()
	panic(http.ErrAbortHandler)
}

func (v *victim) connections(more int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open += more
	v.closed.Broadcast()
}

func (v *victim) kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cmd != nil {
		_ = v.cmd.Process.Kill() // it may have ended by itself
		v.cmd = nil
	}
}

// execute runs the command once; it is killed at a random request, or at a
// random moment, unless it is to live.
func (v *victim) execute(live bool, args ...string) (code int, stderr string) {
	v.t.Helper()
	cmd := exec.CommandContext(v.t.Context(), "a0run", append(args, "--journal", v.journal, "--quiet")...) //nolint:gosec // our own command
	cmd.Dir = v.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + v.dir, "CLIENT_SECRET=" + v.secret, "NO_COLOR=1", "GORACE=atexit_sleep_ms=0"}
	var out bytes.Buffer
	cmd.Stderr = &out
	v.mu.Lock()
	if v.left = -1; !live {
		v.left = 1 + v.rng.IntN(v.gap)
		v.how = []string{"before", "after", "middle"}[v.rng.IntN(3)]
	}
	v.cmd = cmd
	err := cmd.Start()
	v.mu.Unlock()
	if err != nil {
		v.t.Fatal(err)
	}
	if !live && v.rng.IntN(4) == 0 {
		late := time.AfterFunc(time.Duration(v.rng.IntN(1500))*time.Millisecond, v.kill)
		defer late.Stop()
	}
	_ = cmd.Wait() // the exit code tells
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cmd = nil
	// What the dead one has sent is done, or not, before anybody looks.
	for v.open > 0 {
		v.closed.Wait()
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// doneCalls are the calls whose outcome the journal has, and how many it only
// has the intents of.
func (v *victim) doneCalls() (run string, done map[string]bool, begun int) {
	v.t.Helper()
	db, err := journal.OpenReader(v.t.Context(), journal.Options{Path: v.journal})
	var missing *journal.MissingError
	if errors.As(err, &missing) {
		return "", nil, 0
	}
	if err != nil {
		v.t.Fatalf("seed %d: %v", v.seed, err)
	}
	defer db.Close() //nolint:errcheck // only read from
	runs, err := db.Runs(v.t.Context(), journal.RunFilter{})
	if err != nil || len(runs) == 0 {
		return "", nil, 0
	}
	done = map[string]bool{}
	for rec, err := range db.Load(v.t.Context(), runs[0].ID, 0) {
		if err != nil {
			v.t.Fatalf("seed %d: %v", v.seed, err)
		}
		switch {
		case rec.State == engine.StateBegun:
			begun++
		case rec.State == engine.StateDone && rec.Object != "" && rec.Mutates && rec.Effect != "create":
			done[rec.Operation+" "+rec.Object] = true
		}
	}
	return runs[0].ID, done, begun
}

// torment executes the playbook and kills it so many times, then lets it end.
func (v *victim) torment(kills int) {
	v.t.Helper()
	// A run makes about 1.6 requests a call, and all kills should find it alive.
	v.gap = max(2, int(float64(v.units)*callsPerUnit*1.6*2)/(kills+1))
	seen := 0
	var done map[string]bool
	run := ""
	for {
		args := []string{"run", v.name, "-p", "units=" + strconv.Itoa(v.units)}
		if run != "" {
			args = []string{"resume", run}
		}
		if v.faults {
			v.inject()
		}
		code, stderr := v.execute(v.kills >= kills, args...)
		requests := v.tenant.Requests()
		for _, r := range requests[seen:] {
			if object := pathObject(r.Path); done[r.Operation+" "+object] && r.Operation != "" {
				v.t.Fatalf("seed %d: %s %s was journaled as done and sent again", v.seed, r.Method, r.Path)
			}
		}
		seen = len(requests)
		if code == 0 {
			return
		}
		if code != -1 {
			v.t.Fatalf("seed %d: after %d kills %v ended with %d: %s", v.seed, v.kills, args, code, stderr)
		}
		v.kills++
		var begun int
		run, done, begun = v.doneCalls()
		v.doubted += begun
	}
}

// pathObject is the id in a path: of /api/v2/users/X/roles X.
func pathObject(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/api/v2/"), "/")
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

// inject makes a few of the next requests go wrong, one of an operation at most: an
// execution that is killed early leaves its faults to the next, and those of 25
// executions, one behind the other, outlast the retries of a call.
func (v *victim) inject() {
	pending := map[string]bool{}
	for _, f := range v.tenant.Faults() {
		pending[f.Operation] = true
	}
	for _, f := range []sim.Fault{
		{Status: 503, Body: `{"statusCode":503,"error":"Service Unavailable","message":"try later"}`},
		// Without headers: a run would learn from them how fast the tenant is.
		{Status: 429, Body: `{"statusCode":429,"error":"Too Many Requests","message":"slow"}`},
		{Reset: "before"},
		{Reset: "after"},
		{CutOff: true},
	} {
		for _, op := range []string{"users.create", "users.update", "roles.create", "clients.create", "users.delete", "users.add_roles"} {
			if v.rng.IntN(12) == 0 && !pending[op] {
				pending[op] = true
				f.Operation, f.After = op, v.rng.IntN(v.units/3+1)
				v.tenant.Inject(f)
			}
		}
	}
}

// outcome is what the tenant holds, without times and without what it makes up.
func (v *victim) outcome() string {
	var b strings.Builder
	v.tenant.State().View(func(tx *store.Tx) {
		names := map[string]string{}
		for _, k := range []struct{ kind, id, name string }{
			{"/users", "user_id", "email"}, {"/roles", "id", "description"}, {"/clients", "client_id", "description"},
		} {
			var lines []string
			for _, o := range tx.All(store.Key{Kind: k.kind}) {
				o = store.Clone(o)
				name, _ := o[k.name].(string)
				id, _ := o[k.id].(string)
				names[id] = name
				for _, made := range []string{"created_at", "updated_at", k.id, "identities", "client_secret", "signing_keys"} {
					delete(o, made)
				}
				text, err := json.Marshal(o)
				if err != nil {
					v.t.Fatal(err)
				}
				lines = append(lines, k.kind+" "+string(text))
			}
			slices.Sort(lines)
			b.WriteString(strings.Join(lines, "\n") + "\n")
		}
		var links []string
		for _, u := range tx.All(store.Key{Kind: "/users"}) {
			id, _ := u["user_id"].(string)
			for _, role := range tx.All(store.Links("user-roles", id)) {
				links = append(links, names[id]+" has "+names[store.ID(role)])
			}
		}
		slices.Sort(links)
		b.WriteString(strings.Join(links, "\n") + "\n")
	})
	return b.String()
}

// done counts the requests that the tenant did, by operation.
func (v *victim) done() map[string]int {
	n := map[string]int{}
	for _, r := range v.tenant.Requests() {
		if r.Method != http.MethodGet && strings.HasPrefix(r.Path, "/api/v2/") && r.Status < 300 && r.Status >= 200 {
			n[r.Operation]++
		}
	}
	return n
}

// torture says how much there is to do.
func torture(t *testing.T) (kills, calls int, seed uint64) {
	t.Helper()
	kills, calls = 20, 300
	seed = uint64(time.Now().UnixNano())
	for name, into := range map[string]*int{"A0RUN_TORTURE": &kills, "A0RUN_CALLS": &calls} {
		if text := os.Getenv(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				t.Fatal(err)
			}
			*into = n
		}
	}
	if text := os.Getenv("A0RUN_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("A0RUN_SEED=%d A0RUN_TORTURE=%d A0RUN_CALLS=%d", seed, kills, calls)
	return kills, calls, seed
}

// TestKills kills runs of both languages, with and without faults, and compares
// what they leave with what an undisturbed run leaves.
func TestKills(t *testing.T) {
	t.Parallel()
	kills, calls, seed := torture(t)
	units := int(float64(calls) / callsPerUnit)
	perRun := max(1, min(25, kills/4))
	var killed atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d kills", killed.Load())
		if int(killed.Load()) < kills && !t.Failed() {
			t.Errorf("%d kills, want %d", killed.Load(), kills)
		}
	})
	for kind, name := range []string{"kill.lua", "kill.yaml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calm := newVictim(t, seed, name, units)
			calm.torment(0)
			want, once := calm.outcome(), calm.done()
			// A run may reach its end before its last kill; then there is one more.
			for round, left := 0, (kills+1)/2; round < 2 || left > 0; round++ {
				v := newVictim(t, seed+uint64(kind)+2*uint64(round), name, units)
				v.faults = round%2 == 1
				v.torment(perRun)
				killed.Add(int64(v.kills))
				left -= v.kills
				if got := v.outcome(); got != want {
					t.Fatalf("seed %d: after %d kills the tenant differs:\n%s", v.seed, v.kills, diffLines(want, got))
				}
				extra := 0
				for op, n := range v.done() {
					if extra += n - once[op]; strings.HasSuffix(op, ".create") && n != once[op] {
						t.Fatalf("seed %d: %s was done %d times, want %d", v.seed, op, n, once[op])
					}
				}
				// A lost answer of a fault is sent again too.
				if !v.faults && extra > v.doubted {
					t.Fatalf("seed %d: %d writes were sent again, and only %d had no answer", v.seed, extra, v.doubted)
				}
			}
		})
	}
}

// diffLines shows the lines that only one of two texts has.
func diffLines(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out []string
	for _, line := range a {
		if !slices.Contains(b, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			out = append(out, "+ "+line)
		}
	}
	if len(out) == 0 {
		out = append(out, fmt.Sprintf("the same lines, %d and %d of them", len(a), len(b)))
	}
	return strings.Join(out[:min(len(out), 30)], "\n")
}
