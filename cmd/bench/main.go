// Command bench prints the measurements of `make bench`: whole processes, with
// the tenant in a process of its own, interleaved with a plain http.Client that
// sends the same requests. It asserts nothing; docs/WHY.md quotes it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 {
		if part, ok := map[string]func([]string) error{"plain": plain, "fill": fill, "room": serveRoom, "bare": bare}[os.Args[1]]; ok {
			exit(part(os.Args[2:]))
		}
	}
	program := flag.String("a0run", "bin/a0run", "the binary to measure")
	calls := flag.Int("calls", 5000, "calls a run")
	pairs := flag.Int("pairs", 7, "interleaved pairs")
	only := flag.String("only", "", "only the part of that name: start, calls, memory, journal, tokens, sdk, pace, unlimited, room, sim")
	cell := flag.String("cell", "", "of pace, only the cells whose name has that in it")
	docs := flag.String("docs", "", "the `FOLDER` of the documentation into which pace writes its table and chart")
	roomRuns := flag.Int("room-runs", 10_000, "runs in the journal of the control room")
	roomFile := flag.String("room-journal", "", "a journal of so many runs that `bench fill FILE RUNS CALLS` wrote before, instead of a new one")
	roomCalls := flag.Int("room-calls", 1000, "calls of each of them")
	million := flag.Bool("million", false, "measure the memory of a run of a million calls too; that takes minutes")
	flag.Parse()
	b := &bench{calls: *calls, pairs: *pairs, cell: *cell, docs: *docs, lengths: []int{10_000, 100_000}, roomRuns: *roomRuns, roomCalls: *roomCalls, roomFile: *roomFile}
	if *million {
		b.lengths = append(b.lengths, 1_000_000)
	}
	exit(b.measure(*program, *only))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bench is one session of measurements.
type bench struct {
	program string
	dir     string
	ready   ready
	calls   int
	pairs   int
	// roomRuns and roomCalls are those of the control room's journal.
	roomRuns, roomCalls int
	roomFile            string
	// lengths are those of the runs whose memory is compared.
	lengths  []int
	journals int      // opened so far
	extra    []string // of the environment
	limits   string   // of the local tenant, as its seed has them
	cell     string   // the only cell of pace; "": all
	docs     string   // where pace writes its table and chart; "": nowhere
	node     string   // where the official SDK for Node is; "": nowhere
}

