package durable_test

import (
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"a0run/client/sim"
	"a0run/engine"
)

// latency makes every request take a time of its own, the same in every
// execution: the order in which answers come is then the program's.
func latency(seed int) func(n int, r *http.Request) {
	return func(_ int, r *http.Request) {
		h := fnv.New64a()
		_, _ = fmt.Fprintf(h, "%d %s %s", seed, r.Method, r.URL)
		if r.Body != nil {
			body, _ := io.ReadAll(r.Body)
			_, _ = h.Write(body)
			r.Body = io.NopCloser(strings.NewReader(string(body)))
		}
		timer := time.NewTimer(time.Duration(h.Sum64() % uint64(20*time.Millisecond)))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	}
}

// program is a playbook with what a comparison must know of it.
type program struct {
	name, text string
	seed       int
	// shared programs write what depends on the order of arrivals: an
	// interrupted run may end otherwise than an uninterrupted one, but never
	// otherwise than what it had recorded.
	shared bool
	// fails says that the program ends with an error of its own.
	fails bool
}

// everyPrefix executes a program once whole, and then for every n that some says
// yes to kills it after n records, resumes it, and replays it a second time: the end is that of the
// whole run, and the last replay asks the tenant for nothing and says nothing.
func everyPrefix(t *testing.T, p program, some func(n, records int) bool, fail func(format string, args ...any)) {
	t.Helper()
	seed := seedUsers(8)
	whole := newDesk(t, sim.Options{Seed: seed})
	first := whole.play(play{name: p.name, text: p.text, fate: fate{each: latency(p.seed)}})
	if got := engine.AsError(first.err); got != nil && (got.Uncatchable() || !p.fails) {
		fail("uninterrupted: %v", first.err)
		return
	}
	state, keys, records := whole.state(), whole.keys(first.run), len(whole.records(first.run))
	whole.shut()
	for n := 1; n <= records; n++ {
		if !some(n, records) {
			continue
		}
		d := newDesk(t, sim.Options{Seed: seed})
		killed := d.play(play{name: p.name, text: p.text, fate: fate{records: n, each: latency(p.seed)}})
		var second *execution
		if killed.died {
			second = d.play(play{name: p.name, text: p.text, resume: d.run, fate: fate{each: latency(p.seed + 1)}})
		} else {
			second = killed
		}
		if a, b := errorText(first.err), errorText(second.err); a != b && !p.shared || uncatchable(second.err) {
			fail("killed after %d records: resumed, it ended with %v, uninterrupted with %v", n, second.err, first.err)
			d.shut()
			return
		}
		if got := d.state(); got != state && !p.shared {
			fail("killed after %d records: the tenant is otherwise than uninterrupted:\n%s", n, diff(state, got))
		}
		if got := d.keys(d.run); !slices.Equal(got, keys) && !p.shared {
			fail("killed after %d records: the calls are others than uninterrupted:\n%s", n, diff(strings.Join(keys, "\n"), strings.Join(got, "\n")))
		}
		if p.fails {
			third := d.play(play{name: p.name, text: p.text, resume: d.run, fate: fate{each: latency(p.seed + 2)}})
			if third.sent > 0 || len(third.prints) > 0 || errorText(third.err) != errorText(second.err) {
				fail("killed after %d records: replayed, it sent %d requests, printed %q and ended with %v, before with %v",
					n, third.sent, third.prints, third.err, second.err)
			}
		}
		d.shut()
	}
}

// diff shows the lines that only one of two texts has.
func diff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out []string
	for _, line := range a {
		if !slices.Contains(b, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			out = append(out, "+ "+line)
		}
	}
	return strings.Join(out, "\n")
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func uncatchable(err error) bool {
	e := engine.AsError(err)
	return e != nil && e.Uncatchable()
}

