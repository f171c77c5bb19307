package sim_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"a0run/client/sim"
)

// A fact is one thing that Auth0 is known to do, and requests that show it. Each
// step sends and wants a status, and of the answer what stands in want: a JSON
// value where objects may have more fields than are named, and "ABSENT" is a
// field that must not be there.
type fact struct {
	name  string
	steps []step
}

type step struct {
	status       int
	method, path string
	body, want   string
}

const factSeed = `
connections: [{name: db, strategy: auth0}, {name: db2, strategy: auth0}, {name: sms, strategy: sms}]
roles: [{id: rol_1, name: r1}, {id: rol_2, name: r2}, {id: rol_3, name: r3}]
organizations: [{id: org_1, name: one, members: [auth0|1, auth0|2, auth0|3]}, {id: org_2, name: two}]
resource_servers: [{identifier: "https://api.example", name: api, scopes: [{value: read}]}]
users:
  - {user_id: auth0|1, email: ann@example.com, connection: db, password: Secret-123, email_verified: true, name: Ann Lee, app_metadata: {plan: gold, tags: [a, b], deep: {er: {x: "1"}}}, user_metadata: {color: red}, roles: [r1, r2, r3]}
  - {user_id: auth0|2, email: bob@example.com, connection: db, password: Secret-123, name: Bob, nickname: "", app_metadata: {plan: free}, created_at: "2024-02-01T10:00:00.000Z"}
  - {user_id: auth0|3, email: carol@example.com, connection: db2, password: Secret-123, name: Carol, logins_count: 7, user_metadata: {color: blue, n: 5}, created_at: "2024-03-01T10:00:00.000Z"}
`

const (
	ann   = users + "/auth0%7C1"
	bob   = users + "/auth0%7C2"
	orgs  = "/api/v2/organizations"
	roles = "/api/v2/roles"
)

func pagingFacts() []fact {
	return []fact{
		{"page counts from 0, per_page bounds a page, a list is bare without include_totals", []step{
			{200, "GET", roles + "?page=0&per_page=2", "", `[{"id":"rol_1"},{"id":"rol_2"}]`}, {200, "GET", roles + "?page=1&per_page=2", "", `[{"id":"rol_3"}]`}, {200, "GET", roles + "?page=2&per_page=2", "", `[]`},
		}},
		{"include_totals wraps the list with start, limit and total; users have a length too", []step{
			{200, "GET", roles + "?page=1&per_page=2&include_totals=true", "", `{"start":2,"limit":2,"total":3,"length":"ABSENT","roles":[{"id":"rol_3"}]}`},
			{200, "GET", users + "?page=1&per_page=2&include_totals=true&sort=user_id:1", "", `{"start":2,"limit":2,"length":1,"total":3,"users":[{"user_id":"auth0|3"}]}`},
			{200, "GET", roles + "?include_totals=false", "", `[{},{},{}]`},
		}},
		{"per_page is at most 100", []step{{200, "GET", users + "?per_page=100", "", ""}, {400, "GET", users + "?per_page=101", "", `{"errorCode":"invalid_query_string"}`}, {400, "GET", roles + "?per_page=101", "", `{"errorCode":"invalid_query_string"}`}}},
		{"the default page of users and roles is 50", []step{{200, "GET", users + "?include_totals=true", "", `{"limit":50}`}, {200, "GET", roles + "?include_totals=true", "", `{"limit":50}`}}},
		{"at most 1,000 results are reached by number", []step{
			{200, "GET", users + "?page=9&per_page=100", "", `[]`},
			{400, "GET", users + "?page=10&per_page=100", "", `{"statusCode":400,"error":"Bad Request","errorCode":"invalid_paging","message":"Requesting page exceeds the allowed maximum of 1000 records."}`},
			{200, "GET", users + "?page=999&per_page=1", "", `[]`},
			{400, "GET", users + "?page=1000&per_page=1", "", `{"errorCode":"invalid_paging"}`},
			{400, "GET", roles + "?page=10&per_page=100", "", `{"errorCode":"invalid_paging"}`},
		}},
		{"take asks for a checkpoint: items and next, no totals; no next is the end", []step{
			{200, "GET", orgs + "?take=1&include_totals=true", "", `{"organizations":[{"id":"org_1"}],"total":"ABSENT"}`},
			{200, "GET", orgs + "?take=100", "", `{"organizations":[{},{}],"next":"ABSENT"}`},
			{200, "GET", orgs + "/org_1/members?take=2", "", `{"members":[{},{}]}`},
			{200, "GET", "/api/v2/clients?take=100", "", `{"next":"ABSENT"}`},
			{200, "GET", "/api/v2/connections?take=1", "", `{"connections":[{}]}`},
			{200, "GET", "/api/v2/client-grants?take=100", "", `{"next":"ABSENT"}`},
			{200, "GET", roles + "/rol_1/users?take=100", "", `{"users":[{"user_id":"auth0|1"}],"next":"ABSENT"}`},
			{400, "GET", orgs + "?take=101", "", `{"errorCode":"invalid_query_string"}`},
			{400, "GET", orgs + "?take=2&from=nonsense", "", `{"errorCode":"invalid_query_string"}`},
		}},
		{"users have no checkpoint", []step{{400, "GET", users + "?take=5", "", `{"errorCode":"invalid_query_string"}`}}},
		{"fields select top-level fields, include_fields=false leaves them out", []step{
			{200, "GET", ann + "?fields=email,user_id", "", `{"email":"ann@example.com","user_id":"auth0|1","name":"ABSENT","app_metadata":"ABSENT"}`},
			{200, "GET", ann + "?fields=email,app_metadata&include_fields=false", "", `{"email":"ABSENT","app_metadata":"ABSENT","user_id":"auth0|1"}`},
			{200, "GET", users + "?fields=user_id&per_page=1&sort=user_id:1", "", `[{"user_id":"auth0|1","email":"ABSENT"}]`},
			{200, "GET", ann + "?fields=app_metadata.plan", "", `{"app_metadata":"ABSENT"}`},
			{200, "GET", "/api/v2/clients?fields=client_id&per_page=1", "", `[{"tenant":"local","name":"ABSENT"}]`},
		}},
	}
}

