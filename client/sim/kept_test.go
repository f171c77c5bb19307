package sim_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

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

// TestKilled kills a tenant (kill -9) that is written to from eight sides: every
// write that was answered is there afterwards.
func TestKilled(t *testing.T) {
	data := filepath.Join(t.TempDir(), "tenant.db")
	answered := map[string]string{}
	for life := range 3 {
		for id, mail := range killed(t, data, life) {
			answered[id] = mail
		}
		d := newDesk(t, sim.Options{Data: data})
		for id, mail := range answered {
			a := d.send("GET", users+"/"+strings.ReplaceAll(id, "|", "%7C"), "")
			if a.status != 200 || a.object(t)["email"] != mail {
				t.Errorf("life %d: %s of %s was answered and is gone: %d", life, id, mail, a.status)
			}
		}
		if err := d.tenant.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(answered) < 500 {
		t.Errorf("only %d writes were answered", len(answered))
	}
}

// killed runs a tenant until 250 writes are answered and kills it while others
// are on their way.
func killed(t *testing.T, data string, life int) map[string]string {
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
	var mu sync.Mutex
	got := map[string]string{}
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := 0; ; i++ {
				mail := fmt.Sprintf("u%d-%d-%d@example.com", life, w, i)
				id := create(t, base, token, mail)
				if id == "" {
					return // it is dead
				}
				mu.Lock()
				got[id] = mail
				if len(got) == 250 {
					_ = cmd.Process.Kill()
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	_ = cmd.Wait()
	return got
}

// create makes a user; "" says that there was no answer, or none that is whole.
func create(t *testing.T, base, token, mail string) string {
	t.Helper()
	body := `{"connection":"Username-Password-Authentication","email":"` + mail + `","password":"Secret-1"}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+users, strings.NewReader(body))
	if err != nil {
		return ""
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer func() { _ = res.Body.Close() }()
	var u struct {
		ID string `json:"user_id"`
	}
	if res.StatusCode != http.StatusCreated || json.NewDecoder(res.Body).Decode(&u) != nil {
		return ""
	}
	return u.ID
}
