package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"
)

// limitSpec is a limit: requests a second, and at once.
type limitSpec struct {
	rate  float64
	burst int
}

// A cell is a bulk job: all users are listed and patched.
type cell struct {
	name   string
	users  int
	limits map[string]limitSpec // by group; "" is the general one
	full   bool
	// concurrency is --concurrency; 0 the default.
	concurrency int
	// alone lets the contenders work one after the other: together they would keep
	// a small machine busy.
	alone bool
}

// cells are those of the acceptance: what the model does by the thousand, here on
// real sockets.
func cells() []cell {
	one := func(rate float64, burst int) map[string]limitSpec { return map[string]limitSpec{"": {rate, burst}} }
	return []cell{
		{name: "10 at once, 2/s", users: 100, limits: one(2, 10)},
		{name: "50 at once, 16/s", users: 1000, limits: one(16, 50)},
		{name: "100 at once, 50/s", users: 2000, limits: one(50, 100)},
		{name: "100 at once, 50/s, reset: full", users: 2000, limits: one(50, 100), full: true},
		{
			name: "reads 40 and 500/min, writes 20 and 200/min", users: 100,
			limits: map[string]limitSpec{"users.read": {500.0 / 60, 40}, "users.write": {200.0 / 60, 20}},
		},
		{name: "500 at once, 200/s", users: 10_000, limits: one(200, 500), concurrency: 32, alone: true},
	}
}

// requests is how many the job needs at least: a page holds 100 users.
func (c cell) requests() int { return c.users + (c.users+99)/100 }

// ideal is how long the job takes when no token is ever left lying.
func (c cell) ideal() time.Duration {
	if l, ok := c.limits[""]; ok {
		return time.Duration(float64(c.requests()-l.burst) / l.rate * float64(time.Second))
	}
	l := c.limits["users.write"]
	return time.Duration(float64(c.users-l.burst) / l.rate * float64(time.Second))
}

// outcome is what a contender did with a cell.
type outcome struct {
	who     string
	took    time.Duration
	sent    int
	refused int
	lost    int
	twice   int
	busiest int
	err     error
}

// A contender does the job against an address; it gives what it has to say.
type contender struct {
	who string
	// tenant says that the local tenant limits by itself, rather than the gateway.
	tenant bool
	run    func(ctx context.Context, j paceJob) error
}

// paceJob is what a contender is given.
type paceJob struct {
	cell
	dir, base string
	ready     ready
}

const bulkLua = `
local result = parallel.each(auth0.users.each(), function(user)
  auth0.users.update(user.user_id, { user_metadata = { seen = true } })
end)
print(result.done)
`

// pacing measures the cells, writes the table and the chart to docs.
func (b *bench) pacing() error {
	fmt.Println()
	b.node = nodeAt(b.dir)
	if b.node == "" {
		fmt.Println("the official SDK for Node is not there: it needs node, npm and a registry")
	}
	rows := map[string][]outcome{}
	var order []cell
	for _, c := range cells() {
		if b.cell != "" && !strings.Contains(c.name, b.cell) {
			continue
		}
		order = append(order, c)
		got, err := b.meet(c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		rows[c.name] = got
		for _, o := range got {
			fmt.Printf("%-44s %-30s %7.2f s of %6.2f (%.3f), %5d refused of %5d, %3d lost, %d twice, most in a second %d%s\n", c.name, o.who,
				o.took.Seconds(), c.ideal().Seconds(), o.took.Seconds()/c.ideal().Seconds(), o.refused, o.sent, o.lost, o.twice, o.busiest, said(o.err))
		}
	}
	if b.docs == "" {
		return nil
	}
	table := paceTable(order, rows)
	if err := os.WriteFile(filepath.Join(b.docs, "pace.svg"), []byte(paceChart(order, rows)), 0o600); err != nil {
		return err
	}
	return replaceTable(filepath.Join(b.docs, "pace.md"), table)
}

func said(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return " (" + line + ")"
}

// meet lets all contenders do a cell at once, each with a tenant of its own: they
// mostly wait.
func (b *bench) meet(c cell) ([]outcome, error) {
	all := []contender{
		{"a0run, the local tenant's limiter", true, b.paceA0run},
		{"a0run, the bench's limiter", false, b.paceA0run},
		{"Go, net/http and x/time/rate", false, paceGo},
	}
	if b.node != "" {
		all = append(all, contender{"Node, auth0 SDK", false, b.paceNode})
	}
	outcomes := make([]outcome, len(all))
	var wg sync.WaitGroup
	errs := make([]error, len(all))
	for i, who := range all {
		j, g, stop, err := b.stage(c, i, who.tenant)
		if err != nil {
			return nil, err
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer stop()
			outcomes[i], errs[i] = c.contend(who, j, g)
		}()
		if c.alone {
			wg.Wait()
		}
	}
	wg.Wait()
	return outcomes, errors.Join(errs...)
}

// stage starts a tenant and the gateway before it.
func (b *bench) stage(c cell, n int, tenant bool) (paceJob, *gateway, func(), error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("pace-%d-%d", n, time.Now().UnixNano()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return paceJob{}, nil, nil, err
	}
	own := &bench{program: b.program, dir: dir, limits: ""}
	limits := c.limits
	if tenant {
		own.limits, limits = c.seedLimits(), nil
	}
	stop, err := own.tenant(c.users)
	if err != nil {
		return paceJob{}, nil, nil, err
	}
	g, err := newGateway(own.ready.BaseURL, limits, c.full)
	if err != nil {
		stop()
		return paceJob{}, nil, nil, err
	}
	l, err := listen()
	if err != nil {
		stop()
		return paceJob{}, nil, nil, err
	}
	server := &http.Server{Handler: g, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l) //nolint:errcheck // ends with Close
	ended := func() {
		_ = server.Close()
		stop()
	}
	return paceJob{cell: c, dir: dir, base: "http://" + l.Addr().String(), ready: own.ready}, g, ended, nil
}

// seedLimits are the limits in the words of the local tenant's seed.
func (c cell) seedLimits() string {
	var parts []string
	if l, ok := c.limits[""]; ok {
		parts = append(parts, fmt.Sprintf(`"rate":%v,"burst":%d`, l.rate, l.burst))
	}
	var groups []string
	for name, l := range c.limits {
		if name != "" {
			groups = append(groups, fmt.Sprintf(`%q:{"rate":%q,"burst":%d}`, name, fmt.Sprintf("%.0f/min", l.rate*60), l.burst))
		}
	}
	sort.Strings(groups)
	if len(groups) > 0 {
		parts = append(parts, `"groups":{`+strings.Join(groups, ",")+"}")
	}
	reset := "token"
	if c.full {
		reset = "full"
	}
	return "{" + strings.Join(append(parts, fmt.Sprintf(`"reset":%q`, reset)), ",") + "}"
}

// contend runs one contender, and counts at the gateway what came.
func (c cell) contend(who contender, j paceJob, g *gateway) (outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*c.ideal()+time.Minute)
	defer cancel()
	began := time.Now()
	err := who.run(ctx, j)
	o := outcome{who: who.who, took: time.Since(began), err: err}
	g.mu.Lock()
	defer g.mu.Unlock()
	o.sent, o.refused, o.busiest = g.sent, g.refused, g.busiest()
	o.lost = c.users - len(g.patched)
	for _, n := range g.patched {
		o.twice += max(0, n-1)
	}
	if g.sent == 0 {
		return o, fmt.Errorf("%s sent nothing: %w", who.who, err)
	}
	return o, nil
}

