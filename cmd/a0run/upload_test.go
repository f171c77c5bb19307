package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"a0run/client/sim"
	"a0run/engine"
)

const uploadSeed = `
connections:
  - {id: con_base000000000001, name: base, strategy: auth0}
faults:
`

// uploadLua imports a part of about 450 KB; raw does the same by the operation.
const uploadLua = `
playbook { params = { patience = {type = "string", default = "5m"} } }
local users = {}
for i = 1, 1500 do
  users[i] = {email = "u" .. i .. "@example.com", user_metadata = {note = ("n"):rep(250)}}
end
local r = auth0.users.import{connection_id = "con_base000000000001", users = users, upsert = true, timeout = params.patience}
print(r.inserted + r.updated .. " of " .. r.total)
`

const rawLua = `
playbook { params = { patience = {type = "string", default = "5m"} } }
local users = {}
for i = 1, 1500 do
  users[i] = {email = "u" .. i .. "@example.com", user_metadata = {note = ("n"):rep(250)}}
end
local job = auth0.jobs.import_users("con_base000000000001", json.encode(users), {upsert = true, timeout = params.patience})
print(job.status)
`

// A playbook's upload that is sent again, under a 429, a reset or silence, is sent
// whole: the tenant has the same bytes each time.
func TestUploadsFromPlaybooks(t *testing.T) {
	t.Parallel()
	faults := map[string]string{
		"429":          "  - {operation: jobs.import_users, status: 429}\n",
		"reset":        "  - {operation: jobs.import_users, reset: after}\n",
		"reset before": "  - {operation: jobs.import_users, reset: before}\n",
		"silence":      "  - {operation: jobs.import_users, delay: 20s}\n",
	}
	for name, fault := range faults {
		for form, source := range map[string]string{"users.import": uploadLua, "jobs.import_users": rawLua} {
			t.Run(name+"/"+form, func(t *testing.T) {
				t.Parallel()
				tenant := serveTenant(t, sim.Options{Seed: []byte(uploadSeed + fault)})
				dir := t.TempDir()
				c := tenant.Credentials()
				project := fmt.Sprintf("default: local\ntenants:\n  local: {domain: '%s', client_id: '%s', client_secret: {env: SECRET}}\n", c.BaseURL, c.ClientID)
				for file, text := range map[string]string{"a0run.yaml": project, "up.lua": source} {
					if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				args := []string{"run", "up.lua"}
				if name == "silence" {
					args = append(args, "-p", "patience=5s")
				}
				out, code := command(dir, map[string]string{"SECRET": c.ClientSecret}, args...)
				if code != engine.ExitOK || !strings.Contains(out, "1500 of 1500") && !strings.Contains(out, "pending") {
					t.Fatalf("exit %d\n%s", code, out)
				}
				bodies := uploads(tenant)
				// A busy machine may be silent for longer than the patience once more.
				if len(bodies) < 2 || len(bodies) > 2 && name != "silence" || len(bodies[0]) < 400_000 || len(slices.Compact(bodies)) != 1 {
					t.Errorf("%d uploads, and %d of them differ; the first has %d bytes", len(bodies), len(slices.Compact(bodies)), len(bodies[0]))
				}
			})
		}
	}
}

// uploads are the bodies of the imports that came whole, with one boundary for all.
func uploads(tenant *sim.Tenant) []string {
	var bodies []string
	for _, r := range tenant.Requests() {
		_, boundary, _ := strings.Cut(r.Header.Get("Content-Type"), "boundary=")
		if body := strings.TrimSpace(string(r.Body)); r.Operation == "jobs.import_users" && strings.HasSuffix(body, "--"+boundary+"--") {
			bodies = append(bodies, strings.ReplaceAll(body, boundary, "boundary"))
		}
	}
	return bodies
}
