package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"a0run/client/sim"
)

// simFlags are the flags of `a0run sim`.
type simFlags struct {
	listen, seed, rate, reset, ready, plan, api, data, control, domain string
	burst                                                              int
	tls, explain, expose                                               bool
	tenants                                                            []string
}

func simCommand(w *world) *cobra.Command {
	f := &simFlags{}
	cmd := &cobra.Command{
		Use: "sim", Short: "Run a local tenant that Auth0's own SDKs can talk to",
		Long: `Run a local tenant on a loopback address until Ctrl-C. It answers the Management
API and the Authentication API, issues tokens, and, where asked for, limits rates
and makes mistakes as a real tenant does.

--ready-file gets, once the tenant listens, JSON with base_url, domain,
client_id, client_secret, private_key_client_id, private_key, ca_file and
control_token, which opens the API under /__a0run/ by which tests set the clock,
inject faults, and keep and restore snapshots (docs/sim.md). The page at / shows
what the tenant holds.

--data keeps the state in a file: what was answered is in it also after kill -9,
and the next start goes on from there; the seed is planted only into an empty one.

--tenant, once for each, serves many tenants in one process, told apart by the
host that requests are sent to: each has its own issuer, state, limits, faults,
time and control token. The ready file then has ca_file and tenants, by name, and
--data is a folder in which each has a file. Most systems find names below
localhost by themselves.`,
		Example: "  a0run sim --listen 127.0.0.1:8443 --tls --seed users.yaml\n  a0run sim --tls --tenant acme.localhost=acme.yaml --tenant beta.localhost --ready-file ready.json\n  a0run sim --rate 50/s --burst 100 --reset full --ready-file ready.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.explain {
				return sim.Explain(w.stdout)
			}
			return serveSim(cmd.Context(), w, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:0", "the loopback `ADDRESS` to listen on; port 0 means any free one")
	flags.BoolVar(&f.tls, "tls", false, "serve https with a certificate made for this run")
	flags.StringVar(&f.seed, "seed", "", "what the tenant holds: a YAML or JSON `FILE`, or an export of deploy-cli, its tenant.yaml or its folder")
	flags.StringArrayVar(&f.tenants, "tenant", nil, "serve a tenant under a host name, `NAME=FILE` or NAME for an empty one; repeat it for more")
	flags.StringVar(&f.rate, "rate", "", "the Management API's limit, `N/s`, N/min, N/hour or N/day")
	flags.IntVar(&f.burst, "burst", 0, "with --rate: how many requests may come at once; the number of --rate unless told")
	flags.StringVar(&f.reset, "reset", "token", "what x-ratelimit-reset names: the second by which one more request is allowed (token), or by which the bucket is full again (full)")
	flags.StringVar(&f.plan, "plan", "", "limit rates and numbers of objects as Auth0 publishes for a `PLAN`: "+strings.Join(sim.Plans(), ", "))
	flags.StringVar(&f.api, "api", "4.13", "whose rules hold where they differ, `4.13` or current: the current API refuses to rename a connection")
	flags.StringVar(&f.data, "data", "", "keep the state in `FILE`, an SQLite database; with --tenant, a folder of them")
	flags.StringVar(&f.control, "control-token", "", "the `TOKEN` of the control API; one is made up unless told")
	flags.StringVar(&f.domain, "domain", "", "the `HOST` or HOST:PORT by which callers reach the tenant, where it is not --listen: its tokens bear it")
	flags.BoolVar(&f.expose, "expose", false, "let --listen be an address that other machines reach, as a container needs; the tenant's keys are known to everybody")
	flags.BoolVar(&f.explain, "explain", false, "say how far each operation is modelled, and end")
	flags.StringVar(&f.ready, "ready-file", "", "write where the tenant listens and its credentials to `FILE`")
	return cmd
}

// limitsOf reads --rate, --burst and --reset.
func limitsOf(rate string, burst int, reset string) (sim.Limits, error) {
	limits := sim.Limits{Reset: reset}
	if reset != "token" && reset != "full" {
		return limits, &usageError{"--reset " + reset + ": want token or full", ""}
	}
	if rate == "" {
		if burst != 0 {
			return limits, &usageError{"--burst needs --rate", "--rate 50/s --burst 100"}
		}
		return limits, nil
	}
	one, err := sim.ParseRate(rate)
	if err != nil || one.Rate <= 0 {
		return limits, &usageError{"--rate " + rate + ": want N/s, N/min, N/hour or N/day", "--rate 50/s"}
	}
	if burst < 0 {
		return limits, &usageError{fmt.Sprintf("--burst %d: want at least 1", burst), ""}
	}
	if burst == 0 {
		burst = max(1, int(one.Rate))
	}
	limits.Rate, limits.Per, limits.Every, limits.Burst = one.Rate, one.Per, one.Every, burst
	return limits, nil
}

// limits are those of --plan, --rate, --burst and --reset.
func (f *simFlags) limits() (sim.Limits, error) {
	own, err := limitsOf(f.rate, f.burst, f.reset)
	if err != nil || f.plan == "" {
		return own, err
	}
	limits, err := sim.PlanLimits(f.plan)
	if err != nil {
		return limits, &usageError{"--plan: " + err.Error(), "--plan free"}
	}
	limits.Reset = own.Reset
	if own.Rate > 0 {
		limits.Rate, limits.Per, limits.Every, limits.Burst = own.Rate, own.Per, own.Every, own.Burst
	}
	return limits, nil
}

// onLoopback refuses an address that others can reach: the tenant's keys are
// known to everybody.
func onLoopback(address string, expose bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return &usageError{"--listen " + address + ": want HOST:PORT", "--listen 127.0.0.1:0"}
	}
	if ip := net.ParseIP(host); !expose && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return &usageError{"--listen " + address + ": a local tenant listens on loopback only", "--listen 127.0.0.1:0; in a container: --expose"}
	}
	return nil
}

