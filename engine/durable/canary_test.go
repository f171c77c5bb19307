package durable_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"a0run/client/sim"
	"a0run/engine/journal"
)

// canaries are secrets of every kind, by where they come from.
var canaries = map[string]string{
	"a password":                     "Pa55-canary-One!",
	"a secret of the project":        "canary-project-7fQ2",
	"a secret parameter":             "canary-param-9sL1",
	"a secret in an error":           "canary-error-3kD8",
	"a secret of a connection":       "canary-connection-5tR4",
	"a secret in metadata":           "canary-meta-2wX6",
	"a secret of several lines":      "canary-line-1aB\ncanary-line-2cD",
	"a short password":               "ø#",
	"a short secret of a connection": "£!",
	"a short secret parameter":       "¥%",
	"a short secret of the project":  "¢=",
	"a secret with quotes":           `canary"quote\slash8`,
}

const canaryBook = `
playbook { params = { word = "secret", tiny = "secret" } }
local word, project, lines, quoted, tinySecret = params.word, secret("project"), secret("lines"), secret("quoted"), secret("tiny")
local u = auth0.users.create({email = "a@example.com", connection = "Username-Password-Authentication", password = "Pa55-canary-One!"})
auth0.users.update(u.user_id, {password = "Pa55-canary-One!", connection = "Username-Password-Authentication"})
pcall(auth0.users.update, u.user_id, {password = "ø#", connection = "Username-Password-Authentication"})
pcall(auth0.users.create, {email = "b@example.com", connection = "Username-Password-Authentication", password = "ø#"})
pcall(auth0.users.create, {email = "c@example.com", connection = "Username-Password-Authentication", password = params.tiny})
pcall(auth0.users.create, {email = "d@example.com", connection = "Username-Password-Authentication", password = tinySecret})
auth0.users.update(u.user_id, {user_metadata = {word = word, project = project, lines = lines, quoted = quoted, inside = "x" .. word .. "y", nested = json.encode({q = quoted})}})
auth0.users.update(u.user_id, {nickname = secret("meta")})
auth0.users.get(u.user_id)
auth0.users.list()
local con = auth0.connections.create({name = "social", strategy = "oauth2", options = {client_id = "id", client_secret = "canary-connection-5tR4", scripts = {fetchUserProfile = "f"}}})
auth0.connections.update(con.id, {options = {client_id = "id2", client_secret = "canary-connection-5tR4"}})
local tiny = auth0.connections.create({name = "tiny", strategy = "oauth2", options = {client_id = "id", client_secret = "£!"}})
auth0.connections.get(tiny.id)
auth0.connections.list()
auth0.connections.update(tiny.id, {options = {client_id = "id2", client_secret = "£!"}})
auth0.connections.delete(tiny.id)
local app = auth0.clients.create({name = "app", app_type = "regular_web"})
auth0.clients.get(app.client_id)
auth0.clients.update(app.client_id, {description = "d " .. app.client_secret})
auth0.clients.rotate_secret(app.client_id)
auth0.clients.delete(app.client_id)
local token = get_token.client_credentials("AUDIENCE")
auth0.users.update(u.user_id, {user_metadata = {token = "Bearer " .. token.access_token}})
print(word, project, "Pa55-canary-One!", token.access_token)
log.info("said " .. word, {project = project})
parallel.each({word, project, "plain"}, function(x) auth0.users.update(u.user_id, {nickname = "n"}) end)
parallel.each({1}, {key = function() return word end}, function() auth0.users.get(u.user_id) end)
step("named " .. word, function() auth0.users.get(u.user_id) end)
pcall(file.read, word .. ".txt")
file.write(project .. ".out", "text of " .. word)
file.write("plain.out", word)
print(file.read("plain.out"))
pcall(auth0.users.get, "auth0|" .. word)
print(pcall(auth0.roles.get, "rol_1"))
pcall(error, {said = word})
error("the end of " .. word .. " and " .. tostring(token.access_token))
`

// plant makes a desk with the canaries in place and executes the book: whole,
// and killed and resumed.
func plant(t *testing.T, all bool) *desk {
	t.Helper()
	d := newDesk(t, sim.Options{Seed: seedUsers(2)})
	d.all = all
	d.secret = map[string]string{
		"project": canaries["a secret of the project"], "lines": canaries["a secret of several lines"],
		"quoted": canaries["a secret with quotes"], "meta": canaries["a secret in metadata"], "tiny": canaries["a short secret of the project"],
	}
	return d
}

