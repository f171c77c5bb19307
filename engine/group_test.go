package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"a0run/client/catalog"
)

// keyed gives items the keys of a list.
func keyed(keys ...string) func(int, any) (string, error) {
	return func(i int, _ any) (string, error) { return keys[i], nil }
}

func TestEachKeys(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		keys []string
		want string
	}{
		"their own":               {[]string{"a", "b"}, "a b"},
		"duplicates":              {[]string{"a", "a", "b", "a"}, "a a~2 b a~3"},
		"none":                    {[]string{"", "", ""}, "1 2 3"},
		"none beside the same":    {[]string{"2", "", ""}, "2 2~2 3"},
		"a duplicate's by nature": {[]string{"a~2", "a", "a", "a"}, "a~2 a a~3 a~4"},
		"with slashes":            {[]string{"a/b", "a%2Fb"}, "a%2Fb a%252Fb"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			err := run(t, NewRun(Config{}), func(task *Task) error {
				_, err := task.Each(EachOptions{Key: keyed(tc.keys...)}, source(len(tc.keys)), func(t *Task, _ int, _ any) (any, error) {
					got = append(got, strings.TrimPrefix(t.Path(), "main/1."))
					return nil, nil
				})
				return err
			})
			if err != nil || strings.Join(got, " ") != tc.want {
				t.Errorf("got %v, %v; want %s", got, err, tc.want)
			}
		})
	}
}

// No increment of a shared counter is lost, however the tasks are woken; the
// race detector sees that the baton alone orders them.
func TestBatonLosesNothing(t *testing.T) {
	t.Parallel()
	const tasks, rounds = 64, 50
	counter, running, most := 0, 0, 0
	err := run(t, NewRun(Config{Concurrency: tasks}), func(task *Task) error {
		_, err := task.Each(EachOptions{}, source(tasks), func(t *Task, _ int, _ any) (any, error) {
			running++
			most = max(most, running)
			for range rounds {
				before := counter
				counter = before + 1
				t.Yield()
			}
			running--
			return nil, nil
		})
		return err
	})
	if err != nil || counter != tasks*rounds || most != tasks {
		t.Errorf("counted %d of %d, %d at once, %v", counter, tasks*rounds, most, err)
	}
}

// A keySet answers like a map.
func TestKeySet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var set keySet
		model := map[string]bool{}
		for _, key := range rapid.SliceOfN(rapid.StringMatching(`[a-d]{0,5}`), 0, 500).Draw(t, "keys") {
			if fresh := set.add(key); fresh == model[key] {
				t.Fatalf("%q is new: %v", key, fresh)
			}
			model[key] = true
		}
	})
}

func TestEachOnError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		onError           OnError
		concurrency       int
		ran, done         int
		failed            string
		err               string
		exit, failedItems int
	}{
		"stop, one after the other": {Stop, 1, 3, 2, "3", "item 3 failed: no. 3", ExitFailed, 0},
		"the default is stop":       {"", 1, 3, 2, "3", "item 3 failed: no. 3", ExitFailed, 0},
		"stop, running ones end":    {Stop, 4, 6, 4, "3 6", "item 3 failed: no. 3; one more failed too", ExitFailed, 0},
		"continue":                  {Continue, 4, 10, 7, "3 6 9", "", ExitItems, 3},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newTenant(always(answer{status: 200}))
				ran := 0
				var res *EachResult
				r := NewRun(Config{})
				err := run(t, r, func(task *Task) (err error) {
					res, err = task.Each(EachOptions{OnError: tc.onError, Concurrency: tc.concurrency}, source(10), func(t *Task, i int, item any) (any, error) {
						ran++
						n, _ := item.(int)
						a := srv.action("users.get", catalog.Read, item)
						a.Perform = srv.taking(time.Duration(n) * time.Second) // so that none end together
						if out := t.Do(a); out.Err != nil {
							return nil, out.Err
						}
						if n%3 == 0 {
							return nil, fmt.Errorf("no. %d", n)
						}
						return nil, nil
					})
					return err
				})
				var failed []string
				for _, f := range res.Failed {
					failed = append(failed, f.Key)
					if f.Err.Item != f.Key || fmt.Sprint(f.Item) != f.Key {
						t.Errorf("item %v with key %s says it is %s", f.Item, f.Key, f.Err.Item)
					}
				}
				if ran != tc.ran || res.Done != tc.done || strings.Join(failed, " ") != tc.failed {
					t.Errorf("%d ran, %d done, failed %v; want %d, %d, %s", ran, res.Done, failed, tc.ran, tc.done, tc.failed)
				}
				if tc.err == "" && err != nil || tc.err != "" && (err == nil || asError(t, err).Name != NameParallelError || asError(t, err).Message != tc.err) {
					t.Errorf("got %v, want %q", err, tc.err)
				}
				if got := r.ExitCode(err); got != tc.exit {
					t.Errorf("exit code %d, want %d", got, tc.exit)
				}
				if r.ItemsFailed() != tc.failedItems {
					t.Errorf("%d items failed, want %d", r.ItemsFailed(), tc.failedItems)
				}
			})
		})
	}
}

