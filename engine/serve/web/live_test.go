package web_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"a0run/engine/journal"
	"a0run/engine/serve/servetest"
	"a0run/engine/serve/web"
)

// busy is a Control whose run goes on at the worst moments: whenever the journal
// is about to be looked at, one more call has ended.
type busy struct {
	*servetest.Desk
	mu   sync.Mutex
	then func()
}

func (b *busy) History() *journal.DB {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.then != nil {
		b.then()
	}
	return b.Journal
}

// A stream has every call that ended after the page was written, whenever it did:
// before the stream was asked for, while it began, or later; also for the second
// who watches.
func TestStreamHasNoHole(t *testing.T) {
	t.Parallel()
	var control *busy
	h := open(t, func(o *web.Options) {
		control = &busy{Desk: o.Control.(*servetest.Desk)}
		o.Control = control
	})
	rec, err := h.Journal.Run(t.Context(), h.live)
	if err != nil {
		t.Fatal(err)
	}
	viewer := h.as(viewerToken)
	const calls = 30
	n := 100
	control.mu.Lock()
	control.then = func() {
		if n < 100+calls {
			h.Journal.Record(h.lease, servetest.Call(servetest.Story{Began: time.Now()}, n))
			n++
		}
	}
	control.mu.Unlock()
	var watching sync.WaitGroup
	for range 3 {
		watching.Go(func() {
			req := viewer.request("GET", fmt.Sprintf("/runs/%s/live?after=%d", h.live, rec.LastSeq), nil)
			client := http.Client{Jar: viewer.http.Jar, Timeout: time.Minute}
			res, err := client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close() //nolint:errcheck // only read from
			missing := map[string]bool{}
			for i := range calls {
				missing[fmt.Sprintf(`id="c%032x"`, 100+i)] = true
			}
			lines := bufio.NewScanner(res.Body)
			for len(missing) > 0 && lines.Scan() {
				for id := range missing {
					if strings.Contains(lines.Text(), id) {
						delete(missing, id)
					}
				}
			}
			if len(missing) > 0 {
				t.Errorf("%d calls never came (%v): %v", len(missing), lines.Err(), missing)
			}
		})
	}
	watching.Wait()
}

// A page that was written while its run waited is told that the run has begun, also
// where that was before its stream came; other pages are not.
func TestStreamTellsThatARunHasBegun(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	viewer := h.as(viewerToken)
	for i, query := range []string{"after=0", "after=0&waited=1"} {
		req := viewer.request("GET", "/runs/"+h.live+"/live?"+query, nil)
		res, err := viewer.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		begun, calls := false, 0
		lines := bufio.NewScanner(res.Body)
		for calls < 2 && lines.Scan() { // the first are those that there were
			switch lines.Text() {
			case "event: begun":
				begun = true
			case "event: calls":
				if calls++; calls == 1 {
					h.Journal.Record(h.lease, servetest.Call(servetest.Story{Began: time.Now()}, 300+i))
				}
			}
		}
		_ = res.Body.Close()
		if want := i == 1; begun != want || calls != 2 {
			t.Errorf("%s: begun is told: %v, want %v (%d, %v)", query, begun, want, calls, lines.Err())
		}
	}
}
