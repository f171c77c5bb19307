package project

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"a0run/engine"
)

const pemKey = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n"

// outside is a world of maps; commands are found by their first word.
func outside(env, files, commands map[string]string) Outside {
	return Outside{
		Getenv: func(name string) (string, bool) {
			v, ok := env[name]
			return v, ok
		},
		Files: func(path string) ([]byte, error) {
			if v, ok := files[filepath.ToSlash(path)]; ok {
				return []byte(v), nil
			}
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
		Run: func(_ context.Context, command []string, dir string) (string, error) {
			if v, ok := commands[command[0]]; ok {
				return v + strings.Join(command[1:], "+") + " in " + dir + "\n", nil
			}
			return "", errors.New(command[0] + ": not found")
		},
	}
}

const two = `
default: staging
tenants:
  staging:
    domain: staging.eu.auth0.com
    client_id: abc
    client_secret: {env: STAGING_SECRET}
  production:
    domain: {env: PROD_DOMAIN}
    client_id: {command: "pass 'auth0 id' x"}
    private_key: {file: keys/prod.pem}
    private_key_alg: PS256
    audience: https://prod.example/api/v2/
    ca_file: ca.pem
secrets:
  webhook: {env: WEBHOOK}
`

func parse(t *testing.T, text string) *Project {
	t.Helper()
	p, err := Parse("/repo/a0run.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseMistakes(t *testing.T) {
	t.Parallel()
	const ok = "tenants: {a: {domain: d, client_id: c}}\n"
	tests := map[string]struct {
		text string
		want []string // each a problem, "line:col: message"
	}{
		"empty":               {"", []string{"1:1: the file is empty"}},
		"only a comment":      {"# nothing\n", []string{"1:1: the file is empty"}},
		"no YAML":             {"tenants:\n  a: [1\n", []string{"not YAML: did not find expected ',' or ']'"}},
		"a tab":               {"tenants:\n\ta: 1\n", []string{"2:1: not YAML: found character that cannot start any token"}},
		"a list":              {"- a\n", []string{"1:1: a0run.yaml: got a list, want keys and values"}},
		"no tenants":          {"default: a\n", []string{"tenants: is missing"}},
		"an unknown key":      {ok + "tenant: x\n", []string{"2:1: unknown key in a0run.yaml: tenant (did you mean tenants?)"}},
		"a key twice":         {ok + "default: a\ndefault: b\n", []string{"3:1: default is given twice, first in line 2", "there is no tenant b"}},
		"a tenant twice":      {"tenants:\n  a: {domain: d}\n  a: {domain: e}\n", []string{"3:3: a is given twice, first in line 2"}},
		"an unknown field":    {"tenants:\n  a:\n    domain: d\n    client_sceret: x\n", []string{"4:5: unknown key in tenants.a: client_sceret (did you mean client_secret?)"}},
		"an unknown default":  {ok + "default: b\n", []string{"2:10: default: there is no tenant b (there are a)"}},
		"no domain":           {"tenants:\n  a: {client_id: c}\n", []string{"2:3: tenants.a: domain is missing"}},
		"no client id":        {"tenants:\n  a: {domain: d, client_secret: {env: X}}\n", []string{"2:3: tenants.a: client_id is missing"}},
		"two credentials":     {"tenants:\n  a: {domain: d, client_id: c, client_secret: {env: X}, private_key: {env: Y}}\n", []string{"client_secret and private_key are both given"}},
		"half a certificate":  {"tenants:\n  a: {domain: d, client_id: c, client_certificate: {file: x}}\n", []string{"client_certificate and client_certificate_key belong together"}},
		"a number":            {"tenants:\n  a: {domain: d, client_id: 0123}\n", []string{"2:29: tenants.a.client_id: got a number, want text (put it in quotes)"}},
		"nothing":             {"tenants:\n  a: {domain: }\n", []string{"tenants.a.domain: got nothing, want text", "domain is missing"}},
		"a tenant is no map":  {"tenants: {a: d}\n", []string{"1:14: tenants.a: got text, want keys and values"}},
		"two sources":         {"tenants:\n  a: {domain: {env: X, file: y}}\n", []string{"2:15: tenants.a.domain: give exactly one of env, file, command"}},
		"an unknown source":   {"tenants:\n  a: {domain: {evn: X}}\n", []string{"unknown key in tenants.a.domain: evn (did you mean env?)", "domain is missing"}},
		"a list as source":    {"tenants:\n  a: {domain: [x]}\n", []string{"tenants.a.domain: got a list, want text, {env: NAME}", "domain is missing"}},
		"an open quote":       {"tenants:\n  a: {domain: {command: \"x 'y\"}}\n", []string{"a quote is not closed"}},
		"an empty command":    {"tenants:\n  a: {domain: {command: []}}\n", []string{"tenants.a.domain.command is empty", "domain is missing"}},
		"an alias":            {"tenants:\n  a: &x {domain: d}\n  b: *x\n", []string{"2:6: anchors and aliases are not known here", "3:6: anchors and aliases are not known here", "3:6: tenants.b: got text"}},
		"a merge key":         {"tenants:\n  a:\n    <<: {domain: d}\n", []string{"unknown key in tenants.a: <<", "domain is missing"}},
		"a second document":   {ok + "---\n" + ok, []string{"a second document"}},
		"a name with a space": {"tenants: {a b: {domain: d}}\n", []string{`"a b" is no name of a tenant`}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("a0run.yaml", []byte(tc.text))
			var got engine.Problems
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want problems", err)
			}
			if len(got) != len(tc.want) {
				t.Errorf("%d problems, want %d:\n%v", len(got), len(tc.want), err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("not found: %s\nin: %v", want, err)
				}
			}
			if got.ExitCode() != 2 {
				t.Error("the exit code is not 2")
			}
		})
	}
}

