package sim

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"a0run/client/catalog"
)

// The model of the rate limits is made from Auth0's published tables alone: by
// verb and path, not by the names that the catalogue has for groups. It counts
// what a bucket has, where the limiter counts what it lacks, and it writes down
// each instant at which something comes back.

// publishedLimits are the tables: verbs, path (? is one segment, a ** at the end any
// rest), burst, rate, and by what requests are counted apart. Of the Management
// API's rows the first that fits holds, of the Authentication API's each.
var publishedLimits = map[string]string{
	"free": `
API 2 2/second
AUTH 300 300/minute
GET,POST /userinfo 10 5/minute user
POST /dbconnections/change_password 10 1/minute address+email @change
POST /u/reset-password/request 10 1/minute address+email @change
GET,POST /passwordless/start 50 50/hour address
POST /oauth/token 30 30/second
GET /.well-known/jwks.json 20 20/second
POST /oauth/token 50 50/minute - native @native
POST /oauth/token 2 2/second - behalf
POST /oauth/token 5 5/second - idjag
POST /oauth/access_token 50 50/minute @native
POST /oidc/register 5 5/second
POST /custom-domains/?/verify 5 5/minute
GET /connections/?/status 100 15/second
POST /keys/signing/rotate 5 5/day
POST,PATCH,DELETE /email-templates** 5 25/minute
GET /email-templates** 10 50/minute
POST,PATCH,DELETE /emails/provider 5 25/minute
GET /emails/provider 5 25/minute
`,
	"essentials-professional": `
AUTH 25 25/second
POST /oauth/token 4 4/second - custom
POST /oauth/token 8 8/second - behalf
POST /oauth/token 25 25/second - idjag
GET /organizations/?/enabled_connections** 5 50/minute @oc
GET /organizations/?/connections** 5 50/minute @oc
POST,PATCH,DELETE /organizations/?/enabled_connections** 5 25/minute @ocw
POST,PATCH,DELETE /organizations/?/connections** 5 25/minute @ocw
GET /organizations/?/client-grants 10 100/minute
POST /organizations/?/client-grants 5 150/minute
GET /organizations/?/members/?/roles 20 200/minute
POST,DELETE /organizations/?/members/?/roles 20 200/minute
GET /organizations/?/members** 40 500/minute
POST,DELETE /organizations/?/members 20 200/minute
GET /organizations/name/? 10 100/minute
GET /organizations/search 5 50/minute @orgs
GET /organizations/? 20 200/minute
GET /organizations/?/invitations** OTHER
POST,DELETE /organizations/?/invitations** OTHER
DELETE /organizations/?/client-grants/? OTHER
GET,POST,PATCH,DELETE /organizations/?/clients** OTHER
GET /organizations** 5 50/minute @orgs
POST,PATCH,DELETE /organizations** 5 25/minute
GET /users/?/organizations OTHER
GET /users** 40 500/minute @users
GET /users-by-email 40 500/minute @users
POST,PATCH /users** 20 200/minute
DELETE /users** 20 200/minute
GET /logs** 10 100/minute
GET /clients 5 150/minute - q
GET /clients** 5 100/minute
GET /connections/?/status 100 15/second
GET /connections** 5 50/minute
POST,DELETE /device-credentials** 5 100/minute
POST,PATCH,DELETE /email-templates** 5 25/minute
GET /email-templates** 10 50/minute
POST,PATCH,DELETE /emails/provider 5 25/minute
GET /emails/provider 5 25/minute
` + publishedForAll + resetShares + `
OTHER 10 150/minute
`,
	"enterprise":     "API 50 16/second\n" + publishedForEnterprise + publishedForAll + resetApart,
	"non-production": "API 10 2/second\n" + publishedForEnterprise + publishedForAll + resetApart,
	"private-100": `
API 50 50/second
AUTH 100 100/second
POST /oauth/token 15 15/second - custom
POST /oauth/token 30 30/second - behalf
POST /oauth/token 50 50/second - idjag
POST /oauth/token 50 50/second - vault
GET /organizations/name/? 20 200/minute
GET /organizations/search 10 100/minute @orgs
GET /organizations/? 40 500/minute
` + publishedForOrganizations + publishedForAll + resetShares,
}

// resetShares and resetApart: plans count the page with the endpoint, or by itself.
const (
	resetShares = "POST /u/reset-password/request 10 1/minute address+email @change\n"
	resetApart  = "POST /u/reset-password/request 10 1/minute address+email\n"
)

