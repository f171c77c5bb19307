package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"a0run/client/sim"
	"a0run/engine"
)

// rateCase is one bulk job in virtual time.
type rateCase struct {
	users  int
	limits sim.Limits
	// ideal is how long the job takes when no token of any bucket is ever
	// left lying: the slowest bucket's (requests − burst) / rate.
	ideal func(reads, writes int) time.Duration
}

// TestBulkAtTheLimit lists and patches users against rate-limited tenants: one
// accepted PATCH a user, at most 1.10 times the ideal time, at most 5 % of the
// requests refused, and no refusal reaches the playbook.
func TestBulkAtTheLimit(t *testing.T) {
	t.Parallel()
	global := func(reads, writes int) time.Duration {
		return time.Duration(float64(reads+writes-100) / 50 * float64(time.Second))
	}
	groups := func(_, writes int) time.Duration {
		return time.Duration(float64(writes-20) / (200.0 / 60) * float64(time.Second))
	}
	grouped := map[string]sim.Limit{
		"users.read":  {Rate: 500.0 / 60, Burst: 40},
		"users.write": {Rate: 200.0 / 60, Burst: 20},
	}
	for name, c := range map[string]rateCase{
		"50 a second, burst 100, reset names the next token":  {2000, sim.Limits{Rate: 50, Burst: 100, Reset: "token"}, global},
		"50 a second, burst 100, reset names the full bucket": {2000, sim.Limits{Rate: 50, Burst: 100, Reset: "full"}, global},
		"reads 500 and writes 200 a minute, next token":       {300, sim.Limits{Reset: "token", Groups: grouped}, groups},
		"reads 500 and writes 200 a minute, full bucket":      {300, sim.Limits{Reset: "full", Groups: grouped}, groups},
	} {
		for _, language := range []string{"lua", "yaml"} {
			t.Run(name+", "+language, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { bulk(t, c, language) })
			})
		}
	}
}

const bulkLua = `
parallel.each(auth0.users.each(), function(user)
  auth0.users.update(user.user_id, { blocked = true })
end)`

const bulkYAML = `
steps:
  - for_each: {auth0.users.each: {}}
    auth0.users.update: {id: "${{ item.user_id }}", body: {blocked: true}}
`

func bulk(t *testing.T, c rateCase, language string) {
	t.Helper()
	text := bulkLua
	if language == "yaml" {
		text = bulkYAML
	}
	d := newDesk(t, sim.Options{Seed: seedUsers(c.users), SeedName: "seed.yaml", Limits: c.limits}, engine.Config{})
	start := time.Now()
	if err := d.play(t.Context(), "bulk."+language, text); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)

	patched, refused, reads, writes := map[string]int{}, 0, 0, 0
	for _, r := range d.tenant.Requests() {
		switch {
		case !strings.HasPrefix(r.Path, "/api/v2/"):
			continue
		case r.Status == http.StatusTooManyRequests:
			refused++
		case r.Method == http.MethodPatch && r.Status == http.StatusOK:
			patched[r.Path]++
			writes++
		default:
			reads++
		}
	}
	if len(patched) != c.users {
		t.Errorf("%d users were patched, want %d", len(patched), c.users)
	}
	for path, n := range patched {
		if n != 1 {
			t.Errorf("%s was patched %d times", path, n)
		}
	}
	if all := reads + writes + refused; refused*20 > all {
		t.Errorf("%d of %d requests were refused, more than 5 %%", refused, all)
	}
	ideal := c.ideal(reads, writes)
	ratio := took.Seconds() / ideal.Seconds()
	report := fmt.Sprintf("%s for an ideal of %s (%.3f), %d refused", took, ideal, ratio, refused)
	if ratio > 1.10 {
		t.Error("too slow: " + report)
	}
	t.Log(report)
}
