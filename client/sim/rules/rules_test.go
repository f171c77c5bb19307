package rules_test

import (
	"encoding/json"
	"strings"
	"testing"

	"a0run/client/catalog"
	"a0run/client/sim/rules"
)

// samples are texts of the patterns and formats that the table uses.
func samples(pattern, format string) string {
	byPattern := map[string]string{
		`^[^ ]*$`: "word", `^[^<>]*$`: "plain", `^[^<>]+$`: "plain", `^[^:]+$`: "plain", `^\S*$`: "word",
		`^#(([0-9a-fA-F]{3}){1,2}|([0-9a-fA-F]{4}){1,2})$`: "#aabbcc", `^#([\dA-Fa-f]{6}|[\dA-Fa-f]{3})$`: "#aabbcc",
		`^([a-z0-9]){3,24}$`: "abc123", `^([A-Za-z0-9+/]){86}==$`: strings.Repeat("a", 86) + "==",
		`^([a-z0-9]){1}([a-z0-9-]){2,62}$`: "abc-1", `^(.){1,1024}$`: "x", `^([0-9a-zA-Z-_]{10,64})$`: "abcdefghij",
		`^[a-zA-Z0-9](-[a-zA-Z0-9]|[a-zA-Z0-9])*$`: "a-b", `^[A-Za-z0-9]+$`: "abc", `^[-A-Fa-f0-9]+$`: "ab-12",
		`^https://.*`: "https://a.example/", `^https://`: "https://a.example/", "^[a-zA-Z0-9!#$%&'*+.^_`|~-]+$": "x-header",
		`^\d{12}$`: "123456789012", `^flg_[A-HJ-NP-Za-km-z1-9]+$`: "flg_abc", `^var_[A-HJ-NP-Za-km-z1-9]+$`: "var_abc",
		`^seg_[A-HJ-NP-Za-km-z1-9]+$`: "seg_abc", `^[a-zA-Z0-9]([ \-a-zA-Z0-9]*[a-zA-Z0-9])?$`: "a b",
		`^con_[A-Za-z0-9]{16}$`: "con_0123456789abcdef",
		`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`: "00000000-1111-2222-3333-444444444444",
		`^[0-9]*$`: "12", `^\d+$`: "12", `^client\.metadata\.[^\.]+$`: "client.metadata.a", `^organization\.metadata\.[^\.]+$`: "organization.metadata.a",
		`^transaction\.custom_domain\.domain_metadata\.[^\.]+$`: "transaction.custom_domain.domain_metadata.a",
		`^user\.user_metadata\.[^\.]+$`:                         "user.user_metadata.a", `^user\.app_metadata\.[^\.]+$`: "user.app_metadata.a",
		`^untrusted_data\.authorization_params\.ext-[^\.]+$`: "untrusted_data.authorization_params.ext-a",
		`^grp_[1-9a-km-zA-HJ-NP-Z]{14,22}$`:                  "grp_abcdefghijkmnp", `^[A-Z]{2}$`: "DE", `^\+[0-9]{1,15}$`: "+4912345",
		`^simplified/1.0$`: "simplified/1.0", `^aamva$`: "aamva",
	}
	if s := byPattern[pattern]; s != "" {
		return s
	}
	switch {
	case strings.HasPrefix(pattern, `^(?:us-east-`):
		return "us-east-1"
	case strings.HasPrefix(pattern, `^(?!-)`), strings.HasPrefix(pattern, `^(?!.*\x00)`), strings.HasPrefix(pattern, `^(([a-zA-Z0-9]|`):
		return "abc"
	case strings.HasPrefix(pattern, `^$|^(?=.)`):
		return "https://a.example/x"
	}
	f := strings.TrimSuffix(strings.TrimSuffix(format, "-or-null"), "-or-empty")
	byFormat := map[string]string{
		"email": "a@b.example", "ipv4": "203.0.113.7", "ipv6": "2001:db8::1", "cidr": "203.0.113.0/24", "ipv6_cidr": "2001:db8::/32",
		"date-time": "2026-11-26T10:00:00Z", "uuid": "00000000-1111-2222-3333-444444444444", "hostname": "a.example",
		"hostname-rfc2181": "a.example", "non-empty-string": "x", "html-color": "#aabbcc", "forms-hex-color": "#aabbcc",
		"organization-name": "acme", "forms-expression": "{{fields.a}}", "forms-file-extension": ".png", "acr": "urn:acr",
		"flow-id": "af_abc", "session-id": "sess_abc", "user-id": "auth0|1", "user-id-with-max-length": "auth0|1",
	}
	if s := byFormat[f]; s != "" {
		return s
	}
	if strings.Contains(f, "url") || strings.Contains(f, "uri") {
		return "https://a.example/x"
	}
	return "id_0123456789"
}

