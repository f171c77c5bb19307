package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"a0run/bindings"
	"a0run/client/catalog"
	"a0run/engine"
)

func opsCommand(w *world) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "ops [PATTERN]", Short: "List the operations that a playbook can call, or explain one",
		Long: `List operations with their signature and the scopes they need. PATTERN is a name
("users.update", which is then explained), a part of one ("roles"), or a glob
("users.*"). What stands in braces is given by name in one last table; a question
mark means that it can be left out. Names of the Python SDK 4.13 and the current ones are both known.`,
		Example: "  a0run ops\n  a0run ops roles\n  a0run ops users.update\n  a0run ops --json 'users.*'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{"ops takes one pattern, got " + strings.Join(args, " "), "a0run ops 'users.*'"}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			pattern := ""
			if len(args) == 1 {
				pattern = strings.TrimPrefix(args[0], "auth0.")
			}
			return ops(w, pattern, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object an operation")
	return cmd
}

func ops(w *world, pattern string, asJSON bool) error {
	table := catalog.Default()
	if op, ok := table.Lookup(pattern); ok {
		if asJSON {
			return json.NewEncoder(w.stdout).Encode(describe(op))
		}
		return explain(w.stdout, op)
	}
	found, alone, err := opsWalkers(w.stdout, pattern, asJSON)
	if alone || err != nil {
		return err
	}
	for _, op := range table.All() {
		if !matches(op, pattern) {
			continue
		}
		found++
		if err := listOp(w.stdout, op, asJSON); err != nil {
			return err
		}
	}
	if found == 0 {
		hint := "`a0run ops` lists them all"
		if n := table.Nearest(pattern); n != "" {
			hint = "did you mean " + n + "?"
		}
		return &usageError{"no operation matches " + pattern, hint}
	}
	return nil
}

func listOp(out io.Writer, op *catalog.Operation, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(describe(op))
	}
	line := fmt.Sprintf("%-58s", signature(op))
	if len(op.Scopes) > 0 {
		line += "  " + strings.Join(op.Scopes, " or ")
	}
	_, err := fmt.Fprintln(out, strings.TrimRight(line, " "))
	return err
}

func matches(op *catalog.Operation, pattern string) bool {
	for _, name := range append([]string{op.ID}, op.Aliases...) {
		if strings.ContainsAny(pattern, "*?[") {
			if ok, err := path.Match(pattern, name); err == nil && ok {
				return true
			}
		} else if strings.Contains(name, pattern) {
			return true
		}
	}
	return false
}

// fullName is the name under which a playbook calls an operation.
func fullName(op *catalog.Operation) string {
	if op.API == catalog.Management {
		return "auth0." + op.ID
	}
	return op.ID
}

func signature(op *catalog.Operation) string {
	f, ok := bindings.Offline(engine.Head{}).Lookup(fullName(op))
	if !ok {
		return fullName(op)
	}
	return bindings.Signature(f)
}

// opInfo is an operation as `ops --json` prints it.
type opInfo struct {
	Name       string    `json:"name"`
	Aliases    []string  `json:"aliases,omitempty"`
	Signature  string    `json:"signature"`
	Summary    string    `json:"summary"`
	Method     string    `json:"method"`
	Path       string    `json:"path"`
	Effect     string    `json:"effect"`
	Scopes     []string  `json:"scopes,omitempty"`
	Args       []argInfo `json:"args,omitempty"`
	Paging     string    `json:"paging,omitempty"`
	Buckets    []string  `json:"buckets,omitempty"`
	Inverse    string    `json:"inverse,omitempty"`
	Lifecycle  string    `json:"lifecycle,omitempty"`
	Deprecated string    `json:"deprecated,omitempty"`
	Removed    string    `json:"removed,omitempty"`
	Doc        string    `json:"doc,omitempty"`
}

type argInfo struct {
	Name     string   `json:"name"`
	In       string   `json:"in"`
	Type     string   `json:"type"`
	Required bool     `json:"required,omitempty"`
	Secret   bool     `json:"secret,omitempty"`
	Enum     []string `json:"enum,omitempty"`
	Summary  string   `json:"summary,omitempty"`
}

func describe(op *catalog.Operation) opInfo {
	info := opInfo{
		Name: fullName(op), Aliases: op.Aliases, Signature: signature(op), Summary: op.Summary,
		Method: op.Verb, Path: op.Path, Effect: string(op.Effect), Scopes: op.Scopes,
		Paging: string(op.Paging.Style), Buckets: op.Buckets, Lifecycle: op.Lifecycle,
		Deprecated: op.Deprecated, Removed: op.Removed, Doc: op.Doc, Inverse: op.Inverse.With,
	}
	for _, a := range op.Args {
		info.Args = append(info.Args, argInfo{a.Name, string(a.In), string(a.Type), a.Required, a.Secret, a.Enum, a.Summary})
	}
	// What every call takes beside the API's own arguments.
	if f, ok := bindings.Offline(engine.Head{}).Lookup(fullName(op)); ok {
		for _, p := range f.Params {
			if _, own := op.Arg(p.Name); !own {
				info.Args = append(info.Args, argInfo{Name: p.Name, In: "call", Type: p.Type, Summary: p.Summary})
			}
		}
	}
	return info
}

// explain prints all that is known about one operation.
func explain(out io.Writer, op *catalog.Operation) error {
	info := describe(op)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n  %s\n\n", info.Signature, info.Summary)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-12s %s\n", name, value)
		}
	}
	row("request", info.Method+" "+info.Path)
	row("effect", info.Effect)
	row("scopes", strings.Join(info.Scopes, " or "))
	row("also", strings.Join(info.Aliases, ", "))
	row("paging", info.Paging)
	row("rate limit", strings.Join(info.Buckets, ", "))
	row("undone by", info.Inverse)
	if info.Inverse == "" && op.Effect.Mutates() {
		row("not undone", op.Inverse.None)
	}
	row("state", info.Lifecycle)
	row("deprecated", info.Deprecated)
	row("gone", info.Removed)
	if len(info.Args) > 0 {
		b.WriteString("\n  arguments\n")
	}
	for _, a := range info.Args {
		notes := []string{a.Type}
		if a.Required {
			notes = append(notes, "required")
		}
		if a.Secret {
			notes = append(notes, "secret")
		}
		if len(a.Enum) > 0 {
			notes = append(notes, "one of "+strings.Join(a.Enum, ", "))
		}
		if a.Summary != "" {
			notes = append(notes, a.Summary)
		}
		fmt.Fprintf(&b, "    %-24s %s\n", a.Name, strings.Join(notes, "; "))
	}
	_, err := io.WriteString(out, b.String())
	return err
}
