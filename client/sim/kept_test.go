package sim_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"a0run/client/sim"
)

// TestKept: what a tenant held is there in its next life, in the same order,
// with its relations; new objects get new ids, and its API and the grants for it
// follow it to another address.
func TestKept(t *testing.T) {
	o := sim.Options{Data: filepath.Join(t.TempDir(), "tenant.db"), Seed: []byte("roles: [{id: rol_a, name: a}]")}
	body := `{"name":"same"}`
	d := newDesk(t, o)
	first := d.want(201, "POST", "/api/v2/clients", body).object(t)["client_id"].(string)
	u := d.want(201, "POST", users, `{"connection":"Username-Password-Authentication","email":"a@b.example","password":"Secret-1","user_metadata":{"n":12345678901234567}}`).object(t)
	at := users + "/" + strings.ReplaceAll(u["user_id"].(string), "|", "%7C")
	d.want(204, "POST", at+"/roles", `{"roles":["rol_a"]}`)
	before := d.want(200, "GET", at, "").text
	d.want(204, "DELETE", "/api/v2/clients/"+first, "")
	d.want(201, "POST", "/api/v2/clients", body)
	if err := d.tenant.Close(); err != nil {
		t.Fatal(err)
	}

	o.BaseURL = "https://127.0.0.1:9999"
	again := newDesk(t, o)
	defer func() { _ = again.tenant.Close() }()
	if got := again.want(200, "GET", at, "").text; got != before {
		t.Errorf("the user was\n%s\nand is\n%s", before, got)
	}
	if got := again.want(200, "GET", at+"/roles", "").list(t); len(got) != 1 {
		t.Errorf("roles %v", got)
	}
	ids := map[string]bool{}
	for range 3 {
		ids[again.want(201, "POST", "/api/v2/clients", body).object(t)["client_id"].(string)] = true
	}
	if len(ids) != 3 || ids[first] {
		t.Errorf("ids come again: %v after %s", ids, first)
	}
	if got := again.want(200, "GET", "/api/v2/clients?is_global=false", "").list(t); len(got) != 6 {
		t.Errorf("%d clients, want 6", len(got))
	}
	token, err := again.tenant.Token()
	if err != nil {
		t.Fatal(err)
	}
	again.token = token
	a := again.want(200, "GET", "/api/v2/resource-servers", "")
	if !strings.Contains(a.text, "https://127.0.0.1:9999/api/v2/") || strings.Contains(a.text, "tenant.local") {
		t.Errorf("the tenant's own API stayed behind: %s", a.text)
	}
	if info, err := os.Stat(o.Data); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file is open to others: %v, %v", info.Mode(), err)
	}
	if _, err := sim.New(sim.Options{Data: o.Data}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("two tenants on one file: %v", err)
	}
}

