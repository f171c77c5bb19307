package sim_test

import (
	"fmt"
	"testing"
	"time"

	"a0run/client/sim"
)

// TestTokenQuotas: applications and organizations get so many tokens an hour and
// a day; the headers tell, a quota that is only watched refuses nothing, and
// what is refused uses nothing up.
func TestTokenQuotas(t *testing.T) {
	now := time.Date(2026, 3, 1, 10, 1, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Clock: func() time.Time { return now }, Seed: []byte(`
resource_servers: [{identifier: "https://api.example", name: api, scopes: [{value: read}]}]
clients:
  - {client_id: limited, name: a, client_secret: s, grant_types: [client_credentials], token_quota: {client_credentials: {per_hour: 2, per_day: 3}}}
  - {client_id: watched, name: b, client_secret: s, grant_types: [client_credentials], token_quota: {client_credentials: {enforce: false, per_hour: 1}}}
  - {client_id: plain, name: c, client_secret: s, grant_types: [client_credentials]}
client_grants:
  - {client_id: limited, audience: "https://api.example", scope: [read]}
  - {client_id: watched, audience: "https://api.example", scope: [read]}
  - {client_id: plain, audience: "https://api.example", scope: [read], organization_usage: allow, allow_any_organization: true}
organizations: [{id: org_a, name: a, token_quota: {client_credentials: {per_day: 1}}}]
`)})
	const (
		app = "Auth0-Client-Quota-Limit"
		org = "Auth0-Organization-Quota-Limit"
	)
	for i, c := range []struct {
		after         time.Duration
		client, more  string
		status        int
		app, org, aft string
	}{
		{0, "limited", "", 200, "b=per_hour;q=2;r=1;t=3540,b=per_day;q=3;r=2;t=50340", "", ""},
		{0, "limited", "", 200, "b=per_hour;q=2;r=0;t=3540,b=per_day;q=3;r=1;t=50340", "", ""},
		{0, "limited", "", 429, "b=per_hour;q=2;r=0;t=3540,b=per_day;q=3;r=1;t=50340", "", "3540"},
		{59 * time.Minute, "limited", "", 200, "b=per_hour;q=2;r=1;t=3600,b=per_day;q=3;r=0;t=46800", "", ""},
		{0, "limited", "", 429, "b=per_hour;q=2;r=1;t=3600,b=per_day;q=3;r=0;t=46800", "", "46800"},
		{0, "watched", "", 200, "b=per_hour;q=1;r=0;t=3600", "", ""},
		{0, "watched", "", 200, "b=per_hour;q=1;r=0;t=3600", "", ""},
		{0, "plain", "", 200, "", "", ""},
		{0, "plain", `,"organization":"org_a"`, 200, "", "b=per_day;q=1;r=0;t=46800", ""},
		{0, "plain", `,"organization":"org_a"`, 429, "", "b=per_day;q=1;r=0;t=46800", "46800"},
		{24 * time.Hour, "plain", `,"organization":"a"`, 200, "", "b=per_day;q=1;r=0;t=46800", ""},
	} {
		now = now.Add(c.after)
		a := d.send("POST", "/oauth/token", fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":"s","audience":"https://api.example"%s}`, c.client, c.more))
		if a.status != c.status || a.header.Get(app) != c.app || a.header.Get(org) != c.org || a.header.Get("Retry-After") != c.aft {
			t.Errorf("%d: want %+v, got %d %v %s", i, c, a.status, a.header, a.text)
		}
		if a.status == 429 && a.object(t)["error"] != "too_many_requests" {
			t.Errorf("%d: %s", i, a.text)
		}
	}
	// The tenant's default holds for whoever has none of its own.
	d.token = must(d.tenant.Token())
	d.want(200, "PATCH", "/api/v2/tenants/settings", `{"default_token_quota":{"clients":{"client_credentials":{"per_hour":1}}}}`)
	for _, status := range []int{200, 429} {
		d.want(status, "POST", "/oauth/token", `{"grant_type":"client_credentials","client_id":"plain","client_secret":"s","audience":"https://api.example"}`)
	}
}
