// Package journaltest holds what every engine.Journal promises, as tests. An
// implementation calls Run in a test of its own.
package journaltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"a0run/engine"
)

// A Place is one journal, empty at first.
type Place struct {
	// Open opens the journal as a further process would, and closes it at the
	// test's end.
	Open func(t *testing.T) engine.Journal
	// Die makes of one of these processes a killed one: what it wrote and was
	// acknowledged stays, its runs can be claimed.
	Die func(t *testing.T, j engine.Journal)
	// Usurp lets others claim a run though its owner lives on and does not know
	// it: as after a frozen machine's lease has run out.
	Usurp func(t *testing.T, run string)
	// Cancel asks a run's owner to stop it.
	Cancel func(t *testing.T, j engine.Journal, run string)
}

// A suite is one test of a place.
type suite struct {
	Place
	t *testing.T
}

// Run tests a journal; fresh makes a new place for each test.
func Run(t *testing.T, fresh func(t *testing.T) Place) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(s suite)
	}{
		{"Order", order},
		{"WholeRecords", wholeRecords},
		{"LongRuns", longRuns},
		{"Intents", intents},
		{"IntentNeedsAContextThatLives", deadContext},
		{"Head", head},
		{"HeadByBeginning", headByBeginning},
		{"Claims", claims},
		{"Held", heldRuns},
		{"Released", released},
		{"Killed", killed},
		{"Fenced", fenced},
		{"Finish", finish},
		{"FinishFlushes", finishFlushes},
		{"Counts", counts},
		{"Renew", renew},
		{"Writes", writes},
		{"KeysOfOtherRuns", keysOfOtherRuns},
		{"ManyTasks", manyTasks},
		{"LoadWhileWriting", loadWhileWriting},
		{"ManyProcesses", manyProcesses},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(suite{fresh(t), t})
		})
	}
}

// Owner is a process for tests.
func Owner(id string) engine.Owner {
	return engine.Owner{ID: id, Name: "pid of " + id, TTL: time.Minute}
}

// Call is the i-th record of a test, a read.
func Call(i int) *engine.CallRecord {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(i) * 1234567 * time.Microsecond)
	return &engine.CallRecord{
		Key: fmt.Sprintf("%016x", uint64(i+1)*0x9E3779B97F4A7C15), Wake: int64(i), Task: "main", N: i + 1, Where: "job.lua:3:1", Step: "s1",
		Operation: "users.get", Tenant: "default", Effect: "read", Kind: "users", Object: fmt.Sprintf("auth0|%d", i),
		Args:   json.RawMessage(fmt.Sprintf(`{"id":"auth0|%d"}`, i)),
		Value:  json.RawMessage(fmt.Sprintf(`{"user_id": "auth0|%d"}`, i)),
		Status: 200, State: engine.StateDone, Began: began, Ended: began.Add(20 * time.Millisecond),
	}
}

// Write is the i-th record of a test, a create; Intent is what is written
// before it is sent.
func Write(i int) *engine.CallRecord {
	c := Call(i)
	c.Operation, c.Effect, c.Mutates, c.Status, c.Durable = "users.create", "create", true, 201, true
	return c
}

// Intent is the intent of a record.
func Intent(of *engine.CallRecord) *engine.CallRecord {
	c := *of
	c.Seq, c.State, c.Value, c.Status, c.Ended = 0, engine.StateBegun, nil, 0, time.Time{}
	return &c
}

func begin(t *testing.T, j engine.Journal, run, owner string) engine.Lease {
	t.Helper()
	l, err := j.Begin(t.Context(), &engine.RunRecord{ID: run, Kind: engine.KindRun}, Owner(owner))
	if err != nil {
		t.Fatalf("beginning %s: %v", run, err)
	}
	return l
}

func claim(t *testing.T, j engine.Journal, run, owner string) engine.Lease {
	t.Helper()
	l, err := j.Claim(t.Context(), run, Owner(owner))
	if err != nil {
		t.Fatalf("claiming %s: %v", run, err)
	}
	return l
}

// record writes a record and waits until it is safe.
func record(t *testing.T, j engine.Journal, l engine.Lease, c *engine.CallRecord) {
	t.Helper()
	if err := wait(j.Record(l, c)); err != nil {
		t.Fatalf("recording %s: %v", c.Key, err)
	}
}

func wait(a engine.Ack) error {
	<-a.Done()
	return a.Err()
}

func load(t *testing.T, j engine.Journal, run string, after int64) []*engine.CallRecord {
	t.Helper()
	var all []*engine.CallRecord
	for c, err := range j.Load(t.Context(), run, after) {
		if err != nil {
			t.Fatalf("loading %s: %v", run, err)
		}
		all = append(all, c)
	}
	return all
}

// same compares records; times are kept to the microsecond.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(time.Microsecond)); d != "" {
		t.Errorf("%s (- want, + got):\n%s", what, d)
	}
}