func TestEachCollect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		err := run(t, NewRun(Config{}), func(task *Task) error {
			res, err := task.Each(EachOptions{Collect: true, OnError: Continue}, source(5), func(t *Task, i int, item any) (any, error) {
				n, _ := item.(int)
				if err := t.Sleep(time.Duration(10-n)*time.Second, Position{}); err != nil { // the last ends first
					return nil, err
				}
				if n == 2 {
					return nil, errors.New("two")
				}
				return n * n, nil
			})
			if want := []any{1, nil, 9, 16, 25}; !slices.Equal(res.Values, want) {
				t.Errorf("got %v, want %v", res.Values, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A source that fails ends the call with its own error, after the running
// items.
func TestEachSourceError(t *testing.T) {
	t.Parallel()
	n, ended := 0, 0
	err := run(t, NewRun(Config{}), func(task *Task) error {
		_, err := task.Each(EachOptions{Concurrency: 2}, func(*Task) (any, bool, error) {
			if n++; n > 3 {
				return nil, false, errors.New("page 2 is broken")
			}
			return n, true, nil
		}, func(t *Task, _ int, _ any) (any, error) {
			t.Yield()
			ended++
			return nil, nil
		})
		return err
	})
	if err == nil || err.Error() != "page 2 is broken" || ended != 3 {
		t.Errorf("%v, %d ended", err, ended)
	}
}

func TestEachTimeoutAndRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := map[any]int{}
		began := time.Now()
		err := run(t, NewRun(Config{}), func(task *Task) error {
			o := EachOptions{OnError: Continue, Timeout: time.Second, Retry: Retry{Times: 2, Delay: 10 * time.Second}}
			res, err := task.Each(o, source(2), func(t *Task, _ int, item any) (any, error) {
				tries[item]++
				if item == 1 && tries[item] == 3 {
					return nil, nil
				}
				return nil, t.Sleep(time.Minute, Position{})
			})
			if res.Done != 1 || len(res.Failed) != 1 || res.Failed[0].Err.Name != NameTimeoutError {
				t.Errorf("got %+v", res)
			}
			if got := res.Failed[0].Err.Message; got != "item 2 took longer than its timeout of 1s" {
				t.Errorf("got %q", got)
			}
			return err
		})
		if err != nil || tries[1] != 3 || tries[2] != 3 {
			t.Errorf("%v, tries %v", err, tries)
		}
		if took := time.Since(began); took != 33*time.Second { // 1 + 10 + 1 + 20 + 1
			t.Errorf("took %v, want 33s", took)
		}
	})
}

// Whatever ends a task of a parallel call, its owner ends too, and the error
// of a shared cause names each item by itself.
func TestEachUnderATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var res *EachResult
		err := run(t, NewRun(Config{}), func(task *Task) error {
			return task.WithTimeout(time.Second, "step all", func() (err error) {
				res, err = task.Each(EachOptions{OnError: Continue, Concurrency: 2}, source(5), func(t *Task, _ int, _ any) (any, error) {
					return nil, t.Sleep(time.Minute, Position{})
				})
				return err
			})
		})
		if e := asError(t, err); e.Name != NameTimeoutError || e.Item != "" {
			t.Errorf("got %+v", e)
		}
		if len(res.Failed) != 2 || res.Failed[0].Err.Item != "1" || res.Failed[1].Err.Item != "2" {
			t.Errorf("got %+v", res.Failed)
		}
	})
}

