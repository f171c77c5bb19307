package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"a0run/bindings"
	"a0run/engine"
)

// walkers are the functions among the operations that are none themselves: they
// make several requests, and stand where a playbook looks for them.
func walkers() []*engine.Function {
	var all []*engine.Function
	globals := bindings.Offline(engine.Head{})
	for _, name := range []string{"auth0.users.export", "auth0.users.import"} {
		if f, ok := globals.Lookup(name); ok {
			all = append(all, f)
		}
	}
	return all
}

// opsWalkers prints the walkers that match a pattern and says how many there
// are; one that is named exactly is explained, and alone is then true.
func opsWalkers(out io.Writer, pattern string, asJSON bool) (found int, alone bool, err error) {
	for _, f := range walkers() {
		name := strings.TrimPrefix(f.Name, "auth0.")
		matched := strings.Contains(name, pattern)
		if strings.ContainsAny(pattern, "*?[") {
			matched, _ = path.Match(pattern, name) // a bad pattern matches nothing
		}
		switch {
		case !matched:
			continue
		case asJSON:
			err = json.NewEncoder(out).Encode(walkerInfo(f))
		case name == pattern:
			err = explainWalker(out, f)
		default:
			_, err = fmt.Fprintf(out, "%-58s  %s\n", bindings.Signature(f), strings.Join(f.Scopes, " or "))
		}
		if err != nil || name == pattern {
			return 1, name == pattern, err
		}
		found++
	}
	return found, false, nil
}

func walkerInfo(f *engine.Function) opInfo {
	info := opInfo{Name: f.Name, Signature: bindings.Signature(f), Summary: f.Summary, Effect: "several requests", Scopes: f.Scopes}
	for _, p := range f.Params {
		info.Args = append(info.Args, argInfo{Name: p.Name, In: "call", Type: p.Type, Required: p.Required, Secret: p.Secret, Enum: p.Enum, Summary: p.Summary})
	}
	return info
}

func explainWalker(out io.Writer, f *engine.Function) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n  %s\n\n  gives        %s\n  scopes       %s\n\n  arguments\n", bindings.Signature(f), f.Summary, f.Returns, strings.Join(f.Scopes, " or "))
	for _, p := range f.Params {
		notes := p.Type
		if p.Required {
			notes += ", required"
		}
		if len(p.Enum) > 0 {
			notes += ", one of " + strings.Join(p.Enum, ", ")
		}
		fmt.Fprintf(&b, "    %-24s %s; %s\n", p.Name, notes, p.Summary)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