func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func order(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	l := begin(t, j, "r", "a")
	var want []*engine.CallRecord
	for i := range 50 {
		c := Call(i)
		if i%3 == 0 {
			c = Write(i)
			if err := j.Intent(t.Context(), l, Intent(c)); err != nil {
				t.Fatal(err)
			}
		}
		j.Record(l, c)
		if c.Seq != int64(i+1) {
			t.Fatalf("record %d got the Seq %d", i, c.Seq)
		}
		want = append(want, c)
	}
	record(t, j, l, Call(50))
	got := load(t, j, "r", 0)
	same(t, "all", got[:len(got)-1], want)
	same(t, "those after 20", load(t, j, "r", 20)[:30], want[20:])
	same(t, "those after the last", load(t, j, "r", 51), []*engine.CallRecord(nil))
	for _, err := range j.Load(t.Context(), "r", 0) {
		is(t, "a load that ends early", err, nil)
		break // and the journal goes on
	}
	record(t, j, l, Call(51))
	for _, err := range j.Load(t.Context(), "other", 0) {
		is(t, "loading a run that is not there", err, engine.ErrNoRun)
	}
}

func wholeRecords(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	l := begin(t, j, "r", "a")
	began := time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.FixedZone("X", 3600))
	odd := "ü \x1f\x10u\x10p'\"%_\\ \x00 \xff/"
	long := json.RawMessage(`{"a":"` + strings.Repeat("compressible ", 1000) + `"}`)
	for i, c := range []*engine.CallRecord{
		{
			Key: "k" + odd, Wake: 1 << 40, Task: odd, N: 7, Where: odd, Step: odd, Operation: odd, Tenant: odd, Effect: odd, Mutates: true,
			Kind: odd, Object: odd, Args: json.RawMessage(` {"b": 1e2, "a": []} `), Value: long, Failure: json.RawMessage(`{"x":1}`), Before: json.RawMessage(`null`),
			Note: json.RawMessage(odd), Status: 599, State: engine.StateDone, Attempts: []engine.AttemptRecord{{At: began, Fault: "rate_limited", Status: 429, Error: odd[:4]}},
			Tolerated: true, Waited: 1234567 * time.Microsecond, Began: began, Ended: began.Add(time.Hour), Durable: true,
		},
		{Key: "read", Value: long, State: engine.StateDone},
		{Key: "small", Value: json.RawMessage(`17`), State: engine.StateFailed, Began: began},
		{Key: "empty", Value: json.RawMessage(`""`), State: engine.StateEnded, Ended: began},
		{Key: "short and not compressible", Value: json.RawMessage(`"` + strings.Repeat("x", 511) + `"`), State: engine.StateDoubt},
	} {
		record(t, j, l, c)
		got, err := j.Find(t.Context(), "r", c.Key)
		if err != nil || got == nil {
			t.Fatalf("record %d is not found: %v", i, err)
		}
		same(t, fmt.Sprintf("record %d", i), got, c)
		if !got.Began.IsZero() && got.Began.Location() != time.UTC {
			t.Errorf("record %d: times are UTC, not %v", i, got.Began.Location())
		}
	}
	if n, err := j.Writes(t.Context(), "r", odd, false); n != 1 || err != nil {
		t.Errorf("%d writes of an odd task, %v", n, err)
	}
	if len(load(t, j, "r", 0)) != 5 {
		t.Error("not all are loaded")
	}
}

func longRuns(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	l := begin(t, j, "r", "a")
	const n = 3210 // more than a page of any implementation
	var last engine.Ack
	for i := range n {
		last = j.Record(l, Call(i))
	}
	if err := wait(last); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := j.Intent(t.Context(), l, Intent(Write(n+i))); err != nil {
			t.Fatal(err)
		}
	}
	got := load(t, j, "r", 0)
	if len(got) != n+3 {
		t.Fatalf("%d calls are loaded, want %d", len(got), n+3)
	}
	for i, c := range got {
		seq := int64(i + 1)
		if i >= n {
			seq = 0
		}
		if c.Seq != seq || c.Key != Call(i).Key {
			t.Fatalf("call %d is %s with the Seq %d", i, c.Key, c.Seq)
		}
	}
}

func intents(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	l := begin(t, j, "r", "a")
	first, second := Write(1), Write(2)
	for _, c := range []*engine.CallRecord{Intent(first), Intent(second)} {
		if err := j.Intent(t.Context(), l, c); err != nil {
			t.Fatal(err)
		}
	}
	again := Intent(first)
	again.Note, again.Attempts = json.RawMessage(`{"try":2}`), []engine.AttemptRecord{{At: first.Began, Fault: "not_sent"}}
	if err := j.Intent(t.Context(), l, again); err != nil {
		t.Fatal(err)
	}
	got, err := j.Find(t.Context(), "r", first.Key)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the second intent", got, again)
	read := Call(3)
	record(t, j, l, read)
	same(t, "what was begun comes last", load(t, j, "r", 0), []*engine.CallRecord{read, Intent(second), again})
	record(t, j, l, first)
	same(t, "a record takes its intent's place", load(t, j, "r", 0), []*engine.CallRecord{read, first, Intent(second)})
	if missing, err := j.Find(t.Context(), "r", "nothing"); missing != nil || err != nil {
		t.Errorf("a key that is not there: %v, %v", missing, err)
	}
	// A resumed run sends a call again: its outcome goes, the intent stands.
	if err := j.Intent(t.Context(), l, Intent(first)); err != nil {
		t.Fatal(err)
	}
	same(t, "an intent takes an outcome's place", load(t, j, "r", 0), []*engine.CallRecord{read, Intent(second), Intent(first)})
}

func deadContext(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	l := begin(t, j, "r", "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	is(t, "an intent", j.Intent(ctx, l, Intent(Write(1))), context.Canceled)
	same(t, "nothing is written", load(t, j, "r", 0), []*engine.CallRecord(nil))
}
