package main

import (
	"fmt"
	"io"
	"log"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
)

// patchSome patches a user again and again, with the run's mark. It keeps no
// before-images: their reads draw on the budget and bear no mark.
const patchSome = `
playbook { undo = "off", params = { mark = "string", calls = "integer" } }
local items = {}
for i = 1, params.calls do items[i] = i end
parallel.each(items, function(i)
  auth0.users.update("auth0|u1", { user_metadata = { mark = params.mark .. i } })
end)
`

// shared is a tenant on a socket, and a folder with a journal for processes.
type shared struct {
	t      *testing.T
	tenant *sim.Tenant
	dir    string
}

func newShared(t *testing.T, rate float64, burst int) *shared {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	address := server.Listener.Addr().String()
	tenant, err := sim.New(sim.Options{
		BaseURL: "http://" + address, Domain: address, Limits: sim.Limits{Rate: rate, Burst: burst},
		Seed: []byte("users: [{user_id: auth0|u1, email: u1@example.com, connection: Username-Password-Authentication}]"), SeedName: "seed.yaml",
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = tenant
	server.Start()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "patch.lua"), []byte(patchSome), 0o600); err != nil {
		t.Fatal(err)
	}
	return &shared{t, tenant, dir}
}

// start begins a run in a process of its own.
func (s *shared) start(mark string, calls int, args ...string) *exec.Cmd {
	s.t.Helper()
	cred := s.tenant.Credentials()
	args = append([]string{"run", "patch.lua", "--quiet", "--journal", "j.db", "-p", "mark=" + mark, "-p", fmt.Sprintf("calls=%d", calls)}, args...)
	cmd := exec.CommandContext(s.t.Context(), "a0run", args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "AUTH0_DOMAIN="+cred.BaseURL, "AUTH0_CLIENT_ID="+cred.ClientID, "AUTH0_CLIENT_SECRET="+cred.ClientSecret,
		"GORACE=atexit_sleep_ms=0") // else the other run goes on for a second while this one only exits
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return cmd
}

// accepted are the tenant's requests that were none too many, each with its mark.
func (s *shared) accepted(each func(at time.Time, mark string)) {
	for _, r := range s.tenant.Requests() {
		if !strings.HasPrefix(r.Path, "/api/v2/") || r.Status == http.StatusTooManyRequests {
			continue
		}
		_, rest, _ := strings.Cut(string(r.Body), `"mark":"`)
		each(r.At, rest[:min(1, len(rest))])
	}
}

// ratio is how many patches of the heavy run come on one of the light, from the
// heavy run's patch of that number to its last.
func (s *shared) ratio(light, heavy string, from int) float64 {
	seen := map[string]int{}
	var first, last map[string]int
	s.accepted(func(_ time.Time, mark string) {
		seen[mark]++
		if mark != heavy {
			return
		}
		if last = maps.Clone(seen); seen[heavy] == from {
			first = last
		}
	})
	return float64(last[heavy]-first[heavy]) / float64(last[light]-first[light])
}

// log is the tenant's: the accepted patches by mark, and the most requests in any
// second.
func (s *shared) log() (patches map[string]int, busiest int) {
	patches = map[string]int{}
	var at []time.Time
	s.accepted(func(when time.Time, mark string) {
		at = append(at, when)
		patches[mark]++
	})
	first := 0
	for i := range at {
		for at[i].Sub(at[first]) >= time.Second {
			first++
		}
		busiest = max(busiest, i-first+1)
	}
	return patches, busiest
}

// TestProcessesShareTheTenant runs processes on one journal: two share by weight, a
// small run beside them is not stuck, one that is killed leaves its share, and never
// does the tenant see more in a second than its rate and its burst.
func TestProcessesShareTheTenant(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes ten seconds")
	}
	t.Parallel()
	const rate, burst = 60, 30
	s := newShared(t, rate, burst)
	light, heavy := s.start("a", 5000), s.start("b", 500, "--weight", "3")
	if err := heavy.Wait(); err != nil {
		t.Fatal(err)
	}
	// From where both are there and the burst is spent, to where the heavy one ends.
	if ratio := s.ratio("a", "b", 100); math.Abs(ratio/3-1) > 0.05 {
		t.Errorf("weights 1 and 3 shared as 1 to %.2f", ratio)
	} else {
		t.Logf("weights 1 and 3 shared as 1 to %.2f", ratio)
	}
	// Ten calls beside thousands.
	patches, _ := s.log()
	before := patches["a"]
	if err := s.start("c", 10).Wait(); err != nil {
		t.Fatal(err)
	}
	patches, _ = s.log()
	if meanwhile := patches["a"] - before; meanwhile > 3*rate {
		t.Errorf("the bulk run made %d calls until ten of another were done", meanwhile)
	}
	// A kill.
	if err := light.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = light.Wait() // killed
	if err := s.start("d", 100).Wait(); err != nil {
		t.Fatal(err)
	}
	patches, busiest := s.log()
	if patches["d"] != 100 || patches["b"] != 500 || patches["c"] != 10 {
		t.Errorf("not all was done, or twice: %v", patches)
	}
	if busiest > rate+burst {
		t.Errorf("%d requests in one second, the tenant allows %d", busiest, rate+burst)
	}
}