// TestResumeAfterEveryRecord takes programs through the prefixes of their
// journals: every fourth, and all with A0RUN_PROGRAMS (make torture).
func TestResumeAfterEveryRecord(t *testing.T) {
	t.Parallel()
	all := os.Getenv("A0RUN_PROGRAMS") != ""
	for _, p := range []program{
		{name: "counters.lua", shared: true, fails: true, text: `
local count, log = 0, {}
parallel.each({1, 2, 3, 4, 5, 6}, {concurrency = 3}, function(i)
  auth0.users.get("auth0|u" .. i)
  count = count + 1
  auth0.users.update("auth0|u" .. i, {user_metadata = {place = count}})
  log[#log + 1] = i
  time.sleep(0.01 * i)
  print(i, count, #log)
end)
auth0.users.update("auth0|u0", {user_metadata = {log = table.concat(log, ",")}})
print(table.concat(log, ","))
error("end")`},
		{name: "made.lua", text: `
local ids = parallel.map({"a", "b", "c", "d"}, function(name)
  local role = auth0.roles.create({name = name, description = "role " .. name})
  auth0.users.add_roles("auth0|u1", {role.id})
  return role.id
end)
auth0.users.update("auth0|u1", {user_metadata = {ids = ids}})
parallel.each(ids, function(id) auth0.roles.update(id, {description = "again " .. id}) end)
auth0.roles.delete(ids[1])`},
		{name: "futures.lua", shared: true, fails: true, text: `
local n = 0
local a = task(function() auth0.users.get("auth0|u1") n = n + 1 return n end)
local b = task(function() auth0.users.get("auth0|u2") n = n * 2 return n end)
local c = task(function() task.yield() n = n + 10 task.yield() return n end)
local x, y, z = a:wait(), b:wait(), c:wait()
auth0.users.update("auth0|u0", {user_metadata = {x = x, y = y, z = z, n = n, id = uuid(), at = time.now(), r = random.integer(1, 1000)}})
print(x, y, z, n)
error("end")`},
		{name: "timeouts.lua", shared: true, fails: true, text: `
local n = 0
local ok, e = pcall(function()
  step("slow", {timeout = "25ms"}, function()
    for i = 1, 10 do n = i auth0.users.get("auth0|u" .. i % 8) auth0.users.update("auth0|u" .. i % 8, {user_metadata = {n = i}}) end
  end)
end)
auth0.users.update("auth0|u0", {user_metadata = {n = n, ok = ok, name = e and e.name}})
print(n, ok, e and e.name)
error("end")`},
		{name: "retries.lua", shared: true, fails: true, text: `
local tries = 0
parallel.each({1, 2, 3}, {concurrency = 3, retry = {times = 2, delay = "10ms"}}, function(i)
  tries = tries + 1
  auth0.users.update("auth0|u" .. i, {user_metadata = {tries = tries}})
  if tries % 2 == 1 then error("again") end
  print(i, tries)
end)
print(tries)
error("end")`},
		{name: "branches.yaml", shared: true, fails: true, text: `
vars: {n: 0}
steps:
  - parallel:
      a:
        - auth0.users.get: {id: auth0|u1}
        - auth0.users.update: {id: auth0|u1, body: {nickname: a}}
      b:
        - auth0.users.update: {id: auth0|u2, body: {nickname: b}}
        - time.sleep: 10ms
      c:
        - auth0.roles.create: {body: {name: made, description: d}}
          id: made
        - auth0.users.add_roles: {id: auth0|u3, roles: ["${{ steps.made.result.id }}"]}
  - id: one
    needs: []
    auth0.users.get: {id: auth0|u4}
  - for_each: [1, 2, 3, 4]
    concurrency: 2
    on_error: continue
    block:
      - when: ${{ item == 2 }}
        fail: not this one
      - auth0.users.update: {id: "auth0|u${{ item }}", body: {blocked: true}}
  - fail: end
`},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { everyPrefix(t, p, func(n, _ int) bool { return all || n%4 == 1 }, t.Fatalf) })
		})
	}
}

