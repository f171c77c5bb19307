package client

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"a0run/client/sim"
)

// local starts a local tenant and a client that reaches it in memory.
func local(t *testing.T, o sim.Options, cfg config) (*sim.Tenant, *Client) {
	t.Helper()
	tn, err := sim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	cred := tn.Credentials()
	cfg.Domain, cfg.Transport = cred.Domain, tn.Transport()
	if cfg.ClientID == "" && cfg.Token == "" {
		cfg.ClientID, cfg.ClientSecret = cred.ClientID, cred.ClientSecret
	}
	c, err := open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tn, c
}

// seedUsers is a seed of users with the created_at that at gives the i-th.
func seedUsers(t *testing.T, n int, at func(i int) (id string, created time.Time)) []byte {
	t.Helper()
	users := make([]map[string]any, n)
	for i := range users {
		id, created := at(i)
		users[i] = map[string]any{
			"user_id": id, "email": fmt.Sprintf("u%05d@example.com", i), "blocked": i%3 == 0,
			"created_at": created.UTC().Format("2006-01-02T15:04:05.000Z"),
		}
	}
	text, err := json.Marshal(map[string]any{"users": users})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func ids(t *testing.T, c *Client, args Args) []string {
	t.Helper()
	var out []string
	for item, err := range c.Each(t.Context(), "users.list", args) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, idOf(item, "user_id"))
	}
	return out
}

func TestAllUsersBeyondTheReach(t *testing.T) {
	start := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	rnd := rand.New(rand.NewPCG(1, 2))
	hex := func(i int) string { return fmt.Sprintf("auth0|%08x%016x", rnd.Uint32(), i) }
	tests := []struct {
		name string
		n    int
		at   func(i int) (string, time.Time)
	}{
		{"few", 7, func(i int) (string, time.Time) { return hex(i), start.Add(time.Duration(i) * time.Minute) }},
		{"none", 0, nil},
		{"exactly the reach", 1000, func(i int) (string, time.Time) { return hex(i), start.Add(time.Duration(i) * time.Second) }},
		{"one more", 1001, func(i int) (string, time.Time) { return hex(i), start.Add(time.Duration(i) * time.Second) }},
		{"slices", 3456, func(i int) (string, time.Time) { return hex(i), start.Add(time.Duration(rnd.IntN(2000)) * time.Second) }},
		{"all at once", 2500, func(i int) (string, time.Time) { return hex(i), start }},
		{"a tie in the middle", 3300, func(i int) (string, time.Time) {
			if i < 400 || i > 2900 {
				return hex(i), start.Add(time.Duration(i) * time.Second)
			}
			return hex(i), start.Add(time.Hour / 2)
		}},
		{"ties of many providers", 2600, func(i int) (string, time.Time) {
			return fmt.Sprintf("%s|%d", []string{"google-oauth2", "samlp|corp|x", "ad|a b", "email"}[i%4], i), start.Add(time.Duration(i%2) * time.Hour)
		}},
		{"ids that begin others", 1020, func(i int) (string, time.Time) { return fmt.Sprintf("auth0|%d", i), start }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tn, c := local(t, sim.Options{Seed: seedUsers(t, tt.n, tt.at)}, config{})
			for _, args := range []Args{nil, {"sort": "created_at:-1", "per_page": 87}} {
				got := ids(t, c, args)
				slices.Sort(got)
				if n := len(slices.Compact(slices.Clone(got))); n != tt.n || len(got) != tt.n {
					t.Errorf("%v: %d users, %d of them different; want %d", args, len(got), n, tt.n)
				}
			}
			t.Logf("%d requests", len(tn.Requests()))
		})
	}
}

// optionsOf makes a tenant of so many users, one a second, each third blocked.
func optionsOf(t *testing.T, n int) sim.Options {
	t.Helper()
	start := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	return sim.Options{Seed: seedUsers(t, n, func(i int) (string, time.Time) {
		return fmt.Sprintf("auth0|%06d", i*7919%n), start.Add(time.Duration(i) * time.Second)
	})}
}