func (d *desk) canaryPlay() play {
	d.tenant.Inject(sim.Fault{Operation: "roles.get", Status: 503, Count: 2, Body: `{"statusCode":503,"message":"failed for canary-param-9sL1","error":"` + "canary-param-9sL1" + `"}`})
	return play{
		text:   strings.Replace(canaryBook, "AUDIENCE", d.tenant.Issuer()+"api/v2/", 1),
		params: map[string]string{"word": canaries["a secret parameter"], "tiny": canaries["a short secret parameter"]},
	}
}

// written is everything that a journal has written down and that can be read
// without its key: its files, its records, its export.
func (d *desk) written() map[string][]byte {
	d.t.Helper()
	texts := map[string][]byte{}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		text, err := os.ReadFile(d.path + suffix)
		if err != nil {
			d.t.Fatal(err)
		}
		texts["journal.db"+suffix] = text
	}
	ctx := context.Background()
	var records, export bytes.Buffer
	runs, err := d.db.Runs(ctx, journal.RunFilter{})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, run := range runs {
		steps, err := d.db.Steps(ctx, run.ID)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, v := range []any{run, steps, d.records(run.ID)} {
			encoder := json.NewEncoder(&records)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(v); err != nil {
				d.t.Fatal(err)
			}
		}
		if err := d.db.Export(ctx, &export, run.ID); err != nil {
			d.t.Fatal(err)
		}
	}
	texts["the records"], texts["the export"] = records.Bytes(), export.Bytes()
	return texts
}

// sightings are the secrets that can be read in texts.
func sightings(texts map[string][]byte, secrets map[string]string) []string {
	var seen []string
	for what, secret := range secrets {
		forms := []string{secret}
		if len(secret) > 3 {
			quoted, _ := json.Marshal(secret)
			forms = append(forms, string(quoted[1:len(quoted)-1]), url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)))
			forms = append(forms, strings.Split(secret, "\n")...)
		}
		for where, text := range texts {
			for _, form := range forms {
				if i := bytes.Index(text, []byte(form)); i >= 0 {
					seen = append(seen, what+" in "+where+": …"+string(text[max(0, i-120):min(len(text), i+40)]))
					break
				}
			}
		}
	}
	return seen
}

// made are the secrets that the tenant made up while the book was executed.
func (d *desk) madeSecrets() map[string]string {
	made := map[string]string{"the client's own secret": d.tenant.Credentials().ClientSecret}
	for _, r := range d.tenant.Requests() {
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			made["the client's own token"] = token
		}
		if _, rest, ok := strings.Cut(string(r.Body), `"token":"Bearer `); ok {
			made["a token of the playbook"], _, _ = strings.Cut(rest, `"`)
		}
		if _, rest, ok := strings.Cut(string(r.Body), `"description":"d `); ok {
			made["an application's secret"], _, _ = strings.Cut(rest, `"`)
		}
	}
	return made
}

// TestCanaries looks for secrets in everything that is written down.
func TestCanaries(t *testing.T) {
	t.Parallel()
	for _, all := range []bool{false, true} {
		d := plant(t, all)
		p := d.canaryPlay()
		died := p
		died.fate = fate{records: 40}
		if e := d.play(died); !e.died {
			t.Fatal("it did not die")
		}
		for range 2 { // goes on to the end, and replays it
			e := d.resume(p)
			if e.err == nil || !strings.Contains(e.err.Error(), "the end of") {
				t.Fatalf("the book did not come to its end: %v", e.err)
			}
		}
		secrets := d.madeSecrets()
		if len(secrets) != 4 {
			t.Fatalf("%d secrets were made: %v", len(secrets), secrets)
		}
		for what, secret := range canaries {
			secrets[what] = secret
		}
		for _, line := range sightings(d.written(), secrets) {
			t.Errorf("sealed all %v: %s", all, line)
		}
	}
}

// TestCanariesWouldBeSeen switches the redactor off, by which secrets are known:
// what TestCanaries looks for is then found.
func TestCanariesWouldBeSeen(t *testing.T) {
	t.Parallel()
	d := plant(t, false)
	d.shown = true
	d.play(d.canaryPlay())
	secrets := d.madeSecrets()
	for what, secret := range canaries {
		secrets[what] = secret
	}
	texts := d.written()
	for what, secret := range secrets {
		switch what {
		case "the client's own secret", "the client's own token", "a secret in an error":
			continue // never come near a record
		}
		if strings.HasPrefix(what, "a short") || what == "a secret of a connection" {
			continue // known by their place
		}
		if len(sightings(texts, map[string]string{what: secret})) == 0 {
			t.Errorf("%s is not found, though nothing is sealed", what)
		}
	}
	// A short one in a place that nobody calls secret is seen.
	d.play(play{text: `auth0.users.update("auth0|u1", {nickname = "ø#"})`})
	if len(sightings(d.written(), map[string]string{"short": "ø#"})) < 3 {
		t.Error("a short text is not found where it is not sealed")
	}
}