// 100,000 items go through in the memory of few.
func TestEachStreams(t *testing.T) {
	const items = 100_000
	n, most := 0, uint64(0)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	src := func(*Task) (any, bool, error) {
		n++
		if n%20_000 == 0 {
			most = max(most, heap())
		}
		return strings.Repeat("x", 1000) + strconv.Itoa(n), n <= items, nil
	}
	err := run(t, NewRun(Config{}), func(task *Task) error {
		res, err := task.Each(EachOptions{}, src, func(t *Task, _ int, _ any) (any, error) {
			t.Yield()
			return nil, nil
		})
		if res.Done != items {
			t.Errorf("%d done", res.Done)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if grown := int64(most) - int64(before); grown > 6<<20 {
		t.Errorf("the heap grew by %d MB over %d items of 1 kB", grown>>20, items)
	}
}

// A random tree of tasks, with calls of random length, keeps every promise:
// every item once, never more at once than allowed, the same order of events
// when it is executed again.
func TestEachModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		// Lengths of calls are long and random: what is ready in the same
		// instant has no order outside the baton.
		lengths := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		p := drawProgram(rt, 2, func() time.Duration { return time.Duration(lengths.Int64N(1e15)) })
		concurrency := rapid.IntRange(1, 5).Draw(rt, "slots")
		var first, second *execution
		var err error
		synctest.Test(t, func(t *testing.T) { first, err = p.execute(t.Context(), concurrency) })
		if err != nil {
			rt.Fatal(err)
		}
		if want := p.paths("main", map[string]bool{}); !maps.Equal(first.paths, want) {
			rt.Fatalf("ran %v, want %v", first.paths, want)
		}
		if first.mostCalls > concurrency {
			rt.Fatalf("%d calls at once with %d slots", first.mostCalls, concurrency)
		}
		// The order of events is the baton's where nobody waits for a slot: who
		// comes first to a slot is decided outside.
		var again *execution
		synctest.Test(t, func(t *testing.T) { second, err = p.execute(t.Context(), 1000) })
		synctest.Test(t, func(t *testing.T) { again, err = p.execute(t.Context(), 1000) })
		if !slices.Equal(second.trace, again.trace) {
			rt.Fatalf("two executions differ:\n%v\n%v", second.trace, again.trace)
		}
	})
}

// A program is a list of calls and parallel calls.
type program []stepOf

type stepOf struct {
	took        time.Duration // of a call, where items is nil
	items       []program
	concurrency int
}

func drawProgram(t *rapid.T, depth int, length func() time.Duration) program {
	var p program
	for range rapid.IntRange(0, 4).Draw(t, "steps") {
		if depth > 0 && rapid.Bool().Draw(t, "parallel") {
			s := stepOf{concurrency: rapid.IntRange(1, 4).Draw(t, "concurrency"), items: []program{}}
			for range rapid.IntRange(0, 5).Draw(t, "items") {
				s.items = append(s.items, drawProgram(t, depth-1, length))
			}
			p = append(p, s)
			continue
		}
		p = append(p, stepOf{took: length()})
	}
	return p
}

