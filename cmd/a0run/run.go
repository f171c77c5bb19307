package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"a0run/engine"
)

// runFlags are the flags of `a0run run`.
type runFlags struct {
	tenants     []string
	local       bool
	seeds       []string
	rate        string
	burst       int
	reset       string
	params      []string
	paramsFile  string
	concurrency int
	weight      float64
	weighed     func() bool // whether it was given; nil where nobody can
	assumed     bool        // rate is what an estimate counts with
	journal     string
	yes         bool
	confirm     bool
	json, quiet bool

	id      string // of a run that the service has queued
	full    bool   // print every object, not the first of many
	verbose bool   // print the steps inside of loops
}

const runLong = `Run a playbook: a Lua script (.lua) or a YAML step list (.yaml, .yml); "-" reads
it from standard input.

Tenants come from a0run.yaml, found upwards from the playbook, or, only where
there is none, from AUTH0_DOMAIN, AUTH0_CLIENT_ID with AUTH0_CLIENT_SECRET or
AUTH0_CLIENT_ASSERTION_PRIVATE_KEY, AUTH0_API_TOKEN and AUTH0_AUDIENCE. A
playbook that works with several tenants names roles in its head; --tenant
ROLE=NAME says which tenant stands for which.

With --local every role gets a fresh tenant inside the process.`

const runExample = `  a0run run block-inactive.lua --local --seed users.yaml
  a0run run rename.yaml --tenant staging -p from=old -p to=new
  a0run run copy.lua --tenant source=staging --tenant target=prod
  a0run run bulk.lua --local --rate 50/s --burst 100 --reset full`

func runCommandOf(w *world) *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use: "run FILE", Short: "Run a playbook", Long: runLong + "\n\n" + exitCodes, Example: runExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{fmt.Sprintf("run needs one playbook, got %d", len(args)), "a0run run FILE [--tenant NAME | --local]"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runPlaybook(cmd.Context(), w, args[0], f) },
	}
	flags := cmd.Flags()
	f.tenantFlags(flags)
	f.showFlags(flags)
	f.paramFlags(flags)
	f.yesFlag(flags)
	flags.BoolVar(&f.confirm, "confirm", false, "plan, show the plan, ask, and then do exactly that")
	return cmd
}

// tenantFlags choose the tenants.
func (f *runFlags) tenantFlags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.tenants, "tenant", nil, "the tenant to run against, `[ROLE=]NAME`; may be repeated")
	flags.BoolVar(&f.local, "local", false, "run against a fresh local tenant for every role")
	flags.StringArrayVar(&f.seeds, "seed", nil, "with --local: what the tenant holds, `[ROLE=]FILE`; may be repeated")
	flags.StringVar(&f.rate, "rate", "", "with --local: the tenant's limit, `N/s` or N/min")
	flags.IntVar(&f.burst, "burst", 0, "with --local and --rate: how many requests may come at once; the rate of a second unless told")
	flags.StringVar(&f.reset, "reset", "token", "with --local and --rate: what x-ratelimit-reset names, the second by which one more request is allowed (token) or by which the bucket is full again (full)")
}

// paramFlags are what a playbook is given.
func (f *runFlags) paramFlags(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.params, "param", "p", nil, "one parameter of the playbook, `KEY=VALUE`; lists and objects as JSON; may be repeated")
	flags.StringVar(&f.paramsFile, "params", "", "a JSON or YAML `FILE` with all parameters; -p beats it")
	flags.IntVar(&f.concurrency, "concurrency", engine.DefaultConcurrency, "the most requests in flight at a time")
	f.weightFlag(flags)
}

// weightFlag is the run's share beside others.
func (f *runFlags) weightFlag(flags *pflag.FlagSet) {
	f.weighed = func() bool { return flags.Changed("weight") }
	flags.Float64Var(&f.weight, "weight", 0, "the run's share of the rate limits beside other runs, `N`: 3 gets three times as much as 1; that of a0run.yaml, or 1, unless told")
}

// yesFlag says what guards ask a person for.
func (f *runFlags) yesFlag(flags *pflag.FlagSet) {
	flags.BoolVar(&f.yes, "yes", false, "go ahead where a guard asks for a person: production tenants, confirm_above")
}

// showFlags say where a run is written and how it is shown.
func (f *runFlags) showFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.journal, "journal", "", "the journal's `FILE`, or none; ~/.local/state/a0run/journal.db unless told")
	flags.BoolVar(&f.json, "json", false, "print one event a line, as JSON")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "print a line for every step inside of loops, too")
	flags.BoolVar(&f.quiet, "quiet", false, "print only what the playbook prints, warnings and errors")
}

// showNeeded are showFlags of a command that makes no sense without a journal.
func (f *runFlags) showNeeded(flags *pflag.FlagSet) {
	f.showFlags(flags)
	flags.Lookup("journal").Usage = strings.Replace(flags.Lookup("journal").Usage, ", or none;", ";", 1)
}

// runPlaybook runs one playbook from its file to its summary.
func runPlaybook(ctx context.Context, w *world, file string, f *runFlags) error {
	if f.concurrency < 1 {
		return &usageError{fmt.Sprintf("--concurrency %d: at least 1 request must be in flight", f.concurrency), ""}
	}
	if f.confirm && f.journal == noJournal {
		return &usageError{"--confirm needs a journal", "leave --journal none out"}
	}
	s, err := openSession(ctx, w, file, f)
	if err != nil {
		return err
	}
	defer s.close()
	if f.confirm {
		return s.confirmPlaybook(ctx)
	}
	s.guard(f.yes, false)
	if err := s.begin(ctx, engine.KindRun, ""); err != nil {
		return err
	}
	return s.execute(ctx)
}
