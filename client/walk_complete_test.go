package client

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"a0run/client/catalog"
	"a0run/client/sim"
)

// walkAll walks users.list with a look at every page.
func walkAll(t *testing.T, c *Client, page func(n int, body json.RawMessage) json.RawMessage) (got map[string]int, count *WalkCount, begun int) {
	t.Helper()
	op, err := lookup("users.list")
	if err != nil {
		t.Fatal(err)
	}
	got, n, begun := map[string]int{}, 0, -1
	do := func(ctx context.Context, op *catalog.Operation, args Args) (*Response, error) {
		resp, err := c.perform(ctx, op, args, callOptions{})
		if err == nil {
			n++
			resp.Body = page(n, resp.Body)
		}
		return resp, err
	}
	watch := WalkWatch{Do: do, Begin: func(total int) error { begun = total; return nil }, End: func(c WalkCount) { count = &c }}
	for item, err := range WalkWatched(t.Context(), op, nil, watch) {
		if err != nil {
			t.Fatal(err)
		}
		got[idOf(item, userID)]++
	}
	return got, count, begun
}

// A user whom the search does not show yet, when the slice is read in which he
// belongs, is missed by the slices and found by the count.
func TestWalkFindsLateUsers(t *testing.T) {
	t.Parallel()
	_, c := local(t, optionsOf(t, 2300), config{})
	hide := fmt.Sprintf(`"user_id":"auth0|%06d"`, 700*7919%2300)
	got, count, begun := walkAll(t, c, func(n int, body json.RawMessage) json.RawMessage {
		if n > 20 || !strings.Contains(string(body), hide) {
			return body
		}
		var page map[string]json.RawMessage
		var users, kept []json.RawMessage
		if json.Unmarshal(body, &page) != nil || json.Unmarshal(page["users"], &users) != nil {
			t.Fatal("the page cannot be read")
		}
		for _, u := range users {
			if !strings.Contains(string(u), hide) {
				kept = append(kept, u)
			}
		}
		page["users"], _ = json.Marshal(kept)
		out, err := json.Marshal(page)
		if err != nil {
			t.Fatal(err)
		}
		return out
	})
	for id, n := range got {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
	if want := (WalkCount{Users: 2300, First: 2300, Last: 2300, Again: true, Found: 1}); len(got) != 2300 || begun != 2300 || count == nil || *count != want {
		t.Errorf("%d users, the tenant counted %d, %+v", len(got), begun, count)
	}
}

// Whatever comes and goes during a walk, whoever is there from its beginning to
// its end comes exactly once.
func TestWalkWhileTheTenantChanges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		_, c := local(t, optionsOf(t, 2600), config{})
		gone, made := map[string]bool{}, 0
		change := func() {
			for range rnd.IntN(4) {
				if rnd.IntN(3) == 0 {
					made++
					if _, err := c.Do(t.Context(), "users.create", Args{"body": map[string]any{
						"connection": "Username-Password-Authentication", "email": fmt.Sprintf("new%d-%d@example.com", seed, made), "password": "Long-enough-1!",
					}}); err != nil {
						t.Fatal(err)
					}
					continue
				}
				id := fmt.Sprintf("auth0|%06d", rnd.IntN(2600))
				gone[id] = true
				if _, err := c.Do(t.Context(), "users.delete", Args{"id": id}); err != nil {
					t.Fatal(err)
				}
			}
		}
		got, count, _ := walkAll(t, c, func(_ int, body json.RawMessage) json.RawMessage { change(); return body })
		for i := range 2600 {
			id := fmt.Sprintf("auth0|%06d", i)
			if n := got[id]; n > 1 || n == 0 && !gone[id] {
				t.Errorf("seed %d: %s came %d times", seed, id, n)
			}
		}
		if count == nil || !count.Complete() {
			t.Errorf("seed %d: %+v", seed, count)
		}
	}
}

// A walk of one slice asks nothing more, and one that is read elsewhere ends
// before its first user.
func TestWalkElsewhere(t *testing.T) {
	t.Parallel()
	tn, c := local(t, sim.Options{Seed: seedUsers(t, 1000, func(i int) (string, time.Time) {
		return fmt.Sprintf("auth0|%d", i), time.Date(2024, 1, 1, 0, 0, i, 0, time.UTC)
	})}, config{})
	if got := ids(t, c, nil); len(got) != 1000 {
		t.Errorf("got %d", len(got))
	}
	lists := 0
	for _, r := range tn.Requests() {
		if r.Operation == "users.list" {
			lists++
		}
	}
	if lists != 10 {
		t.Errorf("%d requests", lists)
	}
	op, err := lookup("users.list")
	if err != nil {
		t.Fatal(err)
	}
	do := func(ctx context.Context, op *catalog.Operation, args Args) (*Response, error) {
		return c.perform(ctx, op, args, callOptions{})
	}
	for item, err := range WalkWatched(t.Context(), op, nil, WalkWatch{Do: do, Begin: func(int) error { return ErrWalkElsewhere }}) {
		if item != nil || err != ErrWalkElsewhere { //nolint:errorlint // the sentinel itself
			t.Errorf("got %s, %v", item, err)
		}
	}
}
