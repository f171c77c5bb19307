package sim_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"a0run/client/sim"
)

func TestFaultsByCount(t *testing.T) {
	d := newDesk(t, sim.Options{})
	d.tenant.Inject(sim.Fault{Operation: "roles.list", After: 1, Count: 2, Status: 503, Body: "<html>down</html>", Headers: map[string]string{"Content-Type": "text/html"}})
	var got []int
	for range 5 {
		d.send("GET", users, "") // another operation is not counted
		got = append(got, d.send("GET", "/api/v2/roles", "").status)
	}
	want := []int{200, 503, 503, 200, 200}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

// request sends without failing the test: the error is what is looked at.
func (d *desk) request(ctx context.Context, method, path, body string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, d.tenant.BaseURL()+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+d.token)
	r.Header.Set("Content-Type", "application/json")
	res, err := d.client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

func TestResetBeforeAndAfterTheWrite(t *testing.T) {
	for _, c := range []struct {
		reset string
		roles int
	}{{"before", 0}, {"after", 1}} {
		t.Run(c.reset, func(t *testing.T) {
			d := newDesk(t, sim.Options{})
			d.tenant.Inject(sim.Fault{Operation: "roles.create", Reset: c.reset})
			_, err := d.request(t.Context(), "POST", "/api/v2/roles", `{"name":"r"}`)
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Fatalf("got %v, want a reset connection", err)
			}
			if got := d.want(200, "GET", "/api/v2/roles", "").list(t); len(got) != c.roles {
				t.Fatalf("%d roles are there, want %d", len(got), c.roles)
			}
		})
	}
}

func TestBodyCutOff(t *testing.T) {
	d := newDesk(t, sim.Options{})
	d.tenant.Inject(sim.Fault{Operation: "clients.all", CutOff: true})
	text, err := d.request(t.Context(), "GET", "/api/v2/clients", "")
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(text, "[{") {
		t.Fatalf("got %v and %.20q", err, text)
	}
}

// TestFaultsOnASocket shows the same over a real connection, TLS and HTTP/1.1.
func TestFaultsOnASocket(t *testing.T) {
	d := serve(t, sim.Options{}, sim.ServeOptions{})
	d.tenant.Inject(sim.Fault{Operation: "roles.create", Reset: "after"})
	if _, err := d.request(t.Context(), "POST", "/api/v2/roles", `{"name":"r"}`); err == nil {
		t.Fatal("the connection was not reset")
	}
	if got := d.want(200, "GET", "/api/v2/roles", "").list(t); len(got) != 1 {
		t.Fatalf("%d roles are there, want 1", len(got))
	}
	d.tenant.Inject(sim.Fault{Operation: "clients.all", CutOff: true})
	if _, err := d.request(t.Context(), "GET", "/api/v2/clients", ""); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("got %v, want a body cut off", err)
	}
}

func TestDelayIsVirtualAndCanBeGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, sim.Options{})
		d.tenant.Inject(sim.Fault{Operation: "roles.list", Delay: time.Hour, Count: 2})
		start := time.Now()
		if _, err := d.request(t.Context(), "GET", "/api/v2/roles", ""); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != time.Hour {
			t.Fatalf("took %s of virtual time", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := d.request(ctx, "GET", "/api/v2/roles", ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestLimitsInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, sim.Options{Limits: sim.Limits{Rate: 2, Burst: 3, Reset: "token"}})
		accepted := 0
		start := time.Now()
		for accepted < 11 {
			a := d.send("GET", "/api/v2/roles", "")
			if a.header.Get("X-Ratelimit-Limit") != "3" || a.header.Get("X-Ratelimit-Reset") == "" {
				t.Fatalf("headers are missing: %v", a.header)
			}
			if a.status == 200 {
				accepted++
				continue
			}
			if a.status != 429 || a.object(t)["errorCode"] != "too_many_requests" || a.header.Get("Retry-After") == "" {
				t.Fatalf("got %d %s", a.status, a.text)
			}
			<-time.After(100 * time.Millisecond)
		}
		if took := time.Since(start); took < 4*time.Second || took > 4200*time.Millisecond {
			t.Fatalf("11 calls at 2/s, burst 3, took %s", took)
		}
	})
}

func TestFaultOfNoOperation(t *testing.T) {
	d := newDesk(t, sim.Options{})
	d.tenant.Inject(sim.Fault{Status: 503}) // every operation
	d.tenant.Inject(sim.Fault{Operation: "roles.list", Status: 503})
	defer func() {
		said, _ := recover().(string)
		if !strings.Contains(said, `"users.lst"`) || !strings.Contains(said, `"users.list"`) {
			t.Fatalf("a fault that never happens is taken: %q", said)
		}
	}()
	d.tenant.Inject(sim.Fault{Operation: "users.lst", Status: 503})
}
