package durable_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"a0run/client/sim"
)

// TestAWaitingLoginGoesOn: a run that dies while a person has not yet answered
// goes on asking about the same login, at the moment that was due, and has the
// same PKCE verifier.
func TestAWaitingLoginGoesOn(t *testing.T) {
	const book = `
print(pkce().code_challenge)
local d = authentication.device.code { scope = "openid" }
print(d.user_code)
local tokens = get_token.device_code(d)
print(verify_id_token(tokens.id_token).sub)
`
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, sim.Options{Seed: seedUsers(1), Clock: time.Now})
		began := time.Now()
		death := make(chan struct{})
		time.AfterFunc(12*time.Second, func() { close(death) })
		first := d.play(play{text: book, fate: fate{at: death}})
		if len(first.prints) != 2 {
			t.Fatalf("printed %q: %v", first.prints, first.err)
		}
		var asked []int
		code := ""
		look := func() {
			asked = nil
			for _, r := range d.tenant.Requests() {
				var body map[string]any
				if r.Path == "/oauth/token" && json.Unmarshal(r.Body, &body) == nil && body["device_code"] != nil {
					code, _ = body["device_code"].(string)
					asked = append(asked, int(r.At.Sub(began)/time.Second))
				}
			}
		}
		look()
		if !d.tenant.Approve(code, "auth0|u0") {
			t.Fatal("nothing waits")
		}
		second := d.resume(play{text: book})
		second.wants(t, "")
		if diff := cmp.Diff([]string{"auth0|u0"}, second.prints); diff != "" {
			t.Error(diff)
		}
		if look(); cmp.Diff([]int{0, 5, 10, 15}, asked) != "" {
			t.Errorf("asked at %v", asked)
		}
		begun := 0
		for _, r := range d.tenant.Requests() {
			if r.Path == "/oauth/device/code" {
				begun++
			}
		}
		if begun != 1 {
			t.Errorf("%d logins were begun", begun)
		}
	})
}