func TestSecretsInTheClearAreWarnings(t *testing.T) {
	t.Parallel()
	p := parse(t, "tenants:\n  a:\n    domain: d\n    client_id: c\n    client_secret: hush-hush\nsecrets: {w: hush-hush}\n")
	if len(p.Warnings) != 2 || !strings.Contains(p.Warnings[0].String(), "a0run.yaml:5:20: tenants.a.client_secret stands in the file in the clear") {
		t.Errorf("got %v", p.Warnings)
	}
	if strings.Contains(p.Warnings.Error(), "hush") {
		t.Errorf("a warning shows the secret: %v", p.Warnings)
	}
	if clean := parse(t, two); len(clean.Warnings) != 0 {
		t.Errorf("warnings without a reason: %v", clean.Warnings)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	files := map[string]string{"/repo/a0run.yaml": two}
	env := map[string]string{"AUTH0_DOMAIN": "env.auth0.com", "AUTH0_CLIENT_ID": "id", "AUTH0_CLIENT_SECRET": "secret"}
	p, err := Find("/repo/deep/below", outside(env, files, nil))
	if err != nil || p.File != "/repo/a0run.yaml" || p.Default != "staging" || len(p.Tenants) != 2 {
		t.Errorf("below: %+v, %v", p, err)
	}
	p, err = Find("/elsewhere", outside(env, files, nil))
	if err != nil || p.File != "" || p.Default != EnvTenant || p.Tenants[0].ClientID.Env != "AUTH0_CLIENT_ID" {
		t.Errorf("environment: %+v, %v", p, err)
	}
	tests := map[string]struct {
		env, files map[string]string
		want       string
	}{
		"neither":      {nil, nil, "there is no a0run.yaml in /repo/x or above it, and AUTH0_DOMAIN is not set"},
		"both keys":    {map[string]string{"AUTH0_DOMAIN": "d", "AUTH0_CLIENT_SECRET": "s", "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY": "k"}, nil, "are both set"},
		"a wrong file": {env, map[string]string{"/repo/a0run.yaml": "x: 1"}, "unknown key"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Find("/repo/x", outside(tc.env, tc.files, nil))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	denied := outside(env, nil, nil)
	denied.Files = func(path string) ([]byte, error) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	}
	if _, err := Find("/repo", denied); err == nil || err.Error() != "/repo/a0run.yaml: cannot be read: permission denied" {
		t.Errorf("an unreadable file: %v", err)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	roles := func(pairs ...string) engine.Head {
		var h engine.Head
		for i := 0; i < len(pairs); i += 2 {
			h.Tenants = append(h.Tenants, engine.TenantDecl{Role: pairs[i], Tenant: pairs[i+1]})
		}
		return h
	}
	noDefault := strings.Replace(two, "default: staging\n", "", 1)
	one := "tenants: {only: {domain: d}}"
	env := map[string]string{"AUTH0_DOMAIN": "https://other.auth0.com/"}
	tests := map[string]struct {
		text  string
		flags []string
		head  engine.Head
		env   map[string]string
		want  string // "role=name role=name", or the error
	}{
		"the default":                    {text: two, want: "default=staging"},
		"the only one":                   {text: one, want: "default=only"},
		"no default":                     {text: noDefault, want: "! no tenant is chosen"},
		"a flag beats the default":       {text: two, flags: []string{"production"}, want: "default=production"},
		"the head beats the default":     {text: two, head: roles("main", "production"), want: "main=production"},
		"a flag beats the head":          {text: two, head: roles("main", "production"), flags: []string{"staging"}, want: "main=staging"},
		"a flag with the role":           {text: two, head: roles("main", "production"), flags: []string{"main=staging"}, want: "main=staging"},
		"two roles":                      {text: two, head: roles("source", "staging", "target", ""), flags: []string{"target=production"}, want: "source=staging target=production"},
		"two roles, one without":         {text: two, head: roles("source", "staging", "target", ""), want: "! the role target has no tenant (--tenant target=NAME, where NAME is one of staging, production)"},
		"two roles, a flag without role": {text: two, head: roles("source", "", "target", ""), flags: []string{"staging"}, want: "! --tenant staging: the playbook has the roles source, target; say which one is meant (--tenant source=staging)"},
		"an unknown role":                {text: two, head: roles("source", "", "target", "staging"), flags: []string{"sauce=staging"}, want: "! --tenant sauce=staging: the playbook has no role sauce (did you mean source?)"},
		"an unknown tenant":              {text: two, flags: []string{"prodction"}, want: "! --tenant prodction: /repo/a0run.yaml has no tenant prodction (did you mean production? it has staging, production)"},
		"an unknown tenant in the head":  {text: two, head: roles("main", "qa"), want: "! the role main: /repo/a0run.yaml has no tenant qa"},
		"two tenants for one role":       {text: two, flags: []string{"staging", "production"}, want: "! --tenant names two tenants for the role default: staging and production"},
		"another domain around":          {text: two, env: env, want: "! the tenant staging has the domain staging.eu.auth0.com, but AUTH0_DOMAIN is https://other.auth0.com/ (say --tenant staging, or unset AUTH0_DOMAIN)"},
		"--tenant decides":               {text: two, env: env, flags: []string{"staging"}, want: "default=staging"},
		"the same domain around":         {text: two, env: map[string]string{"AUTH0_DOMAIN": "https://Staging.eu.auth0.com"}, want: "default=staging"},
		"another domain from env":        {text: two, head: roles("main", "production"), env: map[string]string{"AUTH0_DOMAIN": "a", "PROD_DOMAIN": "b"}, want: "! the tenant production has the domain b, but AUTH0_DOMAIN is a"},
		"one of two roles is meant":      {text: two, head: roles("source", "staging", "target", "production"), env: map[string]string{"AUTH0_DOMAIN": "b", "PROD_DOMAIN": "b"}, want: "source=staging target=production"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(t, tc.text).Choose(Choice{Flags: tc.flags, Head: tc.head, Getenv: outside(tc.env, nil, nil).Getenv})
			if want, fails := strings.CutPrefix(tc.want, "! "); fails {
				var p engine.Problems
				if err == nil || !errors.As(err, &p) || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, %v; want %q", got, err, want)
				}
				return
			}
			var pairs []string
			for _, role := range slices.Sorted(maps.Keys(got)) {
				pairs = append(pairs, role+"="+got[role])
			}
			if err != nil || strings.Join(pairs, " ") != tc.want {
				t.Errorf("got %v, %v; want %s", pairs, err, tc.want)
			}
		})
	}
}

func TestChooseWithoutFile(t *testing.T) {
	t.Parallel()
	out := outside(map[string]string{"AUTH0_DOMAIN": "d"}, nil, nil)
	p, err := Find("/x", out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Choose(Choice{Getenv: out.Getenv})
	if err != nil || got["default"] != EnvTenant {
		t.Errorf("%v, %v", got, err)
	}
	if _, err = p.Choose(Choice{Flags: []string{"prod"}}); err == nil || !strings.Contains(err.Error(), "--tenant prod names the tenant prod, but there is no a0run.yaml") {
		t.Errorf("a name: %v", err)
	}
	several := engine.Head{Tenants: []engine.TenantDecl{{Role: "source"}, {Role: "target"}}}
	if _, err = p.Choose(Choice{Head: several}); err == nil || !strings.Contains(err.Error(), "the environment describes only one") {
		t.Errorf("two roles: %v", err)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	env := map[string]string{"STAGING_SECRET": "s3cret", "PROD_DOMAIN": "prod.auth0.com", "WEBHOOK": "hook"}
	files := map[string]string{
		"/repo/keys/prod.pem": pemKey,
		"/repo/ca.pem":        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	}
	out := outside(env, files, map[string]string{"pass": "id:"})
	p := parse(t, two)
	got, err := p.Resolve(t.Context(), "production", out)
	if err != nil {
		t.Fatal(err)
	}
	if got.Domain != "prod.auth0.com" || got.ClientID != "id:auth0 id+x in /repo" || got.Audience != "https://prod.example/api/v2/" || got.PrivateKeyAlg != "PS256" {
		t.Errorf("got %+v", got)
	}
	if string(got.PrivateKey) != strings.TrimRight(pemKey, "\n") || !strings.HasPrefix(string(got.CAPEM), "-----BEGIN CERTIFICATE") {
		t.Errorf("key %q, certificates %q", string(got.PrivateKey), got.CAPEM)
	}
	if got, err = p.Resolve(t.Context(), "staging", out); err != nil || got.ClientSecret != "s3cret" {
		t.Errorf("staging: %+v, %v", got, err)
	}
	if v, err := p.Secret(t.Context(), "webhook", out); err != nil || v != "hook" {
		t.Errorf("secret: %s, %v", v, err)
	}
	if _, err := p.Secret(t.Context(), "webhok", out); err == nil || !strings.Contains(err.Error(), "did you mean webhook?") {
		t.Errorf("an unknown secret: %v", err)
	}
}

func TestResolveMistakes(t *testing.T) {
	t.Parallel()
	env := map[string]string{"EMPTY": "", "BLANK": " \n", "NOPEM": "hush-hush-key", "AUTH0_DOMAIN": "other"}
	files := map[string]string{"/repo/empty": "\n", "/repo/text": "hush-hush-text"}
	tests := map[string]struct{ field, want string }{
		"a variable that is not set": {"client_secret: {env: NONE}", "a0run.yaml:4:20: tenant a: client_secret: the environment variable NONE is not set"},
		"an empty variable":          {"client_secret: {env: EMPTY}", "EMPTY is not set"},
		"a blank variable":           {"client_secret: {env: BLANK}", "client_secret: the environment variable BLANK is empty"},
		"a missing file":             {"client_secret: {file: none}", "client_secret: cannot read /repo/none: file does not exist"},
		"an empty file":              {"client_secret: {file: empty}", "client_secret: the file empty is empty"},
		"a command that fails":       {"client_secret: {command: [nope]}", "client_secret: the command failed: nope: not found"},
		"no PEM in a variable":       {"private_key: {env: NOPEM}", "private_key: the environment variable NOPEM is neither a PEM key nor a file that can be read"},
		"no PEM in a file":           {"private_key: {file: text}", "private_key: the file text holds no PEM key"},
		"no PEM behind a path":       {"private_key: text", "private_key: the value given holds no PEM key"},
		"a broken PEM":               {"private_key: \"-----BEGIN PRIVATE KEY-----\"", "holds no PEM key"},
		"no certificate":             {"ca_file: text", "ca_file: it holds no PEM certificate"},
		"no client certificate":      {"client_certificate: text\n    client_certificate_key: {env: NONE}", "client_certificate: it holds no PEM certificate"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := parse(t, "tenants:\n  a:\n    domain: d\n    "+tc.field+"\n    client_id: c\n")
			_, err := p.Resolve(t.Context(), "a", outside(env, files, nil))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the error shows the value: %v", err)
			}
		})
	}
}

// A domain that only a command knows is held against AUTH0_DOMAIN when it is
// known.
func TestResolveComparesDomains(t *testing.T) {
	t.Parallel()
	out := outside(map[string]string{"AUTH0_DOMAIN": "other"}, map[string]string{"/repo/domain": "mine.auth0.com\n"}, nil)
	for flag, want := range map[string]string{"": "the tenant a has the domain mine.auth0.com, but AUTH0_DOMAIN is other", "a": ""} {
		p := parse(t, "tenants: {a: {domain: {file: domain}}}")
		var flags []string
		if flag != "" {
			flags = []string{flag}
		}
		if _, err := p.Choose(Choice{Flags: flags, Getenv: out.Getenv}); err != nil {
			t.Fatal(err)
		}
		_, err := p.Resolve(t.Context(), "a", out)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("--tenant %q: got %v, want %q", flag, err, want)
		}
	}
}

