package project

import (
	"errors"
	"strings"
	"testing"
	"time"

	"a0run/engine"
)

func TestSettingsMistakes(t *testing.T) {
	t.Parallel()
	const head = "tenants: {a: {domain: d, client_id: c}}\n"
	tests := map[string]struct {
		text string
		want []string // each a problem, "line:col: message"
	}{
		"an unknown key":         {head + "guard: {}\n", []string{"2:1: unknown key in a0run.yaml: guard (did you mean guards?)"}},
		"production as text":     {"tenants:\n  a: {domain: d, production: yes}\n", []string{"2:30: tenants.a.production: got text, want true or false"}},
		"production misspelt":    {"tenants:\n  a: {domain: d, prodution: true}\n", []string{"2:18: unknown key in tenants.a: prodution (did you mean production?)"}},
		"guards as a list":       {head + "guards: [read_only]\n", []string{"2:9: guards: got a list, want keys and values"}},
		"an unknown guard":       {head + "guards:\n  readonly: true\n", []string{"3:3: guards: unknown key: readonly (did you mean read_only?)"}},
		"guards of a tenant":     {"tenants:\n  a:\n    domain: d\n    guards:\n      limits:\n        users: {delte: 10%}\n", []string{"6:17: guards: unknown key of limits.users: delte (did you mean delete?)"}},
		"a dotted kind":          {head + "guards:\n  limits:\n    clients.credentials:\n      delete: many\n", []string{"5:7: guards: limits.clients.credentials.delete: want a whole number or a percentage, got \"many\""}},
		"an item of a list":      {head + "guards:\n  allow:\n    - users.*\n    - rolls.*\n", []string{"5:7: guards: allow: no operation is called rolls.* (did you mean roles.*?)"}},
		"an empty list of a key": {head + "guards:\n  allow:\n", []string{"3:3: guards: allow: got null, want a list of operations"}},
		"a broken number":        {head + "guards: {confirm_above: 0x10}\n", []string{"2:25: 0x10 is not written as a decimal number"}},
		"two mistakes":           {head + "guards: {read_only: 1, hours: {zone: Nowhere, days: mon}}\n", []string{"2:10: guards: read_only: got a number", "2:32: guards: hours.zone: there is no time zone \"Nowhere\""}},
		"a journal in a list":    {head + "journal: [x]\n", []string{"2:10: journal: got a list, want keys and values"}},
		"an unknown setting":     {head + "journal: {path: x}\n", []string{"2:11: unknown key in journal: path (known: file, key, keep, encrypt)"}},
		"a path for a shell":     {head + "journal: ~/a0run.db\n", []string{"2:10: journal: no shell reads the path ~/a0run.db"}},
		"a key in the clear":     {head + "journal: {key: hush-hush}\n", []string{"2:16: journal.key: a key does not stand in the file itself (key: {env: NAME}"}},
		"a key twice":            {head + "journal: {key: {env: A, file: b}}\n", []string{"2:16: journal.key: give exactly one of env, file, command"}},
		"no duration":            {head + "journal: {keep: 90}\n", []string{"2:17: journal.keep: got 90, want how long runs are kept (keep: 90d, keep: 12h, or keep: forever)"}},
		"a negative duration":    {head + "journal: {keep: -3d}\n", []string{"2:17: journal.keep: got -3d"}},
		"no such encryption":     {head + "journal: {encrypt: al}\n", []string{"2:20: journal.encrypt: got al, want secrets or all (did you mean all?)"}},
		"an encrypted list":      {head + "journal: {encrypt: [all]}\n", []string{"2:20: journal.encrypt: got a list, want secrets or all"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("a0run.yaml", []byte(tc.text))
			var got engine.Problems
			if !errors.As(err, &got) || len(got) != len(tc.want) {
				t.Fatalf("got %v, want %d problems", err, len(tc.want))
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), "a0run.yaml:"+want) {
					t.Errorf("not found: %s\nin: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	p := parse(t, `
tenants:
  staging: {domain: s, client_id: c}
  prod:
    domain: p
    client_id: c
    production: true
    guards: {limits: {users: 10%}}
  odd: {domain: o, client_id: c, production: false, guards: {read_only: false}}
guards:
  deny: [tenants.*]
journal: {file: state/j.db, key: {env: KEY}, keep: 90d, encrypt: all}
`)
	for name, want := range map[string]int{"staging": 1, "prod": 3, "odd": 1, "nobody": 1} {
		if got := p.Guards(name); len(got) != want {
			t.Errorf("%s has %d sets of guards, want %d", name, len(got), want)
		}
	}
	j := p.Journal
	if p.Path(j.File) != "/repo/state/j.db" || j.Keep != 90*24*time.Hour || j.Encrypt != EncryptAll || j.Where.Line != 12 {
		t.Errorf("got %+v", j)
	}
	out := outside(map[string]string{"KEY": "c2VjcmV0\n"}, nil, nil)
	if key, err := p.JournalKey(t.Context(), out); err != nil || string(key) != "c2VjcmV0" {
		t.Errorf("key: %v", err)
	}
	if _, err := p.JournalKey(t.Context(), outside(nil, nil, nil)); err == nil || !strings.Contains(err.Error(), "/repo/a0run.yaml:12:34: journal.key: the environment variable KEY is not set") {
		t.Errorf("got %v", err)
	}
	const tenants = "tenants: {a: {domain: d}}\n"
	short := parse(t, tenants+"journal: /var/a0run.db\n")
	if short.Path(short.Journal.File) != "/var/a0run.db" || !short.Journal.Key.IsZero() || len(short.Guards("a")) != 0 {
		t.Errorf("got %+v", short.Journal)
	}
	file := parse(t, tenants+"journal: {key: {file: k}, keep: forever}\n")
	if key, err := file.JournalKey(t.Context(), out); key != "" || err != nil || file.Path(file.Journal.Key.File) != "/repo/k" || file.Journal.Keep != KeepForever || file.Path("") != "" {
		t.Errorf("got %+v, %v", file.Journal, err)
	}
}
