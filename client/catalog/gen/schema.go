package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"sort"
	"strings"

	"a0run/client/catalog"
)

type schemas map[string]*schema

// A schema is the part of a JSON Schema that the tables need.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       any                `json:"type"`
	Nullable   bool               `json:"nullable"`
	Enum       []any              `json:"enum"`
	Const      any                `json:"const"`
	Format     string             `json:"format"`
	Pattern    string             `json:"pattern"`
	Minimum    *float64           `json:"minimum"`
	Maximum    *float64           `json:"maximum"`
	MinLength  *int               `json:"minLength"`
	MaxLength  *int               `json:"maxLength"`
	MinItems   *int               `json:"minItems"`
	MaxItems   *int               `json:"maxItems"`
	MinProps   *int               `json:"minProperties"`
	MaxProps   *int               `json:"maxProperties"`
	Items      *schema            `json:"items"`
	Properties map[string]*schema `json:"properties"`
	Additional json.RawMessage    `json:"additionalProperties"`
	Required   []string           `json:"required"`
	OneOf      []*schema          `json:"oneOf"`
	AnyOf      []*schema          `json:"anyOf"`
	AllOf      []*schema          `json:"allOf"`
}

// of reads a schema that is a component's name or written out.
func (s schemas) of(raw json.RawMessage) *schema {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil
	}
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return s.deref(s[name])
	}
	var inline schema
	if json.Unmarshal(raw, &inline) != nil {
		return nil
	}
	return s.deref(&inline)
}

func (s schemas) deref(v *schema) *schema {
	for v != nil && v.Ref != "" {
		v = s[v.Ref[strings.LastIndex(v.Ref, "/")+1:]]
	}
	return v
}

// alternatives are the schema itself or the members of its oneOf, anyOf, allOf.
func (s schemas) alternatives(v *schema) []*schema {
	v = s.deref(v)
	if v == nil {
		return nil
	}
	out := []*schema{v}
	for _, group := range [][]*schema{v.OneOf, v.AnyOf, v.AllOf} {
		for _, m := range group {
			out = append(out, s.alternatives(m)...)
		}
	}
	return out
}

func (v *schema) kind() string {
	switch t := v.Type.(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if text, ok := one.(string); ok && text != "null" {
				return text
			}
		}
	}
	if len(v.Properties) > 0 {
		return "object"
	}
	if len(v.Enum) > 0 {
		return "string"
	}
	return ""
}

func (s schemas) typeOf(v *schema) catalog.Type {
	kinds := map[catalog.Type]bool{}
	for _, alt := range s.alternatives(v) {
		if t := s.simpleType(alt); t != "" {
			kinds[t] = true
		}
	}
	if len(kinds) == 1 {
		for t := range kinds {
			return t
		}
	}
	return catalog.Any
}

func (s schemas) simpleType(v *schema) catalog.Type {
	switch v.kind() {
	case "string":
		return catalog.String
	case "integer":
		return catalog.Integer
	case "number":
		return catalog.Number
	case "boolean":
		return catalog.Boolean
	case "object":
		return catalog.Object
	case "array":
		if v.Items != nil && s.typeOf(v.Items) == catalog.String {
			return catalog.Strings
		}
		return catalog.Array
	}
	return ""
}

// enumOf lists the values of a closed set; long lists grow with the API and are
// left to it.
func (s schemas) enumOf(v *schema) []string {
	if v == nil || len(v.Enum) == 0 || len(v.Enum) > 24 {
		return nil
	}
	var out []string
	for _, value := range v.Enum {
		text, ok := value.(string)
		if !ok {
			return nil
		}
		out = append(out, text)
	}
	return out
}

// secretName matches the names of fields that hold a credential.
var secretName = regexp.MustCompile(`(^|_)(password|passwd|secret|api_?key|private_key|secret_access_key|secret_key|token|write_key|` +
	`authorization|smtp_pass|server_key|server_credentials|p12|recovery_code|access_key|sas_key|masterkey|skey|wrapped_key|code_verifier|device_code)$`)

// secretPaths walks a schema and lists the paths of its credentials.
func (s schemas) secretPaths(v *schema) []string {
	found := map[string]bool{}
	s.walk(v, walker{found: found, seen: map[*schema]bool{}})
	out := make([]string, 0, len(found))
	for path := range found {
		out = append(out, path)
	}
	sort.Strings(out)
	return out
}

type walker struct {
	path, parent string
	found        map[string]bool
	seen         map[*schema]bool
}

func (w walker) into(name string) walker {
	parent := w.parent
	if name != "[]" {
		parent = name
	}
	path := w.path + name
	if w.path != "" && name != "[]" {
		path = w.path + "." + name
	}

	return walker{path: path, parent: parent, found: w.found, seen: w.seen}
}

func (s schemas) walk(v *schema, w walker) {
	if strings.Count(w.path, ".then[]")+strings.Count(w.path, ".else[]") > 1 {
		return // flows nest without end; the redactor knows the names at any depth
	}
	for _, alt := range s.alternatives(v) {
		if w.seen[alt] {
			continue
		}
		w.seen[alt] = true
		if alt.Items != nil {
			s.walk(alt.Items, w.into("[]"))
		}
		for name, prop := range alt.Properties {
			if s.isSecret(name, w.parent, prop) {
				w.found[w.into(name).path] = true
				continue
			}
			s.walk(prop, w.into(name))
		}
		delete(w.seen, alt)
	}
}

func (s schemas) isSecret(name, parent string, prop *schema) bool {
	if parent == "customScripts" { // the scripts' source code, not their credentials
		return false
	}
	low := snake(name)
	keyPair := parent == "signing_key" || parent == "decryptionKey" || parent == "signingKey"
	credential := secretName.MatchString(low) || (low == "key" && keyPair) || (low == "value" && parent == "secrets")
	if !credential {
		return false
	}
	for _, alt := range s.alternatives(prop) {
		if alt.kind() == "string" && len(alt.Enum) == 0 {
			return true
		}
	}
	return false
}

// join sorts two lists of paths into one without doubles.
func join(a, b []string) []string {
	set := map[string]bool{}
	for _, path := range append(append([]string(nil), a...), b...) {
		set[path] = true
	}
	out := make([]string, 0, len(set))
	for path := range set {
		out = append(out, path)
	}
	sort.Strings(out)
	return out
}