// TestPatternsAndFormats: each is understood, takes what is of it, and refuses
// something where its meaning is known.
func TestPatternsAndFormats(t *testing.T) {
	for _, p := range rules.Patterns() {
		if s := samples(p, ""); !rules.Matches(p, s) {
			t.Errorf("%.60s refuses %q", p, s)
		}
		if p != `^(.){1,1024}$` && rules.Matches(p, " <\x00>: ") {
			t.Errorf("%.60s takes anything", p)
		}
	}
	for _, f := range rules.Formats() {
		if s := samples("", f); !rules.Formed(f, s) {
			t.Errorf("%s refuses %q", f, s)
		}
	}
}

// TestTableCoversTheCatalogue: each operation of the Management API is in the
// table, but for the four that the API's document has dropped.
func TestTableCoversTheCatalogue(t *testing.T) {
	known := map[string]bool{}
	for _, at := range rules.Operations() {
		known[at] = true
	}
	gone := 0
	for _, op := range catalog.Default().All() {
		if op.API == catalog.Management && !known[op.Verb+" "+nameless(op.Path)] {
			gone++
			t.Logf("not in the table: %s", op.ID)
		}
	}
	if gone > 4 {
		t.Errorf("%d operations are not in the table", gone)
	}
}

func nameless(path string) string {
	var out []string
	for seg := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(seg, "{") {
			seg = "{}"
		}
		out = append(out, seg)
	}
	return strings.Join(out, "/")
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ at, body, want string }{
		{"POST /users", `{"email":"a@b.c"}`, "Missing required property: connection"},
		{"POST /users", `{"connection":"c","x":1,"y":2}`, "Additional properties not allowed: x,y"},
		{"POST /users", `{"connection":"c","email":5}`, "Expected type string but found type integer' on property email"},
		{"POST /users", `{"connection":"c","email":"a"}`, "Object didn't pass validation for format email: a' on property email"},
		{"POST /users", `{"connection":"","email":"a@b.c"}`, "String is too short (0 chars), minimum 1' on property connection"},
		{"POST /users", `{"connection":"c","phone_number":"1"}`, `String does not match pattern ^\+[0-9]{1,15}$: 1' on property phone_number`},
		{"POST /roles", `{"name":"` + strings.Repeat("é", 300) + `"}`, ""},
		{"POST /connections", `{"name":"a","strategy":"nope"}`, "No enum match for: nope' on property strategy"},
		{"PATCH /connections/{}", `{}`, "Too few properties defined (0), minimum 1"},
		{"PATCH /connections/{}", `{"name":"new"}`, ""},
		{"POST /users/{}/roles", `{"roles":[]}`, "Array is too short (0), minimum 1' on property roles"},
		{"POST /users/{}/roles", `{"roles":[5]}`, "Expected type string but found type integer' on property roles[0]"},
		{"PATCH /clients/{}", `{"jwt_configuration":{"lifetime_in_seconds":"x"}}`, "Expected type integer but found type string' on property jwt_configuration.lifetime_in_seconds"},
		{"PATCH /clients/{}", `{"refresh_token":null}`, ""},
	} {
		d := json.NewDecoder(strings.NewReader(c.body))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		got := ""
		if m := rules.Of(c.at).Body(v); m != nil {
			if got = m.Text; m.Property != "" {
				got += "' on property " + m.Property
			}
		}
		if got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.at, c.body, got, c.want)
		}
	}
	if m := rules.Of("GET /users").Query("per_page", []string{"101"}); m == nil || m.Text != "Value 101 is greater than maximum 100" {
		t.Errorf("per_page=101: %+v", m)
	}
	if m := rules.Of("GET /connections").Query("strategy", []string{"auth0,nope"}); m == nil || m.Property != "strategy[1]" {
		t.Errorf("strategy=auth0,nope: %+v", m)
	}
}
