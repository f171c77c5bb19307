package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"a0run/client/sim"
)

// simFlags are the flags of `a0run sim`.
type simFlags struct {
	listen, seed, rate, reset, ready string
	burst                            int
	tls                              bool
}

func simCommand(w *world) *cobra.Command {
	f := &simFlags{}
	cmd := &cobra.Command{
		Use: "sim", Short: "Run a local tenant that Auth0's own SDKs can talk to",
		Long: `Run a local tenant on a loopback address until Ctrl-C. It answers the Management
API and the Authentication API, issues tokens, and, where asked for, limits rates
and makes mistakes as a real tenant does.

--ready-file gets, once the tenant listens, JSON with base_url, domain,
client_id, client_secret, private_key_client_id, private_key and ca_file.`,
		Example: "  a0run sim --listen 127.0.0.1:8443 --tls --seed users.yaml\n  a0run sim --rate 50/s --burst 100 --reset full --ready-file ready.json",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return serveSim(cmd.Context(), w, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:0", "the loopback `ADDRESS` to listen on; port 0 means any free one")
	flags.BoolVar(&f.tls, "tls", false, "serve https with a certificate made for this run")
	flags.StringVar(&f.seed, "seed", "", "what the tenant holds, a YAML or JSON `FILE`")
	flags.StringVar(&f.rate, "rate", "", "the tenant's limit, `N/s` or N/min")
	flags.IntVar(&f.burst, "burst", 0, "with --rate: how many requests may come at once; the rate of a second unless told")
	flags.StringVar(&f.reset, "reset", "token", "what x-ratelimit-reset names: the second by which one more request is allowed (token), or by which the bucket is full again (full)")
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
	number, unit, _ := strings.Cut(rate, "/")
	n, err := strconv.ParseFloat(number, 64)
	seconds, known := map[string]float64{"": 1, "s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "m": 60}[unit]
	if err != nil || n <= 0 || !known {
		return limits, &usageError{"--rate " + rate + ": want N/s or N/min", "--rate 50/s"}
	}
	if burst < 0 {
		return limits, &usageError{fmt.Sprintf("--burst %d: want at least 1", burst), ""}
	}
	if burst == 0 {
		burst = max(1, int(n))
	}
	limits.Rate, limits.Burst = n/seconds, burst
	return limits, nil
}

// onLoopback refuses an address that others can reach: the tenant's keys are
// known to everybody.
func onLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return &usageError{"--listen " + address + ": want HOST:PORT", "--listen 127.0.0.1:0"}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return &usageError{"--listen " + address + ": a local tenant listens on loopback only", "--listen 127.0.0.1:0"}
	}
	return nil
}

func serveSim(ctx context.Context, w *world, f *simFlags) error {
	limits, err := limitsOf(f.rate, f.burst, f.reset)
	if err != nil {
		return err
	}
	if err := onLoopback(f.listen); err != nil {
		return err
	}
	o := sim.Options{Clock: w.now, Limits: limits}
	if f.seed != "" {
		if o.Seed, err = os.ReadFile(w.path(f.seed)); err != nil {
			return &usageError{fmt.Sprintf("cannot read %s: %v", f.seed, reason(err)), ""}
		}
		o.SeedName = f.seed
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	so := sim.ServeOptions{Listen: f.listen, TLS: f.tls, ReadyFile: f.ready}
	so.Ready = func(c sim.Credentials) {
		fmt.Fprintf(w.stdout, "local tenant on %s (client_id %s)\n", c.BaseURL, c.ClientID)
		if f.ready == "" {
			fmt.Fprintln(w.stderr, "hint: --ready-file FILE writes the credentials to a file")
		}
	}
	tenant, err := sim.New(o)
	if err != nil {
		return &usageError{err.Error(), hintOf(err)}
	}
	if err := tenant.Serve(ctx, so); err != nil {
		return &usageError{err.Error(), hintOf(err)}
	}
	return nil
}
