package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"a0run/bindings"
	"a0run/engine"
	"a0run/engine/project"
)

func checkCommand(w *world) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "check FILE…", Short: "Find the mistakes of playbooks without running them",
		Long: `Check playbooks offline: syntax, unknown operations, wrong argument names,
undefined names, needs that cannot be met. So is the a0run.yaml that holds for
them. All mistakes are shown at once, as file:line:column; the exit code is 2
when there is one.`,
		Example: "  a0run check playbooks/*.lua\n  a0run check --json rename.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return &usageError{"check needs a file", "a0run check FILE…"}
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return check(w, args, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a mistake")
	return cmd
}

// finding is a mistake as `check --json` prints it.
type finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column,omitempty"`
	Level   string `json:"level"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func check(w *world, files []string, asJSON bool) error {
	failed := false
	show := func(problems engine.Problems) error {
		for _, p := range problems {
			failed = failed || !p.Warning
			if err := showProblem(w, p, asJSON); err != nil {
				return err
			}
		}
		return nil
	}
	settings := map[string]bool{} // folders and problems of a0run.yaml that were looked at
	for _, name := range files {
		wrong, err := checkProject(w, name, settings)
		if err != nil {
			return err
		}
		if err := show(wrong); err != nil {
			return err
		}
		problems, err := checkFile(w, name)
		if err != nil {
			failed = true
			w.report(err)
			continue
		}
		if err := show(problems); err != nil {
			return err
		}
		if len(problems) == 0 && !asJSON {
			fmt.Fprintf(w.stderr, "%s: ok\n", name)
		}
	}
	if failed {
		return exitError(engine.ExitUsage)
	}
	return nil
}

// checkProject looks for the mistakes of the a0run.yaml that holds for a
// playbook; of each only once. There need be none.
func checkProject(w *world, name string, done map[string]bool) (engine.Problems, error) {
	dir := w.dir
	if name != "-" {
		dir = filepath.Dir(w.path(name))
	}
	if done[dir] {
		return nil, nil
	}
	done[dir] = true
	found, err := w.findProject(dir)
	var problems engine.Problems
	switch {
	case errors.As(err, &problems):
	case err != nil:
		return nil, err
	case found != nil:
		problems = found.Warnings
	}
	var out engine.Problems
	for _, p := range problems {
		place := fmt.Sprintf("%v %s", p.Where, p.Message) // playbooks of several folders may share the file
		if !done[place] {
			done[place] = true
			p.Where.File = w.near(p.Where.File)
			out = append(out, p)
		}
	}
	return out, nil
}

func checkFile(w *world, name string) (engine.Problems, error) {
	p, err := loadPlaybook(w, name)
	var problems engine.Problems
	if errors.As(err, &problems) {
		return problems, nil
	}
	if err != nil {
		return nil, err
	}
	return p.check(offline(w, p, false)), nil
}

// offline is the table of functions by which a playbook is checked. How strictly
// bodies are looked at, the project says where the playbook does not; a project
// that cannot be read says so when its tenants are needed.
func offline(w *world, p *playbook, local bool) *engine.Namespace {
	head := p.head()
	if head.Validate == "" && !local {
		dir := p.dir
		if dir == "" {
			dir = w.dir
		}
		if found, err := project.Find(dir, w.outside()); err == nil {
			head.Validate = found.Validate
		}
	}
	return bindings.Offline(head)
}

func showProblem(w *world, p engine.Problem, asJSON bool) error {
	level := "error"
	if p.Warning {
		level = "warning"
	}
	if asJSON {
		return json.NewEncoder(w.stdout).Encode(finding{
			p.Where.File, p.Where.Line, p.Where.Column, level, p.Message, p.Hint,
		})
	}
	text := p.String()
	if p.Warning {
		text = "warning: " + text
	}
	_, err := fmt.Fprintln(w.stdout, text)
	return err
}
