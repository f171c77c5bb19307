package rules_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"a0run/client/catalog"
	"a0run/client/sim/rules"
)

// TestCrowd sends every operation of both APIs from 64 sides at once, with what
// its schema takes, while snapshots come and go, the clock is stepped and the
// page is looked at. It is for the race detector; nobody may get a 5xx but the 501 of what
// the tenant does not do.
func TestCrowd(t *testing.T) {
	const sides = 64
	rounds := 40 // of each side
	if n, err := strconv.Atoi(os.Getenv("A0RUN_CROWD")); err == nil {
		rounds = n
	}
	seed := seedOf(t)
	house := newBench(t)
	management := rules.Operations()
	var authentication []*catalog.Operation
	for _, op := range catalog.Default().All() {
		if op.API == catalog.Authentication {
			authentication = append(authentication, op)
		}
	}
	var sent, took atomic.Int64
	var called sync.Map
	note := func(at string, a answer) {
		sent.Add(1)
		called.Store(at, true)
		switch {
		case a.status == http.StatusNotImplemented: // what it says that it does not do
		case a.status >= http.StatusInternalServerError || a.status == 0:
			t.Errorf("%s: %d %s", at, a.status, a.text)
		case a.status < http.StatusBadRequest:
			took.Add(1)
		}
	}
	var all sync.WaitGroup
	for side := range sides {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(side)))
			b := &bench{t: t, tenant: house.tenant, token: house.token, known: house.known, maker: &rules.Maker{Text: samples, R: rng}}
			for i := range rounds {
				// The sides together walk all operations several times over.
				at := management[(side*rounds+i)%len(management)]
				verb, path, _ := strings.Cut(at, " ")
				where, _ := b.address(at)
				body := b.referring(b.maker.Body(rules.Of(at)))
				if path == "/jobs/users-imports" {
					body = nil
				}
				note(at, b.send(verb, where+queryOf(b.maker.Query(rules.Of(at))), body))
				if i%4 == 0 {
					op := authentication[(side*rounds+i/4)%len(authentication)]
					note(op.ID, b.authenticate(op, rng))
				}
			}
		})
	}
	all.Go(func() { house.disturb(rounds) })
	all.Wait()
	missed := 0
	for _, at := range management {
		if _, ok := called.Load(at); !ok {
			missed++
		}
	}
	if missed > 0 || took.Load() < sent.Load()/3 {
		t.Errorf("of %d requests %d were taken, and %d operations were not called: this shows little", sent.Load(), took.Load(), missed)
	}
}

// authenticate calls an operation of the Authentication API with arguments that
// mean something to the tenant.
func (b *bench) authenticate(op *catalog.Operation, rng *rand.Rand) answer {
	c := b.tenant.Credentials()
	form := url.Values{
		"client_id": {c.ClientID}, "client_secret": {c.ClientSecret}, "audience": {"https://" + c.Domain + "/api/v2/"}, "scope": {"openid offline_access"},
		"username": {"one@example.com"}, "password": {"Secret-123"}, "realm": {"Username-Password-Authentication"}, "connection": {"Username-Password-Authentication"},
		"email": {fmt.Sprintf("u%d@example.com", rng.IntN(50))}, "redirect_uri": {"https://app.example/cb"}, "response_type": {"code"}, "login_hint": {"one@example.com"},
	}
	for _, f := range op.Fixed {
		form.Set(f.Name, f.Value)
	}
	path := op.Path
	for strings.Contains(path, "{") {
		open, end := strings.IndexByte(path, '{'), strings.IndexByte(path, '}')
		path = path[:open] + c.ClientID + path[end+1:]
	}
	var r *http.Request
	if op.Verb == http.MethodGet {
		r = httptest.NewRequest(op.Verb, "https://tenant.local"+path+"?"+form.Encode(), http.NoBody)
	} else {
		r = httptest.NewRequest(op.Verb, "https://tenant.local"+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Authorization", "Bearer "+b.token)
	w := httptest.NewRecorder()
	b.tenant.ServeHTTP(w, r)
	return answer{status: w.Code, text: w.Body.String()}
}

// disturb does what a test's control does, beside everything else.
func (b *bench) disturb(rounds int) {
	control := func(verb, path, body string) {
		r := httptest.NewRequest(verb, "https://tenant.local"+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+b.tenant.Credentials().ControlToken)
		w := httptest.NewRecorder()
		b.tenant.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.t.Errorf("%s %s: %d %s", verb, path, w.Code, w.Body)
		}
	}
	control("POST", "/__a0run/snapshots/start", "")
	for i := range rounds {
		control("POST", "/__a0run/snapshots/last", "")
		control("POST", "/__a0run/clock", `{"step":"1s"}`)
		control("GET", "/__a0run/requests", "")
		control("GET", "/", "")
		control("POST", "/__a0run/faults", `{"operation":"users.list","stale":"1s"}`)
		if i%10 == 5 {
			control("PUT", "/__a0run/snapshots/"+[]string{"start", "last"}[i/10%2], "")
		}
	}
	control("DELETE", "/__a0run/faults", "")
}
