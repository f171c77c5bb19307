package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"a0run/engine"
	"a0run/engine/project"
)

// readParams gives every declared parameter its value: -p beats --params beats
// the default.
func (s *session) readParams() (*engine.Object, error) {
	texts := map[string]string{}
	for _, p := range s.flags.params {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, &usageError{"-p " + p + ": no value", "-p KEY=VALUE"}
		}
		if _, twice := texts[name]; twice {
			return nil, &usageError{"-p " + name + " is given twice", ""}
		}
		texts[name] = value
	}
	var file *engine.Object
	if s.flags.paramsFile != "" {
		var err error
		if file, err = readTree(s.world, s.flags.paramsFile); err != nil {
			return nil, err
		}
	}
	head := s.playbook.head()
	values, problems := head.ParseParams(texts, file)
	if len(problems) > 0 {
		return nil, problems
	}
	s.params = values
	s.learnParams()
	return values, nil
}

// learnParams makes the secret parameters known to the redactor.
func (s *session) learnParams() {
	for _, p := range s.playbook.head().Params {
		if v, _ := s.params.Get(p.Name); p.Type == "secret" {
			learnSecrets(s.redactor, v)
		}
	}
}

func learnSecrets(r *engine.Redactor, v any) {
	switch x := v.(type) {
	case string:
		r.Add(x)
	case engine.Secret:
		r.Add(string(x))
	}
}

// readTree reads a JSON or YAML file whose top is an object.
func readTree(w *world, name string) (*engine.Object, error) {
	text, err := os.ReadFile(w.path(name))
	if err != nil {
		return nil, &usageError{fmt.Sprintf("cannot read %s: %v", name, reason(err)), ""}
	}
	if strings.EqualFold(filepath.Ext(name), ".json") {
		tree, err := engine.ParseJSON(text)
		if err != nil {
			return nil, &usageError{name + ": " + err.Error(), "--params takes an object of names and values"}
		}
		if o, ok := tree.(*engine.Object); ok {
			return o, nil
		}
		return nil, &usageError{name + " is not an object", "--params takes an object of names and values"}
	}
	return project.ParseTree(name, text)
}
