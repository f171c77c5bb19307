package sim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
	"a0run/client/sim/store"
)

// BenchmarkTenant says how many requests a second the tenant answers: reads
// and patches of 1,000 users, in memory and over a socket.
func BenchmarkTenant(b *testing.B) {
	var seed strings.Builder
	seed.WriteString("users:\n")
	for i := range 1000 {
		fmt.Fprintf(&seed, "  - {user_id: auth0|%d, email: u%d@example.com}\n", i, i)
	}
	tenant, err := sim.New(sim.Options{Seed: []byte(seed.String()), LogLimit: 1000})
	if err != nil {
		b.Fatal(err)
	}
	token, err := tenant.Token()
	if err != nil {
		b.Fatal(err)
	}
	run := func(b *testing.B, client *http.Client, method string, path func(int) string, body string) {
		b.Helper()
		n := 0
		for b.Loop() {
			n++
			r, err := http.NewRequestWithContext(b.Context(), method, tenant.BaseURL()+path(n), strings.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", "application/json")
			res, err := client.Do(r)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
				b.Fatalf("%d %v", res.StatusCode, err)
			}
			_ = res.Body.Close()
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	}
	one := func(i int) string { return fmt.Sprintf("/api/v2/users/auth0%%7C%d", i%1000) }
	all := func(b *testing.B, client *http.Client) {
		b.Helper()
		b.Run("get", func(b *testing.B) { run(b, client, "GET", one, "") })
		b.Run("patch", func(b *testing.B) { run(b, client, "PATCH", one, `{"app_metadata":{"a":1}}`) })
		b.Run("page", func(b *testing.B) {
			run(b, client, "GET", func(i int) string { return fmt.Sprintf("/api/v2/users?per_page=50&page=%d", i%20) }, "")
		})
		b.Run("search", func(b *testing.B) {
			run(b, client, "GET", func(int) string { return "/api/v2/users?per_page=50&q=email%3Au7*" }, "")
		})
	}
	b.Run("memory", func(b *testing.B) { all(b, &http.Client{Transport: tenant.Transport()}) })
	b.Run("socket", func(b *testing.B) {
		ctx, cancel := context.WithCancel(b.Context())
		ready, done := make(chan struct{}), make(chan error, 1)
		go func() {
			done <- tenant.Serve(ctx, sim.ServeOptions{Ready: func(sim.Credentials) { close(ready) }})
		}()
		<-ready
		if token, err = tenant.Token(); err != nil {
			b.Fatal(err)
		}
		all(b, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}})
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkWalk says what walking a large tenant costs: each round of the
// benchmark is a whole walk, page by page, a new slice every 1,000 users.
// With "written", each page is followed by a change of a user on it, which
// forgets what the searches before it found.
func BenchmarkWalk(b *testing.B) {
	const many, size = 100_000, 100
	var seed strings.Builder
	seed.WriteString("users:\n")
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range many {
		at := start.Add(time.Duration(i*7919%many) * time.Minute)
		fmt.Fprintf(&seed, "  - {user_id: auth0|%d, email: u%d@example.com, created_at: %q}\n", i, i, at.Format("2006-01-02T15:04:05.000Z"))
	}
	tenant, err := sim.New(sim.Options{Seed: []byte(seed.String()), LogLimit: 1000})
	if err != nil {
		b.Fatal(err)
	}
	token, err := tenant.Token()
	if err != nil {
		b.Fatal(err)
	}
	client := &http.Client{Transport: tenant.Transport()}
	ask := func(method, path, body string, into any) {
		r, err := http.NewRequestWithContext(b.Context(), method, tenant.BaseURL()+path, strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		res, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if err := json.NewDecoder(res.Body).Decode(into); err != nil || res.StatusCode != http.StatusOK {
			b.Fatalf("%d %v", res.StatusCode, err)
		}
	}
	type page struct {
		Total int
		Users []struct {
			ID string `json:"user_id"`
			At string `json:"created_at"`
		}
	}
	walk := func(b *testing.B, clause string, written bool) {
		b.Helper()
		for b.Loop() {
			seen, edge := map[string]bool{}, "*"
			for more := true; more; {
				q := url.QueryEscape("created_at:[" + edge + " TO *]" + clause)
				for n := range 1000 / size {
					var p page
					ask("GET", fmt.Sprintf("%s?sort=created_at:1&include_totals=true&page=%d&per_page=%d&q=%s", users, n, size, q), "", &p)
					for _, u := range p.Users {
						seen[u.ID], edge = true, u.At
					}
					if written && len(p.Users) > 0 {
						ask("PATCH", users+"/"+url.PathEscape(p.Users[0].ID), `{"app_metadata":{"seen":true}}`, &struct{}{})
					}
					more = p.Total > 1000
				}
			}
			if len(seen) != many {
				b.Fatalf("%d users", len(seen))
			}
		}
	}
	b.Run("all", func(b *testing.B) { walk(b, "", false) })
	b.Run("search", func(b *testing.B) { walk(b, " AND NOT blocked:true", false) })
	b.Run("written", func(b *testing.B) { walk(b, "", true) })
	b.Run("search and written", func(b *testing.B) { walk(b, " AND NOT blocked:true", true) })
}

// BenchmarkNew says what a tenant costs that nobody asks anything: tests make
// hundreds.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := sim.New(sim.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// hundredThousand is a seed of so many users with metadata, of their own or that
// many have.
func hundredThousand(own bool) []byte {
	var b strings.Builder
	b.WriteString(`{"users":[`)
	color := func(int) string { return "red" }
	if own {
		color = func(i int) string { return fmt.Sprintf("color %d", i) }
	}
	for i := range 100_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"user_id":"auth0|%024x","email":"user%d@example.com","name":"User %d","created_at":"2024-01-01T00:00:00.000Z","app_metadata":{"plan":"free","n":%d},"user_metadata":{"color":%q}}`, i, i, i, i, color(i))
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}

// BenchmarkMemory says what 100,000 users take once they are there.
func BenchmarkMemory(b *testing.B) {
	for _, own := range []bool{false, true} {
		b.Run(fmt.Sprint("own=", own), func(b *testing.B) {
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				tenant, err := sim.New(sim.Options{Seed: hundredThousand(own)})
				if err != nil {
					b.Fatal(err)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
				runtime.KeepAlive(tenant)
			}
		})
	}
}

// BenchmarkSnapshot says what keeping and restoring the state of 100,000 users
// costs, and the first write after it.
func BenchmarkSnapshot(b *testing.B) {
	tenant, err := sim.New(sim.Options{Seed: hundredThousand(false)})
	if err != nil {
		b.Fatal(err)
	}
	write := func() {
		tenant.State().Update(func(tx *store.Tx) {
			k := store.Key{Kind: "/users"}
			u := store.Clone(tx.Get(k, "auth0|000000000000000000000007"))
			u["name"] = "another"
			tx.Put(k, "auth0|000000000000000000000007", u)
		})
	}
	b.Run("keep", func(b *testing.B) {
		for b.Loop() {
			tenant.State().Snapshot()
		}
	})
	snap := tenant.State().Snapshot()
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			tenant.State().Restore(snap)
		}
	})
	b.Run("restore and write", func(b *testing.B) {
		for b.Loop() {
			tenant.State().Restore(snap)
			write()
		}
	})
}
