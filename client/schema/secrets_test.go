package schema

import (
	"regexp"
	"strings"
	"testing"

	"a0run/client/catalog"
)

// credential matches the names of fields that hold a secret, in any spelling.
var credential = regexp.MustCompile(`(?i)(secret|passw|passphrase|_pass$|private_?key|api_?key|access_?key|account_?key|server_?key|server_credentials|` +
	`write_?key|write_?token|api_?token|auth_?token|access_?token|refresh_?token|id_?token|sid_token|bot_token|^token$|_token$|authorization$|` +
	`^p12$|signing_?key$|masterkey|skey$|wrapped_key|sas_?key|shared_?key|hmac|seed$|credential)`)

// notSecret are fields that the pattern takes for one, each with the reason.
var notSecret = map[string]string{
	"sasKeyName":                                 "the name of a key",
	"private_key_id":                             "the name of a key",
	"accessKeyId":                                "the name of a key; the key is secretAccessKey",
	"aws_access_key_id":                          "the name of a key; the key is aws_secret_access_key",
	"admin_access_token_expiresin":               "a time",
	"change_password":                            "the source of a script",
	"passwordPolicy":                             "one of a few words",
	"id_token_signed_response_algs[]":            "names of algorithms",
	"id_token_encryption_alg_values_supported[]": "names of algorithms",
	"id_token_encryption_enc_values_supported[]": "names of algorithms",
	"id_token_signing_alg_values_supported[]":    "names of algorithms",
}

// hiddenHere are secrets whose names do not say it.
var hiddenHere = []string{
	"emails.config credentials.connectionString", "emails.update credentials.connectionString",
	"flows.vault.connections.create setup.url", "flows.vault.connections.create setup.value", "flows.vault.connections.create setup.code",
	"flows.vault.connections.update setup.url", "flows.vault.connections.update setup.value", "flows.vault.connections.update setup.code",
	"log_streams.create sink.httpCustomHeaders[].value", "log_streams.update sink.httpCustomHeaders[].value",
}

// older are fields that the catalogue marks though no schema has them: tenants
// and older clients know them, and marking costs nothing.
var older = map[string]bool{
	"clients.create client_secret": true,
}

// fieldsOf visits the text fields of a shape with their paths as the catalogue
// writes them.
func fieldsOf(id shapeID, path string, open map[shapeID]bool, visit func(path string, s *shape)) {
	if open[id] || strings.Count(path, ".") > 9 {
		return
	}
	open[id] = true
	defer delete(open, id)
	s := &shapes[id]
	if s.kinds&isText != 0 && s.enum == nil && id != sAny {
		visit(path, s)
	}
	join := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	for _, list := range [][]member{s.must, s.may} {
		for _, m := range list {
			fieldsOf(m.id, join(m.name), open, visit)
		}
	}
	for _, v := range s.variants {
		fieldsOf(v.id, path, open, visit)
	}
	if s.rest != sAny {
		fieldsOf(s.rest, join("*"), open, visit)
	}
	if s.items != sAny {
		fieldsOf(s.items, path+"[]", open, visit)
	}
}

// covered reports whether the catalogue marks a path, or something above it.
func covered(op *catalog.Operation, path string) bool {
	for _, secret := range op.Secrets {
		if secret == "" || secret == path || strings.HasPrefix(path, secret+".") || strings.HasPrefix(path, secret+"[]") {
			return true
		}
	}
	field, _, deeper := strings.Cut(path, ".")
	arg, ok := op.Arg(field)
	return ok && !deeper && arg.Secret
}

// TestSecretsAreMarked: every field of a body whose name says that it holds a
// credential is one of the operation's secrets, so that no log and no journal
// has it in the clear.
func TestSecretsAreMarked(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, row := range bodies {
		op, _ := catalog.Default().Lookup(row.id)
		fieldsOf(row.root, "", map[shapeID]bool{}, func(path string, _ *shape) {
			name := path[strings.LastIndexByte(path, '.')+1:]
			if name == "*" || !credential.MatchString(strings.TrimRight(name, "[]")) {
				return
			}
			for _, key := range []string{name, op.ID + " " + path} {
				if notSecret[key] != "" {
					used[key] = true
					return
				}
			}
			if !covered(op, path) {
				t.Errorf("%s: %s is no secret of the catalogue", op.ID, path)
			}
		})
	}
	for _, key := range hiddenHere {
		id, path, _ := strings.Cut(key, " ")
		if op, _ := catalog.Default().Lookup(id); op == nil || !covered(op, path) || !reaches(Of(op).root, path) {
			t.Errorf("%s is not marked, or is no field", key)
		}
	}
	for key := range notSecret {
		if !used[key] {
			t.Errorf("notSecret has %s, which no body has", key)
		}
	}
}

// TestSecretsAreFields: what the catalogue marks in a body is a field that the
// body is known to take.
func TestSecretsAreFields(t *testing.T) {
	t.Parallel()
	for _, row := range bodies {
		op, _ := catalog.Default().Lookup(row.id)
		for _, path := range op.Secrets {
			if !older[op.ID+" "+path] && !reaches(row.root, path) {
				t.Errorf("%s: the catalogue marks %s, which the body is not known to have", op.ID, path)
			}
		}
	}
}

// reaches reports whether a path of the catalogue leads to a place of a shape.
func reaches(id shapeID, path string) bool {
	s := &shapes[id]
	if path == "" || id == sAny {
		return true
	}
	for _, v := range s.variants {
		if reaches(v.id, path) {
			return true
		}
	}
	if rest, ok := strings.CutPrefix(path, "[]"); ok {
		return s.kinds&isArray != 0 && reaches(s.items, strings.TrimPrefix(rest, "."))
	}
	name, rest, _ := strings.Cut(path, ".")
	if list, ok := strings.CutSuffix(name, "[]"); ok && list != "" {
		name, rest = list, strings.TrimSuffix("[]."+rest, ".")
	}
	if name == "*" {
		return s.open || s.rest != sAny
	}
	next, ok := s.field(name)
	return ok && reaches(next, rest) || !ok && s.open
}
