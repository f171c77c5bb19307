package sim_test

import (
	"path/filepath"
	"testing"

	"a0run/client/sim"
	"a0run/client/sim/store"
)

// TestUsersLiePacked: however users came to be and whatever changed them, they lie
// packed, and so do their passwords: a hundred thousand must be small.
func TestUsersLiePacked(t *testing.T) {
	t.Parallel()
	o := sim.Options{Data: filepath.Join(t.TempDir(), "tenant.db"), Seed: []byte(`
connections: [{name: Username-Password-Authentication, strategy: auth0, options: {password_history: {enable: true, size: 3}}}]
users:
  - {user_id: auth0|ann, email: ann@example.com, password: Secret-1, email_verified: true, logins_count: 7, app_metadata: {n: 1.5, list: [1, {a: null}], on: true}}
  - {user_id: auth0|bob, email: bob@example.com, created_at: 2024-01-31}
`)}
	check := func(d *desk, after string, want int) {
		t.Helper()
		d.tenant.State().View(func(tx *store.Tx) {
			for kind, least := range map[string]int{"/users": want, "passwords": 1} {
				k := store.Key{Kind: kind}
				if n := tx.Packed(k); n != tx.Len(k) || n < least {
					t.Errorf("after %s: %d of %d %s lie packed, want %d", after, n, tx.Len(k), kind, least)
				}
			}
		})
	}
	d := newDesk(t, o)
	check(d, "the seed", 2)
	d.want(201, "POST", users, `{"connection":"Username-Password-Authentication","email":"c@example.com","user_id":"c","password":"Secret-1","user_metadata":{"a":[{"b":1}]}}`)
	d.want(200, "PATCH", users+"/auth0%7Cc", `{"app_metadata":{"x":2},"blocked":false}`)
	d.want(200, "PATCH", users+"/auth0%7Cann", `{"password":"Secret-2","connection":"Username-Password-Authentication"}`)
	if a := d.logIn("ann@example.com", "Secret-2"); a.status != 200 {
		t.Fatal(a.text)
	}
	if a := d.logIn("ann@example.com", "Secret-2"); a.status != 200 {
		t.Fatal(a.text)
	}
	if n := d.want(200, "GET", users+"/auth0%7Cann", "").object(t)["logins_count"]; n != 9.0 {
		t.Errorf("after 7 log-ins and two more there were %v", n)
	}
	d.logIn("c@example.com", "wrong")
	check(d, "writes and log-ins", 3)
	role := d.want(200, "POST", "/api/v2/roles", `{"name":"a"}`).object(t)["id"].(string)
	d.want(204, "POST", users+"/auth0%7Cc/roles", `{"roles":["`+role+`"]}`)
	d.tenant.State().View(func(tx *store.Tx) {
		if tx.Packed(store.Links("user-roles", "auth0|c")) != 1 || tx.Packed(store.LinkedBy("user-roles", role)) != 1 {
			t.Error("a role of a user does not lie packed")
		}
	})
	d.want(201, "POST", users+"/auth0%7Cann/identities", `{"provider":"auth0","user_id":"auth0|bob"}`)
	check(d, "linking", 2)
	d.want(200, "DELETE", users+"/auth0%7Cann/identities/auth0/bob", "")
	check(d, "unlinking", 3)
	if err := d.tenant.Close(); err != nil {
		t.Fatal(err)
	}
	again := newDesk(t, o)
	defer func() { _ = again.tenant.Close() }()
	check(again, "another start", 3)
}
