package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"a0run/client/sim/store"
)

// importUsers takes a file and begins the job that reads it. What is wrong with
// the file, or with a user in it, shows when the job has ended.
func importUsers(c *call) reply {
	conn := c.tx.Get(connectionsKey(), str(c.body, "connection_id"))
	file, given := c.files["users"]
	switch {
	case max(c.req.ContentLength, int64(len(file))) > maxImport:
		return failure(http.StatusRequestEntityTooLarge, "Payload content length greater than maximum allowed: 512000", "")
	case !given:
		return invalidBody("Missing required property: users")
	case str(c.body, "connection_id") == "":
		return invalidBody("Missing required property: connection_id")
	case conn == nil:
		return absent("/connections")
	case str(conn, "strategy") != "auth0":
		return failure(http.StatusBadRequest, "The connection must be a database connection", "invalid_body")
	}
	if n := c.activeImports(); n >= atOnce {
		return tooManyImports(n)
	}
	extra := object{
		"connection_id": conn["id"], "connection": conn["name"],
		"upsert":                str(c.body, "upsert") == "true",
		"send_completion_email": str(c.body, "send_completion_email") != "false",
	}
	if id := str(c.body, "external_id"); id != "" {
		extra["external_id"] = id
	}
	rep := c.ok(c.newJob("users_import", extra, object{"file": file}))
	rep.status = http.StatusAccepted
	return rep
}

// activeImports are the import jobs that have not ended.
func (c *call) activeImports() int {
	n := 0
	for _, work := range c.tx.All(jobWorkKey()) {
		if _, isImport := work["file"]; isImport {
			n++
		}
	}
	return n
}

// importUsers reads the file into the connection.
func (w *jobWork) importUsers() {
	file, _ := w.work["file"].([]byte)
	users, ok := readUsersFile(file)
	conn := w.tx.Get(connectionsKey(), str(w.job, "connection_id"))
	switch {
	case !ok:
		w.job["status"] = jobFailed
		w.job["status_details"] = "Failed to parse users file JSON when importing users. Make sure it is valid JSON."
		return
	case conn == nil:
		w.job["status"] = jobFailed
		w.job["status_details"] = "The connection does not exist."
		return
	}
	summary := object{"total": len(users), "inserted": 0, "updated": 0, "failed": 0}
	var errs []any
	for _, raw := range users {
		did, wrong := w.importUser(raw, conn)
		n, _ := summary[did].(int)
		summary[did] = n + 1
		if wrong != nil {
			errs = append(errs, object{"user": masked(raw), "errors": wrong})
		}
	}
	w.job["summary"] = summary
	if errs != nil {
		w.tx.Put(jobErrorsKey(), str(w.job, "id"), object{"errors": errs})
	}
}

// readUsersFile reads a JSON array, with or without a byte order mark.
func readUsersFile(file []byte) ([]any, bool) {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(file, []byte("\uFEFF"))))
	d.UseNumber()
	var users []any
	if err := d.Decode(&users); err != nil || users == nil {
		return nil, false
	}
	_, err := d.Token()
	return users, errors.Is(err, io.EOF)
}

// importUser takes one user; did is the summary's word for what became of it.
func (w *jobWork) importUser(raw any, conn object) (did string, wrong []any) {
	b, ok := raw.(object)
	if !ok {
		return "failed", []any{fault("INVALID_TYPE", "Expected type object but found type "+typeName(raw), "")}
	}
	if wrong := checkImported(b); wrong != nil {
		return "failed", wrong
	}
	name := str(conn, "name")
	old := w.standing(b, conn)
	switch {
	case len(old) > 1:
		return "failed", []any{fault("CONFLICT", "The user matches more than one existing user", "")}
	case len(old) == 1 && w.job["upsert"] != true:
		return "failed", []any{fault("DUPLICATED_USER", "The user already exist and upsert parameter is false", "")}
	case len(old) == 1:
		w.upsert(old[0], b)
		return "updated", nil
	}
	profile := store.Clone(b)
	for _, f := range append(hashFields(), "mfa_factors", "password_set_date") {
		delete(profile, f)
	}
	profile["connection"] = name
	u := newUser(w.t, profile, str(conn, "strategy"), w.at())
	id := str(u, "user_id")
	w.tx.Put(usersKey(), id, u)
	w.keepHash(id, b)
	return "inserted", nil
}

// standing are the users of the connection that a user of the file matches.
func (w *jobWork) standing(b, conn object) []object {
	var found []object
	add := func(u object) {
		if u != nil && !slices.ContainsFunc(found, func(o object) bool { return o["user_id"] == u["user_id"] }) {
			found = append(found, u)
		}
	}
	if id := str(b, "user_id"); id != "" {
		add(w.tx.Get(usersKey(), str(conn, "strategy")+"|"+id))
	}
	for _, f := range []string{"email", "username", "phone_number"} {
		if v := str(b, f); v != "" {
			for _, u := range w.tx.Lookup(usersKey(), "login", loginKey(str(conn, "name"), f, v)) {
				add(u)
			}
		}
	}
	return found
}

