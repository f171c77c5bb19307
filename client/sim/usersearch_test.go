package sim_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"a0run/client/search"
	"a0run/client/sim"
	"a0run/client/sim/store"
)

// plainly is what a listing of users has to show: every user looked at, then
// sorted. It knows nothing of orders kept and answers remembered.
func plainly(t *testing.T, all []any, asked map[string]string) []string {
	t.Helper()
	query, err := search.Parse(asked["q"])
	if err != nil {
		t.Fatal(err)
	}
	var found []map[string]any
	for _, v := range all {
		u := v.(map[string]any)
		of := u["identities"].([]any)[0].(map[string]any)["connection"]
		if query.Match(u) && (asked["connection"] == "" || of == asked["connection"]) {
			found = append(found, u)
		}
	}
	if field, way, ok := strings.Cut(asked["sort"], ":"); ok {
		slices.SortStableFunc(found, func(a, b map[string]any) int {
			x, okx := a[field].(string)
			y, oky := b[field].(string)
			d := cmp.Compare(x, y)
			if !okx || !oky {
				d = cmp.Compare(map[bool]int{true: 0, false: 1}[okx], map[bool]int{true: 0, false: 1}[oky])
			}
			if way == "-1" {
				return -d
			}
			return d
		})
	}
	ids := []string{}
	for _, u := range found {
		ids = append(ids, u["user_id"].(string))
	}
	return ids
}

// TestListingsOfUsers changes users at random and holds pages of random
// searches against plainly's.
func TestListingsOfUsers(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	now := time.Date(2024, 1, 30, 12, 0, 0, 0, time.UTC)
	moment := func() string {
		return now.Add(time.Duration(rng.IntN(60)) * 25 * time.Minute).Format("2006-01-02T15:04:05.000Z")
	}
	var seed strings.Builder
	seed.WriteString("connections: [{name: other, strategy: auth0}, {name: Username-Password-Authentication, strategy: auth0}]\nusers:\n")
	for i := range 120 {
		fmt.Fprintf(&seed, "  - {user_id: auth0|%x, email: u%d@example.com, created_at: %q, blocked: %v, connection: %s}\n",
			rng.IntN(2000)+i*2000, i, moment(), i%3 == 0, pick("other", "Username-Password-Authentication"))
	}
	d := newDesk(t, sim.Options{Seed: []byte(seed.String()), SeedName: "seed", Clock: func() time.Time { return now }})
	id := func() string {
		all := everyone(t, d)
		return all[rng.IntN(len(all))].(map[string]any)["user_id"].(string)
	}
	clause := func() string {
		end := func() string { return pick("*", `"`+moment()+`"`, "2024-01-31", "2024-01", "2025") }
		return pick(
			"created_at:"+pick("[", "{")+end()+" TO "+end()+pick("]", "}"), "blocked:true", "NOT blocked:true",
			`user_id:[* TO "`+id()+`"]`, `user_id:auth0\|`+pick("1", "2", "12", "ff")+"*", "created_at:>=2024-01-31",
			"(created_at:2024-01-31 OR blocked:true)", "email:u1*",
		)
	}
	odd := false
	var before []map[string]string // asked again, so that what was remembered meets changes
	for step := range 700 {
		now = now.Add(time.Duration(rng.IntN(3)) * time.Millisecond)
		switch rng.IntN(6) {
		case 0:
			d.want(201, "POST", users, fmt.Sprintf(`{"connection":%q,"email":"n%d@example.com","password":"Secret-123!"}`, pick("other", "Username-Password-Authentication"), step))
		case 1:
			d.want(204, "DELETE", users+"/"+url.PathEscape(id()), "")
		case 2:
			d.want(200, "PATCH", users+"/"+url.PathEscape(id()), `{"blocked":`+pick("true", "false")+`}`)
		}
		if step == 300 { // a time that is written another way sorts as text, but lies as a time
			odd = true
			d.tenant.State().Update(func(tx *store.Tx) {
				tx.Put(usersOf(), "auth0|odd", map[string]any{"user_id": "auth0|odd", "created_at": "2024-01-31T02:00:00+05:00", "identities": []any{map[string]any{"connection": "other"}}})
			})
		}
		if step == 500 {
			odd = false
			d.want(204, "DELETE", users+"/auth0%7Codd", "")
		}
		q := ""
		for range rng.IntN(4) {
			q = strings.TrimPrefix(q+" AND "+clause(), " AND ")
		}
		asked := map[string]string{"q": q, "connection": pick("", "", "other"), "sort": pick("", "created_at:1", "created_at:-1", "user_id:1", "user_id:-1", "email:-1", "updated_at:1", "logins_count:-1")}
		if len(before) > 0 && rng.IntN(3) > 0 {
			asked = before[rng.IntN(len(before))]
		}
		before = append(before, asked)[max(0, len(before)-3):]
		all := everyone(t, d)
		want := plainly(t, all, asked)
		for range 3 { // the second and third of one search are remembered
			page, size := rng.IntN(5), 1+rng.IntN(40)
			a := url.Values{"page": {fmt.Sprint(page)}, "per_page": {fmt.Sprint(size)}, "include_totals": {"true"}}
			for k, v := range asked {
				if v != "" {
					a.Set(k, v)
				}
			}
			got := d.want(200, "GET", users+"?"+a.Encode(), "").object(t)
			var ids []string
			for _, u := range got["users"].([]any) {
				ids = append(ids, u.(map[string]any)["user_id"].(string))
				if !slices.ContainsFunc(all, func(o any) bool { return reflect.DeepEqual(o, u) }) {
					t.Fatalf("step %d: %v: no user looks like this: %v", step, a, u)
				}
			}
			wanted := want[min(page*size, len(want)):min(page*size+size, len(want))]
			if !slices.Equal(ids, wanted) || got["total"] != float64(len(want)) {
				t.Fatalf("step %d (odd %v): %v:\ngot  %v of %v\nwant %v of %d", step, odd, a, ids, got["total"], wanted, len(want))
			}
		}
	}
}

func usersOf() store.Key { return store.Key{Kind: "/users"} }

// everyone is all users as JSON shows them, in the order of their creation.
func everyone(t *testing.T, d *desk) []any {
	t.Helper()
	var text []byte
	d.tenant.State().View(func(tx *store.Tx) {
		var err error
		if text, err = json.Marshal(tx.All(usersOf())); err != nil {
			t.Fatal(err)
		}
	})
	var out []any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