const publishedForAll = `
GET,POST /u/?** 500 500/minute address @prompts
GET /u/reset-password/request 500 500/minute address @reset
GET /u/reset-verify 500 500/minute address @reset
POST /u/reset-password/request 10 5/minute address
POST /u/reset-verify 10 5/minute address
GET /u/[^r]? 20 10/minute address+prompt
POST /u/[^r]? 10 5/minute address+prompt
GET,POST /activate 5 5/second address
GET,POST /userinfo 10 5/minute user
POST /dbconnections/change_password 10 1/minute address+email @change
GET,POST /passwordless/start 50 50/hour address
POST /oauth/token 50 500/minute - native @native
POST /oauth/access_token 50 500/minute @native
POST /oidc/register 5 5/second
POST /oauth/global-token-revocation/connection/? 35 35/second
POST /oauth/par 100 100/second address
POST /bc-authorize 500 500/minute address
POST /oauth/device/code 5 5/second address
POST /oauth/token 12 12/minute session oob
POST /custom-domains** 5 5/minute
GET /connections/?/status 100 15/second
POST /keys/signing/rotate 5 5/day
GET /prompts/?/partials 5 5/minute
PUT /prompts/?/partials 5 5/minute
GET /clients 5 150/minute - q
POST,PATCH,DELETE /token-exchange-profiles** 5 100/minute
GET /token-exchange-profiles** 20 200/minute
`

const publishedForOrganizations = `
GET /organizations/?/members/?/roles 20 200/minute
POST,DELETE /organizations/?/members/?/roles 20 200/minute
GET /organizations/?/members** 40 500/minute
POST,DELETE /organizations/?/members 20 200/minute
POST,PATCH,DELETE /organizations/?/enabled_connections** 5 150/minute @ocw
POST,PATCH,DELETE /organizations/?/connections** 5 150/minute @ocw
GET /organizations/?/client-grants 10 100/minute
POST /organizations/?/client-grants 5 150/minute
GET /organizations/?/enabled_connections** NONE
GET /organizations/?/connections** NONE
GET /organizations/?/invitations** NONE
POST,DELETE /organizations/?/invitations** NONE
DELETE /organizations/?/client-grants/? NONE
GET,POST,PATCH,DELETE /organizations/?/clients** NONE
GET /organizations** 10 100/minute @orgs
POST,PATCH,DELETE /organizations** 5 150/minute
`

const publishedForEnterprise = `
AUTH 100 100/second
POST /oauth/token 15 15/second - custom
POST /oauth/token 30 30/second - behalf
POST /oauth/token 50 50/second - idjag
GET /organizations/name/? 20 200/minute
GET /organizations/search 10 100/minute @orgs
GET /organizations/? 10 100/minute
GET /organizations/?/invitations** 20 200/minute
POST /organizations/?/invitations 20 200/minute
GET /organizations/?/enabled_connections** 10 100/minute @oc
GET /organizations/?/connections** 10 100/minute @oc
GET /users/?/organizations 40 500/minute
POST,PATCH,DELETE /email-templates** 10 100/minute
GET /email-templates** 15 150/minute
POST,PATCH,DELETE /emails/provider 10 100/minute
GET /emails/provider 15 150/minute
` + publishedForOrganizations

// A row is one line of a table.
type row struct {
	verbs, path string
	burst, rate int64
	per         time.Duration
	by, only    string
	name        string // rows of one name share a bucket
}

func rowsOf(t *testing.T, plan string) []row {
	t.Helper()
	var out []row
	for i, line := range strings.Split(publishedLimits[plan], "\n") {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		r := row{verbs: w[0], name: fmt.Sprint(i)}
		if w[0] != "API" && w[0] != "AUTH" && w[0] != "OTHER" {
			r.path, w = w[1], w[1:]
		}
		if w[1] == "OTHER" || w[1] == "NONE" {
			r.name = w[1]
			out = append(out, r)
			continue
		}
		var err error
		if r.burst, err = strconv.ParseInt(w[1], 10, 64); err != nil {
			t.Fatalf("%s: %q: %v", plan, line, err)
		}
		number, unit, _ := strings.Cut(w[2], "/")
		r.rate, _ = strconv.ParseInt(number, 10, 64)
		r.per = map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[unit]
		for _, word := range w[3:] {
			name, shared := strings.CutPrefix(word, "@")
			switch {
			case shared:
				r.name = name
			case strings.Contains("address+email address+prompt user session", word):
				r.by = word
			case word != "-":
				r.only = word
			}
		}
		if r.verbs == "OTHER" {
			r.name = "OTHER"
		}
		out = append(out, r)
	}
	return out
}

