package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"a0run/engine/project"
	"a0run/engine/serve"
)

// A roomLog is a log that tests read while it is written; more has an entry when there
// is more.
type roomLog struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (s *roomLog) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

// await waits for a line.
func (s *roomLog) await(t *testing.T, want string) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		s.mu.Lock()
		text := s.text.String()
		s.mu.Unlock()
		if strings.Contains(text, want) {
			return
		}
		select {
		case <-s.more:
		case <-late:
			t.Fatalf("%q is not in the log:\n%s", want, text)
		}
	}
}

// A changed notify: is used at once, one that cannot be used leaves those who were
// told, and room: says that it waits for the next start. Where a setting stands in
// the file is no change of it.
func TestRoomReloads(t *testing.T) {
	t.Parallel()
	d, s := roomDesk(t)
	log := &roomLog{more: make(chan struct{}, 1)}
	s.log = slog.New(slog.NewTextHandler(log, nil))
	dir := t.TempDir()
	parse := func(text string) *project.Project {
		t.Helper()
		p, err := project.Parse("a0run.yaml", []byte("tenants: {t: {domain: t.example.com, token: {env: T}}}\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		p.File = filepath.Join(dir, "a0run.yaml")
		return p
	}
	for name, text := range map[string]string{"one": "generic://one.example.com/x", "two": "generic://two.example.com/x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const room = "room: {listen: '127.0.0.1:0'}\n"
	s.project = parse(room + "notify: {to: {ops: {url: {file: one}}}}\n")
	// Each text is taken before the next one is there: the room may read later than it
	// is told.
	texts := make(chan *project.Project)
	s.newest = func() *project.Project { return <-texts }
	read := func(text, state string) {
		p := parse(text)
		d.Tell(serve.Change{Kind: serve.ChangeFiles, State: state})
		texts <- p
	}
	w := &world{now: time.Now, dir: dir, getenv: func(string) (string, bool) { return "", false }}
	r, err := openRoom(context.Background(), w, s)
	if err != nil {
		t.Fatal(err)
	}
	read("\n\n# moved\n"+room+"notify: {to: {ops: {url: {file: one}}}}\n", "changed") // says the same
	read(room+"notify: {to: {ops: {url: {file: one}}, boss: {url: {file: two}}}}\n", "changed")
	log.await(t, `msg="notify: was read again" receivers=2`)
	read(room+"notify: {to: {ops: {url: {file: gone}}}}\n", "changed")
	log.await(t, "notify: in a0run.yaml cannot be used; who was told before is told")
	read(room+"notify: {to: {ops: {url: {file: one}}}}\n", serve.ReloadAsked)
	log.await(t, "receivers=1")
	read("room: {listen: '127.0.0.1:1'}\nnotify: {to: {ops: {url: {file: one}}}}\n", "changed")
	log.await(t, "room: was changed in a0run.yaml, and is used when a0run serve is started again")
	r.close()
	if n := strings.Count(log.text.String(), "was read again"); n != 2 {
		t.Errorf("it was read again %d times, want 2", n)
	}
	if got := r.notifier.Receivers(); len(got) != 1 || got[0] != "ops" {
		t.Errorf("told are %v", got)
	}
}