// paceA0run is the playbook, as a user runs it: a process with an empty journal.
func (b *bench) paceA0run(ctx context.Context, j paceJob) error {
	if err := os.WriteFile(filepath.Join(j.dir, "patch.lua"), []byte(bulkLua), 0o600); err != nil {
		return err
	}
	own := &bench{program: b.program, dir: j.dir, ready: j.ready}
	own.ready.BaseURL = j.base
	own.extra = []string{"AUTH0_AUDIENCE=https://" + strings.TrimPrefix(j.ready.BaseURL, "http://") + "/api/v2/"}
	args := []string{"run", "patch.lua", "--quiet"}
	if j.concurrency > 0 {
		args = append(args, "--concurrency", fmt.Sprint(j.concurrency))
	}
	u, code, err := own.run(ctx, b.program, args...)
	switch {
	case err != nil:
		return err
	case code != 0:
		return fmt.Errorf("exit %d: %s", code, u.stderr)
	case strings.TrimSpace(u.stdout) != fmt.Sprint(j.users):
		return fmt.Errorf("it says %q, want %d", u.stdout, j.users)
	}
	return nil
}

// nodeAt finds or installs the official SDK for Node; "" where npm is not there or
// has no network.
func nodeAt(dir string) string {
	if _, err := exec.LookPath("node"); err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "auth0@4", "--silent", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private":true,"type":"module"}`), 0o600); err != nil || cmd.Run() != nil {
		return ""
	}
	return dir
}

const nodeJob = `
import { ManagementClient } from "auth0";
const [base, token, callers] = [process.env.BASE, process.env.TOKEN, 100];
const api = new ManagementClient({
  domain: new URL(base).host, token,
  fetch: (url, init) => fetch(String(url).replace("https://", "http://"), init),
});
const ids = [];
for (let page = 0; ; page++) {
  const { data } = await api.users.getAll({ page, per_page: 100, q: process.env.QUERY || undefined });
  ids.push(...data.map((u) => u.user_id));
  if (data.length < 100 || page === 9) break; // the API lists no more than 1,000
}
for (let i = ids.length; i < Number(process.env.USERS); i++) ids.push("auth0|u" + i);
let lost = 0;
await Promise.all(Array.from({ length: callers }, async () => {
  for (let id; (id = ids.pop()); ) {
    try { await api.users.update({ id }, { user_metadata: { seen: true } }); } catch { lost++; }
  }
}));
if (lost) throw new Error(lost + " users were given up");
`

// paceNode is the official SDK with its default retries and a hundred callers. It
// lists what the API lets it list, and is told the other users' ids.
func (b *bench) paceNode(ctx context.Context, j paceJob) error {
	token, err := plainToken(&http.Client{Timeout: 30 * time.Second}, []string{j.ready.BaseURL, j.ready.ClientID, j.ready.ClientSecret})
	if err != nil {
		return err
	}
	script := filepath.Join(b.node, "job.mjs")
	if err := os.WriteFile(script, []byte(nodeJob), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "node", script) //nolint:gosec // our own script
	cmd.Dir = b.node
	cmd.Env = append(os.Environ(), "BASE="+j.base, "TOKEN="+token, fmt.Sprintf("USERS=%d", j.users))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		for _, line := range strings.Split(stderr.String(), "\n") {
			if strings.HasPrefix(line, "Error: ") {
				return errors.New(strings.TrimPrefix(line, "Error: "))
			}
		}
		return err
	}
	return nil
}

// ratio is for the table.
func (o outcome) ratio(c cell) float64 {
	return math.Round(1000*o.took.Seconds()/c.ideal().Seconds()) / 1000
}
