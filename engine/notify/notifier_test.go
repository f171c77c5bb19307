package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"a0run/engine"
)

// post is a message that was sent.
type post struct {
	url, title, text string
	after            time.Duration
}

// desk collects what is sent; fail says what becomes of the n-th attempt.
type desk struct {
	began time.Time
	fail  func(n int) error

	mu    sync.Mutex
	n     int
	posts []post
}

func (d *desk) send(url, title, text string) error {
	d.mu.Lock()
	n := d.n
	d.n++
	d.mu.Unlock()
	if d.fail != nil {
		if err := d.fail(n); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.posts = append(d.posts, post{url, title, text, time.Since(d.began)})
	return nil
}

func (d *desk) sent() []post {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.posts
}

const hook = "generic://hooks.example.com/services/T0SECRET/B0SECRET?template=json"

func start(t *testing.T, d *desk, o Options) *Notifier {
	t.Helper()
	d.began = time.Now()
	o.Send = d.send
	if o.Receivers == nil {
		o.Receivers = []Receiver{{Name: "ops", URL: hook}}
	}
	n, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		n.Close(ctx)
	})
	return n
}

func TestTenFailuresOfAMinuteAreOneMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		n := start(t, d, Options{})
		for i := range 10 {
			n.Tell(Notice{Kind: Failed, Playbook: "nightly", Tenant: "staging", Run: fmt.Sprint(i), Error: "no such user"})
			time.Sleep(5 * time.Second)
		}
		n.Tell(Notice{Kind: Recovered, Playbook: "weekly", Run: "w"})
		time.Sleep(3 * time.Minute)
		sent := d.sent()
		if len(sent) != 1 {
			t.Fatalf("%d messages, want 1: %+v", len(sent), sent)
		}
		if sent[0].after != time.Minute {
			t.Errorf("sent after %s, want a minute", sent[0].after)
		}
		for _, want := range []string{"nightly on staging ×10", "no such user", "a0run runs show 9", "recovered  weekly"} {
			if !strings.Contains(sent[0].text, want) {
				t.Errorf("the message lacks %q:\n%s", want, sent[0].text)
			}
		}
		if want := "a0run: 10 runs failed: nightly, well again: weekly"; sent[0].title != want {
			t.Errorf("title %q, want %q", sent[0].title, want)
		}
		n.Tell(Notice{Kind: Failed, Playbook: "nightly"})
		time.Sleep(2 * time.Minute)
		if len(d.sent()) != 2 {
			t.Errorf("the next minute's failure was not told: %+v", d.sent())
		}
	})
}

func TestOnlyWhatIsWanted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		n := start(t, d, Options{Group: -1, Receivers: []Receiver{
			{Name: "ops", URL: hook, On: []string{Failed}}, {Name: "boss", URL: "generic://boss.example.com/x", On: []string{Approval}},
		}})
		n.Tell(Notice{Kind: Failed, Playbook: "a"})
		n.Tell(Notice{Kind: Missed, Playbook: "b"})
		n.Tell(Notice{Kind: Approval, Playbook: "c"})
		synctest.Wait()
		got := map[string]string{}
		for _, p := range d.sent() {
			got[p.url] += p.title + ";"
		}
		if len(got) != 2 || got[hook] != "a0run: a run failed: a;" || got["generic://boss.example.com/x"] != "a0run: a plan waits for approval: c;" {
			t.Errorf("told %v", got)
		}
	})
}

// A receiver that never answers holds up nobody: not who tells, not another
// receiver, and not more than one goroutine of its own.
func TestADeadReceiverBlocksNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		live := &desk{began: time.Now()}
		release := make(chan struct{})
		var mu sync.Mutex
		hanging, most := 0, 0
		n, err := New(Options{
			Group: -1,
			Receivers: []Receiver{
				{Name: "dead", URL: "generic://dead.example.com/x"}, {Name: "live", URL: hook},
			},
			Send: func(url, title, text string) error {
				if strings.Contains(url, "dead") {
					mu.Lock()
					hanging++
					most = max(most, hanging)
					mu.Unlock()
					<-release
					mu.Lock()
					hanging--
					mu.Unlock()
					return errors.New("at last")
				}
				return live.send(url, title, text)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5000 { // more than any queue holds
			n.Tell(Notice{Kind: Failed, Playbook: fmt.Sprint(i)})
			if i%50 == 0 {
				time.Sleep(time.Second) // nothing but this takes time
			}
		}
		if took := time.Since(live.began); took != 100*time.Second {
			t.Errorf("telling took %s of virtual time, want 100 s", took)
		}
		time.Sleep(time.Hour)
		if got := len(live.sent()); got < 4000 {
			t.Errorf("the live receiver got %d messages", got)
		}
		mu.Lock()
		if most != 1 {
			t.Errorf("%d sends hung at a time, want 1", most)
		}
		mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		n.Close(ctx) // does not wait for the dead one for good
		close(release)
	})
}

