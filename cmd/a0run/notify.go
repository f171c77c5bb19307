package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"a0run/engine"
	"a0run/engine/notify"
	"a0run/engine/project"
)

const notifyTestLong = `Send a message to each receiver of notify: in a0run.yaml, or to those that are
named, and say of each whether it was taken. The addresses are secrets: none is shown.`

const notifyTestExample = `  a0run notify test
  a0run notify test ops --kind approval`

func notifyCommand(w *world) *cobra.Command {
	group := &cobra.Command{
		Use: "notify", Short: "Try the messages about runs", Example: notifyTestExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var kind string
	test := &cobra.Command{
		Use: "test [RECEIVER …]", Short: "Send a message to the receivers of notify: in a0run.yaml",
		Long: notifyTestLong + "\n\n" + notifyTestCodes, Example: notifyTestExample,
		RunE: func(cmd *cobra.Command, args []string) error { return notifyTest(cmd.Context(), w, args, kind) },
	}
	test.Flags().StringVar(&kind, "kind", notify.Failed, "what the message is about: "+strings.Join(notify.Kinds(), ", "))
	group.AddCommand(test)
	return group
}

const notifyTestCodes = `Exit codes:
  0 all went well    1 a receiver did not take it    2 wrong usage, or a0run.yaml is wrong`

func notifyTest(ctx context.Context, w *world, names []string, kind string) error {
	if kind == "" {
		kind = notify.Failed
	}
	if _, err := oneOf("--kind", kind, notify.Kinds()); err != nil {
		return err
	}
	p, err := w.findProject(w.dir)
	if err != nil {
		return err
	}
	if p == nil || len(p.Notify.To) == 0 {
		return &usageError{"nobody is to be told: there is no notify: in an " + project.FileName + " of this folder or above it", "notify: {to: {ops: {url: {env: SLACK_URL}}}}"}
	}
	if err := knownReceivers(p, names); err != nil {
		return err
	}
	to, err := p.Receivers(ctx, w.outside(), names...)
	if err != nil {
		return err
	}
	n := notify.Notice{
		Kind: kind, At: w.now(), Playbook: "a test of notify", Run: strings.Repeat("0", 32), Due: w.now(),
		Error: "this is a test: nothing has happened; " + w.who + " on " + w.host + " asked for it",
	}
	failed := 0
	for i, err := range notify.Test(notify.Options{Receivers: to}, n) {
		if err != nil {
			failed++
			fmt.Fprintln(w.stdout, to[i].Name+": "+w.paint("31", "failed")+": "+printable(oneLine(err.Error())))
			continue
		}
		fmt.Fprintln(w.stdout, to[i].Name+": "+w.paint("32", "sent"))
	}
	if failed > 0 {
		return exitError(engine.ExitFailed)
	}
	return nil
}

// knownReceivers refuses a name that no receiver has.
func knownReceivers(p *project.Project, names []string) error {
	known := make([]string, len(p.Notify.To))
	for i, t := range p.Notify.To {
		known[i] = t.Name
	}
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		hint := "there are " + strings.Join(known, ", ")
		if near := engine.Nearest(name, known); near != "" {
			hint = "did you mean " + near + "?"
		}
		return &usageError{"there is no receiver " + printable(name) + " under notify.to", hint}
	}
	return nil
}
