package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"a0run/client/sim"
)

// TestRequestsShareHeaders: the log has each request's header, and equal values
// of them once: tokens are long and come again in each request.
func TestRequestsShareHeaders(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{LogLimit: 10})
	const many = 50
	for i := range many {
		d.want(200, "GET", fmt.Sprint("/api/v2/roles?page=", i%5), "")
	}
	lines := d.tenant.Requests()
	if len(lines) != 10 {
		t.Fatalf("%d requests are kept, want 10", len(lines))
	}
	at := map[*byte]bool{}
	for _, r := range lines {
		value := r.Header.Get("Authorization")
		if value != "Bearer "+d.token {
			t.Fatalf("a request's token is %.20q", value)
		}
		at[unsafe.StringData(value)] = true //nolint:gosec // G103: whether it is one text is what is asked
	}
	if len(at) != 1 {
		t.Errorf("%d requests hold their token %d times", len(lines), len(at))
	}
}

// TestRequestsBoundBodies: of a limited log the bodies are bounded too; the newest
// are there. A log that keeps all keeps bodies as well.
func TestRequestsBoundBodies(t *testing.T) {
	t.Parallel()
	const many, size = 12, 3 << 20
	body := strings.Repeat("x", size) // no JSON: it is kept nevertheless
	for _, limit := range []int{0, 100} {
		d := newDesk(t, sim.Options{LogLimit: limit})
		for range many {
			d.want(400, "POST", "/api/v2/roles", body)
		}
		lines, sum := d.tenant.Requests(), 0
		for _, r := range lines {
			sum += len(r.Body)
		}
		last := len(lines[many-1].Body)
		switch {
		case len(lines) != many || last != len(body):
			t.Errorf("limit %d: %d requests, the last with %d bytes", limit, len(lines), last)
		case limit == 0 && sum != many*len(body), limit > 0 && sum > 32<<20:
			t.Errorf("limit %d: the bodies have %d bytes", limit, sum)
		}
	}
}