// programs is how many random programs a test tries: few, or A0RUN_PROGRAMS (with
// as many -rapid.checks).
func programs(t *testing.T) func() bool {
	t.Helper()
	most, n := 6, 0
	if text := os.Getenv("A0RUN_PROGRAMS"); text != "" {
		var err error
		if most, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return func() bool {
		n++
		return n <= most
	}
}

// TestOneAndManyAtATime executes random programs whose tasks share nothing with
// one request at a time and with 64: they leave the same, by the same calls.
func TestOneAndManyAtATime(t *testing.T) {
	t.Parallel()
	more := programs(t)
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(noDeadline{t}, func(rt *rapid.T) {
			p := randomProgram(rt, false)
			if !more() {
				return
			}
			var states, keys []string
			for _, n := range []string{"1", "64"} {
				d := newDesk(t, sim.Options{Seed: seedUsers(8)})
				atATime, _ := strconv.Atoi(n)
				text := regexp.MustCompile(`concurrency = \d+`).ReplaceAllString(p.text, "concurrency = "+n)
				e := d.play(play{name: p.name, text: text, concurrency: atATime, fate: fate{each: latency(p.seed)}})
				states = append(states, errorText(e.err)+"\n"+d.state())
				keys = append(keys, strings.Join(d.keys(d.run), "\n"))
				d.shut()
			}
			if states[0] != states[1] || keys[0] != keys[1] {
				rt.Fatalf("one at a time and 64 differ:\n%s\n%s\n%s", diff(states[0], states[1]), diff(keys[0], keys[1]), p.text)
			}
		})
	})
}

// TestRandomPrograms resumes random programs of a small grammar after prefixes
// of their journals.
func TestRandomPrograms(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprintf("shared=%v", shared), func(t *testing.T) {
			t.Parallel()
			more := programs(t)
			synctest.Test(t, func(t *testing.T) {
				rapid.Check(noDeadline{t}, func(rt *rapid.T) {
					p := randomProgram(rt, shared)
					if !more() {
						return
					}
					rt.Logf("latency %d\n%s", p.seed, p.text)
					at := rapid.SliceOfN(rapid.IntRange(0, 999), 3, 3).Draw(rt, "killed at, of a thousand")
					everyPrefix(t, p, func(n, records int) bool {
						return slices.ContainsFunc(at, func(x int) bool { return 1+x*records/1000 == n })
					}, rt.Fatalf)
				})
			})
		})
	}
}

// noDeadline is a test whose deadline, which is of another clock than the
// bubble's, nobody asks for.
type noDeadline struct{ testing.TB }

// writer makes the source of a random program.
type writer struct {
	t      *rapid.T
	b      strings.Builder
	shared bool
	depth  int
	names  int
	items  []string // the variables of the items around
	quiet  bool     // within a retry, where nothing is made
}

func randomProgram(t *rapid.T, shared bool) program {
	w := &writer{t: t, shared: shared}
	w.b.WriteString("local count, log = 0, {}\n")
	w.statements(4)
	w.b.WriteString("print(count, #log)\nerror('end')\n")
	return program{name: "random.lua", text: w.b.String(), seed: rapid.IntRange(0, 1000).Draw(t, "latency"), shared: shared, fails: true}
}

func (w *writer) pick(what string, choices ...string) string {
	return rapid.SampledFrom(choices).Draw(w.t, what)
}

func (w *writer) statements(most int) {
	for range rapid.IntRange(1, most).Draw(w.t, "statements") {
		w.statement()
	}
}

func (w *writer) line(format string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", w.depth))
	fmt.Fprintf(&w.b, format+"\n", args...)
}

// user is a user's id; in a task one that belongs to its item, so that programs
// which share nothing do not write over each other.
func (w *writer) user() string {
	if len(w.items) == 0 || w.shared {
		return fmt.Sprintf("'auth0|u%d'", rapid.IntRange(0, 7).Draw(w.t, "user"))
	}
	return "'auth0|u' .. " + w.items[0]
}