// AUTH0_CLIENT_ASSERTION_PRIVATE_KEY holds PEM, PEM with \n, or a path.
func TestPrivateKeyFromEnv(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]string{"PEM": pemKey, "with \\n": strings.ReplaceAll(pemKey, "\n", `\n`), "a path": "/keys/k.pem"} {
		out := outside(map[string]string{"AUTH0_DOMAIN": "d", "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY": v}, map[string]string{"/keys/k.pem": pemKey}, nil)
		p, err := Find("/x", out)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Resolve(t.Context(), EnvTenant, out)
		if err != nil || strings.TrimSpace(string(got.PrivateKey)) != strings.TrimSpace(pemKey) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestParseTree(t *testing.T) {
	t.Parallel()
	got, err := ParseTree("p.yaml", []byte("a: 1\nb: [true, yes, null, 2026-01-01, 1.5, 9007199254740993]\nc: {d: '01'}\n"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := engine.FormatJSON(got)
	if want := `{"a":1,"b":[true,"yes",null,"2026-01-01",1.5,9007199254740993],"c":{"d":"01"}}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
	if got, err = ParseTree("p.yaml", nil); err != nil || got.Len() != 0 {
		t.Errorf("an empty file: %v, %v", got, err)
	}
	for text, want := range map[string]string{
		"- 1\n":        "p.yaml:1:1: got a list, want keys and values",
		"a: 1\na: 2\n": "p.yaml:2:1: a is given twice",
		"a: 0x10\n":    "p.yaml:1:4: 0x10 is not written as a decimal number",
		"a: 010\n":     "010 is not written as a decimal number",
		"a: .inf\n":    ".inf is not written",
		"a: [\n":       "not YAML",
	} {
		if _, err := ParseTree("p.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(two)
	f.Add("tenants: {a: {domain: [}}")
	f.Add("a: &x [*x, *x]")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("a0run.yaml", []byte(text))
		var problems engine.Problems
		if err != nil && (!errors.As(err, &problems) || len(problems) == 0) {
			t.Fatalf("not problems: %v", err)
		}
		if err == nil && len(p.Tenants) == 0 && !strings.Contains(text, "tenants") {
			t.Fatal("a project out of nothing")
		}
		_, _ = ParseTree("p.yaml", []byte(text))
	})
}
