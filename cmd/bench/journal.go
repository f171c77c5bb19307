package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const patchLua = `
playbook { params = { tasks = "integer" } }
parallel.each(auth0.users.each(), {concurrency = params.tasks}, function(user)
  auth0.users.update(user.user_id, {blocked = true})
end)
`

const getsLua = `
playbook { params = { calls = "integer", call = { type = "string", enum = {"user", "role"} } } }
local ids = {}
for i = 1, 1000 do ids[i] = i end
for chunk = 1, params.calls / 1000 do
  parallel.each(ids, {concurrency = 64}, function(i)
    if params.call == "role" then auth0.roles.get("rol_small") else auth0.users.get("auth0|u" .. i % 10) end
  end)
end
auth0.users.get("auth0|nobody")
`

const stepsLua = `
playbook { params = { steps = "integer" } }
local function nothing() end
for i = 1, params.steps do step("s", nothing) end
`

const createsLua = `
playbook { params = { calls = "integer" }, undo = "off" }
local ids = {}
for i = 1, params.calls do ids[i] = i end
parallel.each(ids, {concurrency = 64}, function(i) auth0.roles.create({name = "r" .. i, description = "d"}) end)
`

// journaled measures what a journal costs and what it gives.
func (b *bench) journaled() error {
	fmt.Println()
	for name, text := range map[string]string{"patch.lua": patchLua, "gets.lua": getsLua, "steps.lua": stepsLua, "creates.lua": createsLua} {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	for _, part := range []func() error{b.atTheLimit, b.fullSpeed, b.resumed, b.steps, b.creates, b.flat, b.images} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// journal gives the flags for a fresh journal.
func (b *bench) journal() []string {
	b.journals++
	return []string{"--journal", filepath.Join(b.dir, fmt.Sprintf("journal%d.db", b.journals))}
}

// paired are the medians of a playbook with a journal and without, in seconds.
type paired struct{ ratio, with, without, cpuWith, cpuWithout float64 }

// pair times a playbook with a journal and without, interleaved.
func (b *bench) pair(pairs int, args ...string) (p paired, err error) {
	var ratios, withs, withouts, cpuWiths, cpuWithouts []float64
	for range pairs {
		took := func(flags ...string) (float64, float64, error) {
			began := time.Now()
			u, err := b.process(b.program, append(append([]string{"run"}, args...), flags...)...)
			return time.Since(began).Seconds(), u.cpu, err
		}
		a, cpuA, err := took(b.journal()...)
		if err != nil {
			return p, err
		}
		c, cpuC, err := took("--journal", "none")
		if err != nil {
			return p, err
		}
		ratios, withs, withouts = append(ratios, a/c), append(withs, a), append(withouts, c)
		cpuWiths, cpuWithouts = append(cpuWiths, cpuA), append(cpuWithouts, cpuC)
	}
	return paired{median(ratios), median(withs), median(withouts), median(cpuWiths), median(cpuWithouts)}, nil
}

// atTheLimit lists and patches against a tenant of 50 requests a second.
func (b *bench) atTheLimit() error {
	stop, err := b.tenantWith(500, "", "--rate", "50/s", "--burst", "50")
	if err != nil {
		return err
	}
	defer stop()
	p, err := b.pair(3, "patch.lua", "--quiet", "-p", "tasks=16")
	fmt.Printf("journaled at 50 calls/s: %6.2f s, without %6.2f s, ratio %.3f (goal 1.05)\n", p.with, p.without, p.ratio)
	return err
}

// fullSpeed is the same against a tenant that answers within 2 ms and has no
// limit.
func (b *bench) fullSpeed() error {
	stop, err := b.tenantWith(b.calls, `{"operation":"users.update","delay":"2ms","count":-1}`)
	if err != nil {
		return err
	}
	defer stop()
	p, err := b.pair(b.pairs, "patch.lua", "--quiet", "-p", "tasks=64", "--concurrency", "64")
	fmt.Printf("journaled at full speed, 2 ms, 64 tasks: %6.2f s, without %6.2f s, ratio %.3f (goal 1.25); CPU a call %.0f µs, without %.0f µs\n",
		p.with, p.without, p.ratio, p.cpuWith/float64(b.calls)*1e6, p.cpuWithout/float64(b.calls)*1e6)
	return err
}

// resumed times a run of 100,000 calls that is resumed, up to its first new
// call, which is its last.
func (b *bench) resumed() error {
	stop, err := b.tenantWith(10, "")
	if err != nil {
		return err
	}
	defer stop()
	for _, c := range []struct {
		call, size string
		goal       float64
	}{{"user", "1 KB", 6}, {"role", "100 B", 2}} {
		journal := b.journal()
		_, err := b.process(b.program, append([]string{"run", "gets.lua", "--quiet", "-p", "calls=100000", "-p", "call=" + c.call}, journal...)...)
		if err == nil {
			return errors.New("the run was to end with an error")
		}
		var took, peak []float64
		for range 3 {
			began := time.Now()
			u, err := b.failing(b.program, append([]string{"resume", "--last", "--quiet"}, journal...)...)
			if err != nil {
				return err
			}
			took, peak = append(took, time.Since(began).Seconds()), append(peak, float64(u.peak)/1024)
		}
		fmt.Printf("resume of 100,000 calls with outcomes of %-6s %5.2f s to the first new one, %5.1f MB (goal %.0f s)\n", c.size, median(took), median(peak), c.goal)
	}
	return nil
}

// steps counts the steps a second that do nothing.
func (b *bench) steps() error {
	const n = 200_000
	stop, err := b.tenantWith(1, "")
	if err != nil {
		return err
	}
	defer stop()
	var rates []float64
	for range 3 {
		began := time.Now()
		if _, err := b.process(b.program, append([]string{"run", "steps.lua", "--quiet", "-p", "steps=" + strconv.Itoa(n)}, b.journal()...)...); err != nil {
			return err
		}
		rates = append(rates, n/time.Since(began).Seconds())
	}
	fmt.Printf("steps that do nothing, journaled: %7.0f /s (goal 20,000)\n", median(rates))
	return nil
}

// creates counts journaled creates a second.
func (b *bench) creates() error {
	const n = 10_000
	var rates []float64
	for range 3 {
		stop, err := b.tenantWith(1, "")
		if err != nil {
			return err
		}
		began := time.Now()
		_, err = b.process(b.program, append([]string{"run", "creates.lua", "--quiet", "--concurrency", "64", "-p", "calls=" + strconv.Itoa(n)}, b.journal()...)...)
		stop()
		if err != nil {
			return err
		}
		rates = append(rates, n/time.Since(began).Seconds())
	}
	fmt.Printf("journaled creates, 64 tasks: %7.0f /s (goal 2,000)\n", median(rates))
	return nil
}

// flat is the peak memory of runs of very different lengths.
func (b *bench) flat() error {
	stop, err := b.tenantWith(10, "")
	if err != nil {
		return err
	}
	defer stop()
	for _, n := range b.lengths {
		journal := b.journal()
		u, err := b.failing(b.program, append([]string{"run", "gets.lua", "--quiet", "-p", "calls=" + strconv.Itoa(n), "-p", "call=role"}, journal...)...)
		if err != nil {
			return err
		}
		r, err := b.failing(b.program, append([]string{"resume", "--last", "--quiet"}, journal...)...)
		if err != nil {
			return err
		}
		fmt.Printf("peak memory, %8d calls journaled %6.1f MB, resumed %6.1f MB (goal: flat)\n", n, float64(u.peak)/1024, float64(r.peak)/1024)
	}
	return nil
}

// images counts the requests that before-images add to a job that lists and
// patches.
func (b *bench) images() error {
	const n = 2000
	stop, err := b.tenantWith(n, "")
	if err != nil {
		return err
	}
	defer stop()
	target, err := url.Parse(b.ready.BaseURL)
	if err != nil {
		return err
	}
	var requests atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v2/") {
			requests.Add(1)
		}
		proxy.ServeHTTP(w, r)
	})}
	listener, err := listen()
	if err != nil {
		return err
	}
	go server.Serve(listener) //nolint:errcheck // ends with Close
	defer server.Close()      //nolint:errcheck // likewise
	direct, audience := b.ready, b.ready.Domain
	b.ready.BaseURL = "http://" + listener.Addr().String()
	b.extra = []string{"AUTH0_AUDIENCE=https://" + audience + "/api/v2/"}
	defer func() { b.ready, b.extra = direct, nil }()
	var counts []int64
	for _, flags := range [][]string{b.journal(), {"--journal", "none"}} {
		requests.Store(0)
		if _, err := b.process(b.program, append([]string{"run", "patch.lua", "--quiet", "-p", "tasks=16"}, flags...)...); err != nil {
			return err
		}
		counts = append(counts, requests.Load())
	}
	fmt.Printf("requests of a job that lists and patches %d users: %d journaled, %d without, %+.2f %% (goal 1 %%)\n",
		n, counts[0], counts[1], float64(counts[0]-counts[1])/float64(counts[1])*100)
	return nil
}

// failing runs a program that is to end with exit code 1.
func (b *bench) failing(program string, args ...string) (usage, error) {
	u, code, err := b.run(context.Background(), program, args...)
	if err == nil && code != 1 {
		err = fmt.Errorf("%s %v ended with %d, want 1: %s", program, args, code, u.stderr)
	}
	return u, err
}