func (r row) fits(verb, at string) bool {
	if !strings.Contains(","+r.verbs+",", ","+verb+",") {
		return false
	}
	if start, open := strings.CutSuffix(r.path, "**"); open {
		n := strings.Count(start, "/")
		segs := strings.Split(at, "/")
		if len(segs) < n+1 {
			return false
		}
		at, r.path = strings.Join(segs[:n+1], "/"), start
	}
	ok, err := path.Match(strings.ReplaceAll(r.path, "?", "*"), at)
	return ok && err == nil
}

// authentication tells the rows of one API from those of the other.
func (r row) authentication() bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.path, "/"), "/")
	switch first {
	case "u", "userinfo", "dbconnections", "passwordless", ".well-known", "oauth", "oidc", "bc-authorize", "activate":
		return true
	}
	return false
}

// A sample is a request of the model's.
type sample struct {
	c                                *call
	managed                          bool
	at                               string // the path below the API's root
	address, email, user, session, q string
	kind                             string // of a token request
}

// A tank is a bucket of the model.
type tank struct {
	row
	has  int64 // in tokens times steps of a period
	step int64 // the last step of refill
}

func (k *tank) steps() int64 {
	if k.per == time.Second {
		return 1000 // by the millisecond
	}
	return int64(k.per / time.Second)
}

func (k *tank) grain() time.Duration { return k.per / time.Duration(k.steps()) }

// A said is what an answer says of limits.
type said struct {
	ok, own          bool
	limit, remaining int64
	reset, retry     int64
}

func (k *tank) draw(now time.Time, full bool) said {
	step := now.UnixNano() / int64(k.grain())
	k.has = min(k.burst*k.steps(), k.has+min(step-k.step, k.burst*k.steps())*k.rate)
	k.step = step
	s := said{limit: k.burst}
	if k.has >= k.steps() {
		k.has -= k.steps()
		s.ok = true
	}
	s.remaining = k.has / k.steps()
	// The instant at which so much is there.
	when := func(enough int64) time.Time {
		n := (enough - k.has) / k.rate
		for has := k.has + n*k.rate; has < enough; has += k.rate {
			n++
		}
		return time.Unix(0, (step+n)*int64(k.grain()))
	}
	want := (s.remaining + 1) * k.steps()
	if full {
		want = k.burst * k.steps()
	}
	s.reset = when(want).Unix()
	if when(want).Nanosecond() > 0 {
		s.reset++
	}
	if !s.ok {
		for there := when(k.steps()); now.Add(time.Duration(s.retry) * time.Second).Before(there); {
			s.retry++
		}
		s.retry = max(1, s.retry)
	}
	return s
}

// A book is the model of one plan.
type book struct {
	rows  []row
	other *row
	full  bool
	tanks map[string]*tank
	fit   map[string][]row
}

func (b *book) draw(s *sample, now time.Time) (said, bool) {
	var last said
	limited := false
	one := func(r row) bool {
		key := r.name
		switch r.by {
		case "address":
			key += " " + s.address
		case "address+email":
			key += " " + s.address + " " + s.email
		case "address+prompt":
			key += " " + s.address + " " + s.at
		case "user":
			key += " " + s.user
		case "session":
			key += " " + s.session
		}
		k := b.tanks[key]
		if k == nil {
			k = &tank{row: r}
			k.has = k.burst * k.steps()
			b.tanks[key] = k
		}
		d := k.draw(now, b.full)
		d.own = r.verbs != "API" && r.verbs != "AUTH"
		if !d.ok || !limited || d.remaining <= last.remaining {
			last = d
		}
		limited = true
		return d.ok
	}
	for _, r := range b.rows {
		if r.verbs == "API" && s.managed || r.verbs == "AUTH" && !s.managed {
			if !one(r) {
				return last, true
			}
		}
	}
	for _, r := range b.fitting(s) {
		if r.by == "user" && s.user == "" {
			continue
		}
		if r.only != "" && r.only != s.kind && (r.only != "q" || s.q == "") {
			continue
		}
		switch {
		case s.managed && r.name == "NONE":
			return last, limited
		case s.managed && r.name == "OTHER":
			one(*b.other)
			return last, true
		case s.managed:
			one(r)
			return last, true
		case !one(r):
			return last, true
		}
	}
	if s.managed && b.other != nil {
		one(*b.other)
	}
	return last, limited
}

// fitting are the rows whose verbs and path are those of a request.
func (b *book) fitting(s *sample) []row {
	key := fmt.Sprint(s.managed, s.c.op.Verb, s.at)
	out, known := b.fit[key]
	if known {
		return out
	}
	for _, r := range b.rows {
		if r.path != "" && r.authentication() != s.managed && r.fits(s.c.op.Verb, s.at) {
			out = append(out, r)
		}
	}
	b.fit[key] = out
	return out
}

