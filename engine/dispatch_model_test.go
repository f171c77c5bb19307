package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"a0run/client/catalog"
	"a0run/client/pace"
)

// A chaotic tenant answers by chance and writes down what it got and did.
type chaos struct {
	rng *rand.Rand

	mu       sync.Mutex
	began    map[string][]time.Time // by call
	done     map[string]int         // what took effect
	unknown  map[string]bool        // an answer was lost
	inFlight int
	most     int
}

func (x *chaos) perform(name string) func(context.Context, *Attempt) Outcome {
	return func(ctx context.Context, a *Attempt) Outcome {
		if err := a.BeforeSend(ctx); err != nil {
			return Outcome{Fault: pace.NotSent, Err: AsError(err)}
		}
		x.mu.Lock()
		x.began[name] = append(x.began[name], time.Now())
		x.inFlight++
		x.most = max(x.most, x.inFlight)
		kind, took := x.rng.IntN(10), time.Duration(x.rng.Int64N(int64(5*time.Second)))
		x.mu.Unlock()
		defer func() {
			x.mu.Lock()
			defer x.mu.Unlock()
			x.inFlight--
		}()
		cut := sleep(ctx, took)
		x.mu.Lock()
		defer x.mu.Unlock()
		switch {
		case cut != nil || kind == 0: // done, but nobody hears of it
			x.done[name]++
			x.unknown[name] = true
			return Outcome{Fault: pace.Uncertain, Err: &Error{Name: NameNetworkError, Message: "reset", ResetAt: -1}}
		case kind == 1: // not done, and nobody hears of it
			x.unknown[name] = true
			return Outcome{Fault: pace.Uncertain, Status: 502, Err: &Error{Name: NameAuth0Error, StatusCode: 502, ResetAt: -1}}
		case kind < 4:
			return outcomeOf(answer{status: 429})
		case kind == 4:
			return outcomeOf(answer{status: 400})
		}
		x.done[name]++
		return Outcome{Status: 200}
	}
}

// storm is one random run.
type storm struct {
	calls, slots, width int
	stop, cancel        time.Duration // 0: never
	effects             []catalog.Effect
	seed                uint64
}

func drawStorm(t *rapid.T) storm {
	s := storm{
		calls: rapid.IntRange(1, 30).Draw(t, "calls"), slots: rapid.IntRange(1, 6).Draw(t, "slots"),
		width: rapid.IntRange(1, 12).Draw(t, "width"), seed: rapid.Uint64().Draw(t, "seed"),
	}
	if rapid.Bool().Draw(t, "stops") {
		s.stop = time.Duration(rapid.Int64Range(1, int64(20*time.Second)).Draw(t, "stop"))
		if rapid.Bool().Draw(t, "cancels") {
			s.cancel = s.stop + time.Duration(rapid.Int64Range(1, int64(3*time.Second)).Draw(t, "cancel"))
		}
	}
	effects := rapid.SampledFrom([]catalog.Effect{catalog.Create, catalog.Act, catalog.Patch, catalog.Read})
	for range s.calls {
		s.effects = append(s.effects, effects.Draw(t, "effect"))
	}
	return s
}

// run executes the storm and gives the first broken promise.
func (s storm) run(ctx context.Context) error {
	x := &chaos{
		rng: rand.New(rand.NewPCG(s.seed, 1)), began: map[string][]time.Time{}, done: map[string]int{}, unknown: map[string]bool{},
	}
	r := NewRun(Config{Concurrency: s.slots})
	begin := time.Now()
	if s.stop > 0 {
		time.AfterFunc(s.stop, func() { r.Stop(errors.New("SIGINT")) })
	}
	if s.cancel > 0 {
		time.AfterFunc(s.cancel, func() { r.Cancel(errors.New("SIGINT")) })
	}
	outcomes := map[string]*Outcome{}
	err := r.Main(ctx, func(t *Task) error {
		_, err := t.Each(EachOptions{Concurrency: s.width, OnError: Continue}, source(s.calls), func(t *Task, i int, item any) (any, error) {
			name := fmt.Sprint(item)
			out := t.Do(&Action{
				Name: "x", Operation: &catalog.Operation{ID: "x"}, Effect: s.effects[i], Perform: x.perform(name),
			})
			outcomes[name] = &out
			return nil, errOf(out)
		})
		return err
	})
	ended := time.Since(begin)
	if s.cancel > 0 && ended > s.cancel {
		return fmt.Errorf("ended at %v, cancelled at %v", ended, s.cancel)
	}
	if s.stop > 0 && ended > s.stop+5*time.Second {
		return fmt.Errorf("ended at %v, stopped at %v, no request takes longer than 5s", ended, s.stop)
	}
	if err != nil && (s.stop == 0 || ended < s.stop) {
		return fmt.Errorf("ended with %w at %v", err, ended)
	}
	if c := r.Counts(); c.InFlight != 0 || c.Parked != 0 || c.Calls != c.Done || x.most > s.slots {
		return fmt.Errorf("%d at once with %d slots, %+v", x.most, s.slots, c)
	}
	for i, effect := range s.effects {
		name := fmt.Sprint(i + 1)
		if began := x.began[name]; s.stop > 0 && len(began) > 0 && began[len(began)-1].Sub(begin) > s.stop {
			return fmt.Errorf("call %s was sent after the stop", name)
		}
		if err := x.promise(name, effect, outcomes[name]); err != nil {
			return err
		}
	}
	return nil
}

// promise checks one call.
func (x *chaos) promise(name string, effect catalog.Effect, out *Outcome) error {
	began := x.began[name]
	if out == nil {
		if len(began) > 0 {
			return fmt.Errorf("call %s has no outcome", name)
		}
		return nil
	}
	once := !effect.Repeatable()
	doubt := out.Err != nil && out.Err.InDoubt
	switch {
	case once && x.done[name] > 1:
		return fmt.Errorf("%s %s was done %d times", effect, name, x.done[name])
	case out.Err == nil && x.done[name] == 0:
		return fmt.Errorf("%s %s went well and was never done", effect, name)
	case doubt != (once && x.unknown[name]):
		return fmt.Errorf("%s %s: in doubt %v, an answer was lost %v: %w", effect, name, doubt, x.unknown[name], out.Err)
	case once && out.Err != nil && !doubt && x.done[name] > 0:
		return fmt.Errorf("%s %s was done and says that it was not: %w", effect, name, out.Err)
	}
	return nil
}

// Whatever the tenant answers and whenever the run is stopped, nothing that
// must not be repeated is, nothing unknown is called known, and nothing is
// sent after the stop.
func TestDispatchModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawStorm(rt)
		var err error
		synctest.Test(t, func(t *testing.T) { err = s.run(t.Context()) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}
