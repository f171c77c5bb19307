package main

import (
	"fmt"
	"strings"
	"testing"

	"a0run/client/sim"
	"a0run/engine"
)

// TestBulkBeyondTheReach changes and deletes users while their listing is
// walked: the search is of what the job changes, many users share a created_at
// at the border of two slices, and the tasks of the first slice still run while
// the second is read. Nobody is left out.
func TestBulkBeyondTheReach(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"patch.lua": `
local r = parallel.each(auth0.users.each{q = "NOT blocked:true"}, function(u) auth0.users.update(u.user_id, {blocked = true}) end)
print(r.done .. " done, " .. #auth0.users.list{q = "NOT blocked:true"} .. " left")`,
		"delete.lua": `
local r = parallel.each(auth0.users.each{}, function(u) auth0.users.delete(u.user_id) end)
print(r.done .. " done, " .. #auth0.users.list{} .. " left")`,
		"patch.yaml": `
steps:
  - id: block
    for_each: {auth0.users.each: {q: "NOT blocked:true"}}
    auth0.users.update: {id: "${{ item.user_id }}", body: {blocked: true}}
  - id: left
    auth0.users.list: {q: "NOT blocked:true"}
  - print: "${{ steps.block.result.done }} done, ${{ #steps.left.result }} left"
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range 4 {
				d := newDesk(t, sim.Options{Seed: tiedUsers(1501 + 97*seed), SeedName: "seed.yaml"}, engine.Config{})
				if err := d.play(t.Context(), name, text); err != nil {
					t.Fatal(err)
				}
				if want := fmt.Sprintf("%d done, 0 left", 1501+97*seed); len(d.prints) != 1 || d.prints[0] != want {
					t.Errorf("got %q, want %q", d.prints, want)
				}
			}
		})
	}
}

// tiedUsers are n users of whom 40 each have one created_at.
func tiedUsers(n int) []byte {
	var b strings.Builder
	b.WriteString("users:\n")
	for i := range n {
		at := fmt.Sprintf("2020-01-01T%02d:%02d:00.000Z", i/40/60, i/40%60)
		fmt.Fprintf(&b, "  - {user_id: 'auth0|u%d', email: 'u%d@example.com', connection: Username-Password-Authentication, created_at: '%s', updated_at: '%s'}\n", i*7919%n, i, at, at)
	}
	return []byte(b.String())
}