// value is an expression that goes into an argument.
func (w *writer) value() string {
	choices := []string{"1", "'text'", "true"}
	if n := len(w.items); n > 0 {
		choices = append(choices, w.items[n-1])
	}
	if w.shared {
		choices = append(choices, "count", "#log", "uuid()", "random.integer(1, 100)", "time.now()", "table.concat(log, ',')")
	}
	return w.pick("value", choices...)
}

func (w *writer) statement() {
	choices := []string{"get", "patch", "patch", "missing", "sleep", "print"}
	if !w.quiet {
		choices = append(choices, "make", "nobody")
	}
	if w.depth < 3 {
		choices = append(choices, "each", "each", "pcall", "step", "run", "map")
	}
	if w.shared {
		choices = append(choices, "count", "count", "log", "task", "yield", "timeout")
	}
	switch w.pick("statement", choices...) {
	case "get":
		w.line("auth0.users.get(%s)", w.user())
	case "patch":
		// A field of its own for every task: those of one user are merged.
		w.line("auth0.users.update(%s, {user_metadata = {[%s] = %s}})", w.user(), w.unique(), w.value())
	case "missing":
		w.line("print(pcall(auth0.users.get, 'auth0|nobody'))")
	case "sleep":
		w.line("time.sleep(0.00%d)", rapid.IntRange(1, 9).Draw(w.t, "ms"))
	case "print":
		w.line("print(%s)", w.value())
	case "make":
		w.line("do local r = auth0.roles.create({name = %s, description = 'd'}) auth0.users.add_roles(%s, {r.id}) end", w.unique(), w.user())
	case "nobody":
		w.line("pcall(auth0.users.update, 'auth0|nobody', {user_metadata = {v%d = %s}})", w.next(), w.value())
	case "count":
		w.line("count = count + 1")
	case "log":
		w.line("log[#log + 1] = %s", w.pick("entry", "1", "count", "#log"))
	case "yield":
		w.line("task.yield()")
	case "timeout":
		w.block("print(select('#', pcall(step, 's', {timeout = '%dms'}, function()", "end)))", rapid.IntRange(1, 30).Draw(w.t, "timeout"))
	case "pcall":
		w.block("print((pcall(function()", "error('caught') end)))")
	case "step":
		w.block("step('s%d', function()", "end)", w.next())
	case "task":
		name := fmt.Sprintf("f%d", w.next())
		w.block("do local "+name+" = task(function()", "end) auth0.users.get('auth0|u0') "+name+":wait() end")
	case "run":
		w.block("parallel.run({a = function()", "end, b = function() auth0.users.get('auth0|u1') end})")
	default:
		w.each()
	}
}

func (w *writer) next() int {
	w.names++
	return w.names
}

func (w *writer) unique() string {
	name := fmt.Sprintf("'r%d'", w.next())
	for _, item := range w.items {
		name += " .. '-' .. " + item
	}
	return name
}

func (w *writer) block(open, end string, args ...any) {
	w.line(open, args...)
	w.depth++
	w.statements(3)
	w.depth--
	w.line("%s", end)
}

func (w *writer) each() {
	item := fmt.Sprintf("i%d", w.next())
	options := fmt.Sprintf("concurrency = %d", rapid.IntRange(1, 4).Draw(w.t, "concurrency"))
	if rapid.Bool().Draw(w.t, "key") {
		options += ", key = function(x) return 'k' .. x end"
	}
	retries := rapid.IntRange(0, 4).Draw(w.t, "retry") == 0 && w.shared
	if retries {
		options += ", retry = {times = 1, delay = '5ms'}"
	}
	outer := w.quiet
	w.quiet = w.quiet || retries
	w.items = append(w.items, item)
	w.line("parallel.%s({0, 1, 2, 3}, {%s}, function(%s)", w.pick("kind", "each", "map"), options, item)
	w.depth++
	w.statements(3)
	if retries {
		w.line("count = count + 1 if count %% 5 == 0 then error('again') end")
	}
	w.depth--
	w.line("end)")
	w.items = w.items[:len(w.items)-1]
	w.quiet = outer
}