// TestKeptForeign: a file that is none of a tenant's is left alone.
func TestKeptForeign(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, []byte("not a database, and long enough to be looked at as one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sim.New(sim.Options{Data: path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
}

// TestKillServer is the process that TestKilled kills.
func TestKillServer(t *testing.T) {
	data := os.Getenv("A0RUN_SIM_DATA")
	if data == "" {
		t.Skip("only as TestKilled's other process")
	}
	tenant, err := sim.New(sim.Options{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	err = tenant.Serve(t.Context(), sim.ServeOptions{Ready: func(c sim.Credentials) {
		token, _ := tenant.Token()
		fmt.Printf("READY %s %s\n", c.BaseURL, token)
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// TestKilled kills a tenant (kill -9) at a random moment while eight sides write
// to it as fast as they can: every write that was answered is there afterwards,
// creates, patches, deletes, and roles given and taken; one that was on its way
// is there wholly or not at all.
func TestKilled(t *testing.T) {
	lives := 3
	if n, err := strconv.Atoi(os.Getenv("A0RUN_SIM_KILLS")); err == nil {
		lives = n
	}
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("A0RUN_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("A0RUN_SEED=%d repeats the choices, not the moments", seed)
	data := filepath.Join(t.TempDir(), "tenant.db")
	setUp := newDesk(t, sim.Options{Data: data, Seed: []byte("roles: [{id: rol_a, name: a}, {id: rol_b, name: b}]")})
	if err := setUp.tenant.Close(); err != nil {
		t.Fatal(err)
	}
	var sides []*writer
	for i := range 8 {
		sides = append(sides, &writer{side: i, rng: rand.New(rand.NewPCG(seed, uint64(i))), users: map[string]*keptUser{}})
	}
	rng := rand.New(rand.NewPCG(seed, 99))
	writes, doubts := 0, 0
	for life := range lives {
		n := killed(t, data, sides, 100+rng.IntN(300))
		writes += n
		d := newDesk(t, sim.Options{Data: data, LogLimit: 10})
		for _, w := range sides {
			doubts += w.check(t, d, life)
		}
		if err := d.tenant.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d writes were answered, %d were on their way", writes, doubts)
	if writes < 100*lives {
		t.Errorf("only %d writes were answered", writes)
	}
}

// A keptUser is what a side knows of a user that it wrote.
type keptUser struct {
	id, name string
	role     string // "" for none
	gone     bool
}

// A writer is one side. It writes one thing after the other.
type writer struct {
	side, made int
	rng        *rand.Rand
	users      map[string]*keptUser // by e-mail
	order      []string
	base       string
	token      string
	// What was sent and not answered: the user, and what it is like if it was done.
	doubtful string
	after    *keptUser
}

// next writes something, and reports whether it was answered.
func (w *writer) next(t *testing.T) bool {
	t.Helper()
	mail := ""
	var is keptUser
	if len(w.order) > 0 {
		mail = w.order[w.rng.IntN(len(w.order))]
		is = *w.users[mail]
	}
	verb, path, body := "", users+"/"+strings.ReplaceAll(is.id, "|", "%7C"), ""
	switch n := w.rng.IntN(10); {
	case n < 3 || mail == "" || is.gone:
		w.made++
		mail = fmt.Sprintf("u%d-%d@example.com", w.side, w.made)
		is = keptUser{id: fmt.Sprintf("auth0|%d-%d", w.side, w.made), name: mail}
		verb, path = "POST", users
		body = fmt.Sprintf(`{"connection":"Username-Password-Authentication","user_id":"%d-%d","email":%q,"password":"Secret-1"}`, w.side, w.made, mail)
	case n < 6:
		is.name = fmt.Sprint("name ", w.rng.IntN(1_000_000))
		verb, body = "PATCH", fmt.Sprintf(`{"name":%q}`, is.name)
	case n < 7:
		is.gone = true
		verb = "DELETE"
	case is.role == "":
		is.role = []string{"rol_a", "rol_b"}[w.rng.IntN(2)]
		verb, path, body = "POST", path+"/roles", `{"roles":["`+is.role+`"]}`
	default:
		verb, path, body = "DELETE", path+"/roles", `{"roles":["`+is.role+`"]}`
		is.role = ""
	}
	w.doubtful, w.after = mail, &is
	if !w.answered(t, verb, path, body) {
		return false
	}
	if w.users[mail] == nil {
		w.order = append(w.order, mail)
	}
	w.users[mail] = &is
	w.doubtful, w.after = "", nil
	return true
}

func (w *writer) answered(t *testing.T, verb, path, body string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), verb, w.base+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return false
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		t.Errorf("%s %s: %d %s", verb, path, res.StatusCode, text)
	}
	return err == nil
}

// check compares what is there with what was answered, and settles what was not.
func (w *writer) check(t *testing.T, d *desk, life int) (doubts int) {
	t.Helper()
	for _, mail := range w.order {
		got := keptNow(t, d, w.users[mail].id)
		want := *w.users[mail]
		if mail == w.doubtful && alike(got, *w.after) {
			*w.users[mail] = *w.after
			doubts++
		} else if !alike(got, want) {
			t.Errorf("life %d: %s was answered as %+v and is %+v (on its way: %+v)", life, mail, want, got, w.after)
		}
	}
	if w.doubtful != "" && w.users[w.doubtful] == nil { // a create
		doubts++
		if got := keptNow(t, d, w.after.id); !got.gone {
			if !alike(got, *w.after) {
				t.Errorf("life %d: %s is half made: %+v", life, w.doubtful, got)
			}
			w.users[w.doubtful], w.order = w.after, append(w.order, w.doubtful)
		}
	}
	w.doubtful, w.after = "", nil
	return doubts
}

func alike(a, b keptUser) bool { return a == b || a.gone && b.gone }

// keptNow is a user as the tenant has it.
func keptNow(t *testing.T, d *desk, id string) keptUser {
	t.Helper()
	at := users + "/" + strings.ReplaceAll(id, "|", "%7C")
	a := d.send("GET", at, "")
	if a.status != 200 {
		return keptUser{id: id, gone: true}
	}
	u := keptUser{id: id, name: a.object(t)["name"].(string)}
	for _, v := range d.want(200, "GET", at+"/roles", "").list(t) {
		u.role += v.(map[string]any)["id"].(string)
	}
	return u
}

// killed runs a tenant, kills it once so many writes are answered, while others
// are on their way, and says how many were.
func killed(t *testing.T, data string, sides []*writer, enough int) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKillServer$", "-test.v") //nolint:gosec // G204: this test binary
	cmd.Env = append(os.Environ(), "A0RUN_SIM_DATA="+data)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var base, token string
	for lines := bufio.NewScanner(out); base == "" && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "READY %s %s", &base, &token)
	}
	if base == "" {
		t.Fatal("the tenant does not start")
	}
	var n atomic.Int64
	var all sync.WaitGroup
	for _, w := range sides {
		w.base, w.token = base, token
		all.Go(func() {
			for w.next(t) {
				if n.Add(1) == int64(enough) {
					_ = cmd.Process.Kill()
				}
			}
		})
	}
	all.Wait()
	_ = cmd.Wait()
	return int(n.Load())
}
