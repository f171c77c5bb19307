package sim

import "testing"

// TestReachedAt: in a container the address is nobody's to call; what callers
// use is.
func TestReachedAt(t *testing.T) {
	for _, c := range [][3]string{
		{"https://[::]:8443", "localhost:8443", "https://localhost:8443"},
		{"http://0.0.0.0:80", "sim.test", "http://sim.test"},
		{"https://0.0.0.0:8443", "", "https://0.0.0.0:8443"},
		{"https://127.0.0.1:8443", "acme.example", "https://127.0.0.1:8443"},
	} {
		if got := reachedAt(c[0], c[1]); got != c[2] {
			t.Errorf("%s with domain %q is reached at %s, want %s", c[0], c[1], got, c[2])
		}
	}
}