func userFacts() []fact {
	return []fact{
		{"a create answers 201 with what the tenant fills in", []step{
			{201, "POST", users, `{"connection":"db","email":"New.One@Example.com","password":"Secret-123"}`, `{"email":"new.one@example.com","email_verified":false,"name":"new.one@example.com","nickname":"new.one","identities":[{"connection":"db","provider":"auth0","isSocial":false}],"password":"ABSENT"}`},
			{201, "POST", users, `{"connection":"db","email":"x@example.com","password":"Secret-123","user_id":"own"}`, `{"user_id":"auth0|own","identities":[{"user_id":"own"}]}`},
		}},
		{"an id is percent-encoded in a path", []step{{200, "GET", users + "/auth0%7C1", "", `{"user_id":"auth0|1"}`}}},
		{"a user that is not there", []step{{404, "GET", users + "/auth0%7Cnobody", "", `{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}`}, {204, "DELETE", users + "/auth0%7Cnobody", "", ""}}},
		{"an e-mail is unique in its connection, and only there", []step{
			{409, "POST", users, `{"connection":"db","email":"ANN@example.com","password":"Secret-123"}`, `{"statusCode":409}`},
			{201, "POST", users, `{"connection":"db2","email":"ann@example.com","password":"Secret-123"}`, ""},
			{200, "GET", "/api/v2/users-by-email?email=ann@example.com", "", `[{},{}]`},
		}},
		{"a connection that is not there", []step{{400, "POST", users, `{"connection":"nosuch","email":"a@example.com","password":"Secret-123"}`, `{"errorCode":"inexistent_connection"}`}}},
		{"metadata merges one level deep: null takes a key away, nested objects are replaced", []step{
			{200, "PATCH", ann, `{"app_metadata":{"plan":null,"deep":{"new":1},"more":true}}`, `{"app_metadata":{"plan":"ABSENT","tags":["a","b"],"deep":{"new":1,"er":"ABSENT"},"more":true}}`},
			{200, "PATCH", ann, `{"user_metadata":{"size":"L"}}`, `{"user_metadata":{"color":"red","size":"L"}}`},
			{200, "PATCH", ann, `{"user_metadata":{}}`, `{"user_metadata":{"color":"ABSENT"}}`},
		}},
		{"other attributes are replaced", []step{{200, "PATCH", ann, `{"name":"Anna","blocked":true}`, `{"name":"Anna","blocked":true,"email":"ann@example.com"}`}, {200, "GET", ann, "", `{"name":"Anna"}`}}},
		{"email, phone_number, username and password want the connection", []step{
			{400, "PATCH", ann, `{"email":"b@example.com"}`, `{"errorCode":"invalid_body"}`},
			{400, "PATCH", ann, `{"password":"Other-123"}`, `{"errorCode":"invalid_body"}`},
			{400, "PATCH", ann, `{"username":"annie"}`, `{"errorCode":"invalid_body"}`},
			{400, "PATCH", ann, `{"phone_number":"+15551234567"}`, `{"errorCode":"invalid_body"}`},
			{400, "PATCH", ann, `{"email":"b@example.com","connection":"db2"}`, `{"errorCode":"invalid_body"}`},
		}},
		{"another e-mail is not verified unless told", []step{
			{200, "PATCH", ann, `{"email":"ann2@example.com","connection":"db"}`, `{"email":"ann2@example.com","email_verified":false}`}, {200, "PATCH", ann, `{"email":"ann3@example.com","connection":"db","email_verified":true}`, `{"email_verified":true}`},
		}},
		{"email_verified and password are not changed together", []step{{400, "PATCH", ann, `{"password":"Other-123","email_verified":true,"connection":"db"}`, `{"errorCode":"invalid_body"}`}}},
		{"passwords never come back; a new one leaves its time", []step{
			{200, "PATCH", ann, `{"password":"Other-1234","connection":"db"}`, `{"password":"ABSENT"}`}, {200, "GET", ann, "", `{"password":"ABSENT"}`}, {200, "GET", users + "?q=password:*", "", `[]`},
		}},
		{"roles, permissions, organizations and logs are sub-resources", []step{
			{200, "GET", ann, "", `{"roles":"ABSENT","permissions":"ABSENT","organizations":"ABSENT"}`},
			{200, "GET", ann + "/roles", "", `[{"id":"rol_1"},{"id":"rol_2"},{"id":"rol_3"}]`},
			{200, "GET", ann + "/permissions", "", `[]`},
			{200, "GET", ann + "/organizations", "", `[{"id":"org_1"}]`},
			{200, "GET", ann + "/logs", "", ""},
			{200, "GET", ann + "/enrollments", "", `[]`},
			{200, "GET", ann + "/authentication-methods", "", ""},
			{200, "GET", ann + "/sessions", "", ""},
		}},
		{"names are unique for connections, roles and organizations, not for clients", []step{
			{409, "POST", "/api/v2/connections", `{"name":"db","strategy":"auth0"}`, `{"statusCode":409}`},
			{409, "POST", roles, `{"name":"r1"}`, `{"statusCode":409}`},
			{409, "POST", orgs, `{"name":"one"}`, `{"statusCode":409}`},
			{201, "POST", "/api/v2/clients", `{"name":"same"}`, ""},
			{201, "POST", "/api/v2/clients", `{"name":"same"}`, ""},
		}},
	}
}

