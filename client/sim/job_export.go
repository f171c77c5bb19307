package sim

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"a0run/client/catalog"
	"a0run/client/sim/store"
)

// exportRoot is where the files of exports lie. At Auth0 that is a host of its
// own, which knows nothing of tokens; here it is another name of this one.
const exportRoot = "/user-exports/"

func exportOperation() *catalog.Operation {
	return &catalog.Operation{
		ID: "user_export_file", API: catalog.Authentication, Verb: http.MethodGet, Path: exportRoot + "{job}", Effect: catalog.Read,
	}
}

// mostExported is how many fields an export has at most.
const mostExported = 30

func exportUsers(c *call) reply {
	extra := object{"format": "json"}
	for _, k := range []string{"connection_id", "format", "limit", "fields"} {
		if v, ok := c.body[k]; ok {
			extra[k] = v
		}
	}
	if n := len(items(extra, "fields")); n > mostExported {
		return invalidBody("Array is too long (%d), maximum %d' on property fields (List of fields to be included in the CSV)", n, mostExported)
	}
	if id := str(extra, "connection_id"); id != "" {
		conn := c.tx.Get(connectionsKey(), id)
		if conn == nil {
			return absent("/connections")
		}
		extra["connection"] = conn["name"]
	}
	return c.ok(c.newJob("users_export", extra, object{}))
}

// An exportField is one column of an export: the steps of its path and its name.
type exportField struct {
	steps []string
	name  string
}

// column makes a field of a path such as identities[0].connection.
func column(path, name string) exportField {
	return exportField{strings.Split(strings.NewReplacer("[", ".", "]", "").Replace(path), "."), name}
}

// defaultExport are the columns of an export that names none.
func defaultExport() []exportField {
	return []exportField{
		column("user_id", "Id"), column("given_name", "Given Name"), column("family_name", "Family Name"),
		column("nickname", "Nickname"), column("name", "Name"), column("email", "Email"), column("email_verified", "Email Verified"),
		column("picture", "Picture"), column("identities[0].connection", "Connection"),
		column("created_at", "Created At"), column("updated_at", "Updated At"),
	}
}

func exportFields(job object) []exportField {
	var fields []exportField
	for _, v := range items(job, "fields") {
		f, _ := v.(object)
		name := str(f, "export_as")
		if name == "" {
			name = str(f, "name")
		}
		fields = append(fields, column(str(f, "name"), name))
	}
	if fields == nil {
		return defaultExport()
	}
	return fields
}

// exportUsers writes the file as the users are when the job ends.
func (w *jobWork) exportUsers() {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed) // into a buffer, which takes everything
	fields := exportFields(w.job)
	line := jsonLine
	if w.job["format"] == "csv" {
		line = csvLine
		for i, f := range fields {
			_, _ = z.Write([]byte(separator(i) + quotedCell(f.name)))
		}
		_, _ = z.Write([]byte("\n"))
	}
	limit := limitOf(w.job)
	for _, r := range w.tx.Refs(usersKey()) {
		if limit == 0 {
			break
		}
		u := r.Object()
		if name := str(w.job, "connection"); name != "" && !hasConnection(u, name) {
			continue
		}
		_, _ = z.Write(line(fields, u))
		limit--
	}
	_ = z.Close()
	w.tx.Put(exportFileKey(), str(w.job, "id"), object{"gz": packed.Bytes()})
}

// limitOf is how many users a job takes; -1 means all.
func limitOf(job object) int {
	n, ok := job["limit"].(json.Number)
	if !ok {
		return -1
	}
	limit, err := strconv.Atoi(n.String())
	if err != nil {
		return -1
	}
	return limit
}

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// jsonLine is a user as a line of JSON, the fields in the order asked for.
func jsonLine(fields []exportField, u store.Object) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	n := 0
	for _, f := range fields {
		v := exported(u, f.steps)
		if v == nil {
			continue
		}
		b.WriteString(separator(n))
		b.Write(encode(f.name))
		b.WriteByte(':')
		b.Write(encode(v))
		n++
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// csvLine is a user as a row. A text begins with a quote, so that no
// spreadsheet takes it for a formula; an object has no form.
func csvLine(fields []exportField, u store.Object) []byte {
	var b bytes.Buffer
	for i, f := range fields {
		b.WriteString(separator(i))
		switch v := exported(u, f.steps).(type) {
		case nil, object, []any:
		case string:
			b.WriteString(quotedCell("'" + v))
		default:
			fmt.Fprint(&b, v)
		}
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func quotedCell(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// exported is the value of a user at the end of a path.
func exported(u store.Object, steps []string) any {
	var v any = map[string]any(u)
	for _, step := range steps {
		switch x := v.(type) {
		case object:
			v = x[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// reached is where the caller found the tenant: whoever puts the handler on a
// socket of his own need not tell it where that is.
func (c *call) reached() (*url.URL, error) {
	if host := c.req.Host; host != "" && host != c.t.Domain() {
		scheme := "http"
		if c.req.TLS != nil {
			scheme = "https"
		}
		return &url.URL{Scheme: scheme, Host: host}, nil
	}
	return url.Parse(c.t.BaseURL())
}

// exportLink is a fresh address of a job's file: signed, and good for a minute.
func (c *call) exportLink(job string) string {
	u, err := c.reached()
	if err != nil {
		return ""
	}
	t := c.t
	host, port := "exports."+u.Hostname(), u.Port()
	if u.Hostname() == "127.0.0.1" {
		host = "localhost"
	}
	if port != "" {
		host += ":" + port
	}
	expires := strconv.FormatInt(c.now.Add(linkLife).Unix(), 10)
	file := strings.SplitN(t.Domain(), ".", 2)[0]
	return (&url.URL{Scheme: u.Scheme, Host: host, Path: exportRoot + job, RawQuery: url.Values{
		"file": {file}, "Expires": {expires}, "Signature": {t.exportMark(job, expires)},
	}.Encode()}).String()
}

// exportMark signs an address. The secret is the tenant's own and never leaves it.
func (t *Tenant) exportMark(job, expires string) string {
	mac := hmac.New(sha256.New, []byte("exports of "+runnerKey))
	_, _ = mac.Write([]byte(job + " " + expires)) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil))
}

// exportFile gives a file to whoever has its address, as a store of files does:
// its refusals are XML.
func exportFile(c *call) reply {
	expires := c.query.Get("Expires")
	until, err := strconv.ParseInt(expires, 10, 64)
	switch {
	case err != nil || !hmac.Equal([]byte(c.query.Get("Signature")), []byte(c.t.exportMark(c.params[0], expires))):
		return deniedFile("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.")
	case c.now.Unix() > until:
		return deniedFile("AccessDenied", "Request has expired")
	}
	file := c.tx.Get(exportFileKey(), c.params[0])
	if file == nil || c.job(c.params[0]) == nil {
		return deniedFile("NoSuchKey", "The specified key does not exist.")
	}
	gz, _ := file["gz"].([]byte)
	return reply{status: http.StatusOK, kind: "binary/octet-stream", text: string(gz)}
}

func deniedFile(code, message string) reply {
	return reply{status: http.StatusForbidden, kind: "application/xml", text: `<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>` + code + `</Code><Message>` + message + `</Message></Error>`}
}
