package journaltest

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"a0run/engine"
)

func head(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	r := &engine.RunRecord{
		ID: "01HEAD", Kind: engine.KindUndo, Of: "01OTHER", Playbook: "/x/job.lua", Name: "job", Hash: "abc",
		Params: json.RawMessage(`{"n": 1}`), Options: json.RawMessage(`[1]`),
		Tenants: []engine.TenantRecord{{Role: "default", Name: "dev", Domain: "dev.example.com", Local: true}},
		Who:     "ann", Host: "box", Version: "1.2", Started: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC),
	}
	l, err := j.Begin(t.Context(), r, Owner("a"))
	if err != nil {
		t.Fatal(err)
	}
	if l.Run != r.ID || l.Epoch != 1 || l.Owner != "a" || l.Until.IsZero() {
		t.Errorf("the lease is %+v", l)
	}
	got, err := j.Run(t.Context(), "01HEAD")
	if err != nil {
		t.Fatal(err)
	}
	want := *r
	want.Status, want.Epoch, want.Owner, want.Live = engine.RunRunning, 1, "a", true
	same(t, "the head", got, &want)
	if _, err := j.Begin(t.Context(), &engine.RunRecord{ID: "01HEAD"}, Owner("b")); err == nil {
		t.Error("a run can be begun twice")
	}
	if _, err := j.Begin(t.Context(), &engine.RunRecord{}, Owner("b")); err == nil {
		t.Error("a run without an ID can be begun")
	}
}

func headByBeginning(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	for _, id := range []string{"01ABC", "01ABD", "01ABDX", "02"} {
		begin(t, j, id, "a")
	}
	for _, test := range []struct{ id, want string }{
		{"02", "02"}, {"0", ""}, {"01AB", ""}, {"01ABC", "01ABC"}, {"01ABD", "01ABD"}, {"01ABDX", "01ABDX"}, {"03", ""}, {"", ""}, {"01%", ""}, {"_2", ""},
	} {
		r, err := j.Run(t.Context(), test.id)
		switch {
		case test.want == "":
			is(t, "the run "+test.id, err, engine.ErrNoRun)
		case err != nil:
			t.Errorf("the run %s: %v", test.id, err)
		case r.ID != test.want:
			t.Errorf("the run %s is %s, want %s", test.id, r.ID, test.want)
		}
	}
}

func claims(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	_, err := j.Claim(t.Context(), "nothing", Owner("a"))
	is(t, "claiming no run", err, engine.ErrNoRun)
	for _, status := range []string{engine.RunFailed, engine.RunInterrupted, engine.RunInDoubt, engine.RunItems} {
		l := begin(t, j, status, "a")
		record(t, j, l, Call(1))
		if err := j.Finish(t.Context(), l, engine.RunEnd{Status: status, Exit: 1, Error: "it broke"}); err != nil {
			t.Fatal(err)
		}
		again := claim(t, j, status, "b")
		if again.Epoch != l.Epoch+1 || again.Owner != "b" {
			t.Errorf("%s: the second lease is %+v", status, again)
		}
		r, err := j.Run(t.Context(), status)
		if err != nil || r.Status != engine.RunRunning || !r.Ended.IsZero() || r.Error != "" || r.Exit != 0 || !r.Live {
			t.Errorf("%s: a claimed run runs again: %+v, %v", status, r, err)
		}
		c := Call(2)
		record(t, j, again, c)
		if c.Seq != 2 {
			t.Errorf("%s: the Seq goes on with %d", status, c.Seq)
		}
	}
	l := begin(t, j, "done", "a")
	if err := j.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunDone}); err != nil {
		t.Fatal(err)
	}
	_, err = j.Claim(t.Context(), "done", Owner("b"))
	is(t, "claiming a run that is done", err, engine.ErrEnded)
}