func serveSim(ctx context.Context, w *world, f *simFlags) error {
	limits, err := f.limits()
	if err != nil {
		return err
	}
	if f.api != "4.13" && f.api != "current" {
		return &usageError{"--api " + f.api + ": want 4.13 or current", "--api current"}
	}
	if err := onLoopback(f.listen, f.expose); err != nil {
		return err
	}
	o := sim.Options{Clock: w.now, Limits: limits, NoConnectionRename: f.api == "current", ControlToken: f.control, Domain: f.domain, LogLimit: 10_000}
	seeds, err := f.seeds(w, o)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	so := sim.ServeOptions{Listen: f.listen, TLS: f.tls, ReadyFile: f.ready}
	so.Ready = func(c sim.Credentials) {
		fmt.Fprintf(w.stdout, "local tenant on %s (client_id %s)\n", c.BaseURL, c.ClientID)
	}
	if f.ready == "" {
		fmt.Fprintln(w.stderr, "hint: --ready-file FILE writes the credentials to a file")
	}
	if share, set := w.getenv("GOGC"); !set || share == "" {
		tightHeap()
	}
	var tenants []*sim.Tenant
	var failed error
	for i, one := range seeds {
		seeds[i] = sim.Options{} // a seed's text may be large
		t, err := sim.New(one)
		if err != nil {
			failed = err
			break
		}
		tenants = append(tenants, t)
		if notes := t.SeedNotes(); len(notes) > 0 {
			fmt.Fprintf(w.stderr, "note: not planted: %s\n", strings.Join(notes, ", "))
		}
	}
	givenBack()
	switch {
	case failed != nil:
	case len(f.tenants) > 0:
		failed = sim.ServeAll(ctx, tenants, so)
	default:
		failed = tenants[0].Serve(ctx, so)
	}
	for _, t := range tenants {
		failed = errors.Join(failed, t.Close())
	}
	if failed != nil {
		return &usageError{failed.Error(), hintOf(failed)}
	}
	return nil
}

// seeds are the options of each tenant that is to be served.
func (f *simFlags) seeds(w *world, o sim.Options) ([]sim.Options, error) {
	plant := func(o *sim.Options, file string) error {
		if file == "" {
			return nil
		}
		at := w.path(file)
		if info, err := os.Stat(at); err == nil && info.IsDir() {
			o.SeedFS, o.SeedName = os.DirFS(at), file
			at = filepath.Join(at, "tenant.yaml")
			if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
				return nil // an export in folders needs none
			}
			file = filepath.Join(file, "tenant.yaml")
		} else {
			o.SeedFS = os.DirFS(filepath.Dir(at))
		}
		text, err := os.ReadFile(at) //nolint:gosec // G304: the user names it
		if err != nil {
			return &usageError{fmt.Sprintf("cannot read %s: %v", file, reason(err)), ""}
		}
		o.Seed, o.SeedName = text, file
		return nil
	}
	if len(f.tenants) == 0 {
		if f.data != "" {
			o.Data = w.path(f.data)
		}
		err := plant(&o, f.seed)
		return []sim.Options{o}, err
	}
	if f.seed != "" || f.domain != "" {
		return nil, &usageError{"--tenant has names and seeds of its own: --seed and --domain do not go with it", "--tenant acme.localhost=acme.yaml"}
	}
	var out []sim.Options
	seen := map[string]bool{}
	for _, text := range f.tenants {
		one := o
		name, file, _ := strings.Cut(text, "=")
		switch one.Domain = strings.ToLower(name); {
		case !hostLike(one.Domain):
			return nil, &usageError{"--tenant " + text + ": want HOST=FILE or HOST", "--tenant acme.localhost=acme.yaml"}
		case seen[one.Domain]:
			return nil, &usageError{"--tenant " + one.Domain + " is given twice", "one name for each tenant"}
		}
		seen[one.Domain] = true
		if f.data != "" {
			dir := w.path(f.data)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return nil, &usageError{fmt.Sprintf("--data %s: with --tenant it is a folder: %v", f.data, reason(err)), ""}
			}
			one.Data = filepath.Join(dir, one.Domain+".db")
		}
		if err := plant(&one, file); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// hostLike reports whether a text can be the name of a host.
func hostLike(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return net.ParseIP(s) == nil
}