// searchFacts are single searches and whom they find.
func searchFacts() map[string]string {
	return map[string]string{
		`email:"ann@example.com"`: "1", `email:"ANN@example.com"`: "1", `name:"ann lee"`: "1", `name:ann`: "", `name:ann*`: "1", `name:*lee`: "1", `name:*nn l*`: "ERROR", `name:*nn*`: "ERROR", `name:*ann*`: "1",
		`app_metadata.plan:gold`: "1", `app_metadata.plan:Gold`: "", `app_metadata.plan:(gold OR free)`: "1 2", `app_metadata.tags:b`: "1", `app_metadata.deep.er.x:1`: "1", `identities.connection:db2`: "3", `identities.connection:"db"`: "1 2",
		`user_metadata.color:red`: "1", `user_metadata.color:re*`: "", `user_metadata.n:[1 TO 9]`: "", `user_metadata.n:5`: "3", `blue`: "", `carol`: "3", `gold`: "1",
		`logins_count:[7 TO 9]`: "3", `logins_count:{7 TO 9}`: "", `logins_count:[* TO 7}`: "", `logins_count:[7 TO *]`: "3", `logins_count:>=7`: "3", `logins_count:>-7`: "3",
		`created_at:[2024-02-01 TO 2024-02-28]`: "2", `created_at:[2024-02-01T10:00:00.000Z TO 2024-03-01T10:00:00.000Z}`: "2", `created_at:{2024-02-01 TO 2024-03-31]`: "3",
		`_exists_:app_metadata.tags`: "1", `NOT _exists_:app_metadata`: "3", `_exists_:nickname`: "1 3", `_exists_:phone_number`: "",
		`email_verified:true AND app_metadata.plan:gold`: "1", `app_metadata.plan:free OR logins_count:7`: "2 3", `NOT app_metadata.plan:gold`: "2 3", `(name:bob OR name:carol) AND NOT logins_count:7`: "2",
		`user_id:"auth0|2"`: "2", `user_id:auth0*`: "1 2 3", `name:`: "ERROR", `(name:x`: "ERROR",
	}
}