// ready is what `a0run sim --ready-file` writes.
type ready struct {
	BaseURL      string `json:"base_url"`
	Domain       string `json:"domain"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

func (b *bench) measure(program, only string) error {
	var err error
	if b.program, err = filepath.Abs(program); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "a0run-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir) //nolint:errcheck // a temporary folder
	fmt.Printf("%s, %s/%s, %d cores; medians\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	for _, part := range []struct {
		name string
		do   func() error
	}{{"start", b.startUp}, {"calls", b.perCall}, {"memory", b.memory}, {"journal", b.journaled}, {"tokens", b.verification}, {"sdk", b.sdk}, {"unlimited", b.unlimited}, {"pace", b.pacing}, {"room", b.room}, {"sim", b.simTenant}} {
		if only != "" && only != part.name || only == "" && slices.Contains([]string{"pace", "room"}, part.name) {
			continue // these take minutes, and are asked for by name
		}
		if err := part.do(); err != nil {
			return err
		}
	}
	return nil
}

// startUp times whole processes that do nothing.
func (b *bench) startUp() error {
	if err := os.WriteFile(filepath.Join(b.dir, "empty.lua"), []byte("-- nothing\n"), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{{"version"}, {"run", "empty.lua", "--local", "--quiet"}} {
		var took []float64
		for range 3 * b.pairs {
			began := time.Now()
			if _, err := b.process(b.program, args...); err != nil {
				return err
			}
			took = append(took, float64(time.Since(began).Microseconds())/1000)
		}
		fmt.Printf("start-up, a0run %-36s %7.1f ms (goal 25)\n", strings.Join(args, " "), median(took))
	}
	return nil
}

const getLua = `
playbook { params = { calls = "integer" } }
local ids = {}
for i = 1, params.calls do ids[i] = i end
parallel.each(ids, function() auth0.users.get("auth0|u1") end)
`

const getYAML = `
params: {calls: integer}
steps:
  - id: ids
    lua: |
      local ids = {}
      for i = 1, params.calls do ids[i] = i end
      return ids
  - for_each: ${{ steps.ids.result }}
    auth0.users.get: {id: auth0|u1}
`

// perCall compares the CPU time of a call with that of one http.Client.
func (b *bench) perCall() error {
	stop, err := b.tenant(10)
	if err != nil {
		return err
	}
	defer stop()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Println()
	for _, p := range []struct{ name, text string }{{"get.lua", getLua}, {"get.yaml", getYAML}} {
		if err := os.WriteFile(filepath.Join(b.dir, p.name), []byte(p.text), 0o600); err != nil {
			return err
		}
		var ratios, ours, theirs []float64
		for range b.pairs {
			a, err := b.process(b.program, "run", p.name, "--quiet", "--concurrency", "16", "-p", fmt.Sprintf("calls=%d", b.calls))
			if err != nil {
				return err
			}
			c, err := b.process(self, "plain", b.ready.BaseURL, b.ready.ClientID, b.ready.ClientSecret, fmt.Sprint(b.calls), "16")
			if err != nil {
				return err
			}
			ratios = append(ratios, a.cpu/c.cpu)
			ours, theirs = append(ours, a.cpu/float64(b.calls)*1e6), append(theirs, c.cpu/float64(b.calls)*1e6)
		}
		fmt.Printf("CPU a call, %-9s %6.1f µs, http.Client %6.1f µs, ratio %.2f (goal 1.40)\n",
			p.name, median(ours), median(theirs), median(ratios))
	}
	return nil
}

const streamLua = `
local n = 0
local result = parallel.each(auth0.users.each(), function(user) n = n + #user.user_id end)
print(result.done)
`

// memory is the peak of a run that streams users.
func (b *bench) memory() error {
	fmt.Println()
	if err := os.WriteFile(filepath.Join(b.dir, "stream.lua"), []byte(streamLua), 0o600); err != nil {
		return err
	}
	for _, n := range []int{10_000, 100_000} {
		stop, err := b.tenant(n)
		if err != nil {
			return err
		}
		var peaks []float64
		for range 3 {
			p, err := b.process(b.program, "run", "stream.lua", "--quiet")
			if err != nil {
				stop()
				return err
			}
			if got := strings.TrimSpace(p.stdout); got != fmt.Sprint(n) {
				stop()
				return fmt.Errorf("%s users were streamed, want %d", got, n)
			}
			peaks = append(peaks, float64(p.peak)/1024)
		}
		stop()
		fmt.Printf("peak memory, %7d items streamed %6.1f MB (goal 30)\n", n, median(peaks))
	}
	return nil
}

// usage is what a process used.
type usage struct {
	cpu    float64 // seconds
	peak   int64   // KB
	stdout string
	stderr string
}

// process runs a program to its end in the bench's folder.
func (b *bench) process(program string, args ...string) (usage, error) {
	u, code, err := b.run(context.Background(), program, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s %v: exit %d: %s", program, args, code, u.stderr)
	}
	return u, err
}

// run is process with any exit code.
func (b *bench) run(ctx context.Context, program string, args ...string) (usage, int, error) {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // our own binaries
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "AUTH0_DOMAIN="+b.ready.BaseURL, "AUTH0_CLIENT_ID="+b.ready.ClientID,
		"AUTH0_CLIENT_SECRET="+b.ready.ClientSecret, "XDG_STATE_HOME="+filepath.Join(b.dir, "state"))
	cmd.Env = append(cmd.Env, b.extra...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return usage{}, 0, err
	}
	u := usage{
		cpu:    (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		stdout: string(out), stderr: stderr.String(),
	}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = r.Maxrss
	}
	return u, cmd.ProcessState.ExitCode(), nil
}

// tenant starts a local tenant with n users in a process of its own.
func (b *bench) tenant(n int) (stop func(), err error) { return b.tenantWith(n, "") }

// listen is a socket of this machine.
func listen() (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(context.Background(), "tcp", "127.0.0.1:0")
}

// tenantWith is tenant with a fault and flags.
func (b *bench) tenantWith(n int, fault string, flags ...string) (stop func(), err error) {
	seed, file := filepath.Join(b.dir, "seed.json"), filepath.Join(b.dir, "ready.json")
	if err := writeSeed(seed, n, fault, b.limits); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(file); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.Background(), b.program, append([]string{"sim", "--seed", seed, "--ready-file", file}, flags...)...) //nolint:gosec // our own binary
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		_ = cmd.Wait()                          // its exit code says nothing here
	}
	// Its first line says that it listens.
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		stop()
		return nil, fmt.Errorf("the tenant did not start: %w", err)
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // ends with the process
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &b.ready)
	}
	if err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// writeSeed writes users who have most of their metadata in common.
func writeSeed(file string, n int, fault, limits string) error {
	end := `],"roles":[{"id":"rol_small","name":"small","description":"a role of about a hundred bytes altogether"}]`
	if fault != "" {
		end += `,"faults":[` + fault + "]"
	}
	if limits != "" {
		end += `,"limits":` + limits
	}
	return writeUsers(file, n, end+"}\n", seedUser)
}

// writeUsers writes the users one by one: a process's peak memory counts from
// that of the process that started it, so this one must stay small.
func writeUsers(file string, n int, end string, user func(int) map[string]any) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriter(f)
	before := `{"users":[`
	for i := range n {
		text, err := json.Marshal(user(i))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n%s", before, text); err != nil {
			return err
		}
		before = ","
	}
	if _, err := out.WriteString(end); err != nil {
		return err
	}
	return out.Flush()
}

func seedUser(i int) map[string]any {
	at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 7 * time.Minute).Format("2006-01-02T15:04:05.000Z")
	return map[string]any{
		"user_id": fmt.Sprintf("auth0|u%d", i), "email": fmt.Sprintf("u%d@example.com", i),
		"connection": "Username-Password-Authentication", "created_at": at, "updated_at": at, "last_login": at,
		"given_name": "Given", "family_name": "Family", "email_verified": true,
		"app_metadata":  map[string]any{"plan": "pro", "seats": i % 40, "flags": []string{"a", "b", "c"}},
		"user_metadata": map[string]any{"theme": "dark", "address": map[string]any{"city": "Oslo", "zip": "0150"}},
	}
}

// plain is the peer: one http.Client, the same requests from as many goroutines as
// told, each answer read and unmarshalled.
func plain(args []string) error {
	if len(args) != 5 {
		return errors.New("plain wants base URL, client id, secret, a count and how many at a time")
	}
	var calls, width int
	if _, err := fmt.Sscan(args[3]+" "+args[4], &calls, &width); err != nil {
		return err
	}
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}
	token, err := plainToken(c, args)
	if err != nil {
		return err
	}
	work := make(chan struct{}, calls)
	for range calls {
		work <- struct{}{}
	}
	close(work)
	var wg sync.WaitGroup
	errs := make(chan error, width)
	for range width {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range work {
				if err := plainGet(c, args[0]+"/api/v2/users/"+url.PathEscape("auth0|u1"), token); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	wg.Wait()
	close(errs)
	return <-errs
}

func plainToken(c *http.Client, args []string) (string, error) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {args[1]}, "client_secret": {args[2]},
	}
	if len(args) == 4 {
		form.Set("scope", args[3])
	}
	u, err := url.Parse(args[0])
	if err != nil {
		return "", err
	}
	form.Set("audience", "https://"+u.Host+"/api/v2/")
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, args[0]+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", err
	}
	if answer.AccessToken == "" {
		return "", fmt.Errorf("no token: %s", resp.Status)
	}
	return answer.AccessToken, nil
}

func plainGet(c *http.Client, address, token string) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var user map[string]any
	if err := json.Unmarshal(text, &user); err != nil {
		return err
	}
	if user["user_id"] != "auth0|u1" {
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
