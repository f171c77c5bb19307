package main

import (
	"encoding/csv"
	"fmt"
	"log"
	"os"
	"strings"
	"unicode"
)

// A method is one method of the Python SDK 4.13.
type method struct {
	params []pyParam
	path   string
	body   string
}

type pyParam struct {
	name     string
	kind     string
	required bool
}

func readPython(path string) (map[string]method, error) {
	f, err := os.Open(path) //nolint:gosec // G304: the path is this tool's own argument
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	r := csv.NewReader(f)
	r.Comma = '\t'
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	methods := map[string]method{}
	for _, row := range rows[1:] {
		if row[0] != "auth0.management" {
			continue
		}
		if len(row) < 10 {
			return nil, fmt.Errorf("%s: row of %s.%s is too short", path, row[2], row[3])
		}
		methods[row[2]+"."+row[3]] = method{params: parseParams(row[4]), path: row[6], body: row[9]}
	}
	return methods, nil
}

// parseParams splits "id: str, page: int = 0" at the commas outside brackets.
func parseParams(text string) []pyParam {
	var params []pyParam
	depth, start := 0, 0
	add := func(part string) {
		part = strings.TrimSpace(part)
		if part == "" {
			return
		}
		name, rest, _ := strings.Cut(part, ":")
		kind, _, optional := strings.Cut(rest, " = ")
		params = append(params, pyParam{name: name, kind: strings.TrimSpace(kind), required: !optional})
	}
	for i, c := range text {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		case ',':
			if depth == 0 {
				add(text[start:i])
				start = i + 1
			}
		}
	}
	add(text[start:])
	return params
}

// A naming is the ID and the aliases of one operation.
type naming struct {
	id      string
	aliases []string
}

// nameAll gives every operation its names: the Python SDK's first, then the
// current ones where they are still free.
func nameAll(src *source) map[string]naming {
	taken := map[string]string{}
	names := map[string]naming{}
	take := func(name, owner string) bool {
		if other, ok := taken[name]; ok && other != owner {
			return false
		}
		taken[name] = owner
		return true
	}
	for i := range src.ops {
		op := &src.ops[i]
		if len(op.Python) == 0 {
			continue
		}
		for _, name := range op.Python {
			if !take(name, op.ID+op.Verb+op.Path) {
				log.Fatalf("gen: two operations are called %s", name)
			}
		}
		names[op.ID+op.Verb+op.Path] = naming{id: op.Python[0], aliases: op.Python[1:]}
	}
	for i := range src.ops {
		op := &src.ops[i]
		key, current := op.ID+op.Verb+op.Path, snakePath(op.ID)
		free := take(current, key)
		n := names[key]
		switch {
		case n.id == "" && !free:
			log.Fatalf("gen: no name is left for %s", op.ID)
		case n.id == "":
			n.id = current
		case free && n.id != current:
			n.aliases = append([]string{current}, n.aliases...)
		}
		names[key] = n
	}
	return names
}

func snakePath(id string) string {
	parts := strings.Split(id, ".")
	for i := range parts {
		parts[i] = snake(parts[i])
	}
	return strings.Join(parts, ".")
}

func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, c := range runes {
		if c == '-' {
			b.WriteByte('_')
			continue
		}
		if unicode.IsUpper(c) {
			lowerNext := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if i > 0 && runes[i-1] != '_' && runes[i-1] != '-' && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]) || lowerNext) {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(c))
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

// splitFiles says where the sub-resources of large resources go.
func splitFiles() map[string]string {
	return map[string]string{
		"users/roles": "users_access", "users/permissions": "users_access", "users/groups": "users_access",
		"users/effectiveRoles": "users_access", "users/effectivePermissions": "users_access", "users/organizations": "users_access",
		"users/sessions": "users_sessions", "users/refreshToken": "users_sessions", "users/logs": "users_sessions",
		"users/*":                           "users_authentication",
		"organizations/members":             "organizations_members",
		"organizations/groups":              "organizations_members",
		"organizations/invitations":         "organizations_members",
		"organizations/*":                   "organizations_connections",
		"connections/scimConfiguration":     "connections_scim",
		"connections/directoryProvisioning": "connections_directory",
		"actions/modules":                   "actions_modules",
		"experimentation/experiments":       "experimentation_experiments",
		"experimentation/featureFlags":      "experimentation_flags",
		"guardian/factors":                  "guardian_factors",
		"branding/phone":                    "branding_phone",
	}
}
