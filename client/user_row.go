package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// databasePrefix begins the ids of users of database connections. An import adds
// it by itself, so that a file's ids go without.
const databasePrefix = "auth0|"

// neverImported are the fields that a tenant gives with a user and takes from
// nobody. They are left out, so that what was exported or listed can be imported.
func neverImported() []string {
	return []string{
		"created_at", "updated_at", "identities", "last_ip", "last_login", "last_password_reset", "logins_count",
		"multifactor", "multifactor_last_modified", "guardian_authenticators", "guardian_enrollments", "email_lastVerified",
	}
}

// rowOf makes a row of a valid JSON text: an object as an import takes it.
func rowOf(text []byte, line int) UserRow {
	row := UserRow{Line: line}
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] != '{' {
		row.Code, row.Problem = "invalid_row", "want an object" // its text may be a secret
		return row
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		row.Code, row.Problem = "invalid_json", err.Error()
		return row
	}
	members, err := fieldsOf(compact.Bytes())
	if err != nil {
		row.Code, row.Problem = "invalid_row", err.Error()
		return row
	}
	return row.of(members)
}

// of fills a row with the members that an import takes. A null is a member that
// is not there: exports write it so, and an import refuses it.
func (r UserRow) of(members fields) UserRow {
	seen := map[string]bool{}
	kept := make(fields, 0, len(members))
	for _, m := range members {
		switch {
		case seen[m.name]:
			r.Code, r.Problem = "invalid_row", fmt.Sprintf("the field %s is there twice", m.name)
			return r
		case slices.Contains(neverImported(), m.name):
			r.Left = append(r.Left, m.name)
		case string(m.value) != "null":
			kept = append(kept, m)
		}
		seen[m.name] = true
	}
	for i, m := range kept {
		if m.name != userID {
			continue
		}
		id, err := plainJSON(m.value)
		if err != nil {
			break // the tenant says what is wrong with it
		}
		provider, own, split := strings.Cut(id, "|")
		switch {
		case !split:
		case provider+"|" == databasePrefix:
			kept[i].value, _ = json.Marshal(own) // a string always can be
		default:
			r.Code = "not_a_database_user"
			r.Problem = fmt.Sprintf("user_id %s is a user of the provider %s, and an import fills a database connection", id, provider)
			return r
		}
	}
	r.User = kept.object()
	return r
}

// RowOf makes the row of a list's user.
func RowOf(number int, user json.RawMessage) UserRow {
	row := rowOf(user, 0)
	row.Row = number
	return row
}

// names are the values by which an error names a user of a file.
type rowNames struct {
	ID       string `json:"user_id,omitempty"`
	Email    string `json:"email,omitempty"`
	Username string `json:"username,omitempty"`
	Phone    string `json:"phone_number,omitempty"`
}

// namesIn reads them; a user without any, or of another form, has none.
func namesIn(user json.RawMessage) rowNames {
	var all map[string]json.RawMessage
	if json.Unmarshal(user, &all) != nil {
		return rowNames{}
	}
	text := func(name string) string {
		var s string
		_ = json.Unmarshal(all[name], &s) // what is no text is no name
		return s
	}
	return rowNames{
		ID: strings.TrimPrefix(text(userID), databasePrefix), Email: text("email"), Username: text("username"), Phone: text("phone_number"),
	}
}

// same reports whether two users bear the same names.
func (n rowNames) same(o rowNames) bool {
	return n.ID == o.ID && strings.EqualFold(n.Email, o.Email) && strings.EqualFold(n.Username, o.Username) && n.Phone == o.Phone
}

// one reports whether a name is shared, of those that both have.
func (n rowNames) one(o rowNames) bool {
	shared := func(a, b string) bool { return a != "" && strings.EqualFold(a, b) }
	return shared(n.ID, o.ID) || shared(n.Email, o.Email) || shared(n.Username, o.Username) || shared(n.Phone, o.Phone)
}