// paths are the tasks that the program must have.
func (p program) paths(at string, all map[string]bool) map[string]bool {
	all[at] = true
	number := 0
	for _, s := range p {
		if s.items == nil {
			continue
		}
		number++
		for i, item := range s.items {
			item.paths(fmt.Sprintf("%s/%d.%d", at, number, i+1), all)
		}
	}
	return all
}

type execution struct {
	paths     map[string]bool
	trace     []string
	mostCalls int
}

func (p program) execute(ctx context.Context, concurrency int) (*execution, error) {
	x := &execution{paths: map[string]bool{}}
	srv := newTenant(always(answer{status: 200}))
	r := NewRun(Config{Concurrency: concurrency, Key: []byte("k")})
	err := r.Main(ctx, func(task *Task) error { return p.run(task, x, srv) })
	x.mostCalls = srv.most
	return x, err
}

func (p program) run(task *Task, x *execution, srv *tenant) error {
	if x.paths[task.Path()] {
		return fmt.Errorf("%s runs twice", task.Path())
	}
	x.paths[task.Path()] = true
	for _, s := range p {
		if s.items == nil {
			a := srv.action("users.get", catalog.Read, 1)
			a.Perform = srv.taking(s.took)
			if out := task.Do(a); out.Err != nil {
				return out.Err
			}
			x.trace = append(x.trace, task.Path())
			continue
		}
		running, most := 0, 0
		i := 0
		src := func(*Task) (any, bool, error) {
			if i == len(s.items) {
				return nil, false, nil
			}
			i++
			return s.items[i-1], true, nil
		}
		_, err := task.Each(EachOptions{Concurrency: s.concurrency}, src, func(t *Task, _ int, item any) (any, error) {
			running++
			most = max(most, running)
			sub, _ := item.(program)
			err := sub.run(t, x, srv)
			running--
			return nil, err
		})
		if err != nil {
			return err
		}
		if running != 0 || most > s.concurrency {
			return fmt.Errorf("%d at once, %d still run; allowed were %d", most, running, s.concurrency)
		}
	}
	return nil
}

// Whoever ends an item begins the next where the source runs nothing of the playbook:
// the same comes of it, in the same bounds, also where an item or the source fails, and
// the baton goes from hand to hand less often.
func TestReadySource(t *testing.T) {
	t.Parallel()
	failing := errors.New("the source fails")
	trial := func(ready bool, onError OnError, badItem, badSource int) (told string, turns int64) {
		r := NewRun(Config{})
		running, most := 0, 0
		err := run(t, r, func(task *Task) error {
			src := source(40)
			n := 0
			res, err := task.Each(EachOptions{Concurrency: 4, OnError: onError, Ready: ready}, func(t *Task) (any, bool, error) {
				if n++; n == badSource {
					return nil, false, failing
				}
				return src(t)
			}, func(t *Task, i int, _ any) (any, error) {
				running++
				most = max(most, running)
				t.Yield()
				running--
				if i == badItem {
					return nil, &Error{Name: "X", Message: "bad"}
				}
				return nil, nil
			})
			if onError == Stop && badItem >= 0 {
				res.Done = 0 // how many were under way is chance
			}
			told = fmt.Sprintf("done %d, failed %d, at most %d, %v", res.Done, len(res.Failed), most, err)
			return nil
		})
		if err != nil || running != 0 {
			t.Errorf("%v, %d are running", err, running)
		}
		return told, r.baton.turns
	}
	for _, c := range []struct {
		onError            OnError
		badItem, badSource int
	}{{Stop, -1, -1}, {Stop, 7, -1}, {Continue, 7, -1}, {Stop, -1, 9}, {Continue, 3, 1}} {
		slow, slowTurns := trial(false, c.onError, c.badItem, c.badSource)
		fast, fastTurns := trial(true, c.onError, c.badItem, c.badSource)
		if slow != fast || c.badItem < 0 && c.badSource < 0 && fastTurns > slowTurns-30 {
			t.Errorf("%+v:\n%s in %d turns\n%s in %d turns", c, slow, slowTurns, fast, fastTurns)
		}
	}
}