// TestBehaviour: one row a fact of paging and users.
func TestBehaviour(t *testing.T) {
	for _, f := range append(pagingFacts(), userFacts()...) {
		t.Run(f.name, func(t *testing.T) {
			d := newDesk(t, sim.Options{Seed: []byte(factSeed), SeedName: "facts"})
			for i, s := range f.steps {
				a := d.send(s.method, s.path, s.body)
				if a.status != s.status {
					t.Fatalf("step %d, %s %s: got %d, want %d: %s", i, s.method, s.path, a.status, s.status, a.text)
				}
				if s.want == "" {
					continue
				}
				var want any
				if err := json.Unmarshal([]byte(s.want), &want); err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
				if wrong := lacks(a.body, want, "the answer"); wrong != "" {
					t.Errorf("step %d, %s %s: %s\n%s", i, s.method, s.path, wrong, a.text)
				}
			}
		})
	}
}

// lacks says where a value differs from what is wanted of it, "" for nowhere.
func lacks(got, want any, at string) string {
	switch want := want.(type) {
	case map[string]any:
		o, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v, not an object", at, got)
		}
		for k, v := range want {
			value, has := o[k]
			if v == "ABSENT" {
				if has {
					return fmt.Sprintf("%s.%s is there: %v", at, k, value)
				}
				continue
			}
			if wrong := lacks(value, v, at+"."+k); wrong != "" {
				return wrong
			}
		}
		return ""
	case []any:
		l, ok := got.([]any)
		if !ok || len(l) != len(want) {
			return fmt.Sprintf("%s is %v, want %d values", at, got, len(want))
		}
		for i, v := range want {
			if wrong := lacks(l[i], v, fmt.Sprintf("%s[%d]", at, i)); wrong != "" {
				return wrong
			}
		}
		return ""
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("%s is %v, want %v", at, got, want)
	}
	return ""
}

// TestSearchFacts: one row a fact of the search.
func TestSearchFacts(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(factSeed), SeedName: "facts"})
	for q, want := range searchFacts() {
		a := d.send("GET", users+"?"+encoded("q", q, "search_engine", "v3", "sort", "user_id:1"), "")
		if want == "ERROR" {
			if a.status != 400 || a.object(t)["errorCode"] != "invalid_query_string" {
				t.Errorf("%s: got %d %s, want a refusal", q, a.status, a.text)
			}
			continue
		}
		if a.status != 200 {
			t.Errorf("%s: %d %s", q, a.status, a.text)
			continue
		}
		var ids []string
		for _, v := range a.list(t) {
			ids = append(ids, strings.TrimPrefix(v.(map[string]any)["user_id"].(string), "auth0|"))
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s: found %q, want %q", q, got, want)
		}
	}
}