func newBook(t *testing.T, plan string, full bool) *book {
	t.Helper()
	b := &book{rows: rowsOf(t, plan), full: full, tanks: map[string]*tank{}, fit: map[string][]row{}}
	for i, r := range b.rows {
		if r.verbs == "OTHER" {
			b.other = &b.rows[i]
		}
	}
	return b
}

// exchanges are token requests that differ in what limits them.
func exchanges() map[string]object {
	const exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	return map[string]object{
		"custom": {"grant_type": exchange, "subject_token_type": "urn:acme:legacy"},
		"behalf": {"grant_type": exchange, "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"},
		"idjag":  {"grant_type": exchange, "requested_token_type": "urn:ietf:params:oauth:token-type:id-jag"},
		"native": {"grant_type": exchange, "subject_token_type": "http://auth0.com/oauth/token-type/apple-authz-code"},
		"oob":    {"grant_type": grantMFAOOB},
		"":       {"grant_type": "client_credentials"},
		"vault":  {"grant_type": grantFederated},
	}
}

// sampler makes random requests of all operations.
type sampler struct {
	rng    *rand.Rand
	t      *Tenant
	routes []*route
	tokens map[string]string
}

func newSampler(t *testing.T, rng *rand.Rand) *sampler {
	t.Helper()
	tenant, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &sampler{rng: rng, t: tenant, tokens: map[string]string{"": "nobody's"}}
	for _, user := range []string{"auth0|1", "auth0|2"} {
		if s.tokens[user], err = tenant.ring().sign(object{"sub": user, "exp": int64(4_000_000_000)}); err != nil {
			t.Fatal(err)
		}
	}
	weight := func(rt *route) int {
		switch rt.path {
		case "/users", "/users/{}", "/clients", "/oauth/token", "/userinfo", "/dbconnections/change_password", "/passwordless/start":
			return 40
		}
		return 1
	}
	for _, rt := range tenant.routes.routes {
		if rt.path == "/user-exports/{}" { // Auth0 has that file elsewhere
			continue
		}
		for range weight(rt) {
			s.routes = append(s.routes, rt)
		}
	}
	return s
}

func (s *sampler) pick(from ...string) string { return from[s.rng.IntN(len(from))] }

func (s *sampler) next(now time.Time) *sample {
	rt := s.routes[s.rng.IntN(len(s.routes))]
	out := &sample{
		managed: rt.api == catalog.Management, at: strings.ReplaceAll(rt.path, "{}", "x"), address: s.pick("192.0.2.1", "192.0.2.2", "2001:db8::1"),
		email: s.pick("a@example.com", "b@example.com"), user: s.pick("auth0|1", "auth0|2", ""), session: s.pick("m1", "m2"), q: s.pick("", "", "name:x"),
	}
	body := object{"email": strings.ToUpper(out.email), "mfa_token": out.session}
	if rt.path == "/oauth/token" {
		out.kind = s.pick("custom", "behalf", "idjag", "native", "oob", "vault", "", "", "")
		for k, v := range exchanges()[out.kind] {
			body[k] = v
		}
	}
	out.c = &call{
		t: s.t, rt: rt, op: rt.pick(body), now: now, body: body, query: url.Values{"q": {out.q}},
		req: &http.Request{Header: http.Header{"Authorization": {"Bearer " + s.tokens[out.user]}}, RemoteAddr: net.JoinHostPort(out.address, "4711")},
	}
	return out
}

// TestLimiterAgainstAModel asks the limiter and the model of each plan the same
// at the same times, a million times altogether.
func TestLimiterAgainstAModel(t *testing.T) {
	many := 1_000_000
	if testing.Short() || raced {
		many = 100_000
	}
	if s := os.Getenv("A0RUN_LIMIT_CALLS"); s != "" {
		many, _ = strconv.Atoi(s)
	}
	for _, plan := range Plans() {
		for _, full := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s full=%v", plan, full), func(t *testing.T) {
				compareLimits(t, plan, full, many/len(Plans())/2)
			})
		}
	}
}

