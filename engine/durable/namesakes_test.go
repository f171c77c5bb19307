package durable_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"a0run/client/sim"
	"a0run/client/sim/store"
	"a0run/engine"
)

// made are the descriptions of the applications of a name, sorted.
func (d *desk) made(name string) []string {
	var all []string
	d.tenant.State().View(func(tx *store.Tx) {
		for _, o := range tx.All(store.Key{Kind: "/clients"}) {
			if o["name"] == name {
				text, _ := o["description"].(string)
				all = append(all, text)
			}
		}
	})
	slices.Sort(all)
	return all
}

// TestLostNamesakes: tasks make applications of one name, and the answers of
// some are lost, in one execution and in the next: each is made once.
func TestLostNamesakes(t *testing.T) {
	t.Parallel()
	for name, description := range map[string]string{
		"alike": `"one"`, "different": `"of " .. i`, "pairs": `"of " .. math.floor(i / 2)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book := `parallel.each({1, 2, 3, 4, 5}, function(i)
  auth0.users.get("auth0|u" .. i)
  auth0.clients.create({name = "same", app_type = "spa", description = ` + description + `})
end)`
			calm := newDesk(t, sim.Options{Seed: seedUsers(6)})
			calm.play(play{text: book}).wants(t, "")
			want := calm.made("same")
			for _, first := range []int{1, 3, 5} {
				for second := range 2 {
					for _, when := range []string{"before", "after"} {
						d := newDesk(t, sim.Options{Seed: seedUsers(6)})
						d.play(play{text: book, fate: fate{request: first, when: when, mutating: true}})
						if second > 0 {
							d.play(play{text: book, resume: d.run, fate: fate{request: second, when: "after", mutating: true}})
						}
						if rec, err := d.db.Run(t.Context(), d.run); err != nil || rec.Status == engine.RunDone {
							continue
						}
						d.resume(play{text: book}).wants(t, "")
						if got := d.made("same"); !slices.Equal(got, want) {
							t.Errorf("killed %s %d and %d: %q", when, first, second, got)
						}
					}
				}
			}
		})
	}
}

// TestLostAnswersOfNamesakes is the same without a death.
func TestLostAnswersOfNamesakes(t *testing.T) {
	t.Parallel()
	for _, description := range []string{`"one"`, `"of " .. i`} {
		for _, fault := range []sim.Fault{{Reset: "after"}, {Reset: "before"}, {CutOff: true}, {Status: 503}} {
			d := newDesk(t, sim.Options{Seed: seedUsers(1)})
			fault.Operation, fault.After, fault.Count = "clients.create", 1, 2
			d.tenant.Inject(fault)
			book := `
local ids = {}
parallel.each({1, 2, 3, 4, 5}, function(i)
  ids[auth0.clients.create({name = "same", app_type = "spa", description = ` + description + `}).client_id] = true
end)
local n = 0
for _ in pairs(ids) do n = n + 1 end
print(n)`
			e := d.play(play{text: book})
			e.wants(t, "")
			if got := d.made("same"); len(got) != 5 || len(slices.Compact(got)) != 5 && description != `"one"` || !slices.Equal(e.prints, []string{"5"}) {
				t.Errorf("%+v: made %q, and the playbook saw %q", fault, got, e.prints)
			}
		}
	}
}

// TestReadMeanwhile: what the run read after a lost create had begun does not
// say that the object stood there before it.
func TestReadMeanwhile(t *testing.T) {
	t.Parallel()
	for kind, book := range map[string]string{
		"/clients": `auth0.clients.create({name = "made", app_type = "spa"})`,
		"/roles":   `auth0.roles.create({name = "made", description = "d"})`,
	} {
		d := newDesk(t, sim.Options{Seed: seedUsers(1)})
		list := "auth0." + strings.TrimPrefix(kind, "/") + ".list{per_page = 7}"
		book = "parallel.run({\n  a = function() " + book + " end,\n  b = function() " + list + " " + list + " end,\n})"
		done, read := make(chan struct{}), make(chan struct{})
		lists := 0
		f := fate{request: 1, when: "after", mutating: true}
		f.each = func(_ int, r *http.Request) {
			if r.Method == http.MethodGet && r.URL.Query().Get("per_page") == "7" {
				<-done
				if lists++; lists == 2 { // the first is recorded
					close(read)
				}
			}
		}
		f.after = func(_ int, r *http.Request) {
			if r.Method == http.MethodPost {
				close(done)
				<-read
			}
		}
		f.slow = true
		if e := d.play(play{text: book, fate: f}); !e.died {
			t.Fatal(e.err)
		}
		if n := len(d.records(d.run)); n < 2 {
			t.Fatalf("%s: the listing was not recorded: %d records", kind, n)
		}
		d.resume(play{text: book}).wants(t, "")
		if n := d.count("POST", kind); n != 1 {
			t.Errorf("%s: %d creates were sent", kind, n)
		}
	}
}

// TestNamesThatCouldNotBeRead: without a note of who bore the name before, a
// lost create of that name is in doubt.
func TestNamesThatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	d := newDesk(t, sim.Options{Seed: seedUsers(1)})
	d.tenant.Inject(sim.Fault{Operation: "clients.list", Status: 403, Body: `{"statusCode":403,"message":"Insufficient scope"}`, Count: 1})
	d.put(store.Key{Kind: "/clients"}, "old", store.Object{"client_id": "old", "name": "made", "app_type": "spa"})
	book := `auth0.clients.create({name = "made", app_type = "spa"})`
	lost(t, d, book, "before")
	d.resume(play{text: book}).wants(t, engine.NameInDoubtError)
	if n := d.count("POST", "/clients"); n != 0 {
		t.Errorf("%d creates were sent", n)
	}
}
