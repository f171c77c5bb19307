package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"a0run/engine"
)

const rootLong = `a0run runs playbooks, Lua scripts or YAML step lists, against Auth0 tenants.

A playbook reads as if it did one thing after the other; calls run concurrently
where it says so, stay within the tenant's rate limit, and are tried again where
that is safe. With --local it runs against a tenant inside the process, so that
it can be tried without one.`

const rootExample = `  a0run run rename.lua --local                 try a playbook without a tenant
  a0run run rename.lua --tenant staging        run it against a tenant of a0run.yaml
  a0run check playbooks/*.yaml                 find mistakes without running
  a0run ops users                              what there is to call`

const exitCodes = `Exit codes:
  0 all went well                          1 an error that nobody rescued
  2 wrong usage, or an invalid playbook    3 plan --detailed-exitcode: changes
  4 the end was reached, items failed      5 refused by a guard
  6 the tenant moved since the plan        7 an outcome is in doubt
  130 interrupted (Ctrl-C)                 143 ended by SIGTERM`

func rootCommand(w *world) *cobra.Command {
	root := &cobra.Command{
		Use: "a0run", Short: "Scriptable, durable automation for Auth0 tenants",
		Long: rootLong + "\n\n" + exitCodes, Example: rootExample,
		SilenceErrors: true, SilenceUsage: true, Version: buildVersion(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("a0run {{.Version}}\n")
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{flagMistake(err), "`" + cmd.CommandPath() + " --help` lists the flags"}
	})
	defer strictCompletion(root)
	defer strictHelp(root)
	root.AddCommand(runCommandOf(w), resumeCommand(w), undoCommand(w), planCommand(w), applyCommand(w), checkCommand(w), opsCommand(w), simCommand(w), versionCommand(w))
	root.AddCommand(runsCommand(w), whyCommand(w), resolveCommand(w), notifyCommand(w), limitsCommand(w), nextCommand(w), serveCommand(w), workCommand(w))
	return root
}

// flagMistake says what a flag wants, where its library shows how Go reads numbers.
func flagMistake(err error) string {
	var wrong *pflag.InvalidValueError
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	flag, want := wrong.GetFlag(), ""
	switch kind := flag.Value.Type(); {
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"):
		want = "a whole number"
	case strings.HasPrefix(kind, "float"):
		want = "a number"
	case kind == "bool":
		want = "true or false"
	case kind == "duration":
		want = "a duration, as 90s, 15m or 2h"
	default:
		return err.Error()
	}
	name := "--" + flag.Name
	if flag.Shorthand != "" {
		name = "-" + flag.Shorthand
	}
	return name + " " + printable(wrong.GetValue()) + ": want " + want
}

// unknownCommand teaches the nearest command below one.
func unknownCommand(below *cobra.Command, name string) error {
	var names []string
	for _, c := range below.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			names = append(names, c.Name())
		}
	}
	hint := "`" + below.Root().Name() + " help` lists the commands"
	if near := engine.Nearest(name, names); near != "" {
		hint = "did you mean " + below.CommandPath() + " " + near + "?"
	}
	return &usageError{"unknown command " + printable(name), hint}
}

// strictHelp makes help for what is no command a wrong use, which cobra does
// not.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() != "help" {
			continue
		}
		c.Run = nil
		c.RunE = func(_ *cobra.Command, args []string) error {
			at := root
			for _, name := range args {
				i := slices.IndexFunc(at.Commands(), func(c *cobra.Command) bool { return c.Name() == name || c.HasAlias(name) })
				if i < 0 {
					return unknownCommand(at, name)
				}
				at = at.Commands()[i]
			}
			at.InitDefaultHelpFlag()
			return at.Help()
		}
	}
}

// strictCompletion makes a wrong shell a wrong use, which cobra does not.
func strictCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			c.Args = func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return &usageError{"completion: unknown shell " + args[0], "bash, zsh, fish or powershell"}
				}
				return nil
			}
		}
	}
}

// noArgs refuses arguments in our own words.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{cmd.Name() + " takes no arguments, got " + args[0], "`" + cmd.CommandPath() + " --help` lists the flags"}
	}
	return nil
}

func versionCommand(w *world) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if !asJSON {
				_, err := fmt.Fprintln(w.stdout, "a0run "+buildVersion())
				return err
			}
			return json.NewEncoder(w.stdout).Encode(map[string]string{
				"version": buildVersion(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