func heldRuns(s suite) {
	t, p := s.t, s.Place
	one, two := p.Open(t), p.Open(t)
	l := begin(t, one, "r", "a")
	for _, j := range []engine.Journal{one, two} {
		_, err := j.Claim(t.Context(), "r", Owner("b"))
		var held *engine.HeldError
		if !errors.As(err, &held) || held.Run != "r" || held.Owner != "pid of a" || held.Since.IsZero() {
			t.Errorf("claiming a run that is held: %v", err)
		}
	}
	record(t, one, l, Call(1)) // the owner noticed nothing
	if r, err := two.Run(t.Context(), "r"); err != nil || !r.Live {
		t.Errorf("the run lives: %+v, %v", r, err)
	}
}

func released(s suite) {
	t, p := s.t, s.Place
	one, two := p.Open(t), p.Open(t)
	l := begin(t, one, "r", "a")
	one.Record(l, Call(1))
	if err := one.Release(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if r, err := two.Run(t.Context(), "r"); err != nil || r.Live || r.Status != engine.RunRunning {
		t.Errorf("a released run: %+v, %v", r, err)
	}
	if n := len(load(t, two, "r", 0)); n != 1 {
		t.Errorf("%d records of a released run", n)
	}
	claim(t, two, "r", "b")
	is(t, "a write after the release", wait(one.Record(l, Call(2))), engine.ErrFenced)
}

func killed(s suite) {
	t, p := s.t, s.Place
	one, two := p.Open(t), p.Open(t)
	l := begin(t, one, "r", "a")
	done := Write(1)
	if err := one.Intent(t.Context(), l, Intent(done)); err != nil {
		t.Fatal(err)
	}
	record(t, one, l, done)
	open := Intent(Write(2))
	if err := one.Intent(t.Context(), l, open); err != nil {
		t.Fatal(err)
	}
	p.Die(t, one)
	if r, err := two.Run(t.Context(), "r"); err != nil || r.Live || r.Status != engine.RunRunning {
		t.Errorf("the run of a killed process: %+v, %v", r, err)
	}
	again := claim(t, two, "r", "b")
	same(t, "what was acknowledged", load(t, two, "r", 0), []*engine.CallRecord{done, open})
	c := Call(3)
	record(t, two, again, c)
	if c.Seq != 2 {
		t.Errorf("the Seq goes on with %d", c.Seq)
	}
	if err := two.Intent(t.Context(), again, Intent(Write(4))); err != nil {
		t.Error(err)
	}
}

func fenced(s suite) {
	t, p := s.t, s.Place
	one, two := p.Open(t), p.Open(t)
	old := begin(t, one, "r", "a")
	other := begin(t, one, "other", "a")
	kept := Call(1)
	record(t, one, old, kept)
	p.Usurp(t, "r")
	l := claim(t, two, "r", "b")
	if l.Epoch <= old.Epoch {
		t.Errorf("the epoch went from %d to %d", old.Epoch, l.Epoch)
	}
	is(t, "an intent", one.Intent(t.Context(), old, Intent(Write(2))), engine.ErrFenced)
	is(t, "a record", wait(one.Record(old, Call(3))), engine.ErrFenced)
	changed := Call(1)
	changed.State = engine.StateFailed
	is(t, "a record of a known key", wait(one.Record(old, changed)), engine.ErrFenced)
	one.Step(old, &engine.StepRecord{ID: "s"})
	is(t, "the end", one.Finish(t.Context(), old, engine.RunEnd{Status: engine.RunDone, Ended: []string{kept.Key}}), engine.ErrFenced)
	if err := one.Release(t.Context(), old); err != nil {
		t.Errorf("a fenced lease is released: %v", err)
	}
	same(t, "nothing changed", load(t, two, "r", 0), []*engine.CallRecord{kept})
	if r, err := two.Run(t.Context(), "r"); err != nil || r.Status != engine.RunRunning || r.Owner != "b" || !r.Live || r.Calls != 1 {
		t.Errorf("nothing changed: %+v, %v", r, err)
	}
	record(t, two, l, Call(4))
	record(t, one, other, Call(5)) // other runs of the fenced process go on
}

func finish(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	l := begin(t, j, "r", "a")
	states := []string{engine.StateFailed, engine.StateFailed, engine.StateDoubt, engine.StateDone, engine.StateFailed}
	var keys []string
	for i, state := range states {
		c := Write(i)
		c.State = state
		record(t, j, l, c)
		keys = append(keys, c.Key)
	}
	at := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	err := j.Finish(t.Context(), l, engine.RunEnd{
		Status: engine.RunFailed, Exit: 7, Error: "it broke", At: at,
		Ended: []string{keys[0], keys[2], "unknown"}, Tolerated: []string{keys[1]},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range load(t, j, "r", 0) {
		state := c.State
		if c.Tolerated {
			state += ", tolerated"
		}
		got = append(got, state)
	}
	// What is in doubt stays so, whatever it ended.
	same(t, "the states", got, []string{engine.StateEnded, "failed, tolerated", engine.StateDoubt, engine.StateDone, engine.StateFailed})
	r, err := j.Run(t.Context(), "r")
	if err != nil || r.Status != engine.RunFailed || r.Exit != 7 || r.Error != "it broke" || !r.Ended.Equal(at) || r.Live {
		t.Errorf("the run has ended: %+v, %v", r, err)
	}
	is(t, "a write after the end", wait(j.Record(l, Call(9))), engine.ErrFenced)
	is(t, "a second end", j.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunDone}), engine.ErrFenced)
}

func finishFlushes(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	l := begin(t, j, "r", "a")
	for i := range 500 {
		j.Record(l, Call(i))
	}
	j.Step(l, &engine.StepRecord{ID: "s", State: "done"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // an interrupted run is ended all the same
	if err := j.Finish(ctx, l, engine.RunEnd{Status: engine.RunInterrupted}); err != nil {
		t.Fatal(err)
	}
	if n := len(load(t, j, "r", 0)); n != 500 {
		t.Errorf("%d records after the end", n)
	}
}

func counts(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	l := begin(t, j, "r", "a")
	for i := range 4 {
		c := Write(i)
		for range 2 { // attempts
			if err := j.Intent(t.Context(), l, Intent(c)); err != nil {
				t.Fatal(err)
			}
		}
		record(t, j, l, c)
		record(t, j, l, Call(10+i))
		log := Call(20 + i)
		log.Operation, log.Tenant = "log.info", ""
		record(t, j, l, log)
	}
	record(t, j, l, Call(10)) // sent again
	r, err := j.Run(t.Context(), "r")
	if err != nil || r.Calls != 8 || r.Writes != 4 {
		t.Errorf("%d calls, %d writes, %v: want 8 and 4", r.Calls, r.Writes, err)
	}
}

func renew(s suite) {
	t, p := s.t, s.Place
	one, two := p.Open(t), p.Open(t)
	begin(t, one, "r1", "a")
	l := begin(t, one, "r2", "a")
	begin(t, two, "r3", "b")
	until, cancel, err := one.Renew(t.Context(), Owner("a"))
	if err != nil || len(cancel) != 0 || until.Before(l.Until) {
		t.Errorf("until %v, cancel %v, %v", until, cancel, err)
	}
	p.Cancel(t, two, "r2")
	for range 2 { // until it has ended
		_, cancel, err = one.Renew(t.Context(), Owner("a"))
		same(t, "what is to be cancelled", cancel, []string{"r2"})
		if err != nil {
			t.Error(err)
		}
	}
	_, cancel, err = two.Renew(t.Context(), Owner("b"))
	if err != nil || len(cancel) != 0 {
		t.Errorf("other owners cancel nothing: %v, %v", cancel, err)
	}
	if err := one.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunInterrupted}); err != nil {
		t.Fatal(err)
	}
	claim(t, one, "r2", "a")
	if _, cancel, err = one.Renew(t.Context(), Owner("a")); err != nil || len(cancel) != 0 {
		t.Errorf("a resumed run is not cancelled: %v, %v", cancel, err)
	}
}
