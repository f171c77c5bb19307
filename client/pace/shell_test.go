package pace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A learned tenant is known to the next run: no first contact alone, and no
// learning.
func TestWhatWasLearnedIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &Memory{}
		cfg := Config{Budget: m, Tenant: "acme"}
		one := New(cfg)
		s := sender{t, one}
		for n := range 80 {
			s.send(200, tell(100, 99-n, time.Now().Add(time.Second)), "management", "users.write")
		}
		for range 12 {
			<-time.After(time.Second)
			s.send(200, tell(100, 50, time.Now().Add(time.Second)), "management", "users.write")
		}
		if err := one.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		two := New(cfg)
		var wg sync.WaitGroup
		began := time.Now()
		for range 10 {
			wg.Go(func() {
				g, err := two.Wait(t.Context(), Claim{Buckets: []string{"management", "users.write"}})
				if err != nil {
					t.Error(err)
					return
				}
				<-time.After(100 * time.Millisecond)
				two.Observe(g, 200, tell(100, 60, time.Now()))
			})
		}
		wg.Wait()
		if took := time.Since(began); took > 150*time.Millisecond {
			t.Errorf("ten at once took %s: the first was sent alone", took)
		}
		if size, rate := two.Known("management"); size != 100 || rate == 0 {
			t.Errorf("known are %d and %v/s", size, rate)
		}
		if err := two.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// broken is a budget that fails.
type broken struct{ *Memory }

func (broken) Update(context.Context, string, func([]byte, time.Time) ([]byte, error)) error {
	return errors.New("disk on fire")
}

// A shared budget that cannot be used is told of once, and holds up nobody.
func TestBrokenBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		p := New(Config{Budget: broken{}, Tenant: "acme", Warn: func(error) { told++ }})
		began := time.Now()
		for range 30 {
			sender{t, p}.send(200, nil, "management")
			<-time.After(100 * time.Millisecond)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("30 requests took %s", took)
		}
		_ = p.Close(t.Context())
		if told != 1 {
			t.Errorf("told %d times", told)
		}
	})
}

// lingering is a budget that holds a meeting on for a while after the exchange. Its
// lock is a channel, for which a bubble's time goes on.
type lingering struct {
	lock    chan struct{}
	sheet   []byte
	carried int // exchanges that left limits on the sheet
}

func (l *lingering) Update(_ context.Context, _ string, change func([]byte, time.Time) ([]byte, error)) error {
	l.lock <- struct{}{}
	defer func() { <-l.lock }()
	text, err := change(l.sheet, time.Now())
	if err == nil {
		l.sheet = text
		if len(ReadSheet(text, time.Now()).Limits) > 0 {
			l.carried++
		}
	}
	time.Sleep(2 * time.Millisecond)
	return err
}

func (l *lingering) Read(context.Context, string) ([]byte, time.Time, error) {
	l.lock <- struct{}{}
	defer func() { <-l.lock }()
	return bytes.Clone(l.sheet), time.Now(), nil
}

// A meeting is held without the lock while answers go on coming in: what it carries
// is its own. The race detector is what fails this test.
func TestMeetingsAmongAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &lingering{lock: make(chan struct{}, 1)}
		var wg sync.WaitGroup
		for range 2 {
			p := New(Config{Budget: b, Tenant: "acme"})
			defer func() {
				if err := p.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			for n := range 4 {
				buckets := []string{"management", fmt.Sprintf("group%d", n)}
				wg.Go(func() {
					for range 400 {
						g, err := p.Wait(t.Context(), Claim{Buckets: buckets})
						if err != nil {
							t.Error(err)
							return
						}
						p.Observe(g, 200, tell(1000, 900, time.Now().Add(time.Second)))
						time.Sleep(time.Millisecond)
					}
				})
			}
		}
		wg.Wait()
		if b.carried < 4 {
			t.Errorf("only %d meetings carried what was learned", b.carried)
		}
	})
}

// Hints skip the learning; the tenant's word counts where it says otherwise.
func TestHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hints, ok := HintsOf("professional")
		if !ok {
			t.Fatal("no such plan")
		}
		p := New(Config{Hints: hints})
		if size, rate := p.Known("users.write"); size != 20 || rate != 200.0/60 {
			t.Errorf("known before a claim: %d, %v", size, rate)
		}
		sender{t, p}.send(200, tell(20, 19, time.Now()), "management", "users.write")
		if size, rate := p.Known("users.write"); size != 20 || rate != 200.0/60 {
			t.Errorf("known are %d, %v", size, rate)
		}
		// Wrong: the tenant allows a hundred and says so.
		p = New(Config{Hints: []Hint{{Bucket: "management", Burst: 2, Rate: 2}}})
		began := time.Now()
		for n := range 60 {
			sender{t, p}.send(200, tell(100, 99-n, time.Now().Add(time.Second)), "management")
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("a wrong hint held 60 requests up for %s", took)
		}
	})
}
