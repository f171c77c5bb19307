package journaltest

import (
	"fmt"
	"sync"

	"a0run/engine"
)

func writes(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	l := begin(t, j, "r", "a")
	tasks := []string{
		"main", "main", "main/1.a", "main/1.a%2Fb", "main/1.a_b", "main/1.a/3.x", "main/1.", "main/10.a", "main/2.50%", "main/2.50%/1.y",
		"main/2.500", "main/2.5.", "main/2.5./1.z", "mainx", "Main/1.a",
	}
	for i, task := range tasks {
		c := Write(i)
		c.Task = task
		record(t, j, l, c)
		read := Call(100 + i)
		read.Task = task
		record(t, j, l, read)
		refused := Write(200 + i)
		refused.Task, refused.State = task, engine.StateRefused
		record(t, j, l, refused)
		ended := Write(400 + i)
		ended.Task, ended.State = task, engine.StateEnded
		record(t, j, l, ended)
	}
	open := Intent(Write(300))
	open.Task = "main/2.begun"
	if err := j.Intent(t.Context(), l, open); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		task  string
		below bool
		want  int
	}{
		{"main", false, 2},
		{"main/1.a", false, 1},
		{"main/1.a", true, 2}, // not a%2Fb, not a_b
		{"main/1.", false, 1}, // the item with the key ""
		{"main/1.", true, 5},  // not 10.
		{"main/10.", true, 1},
		{"main/2.", true, 6}, // the intent too
		{"main/2.50%", true, 2},
		{"main/2.5.", true, 2}, // a task whose key ends in a dot, not 500
		{"main", true, 14},
		{"main/3.", true, 0},
		{"nothing", true, 0},
		{"", true, 16},
	} {
		n, err := j.Writes(t.Context(), "r", test.task, test.below)
		if n != test.want || err != nil {
			t.Errorf("%d writes of %q (below: %v), %v; want %d", n, test.task, test.below, err, test.want)
		}
	}
}

func keysOfOtherRuns(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	one, two := begin(t, j, "r1", "a"), begin(t, j, "r2", "a")
	first, second := Write(1), Write(1)
	second.Object = "other"
	record(t, j, one, first)
	record(t, j, two, second)
	for run, want := range map[string]*engine.CallRecord{"r1": first, "r2": second} {
		got, err := j.Find(t.Context(), run, first.Key)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the call of "+run, got, want)
		same(t, "the calls of "+run, load(t, j, run, 0), []*engine.CallRecord{want})
	}
	if got, err := j.Find(t.Context(), "r3", first.Key); got != nil || err != nil {
		t.Errorf("a call of a run that is not there: %v, %v", got, err)
	}
}

// manyTasks writes from many goroutines, each in the order intent, record; the
// places given out are the places found.
func manyTasks(s suite) {
	t, p := s.t, s.Place
	j := p.Open(t)
	l := begin(t, j, "r", "a")
	const tasks, each = 16, 25
	written := make([][]*engine.CallRecord, tasks)
	var group sync.WaitGroup
	for task := range tasks {
		group.Go(func() {
			for i := range each {
				c := Write(task*each + i)
				c.Task = fmt.Sprintf("main/1.%d", task)
				if err := j.Intent(t.Context(), l, Intent(c)); err != nil {
					t.Error(err)
				}
				if err := wait(j.Record(l, c)); err != nil {
					t.Error(err)
				}
				j.Step(l, &engine.StepRecord{ID: "s", Task: c.Task})
				written[task] = append(written[task], c)
			}
		})
	}
	group.Wait()
	bySeq := map[int64]*engine.CallRecord{}
	for _, calls := range written {
		for _, c := range calls {
			bySeq[c.Seq] = c
		}
	}
	got := load(t, j, "r", 0)
	if len(got) != tasks*each || len(bySeq) != tasks*each {
		t.Fatalf("%d calls at %d places, want %d", len(got), len(bySeq), tasks*each)
	}
	for _, c := range got {
		same(t, fmt.Sprintf("the call %d", c.Seq), c, bySeq[c.Seq])
	}
}

func loadWhileWriting(s suite) {
	t, p := s.t, s.Place
	j, reader := p.Open(t), p.Open(t)
	l := begin(t, j, "r", "a")
	for i := range 1500 {
		j.Record(l, Call(i))
	}
	record(t, j, l, Call(1500))
	var group sync.WaitGroup
	group.Go(func() {
		for i := 1501; i < 4000; i++ {
			j.Record(l, Call(i))
		}
	})
	for range 5 {
		last := int64(0)
		for _, c := range load(t, reader, "r", 0) {
			if c.Seq != last+1 {
				t.Fatalf("the Seq %d follows %d", c.Seq, last)
			}
			last = c.Seq
		}
		if last < 1501 {
			t.Errorf("only %d of the records that were safe are loaded", last)
		}
	}
	group.Wait()
}

func manyProcesses(s suite) {
	t, p := s.t, s.Place
	const processes, each = 4, 60
	var group sync.WaitGroup
	for n := range processes {
		j := p.Open(t)
		group.Go(func() {
			run := fmt.Sprintf("r%d", n)
			l, err := j.Begin(t.Context(), &engine.RunRecord{ID: run}, Owner(run))
			if err != nil {
				t.Error(err)
				return
			}
			for i := range each {
				c := Write(i)
				if err := j.Intent(t.Context(), l, Intent(c)); err != nil {
					t.Error(err)
				}
				if err := wait(j.Record(l, c)); err != nil {
					t.Error(err)
				}
			}
			if err := j.Finish(t.Context(), l, engine.RunEnd{Status: engine.RunDone}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	j := p.Open(t)
	for n := range processes {
		r, err := j.Run(t.Context(), fmt.Sprintf("r%d", n))
		if err != nil || r.Status != engine.RunDone || r.Writes != each {
			t.Errorf("the run of process %d: %+v, %v", n, r, err)
		}
	}
}