func TestAttemptsAndReports(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reports []string
		d := &desk{fail: func(n int) error {
			if n < 5 {
				return errors.New(`Post "https://hooks.example.com/services/T0SECRET/B0SECRET": connection refused`)
			}
			return nil
		}}
		n := start(t, d, Options{Report: func(receiver string, err error, again time.Duration) {
			reports = append(reports, fmt.Sprint(receiver, ": ", err, ", again in ", again))
		}})
		n.Tell(Notice{Kind: Failed, Playbook: "one"})
		time.Sleep(10 * time.Minute) // 4 attempts, all in vain
		n.Tell(Notice{Kind: Failed, Playbook: "two"})
		time.Sleep(10 * time.Minute) // the 2nd attempt gets through
		synctest.Wait()
		if len(d.sent()) != 1 || !strings.Contains(d.sent()[0].text, "two") {
			t.Errorf("sent %+v", d.sent())
		}
		var ends []string
		for _, r := range reports {
			if !strings.Contains(r, "connection refused") && !strings.Contains(r, "<nil>") {
				t.Errorf("a report without its reason: %q", r)
			}
			ends = append(ends, r[strings.LastIndex(r, "again in"):])
		}
		// The first is given up after four attempts, the second has its second one taken.
		if want := "again in 5s, again in 30s, again in 2m0s, again in 0s, again in 5s, again in 0s"; strings.Join(ends, ", ") != want || !strings.Contains(reports[5], "<nil>") {
			t.Errorf("reports %q, want %s", reports, want)
		}
		if strings.Contains(strings.Join(reports, ""), "SECRET") {
			t.Errorf("a report shows the address: %q", reports)
		}
	})
}

func TestCloseSendsWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		n := start(t, d, Options{})
		n.Tell(Notice{Kind: Failed, Playbook: "last"})
		n.Close(context.Background())
		if len(d.sent()) != 1 || d.sent()[0].after != 0 {
			t.Errorf("sent %+v", d.sent())
		}
	})
}

func TestAGroupIsBounded(t *testing.T) {
	t.Parallel()
	g := &group{}
	for i := range 10 * MostNotices {
		g.add(Notice{Kind: Failed, Playbook: fmt.Sprint(i)}.harmless())
	}
	m := g.message()
	if len(m.Notices) != MostNotices || m.Left != 9*MostNotices || m.Total != 10*MostNotices {
		t.Errorf("%d lines, %d left of %d", len(m.Notices), m.Left, m.Total)
	}
	tmpl, err := ParseTemplate("", "")
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := tmpl.write(m)
	if err != nil || len(text) > mostMessage+8 {
		t.Errorf("the message has %d bytes, %v", len(text), err)
	}
}

// What strangers chose as their name stands in errors.
func TestNoticesSteerNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		n := start(t, d, Options{Group: -1, Redact: func(text string) string { return strings.ReplaceAll(text, "hunter22", "[secret]") }})
		n.Tell(Notice{
			Kind: Failed, Playbook: "x\r\nBcc: all@example.com", Tenant: "a\u202eb",
			Error: "user @everyone <!channel> <@U1> said hunter22\nFAILED production",
		})
		synctest.Wait()
		p := d.sent()[0]
		if strings.ContainsAny(p.title, "\r\n") {
			t.Errorf("the title has a line end: %q", p.title)
		}
		for _, bad := range []string{"@everyone", "<!channel>", "<@U1", "hunter22", "\nFAILED", "\u202e", "\nBcc"} {
			if strings.Contains(p.text, bad) {
				t.Errorf("the text has %q:\n%q", bad, p.text)
			}
		}
		if !strings.Contains(p.text, "[secret]") {
			t.Error("the test looks at nothing")
		}
	})
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	tmpl, err := ParseTemplate(`{{.Count "failed"}} of {{.Total}}`, `{{range .Of "failed"}}{{upper .Title}} {{time .At}};{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	g := &group{}
	at := time.Date(2026, 3, 1, 2, 3, 4, 0, time.UTC)
	g.add(Notice{Kind: Failed, Schedule: "nightly", At: at})
	g.add(Notice{Kind: Recovered, Schedule: "weekly", At: at})
	title, text, err := tmpl.write(g.message())
	if title != "1 of 2" || text != "NIGHTLY 2026-03-01 02:03 UTC;" || err != nil {
		t.Errorf("%q %q %v", title, text, err)
	}
	for _, wrong := range []string{"{{", "{{.Nobody}}", `{{range .Notices}}{{.Runn}}{{end}}`, "{{nofunc}}"} {
		if _, err := ParseTemplate("", wrong); err == nil {
			t.Errorf("the template %q is taken", wrong)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"generic://example.com/hook":             "",
		"smtp://user:pa55word@mail.example.com/": "", // to and from are looked at when it is sent
		"slak://hook:T0-B0-S3CR3T@webhook":       "did you mean slack://?",
		"example.com":                            "no URL",
		"discord://":                             "not as its kind wants it",
	} {
		err := CheckURL(address)
		switch {
		case want == "" && err != nil && !strings.Contains(err.Error(), "not as its kind"):
			t.Errorf("%s: %v", address, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", address, err, want)
		case err != nil && strings.Contains(err.Error(), "S3CR3T"):
			t.Errorf("%s: the error shows the token: %v", address, err)
		}
	}
	if _, err := New(Options{Receivers: []Receiver{{Name: "ops", URL: engine.Secret("slak://hook:S3CR3T@x")}}}); err == nil || !strings.HasPrefix(err.Error(), "notify: ops: ") || strings.Contains(err.Error(), "S3CR3T") {
		t.Errorf("New: %v", err)
	}
}