// upsert changes a user that stands there, as far as an import may.
func (w *jobWork) upsert(old, b object) {
	u := store.Clone(old)
	for _, f := range []string{
		"app_metadata", "user_metadata", "blocked", "email_verified", "phone_verified",
		"name", "given_name", "family_name", "nickname", "picture",
	} {
		if v, has := b[f]; has {
			u[f] = v
		}
	}
	u["updated_at"] = w.at()
	w.tx.Put(usersKey(), str(old, "user_id"), u)
	if _, loggedIn := old["last_login"]; !loggedIn { // a password that was used is left alone
		w.keepHash(str(old, "user_id"), b)
	}
}

// hashFields are the ways in which a file gives a password.
func hashFields() []string { return []string{"password_hash", "custom_password_hash"} }

// keepHash keeps a password's hash beside its user.
func (w *jobWork) keepHash(id string, b object) {
	for _, f := range hashFields() {
		if v, has := b[f]; has {
			w.tx.Put(passwordsKey(), id, object{f: v})
		}
	}
}

// importFields are what a user of a file may have.
func importFields() []string {
	return []string{
		"email", "email_verified", "user_id", "username", "phone_number", "phone_verified", "given_name", "family_name", "name",
		"nickname", "picture", "blocked", "password_hash", "custom_password_hash", "password_set_date", "app_metadata",
		"user_metadata", "mfa_factors",
	}
}

// isBcrypt is the form of a password_hash: bcrypt with ten rounds.
func isBcrypt(s string) bool {
	rest, ok := strings.CutPrefix(s, "$2a$10$")
	if !ok {
		rest, ok = strings.CutPrefix(s, "$2b$10$")
	}
	return ok && len(rest) == 53 && strings.Trim(rest, "./0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// checkImported is what is wrong with a user of a file, nil where nothing is.
func checkImported(b object) []any {
	var wrong []any
	add := func(code, message, path string) { wrong = append(wrong, fault(code, message, path)) }
	var extra []string
	for _, k := range sortedKeys(b) {
		if !slices.Contains(importFields(), k) {
			extra = append(extra, k)
		}
	}
	if extra != nil {
		add("OBJECT_ADDITIONAL_PROPERTIES", "Additional properties not allowed: "+strings.Join(extra, ","), "")
	}
	for _, f := range sortedKeys(b) {
		if want := importType(f); want != "" && typeName(b[f]) != want {
			add("INVALID_TYPE", "Expected type "+want+" but found type "+typeName(b[f]), f)
		}
	}
	mail, hasMail := b["email"].(string)
	switch {
	case b["email"] == nil && str(b, "username") == "" && str(b, "phone_number") == "":
		add("OBJECT_MISSING_REQUIRED_PROPERTY", "Missing required property: email", "email")
	case hasMail && !emailLike(mail):
		add("INVALID_FORMAT", "Object didn't pass validation for format email: "+mail, "email")
	}
	wrong = append(wrong, checkHashes(b)...)
	return wrong
}

// checkHashes is what is wrong with the password that a user of a file brings.
func checkHashes(b object) []any {
	var wrong []any
	add := func(code, message, path string) { wrong = append(wrong, fault(code, message, path)) }
	_, bcrypt := b["password_hash"]
	_, custom := b["custom_password_hash"]
	if bcrypt && custom {
		add("NOT_PASSED", "Only one of password_hash and custom_password_hash can be given", "password_hash")
	}
	if hash := str(b, "password_hash"); hash != "" && !isBcrypt(hash) {
		add("PATTERN", "String does not match pattern ^\\$2[ab]\\$10\\$[./0-9A-Za-z]{53}$", "password_hash")
	}
	if o := sub(b, "custom_password_hash"); custom && (str(o, "algorithm") == "" || str(sub(o, "hash"), "value") == "") {
		add("OBJECT_MISSING_REQUIRED_PROPERTY", "Missing required property: algorithm or hash", "custom_password_hash")
	} else if custom && !slices.Contains(hashAlgorithms(), str(o, "algorithm")) {
		add("ENUM_MISMATCH", "No enum match for: "+str(o, "algorithm"), "custom_password_hash.algorithm")
	}
	return wrong
}

// importType is the type that a field of a file must have; "" where any will do.
func importType(field string) string {
	switch field {
	case "email_verified", "phone_verified", "blocked":
		return "boolean"
	case "app_metadata", "user_metadata", "custom_password_hash":
		return "object"
	case "mfa_factors":
		return "array"
	}
	if slices.Contains(importFields(), field) {
		return "string"
	}
	return ""
}

func fault(code, message, path string) object {
	return object{"code": code, "message": message, "path": path}
}

// masked is a user of a file as an error shows it: without the hash.
func masked(raw any) any {
	b, ok := raw.(object)
	if !ok {
		return raw
	}
	b = store.Clone(b)
	const stars = "*****"
	if _, has := b["password_hash"]; has {
		b["password_hash"] = stars
	}
	if o := sub(b, "custom_password_hash"); o != nil {
		o = store.Clone(o)
		if hash := sub(o, "hash"); hash != nil {
			hash = store.Clone(hash)
			hash["value"] = stars
			o["hash"] = hash
		}
		b["custom_password_hash"] = o
	}
	return b
}