func compareLimits(t *testing.T, plan string, full bool, many int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(len(plan)), 41))
	l, err := PlanLimits(plan)
	if err != nil {
		t.Fatal(err)
	}
	if full {
		l.Reset = "full"
	}
	lim, err := newLimiter(l)
	if err != nil {
		t.Fatal(err)
	}
	b := newBook(t, plan, full)
	s := newSampler(t, rng)
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	refused, own, free := 0, 0, 0
	for n := range many {
		switch rng.IntN(2000) {
		case 0:
			now = now.Add(time.Duration(rng.Int64N(int64(time.Hour))))
		case 1, 2, 3, 4, 5:
			now = now.Add(time.Duration(rng.Int64N(int64(5 * time.Second))))
		default:
			now = now.Add(time.Duration(rng.Int64N(int64(40 * time.Millisecond))))
		}
		one := s.next(now)
		d, limited := lim.draw(one.c)
		want, wanted := b.draw(one, now)
		if !wanted && !limited {
			free++
			continue
		}
		got := said{
			ok: d.ok, own: d.name != "" && d.name != "authentication", limit: int64(d.limit), remaining: int64(d.remaining), reset: d.reset,
		}
		if !d.ok {
			refused++
			got.retry, _ = strconv.ParseInt(tooMany(one.c, d).header["Retry-After"], 10, 64)
			if got.own {
				own++
			}
		}
		if wanted != limited || got != want {
			t.Fatalf("request %d, %s %s of %s at %s:\nthe limiter says %+v (%v, %q)\nthe model says   %+v (%v)", n, one.c.op.Verb, one.at, one.address, now, got, limited, d.name, want, wanted)
		}
	}
	if refused < many/20 || own == 0 || plan == "essentials-professional" && free > 0 {
		t.Errorf("of %d requests %d were refused, %d of them by a limit of their own, and %d stand under none: this shows nothing", many, refused, own, free)
	}
}

// TestLimitsOnTheWire: what every answer says of the limits, errors too.
func TestLimitsOnTheWire(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	tenant, err := New(Options{
		Clock: func() time.Time { return now },
		Limits: Limits{Rate: 1, Per: time.Second, Every: time.Millisecond, Burst: 4, Groups: map[string]Limit{
			"users.read": {Rate: 1, Per: time.Minute, Burst: 2, Every: time.Second}, "authentication": {Rate: 2, Burst: 2},
			"passwordless.start": {Rate: 1, Per: time.Hour, Burst: 1, By: "ip"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := tenant.Token("read:users")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(verb, path, auth, address string) *http.Response {
		r := httptest.NewRequestWithContext(t.Context(), verb, "http://tenant.local"+path, strings.NewReader(`{}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", auth)
		r.RemoteAddr = address + ":1"
		w := httptest.NewRecorder()
		tenant.ServeHTTP(w, r)
		return w.Result()
	}
	bearer := "Bearer " + token
	for i, c := range []struct {
		verb, path, auth, address string
		status                    int
		limit, remaining, after   string
		text                      string
	}{
		{"GET", "/api/v2/users", bearer, "192.0.2.1", 200, "2", "1", "", "["},
		{"GET", "/api/v2/users/auth0%7Cnobody", bearer, "192.0.2.1", 404, "2", "0", "", "inexistent_user"},
		{"GET", "/api/v2/users", bearer, "192.0.2.1", 429, "2", "0", "60", `"message":"Too many requests. Check the X-RateLimit-Limit`},
		{"GET", "/api/v2/roles", bearer, "192.0.2.1", 403, "4", "0", "", "insufficient_scope"},
		{"GET", "/api/v2/roles", "Bearer x", "192.0.2.1", 429, "4", "0", "1", `"statusCode":429}`},
		{"GET", "/api/v2/users", bearer, "192.0.2.1", 429, "4", "0", "1", `"message":"Global limit has been reached"`},
		{"POST", "/passwordless/start", "", "192.0.2.1", 401, "1", "0", "", ""},
		{"POST", "/passwordless/start", "", "192.0.2.1", 429, "1", "0", "3600", `"error":"too_many_requests","error_description":"Too many`},
		{"POST", "/passwordless/start", "", "192.0.2.2", 429, "2", "0", "1", `"error_description":"Global limit has been reached"`},
	} {
		res := ask(c.verb, c.path, c.auth, c.address)
		text := new(strings.Builder)
		if err := res.Write(text); err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		h := res.Header
		if res.StatusCode != c.status && c.status != 401 || h.Get("X-Ratelimit-Limit") != c.limit || h.Get("X-Ratelimit-Remaining") != c.remaining ||
			h.Get("Retry-After") != c.after || h.Get("X-Ratelimit-Reset") == "" || !strings.Contains(text.String(), c.text) {
			t.Errorf("%d: %s %s: want %+v, got %s", i, c.verb, c.path, c, text)
		}
	}
}
