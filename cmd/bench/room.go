package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/serve"
	"a0run/engine/serve/servetest"
	"a0run/engine/serve/web"
)

// The control room is measured over a large journal, in a process of its own;
// and with a hundred browsers that follow a run.

const roomToken = "a-token-of-the-measurement"

// room measures the overview and those who follow.
func (b *bench) room() error {
	file, written := b.roomFile, "written before"
	if file == "" {
		file = filepath.Join(b.dir, "room.db")
		began := time.Now()
		if err := b.self("fill", file, strconv.Itoa(b.roomRuns), strconv.Itoa(b.roomCalls)); err != nil {
			return err
		}
		written = fmt.Sprintf("written in %.0f s", time.Since(began).Seconds())
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	fmt.Printf("control room: %d runs of %d calls, %.1f GB, %s\n", b.roomRuns, b.roomCalls, float64(info.Size())/1e9, written)
	r, err := b.startRoom(file)
	if err != nil {
		return err
	}
	defer r.stop()
	for _, path := range []string{"/", "/runs", "/runs?status=failed", "/runs/" + r.run, "/schedules"} {
		median, most, err := r.load(path, 30)
		if err != nil {
			return err
		}
		fmt.Printf("%-24s %6.1f ms, slowest %6.1f ms%s\n", strings.Replace(path, r.run, "RUN", 1), median, most, map[bool]string{true: " (goal 50)"}[path == "/"])
	}
	fmt.Printf("memory of the room: %.0f MB (goal 80)\n", r.peak())
	for _, n := range []int{0, 100, 0, 100} {
		if err := r.follow(n); err != nil {
			return err
		}
	}
	fmt.Printf("memory of the room then: %.0f MB\n", r.peak())
	return nil
}

// self runs a part of this program in a process of its own.
func (b *bench) self(args ...string) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(path, args...) //nolint:gosec,noctx // ourselves
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// fill writes a journal: runs of a month, every tenth of which failed.
func fill(args []string) error {
	runs, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	calls, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	ctx := context.Background()
	db, err := journal.Open(ctx, journal.Options{Path: args[0]})
	if err != nil {
		return err
	}
	for i := range runs {
		s := servetest.Story{
			Playbook: fmt.Sprintf("/srv/playbooks/job-%d.lua", i%20), Tenant: "production", Who: "serve", Calls: calls,
			Began: time.Now().Add(-time.Duration(runs-i) * 4 * time.Minute), Took: 3 * time.Minute,
		}
		if i%10 == 3 {
			s.Status, s.Error = engine.RunFailed, "Auth0Error 403: insufficient scope"
		}
		if _, _, err := servetest.Write(ctx, db, s); err != nil {
			return errors.Join(err, db.Close())
		}
	}
	return db.Close()
}

// serveRoom is the process that is measured: pages over the journal, and a run
// that writes 500 events a second when a line on standard input asks for it.
func serveRoom(args []string) error {
	ctx := context.Background()
	db, err := journal.Open(ctx, journal.Options{Path: args[0]})
	if err != nil {
		return err
	}
	desk := servetest.New(db)
	now := time.Now()
	for i := range 40 {
		desk.AllDue = append(desk.AllDue, serve.Due{Schedule: "nightly", Playbook: fmt.Sprintf("job-%d.lua", i%20), At: now.Add(time.Duration(i) * 20 * time.Minute)})
	}
	s := servetest.Story{Playbook: "/srv/playbooks/live.lua", Tenant: "production", Who: "bench", Began: now, Took: time.Minute, Open: true}
	run, lease, err := servetest.Write(ctx, db, s)
	if err != nil {
		return err
	}
	desk.SetLive(serve.Live{Run: run, Started: now})
	room, err := web.New(web.Options{Control: desk, Listen: "127.0.0.1:0", Tokens: []web.Token{{Name: "bench", Role: "admin", Secret: roomToken}}})
	if err != nil {
		return err
	}
	server, err := web.Start(room, nil)
	if err != nil {
		return err
	}
	fmt.Println(server.Addr(), run)
	asked := bufio.NewScanner(os.Stdin)
	for n := 0; asked.Scan(); n += bursts {
		fmt.Println(burst(db, lease, s, n))
	}
	return nil
}

// A burst is 500 events a second for four seconds.
const (
	bursts     = 2000
	burstEvery = 2 * time.Millisecond
)

// burst writes events, each when its time has come, and says how long it took and
// how long the median one waited until it was safe.
func burst(db *journal.DB, lease engine.Lease, s servetest.Story, first int) string {
	waits := make([]time.Duration, 0, bursts)
	began := time.Now()
	for n := range bursts {
		time.Sleep(time.Until(began.Add(time.Duration(n) * burstEvery)))
		at := time.Now()
		c := servetest.Call(s, first+n)
		c.Began, c.Ended = at, at
		ack := db.Record(lease, c)
		<-ack.Done()
		if ack.Err() != nil {
			return ack.Err().Error()
		}
		waits = append(waits, time.Since(at))
	}
	slices.Sort(waits)
	return fmt.Sprintf("%.2f s, an event waits %.0f µs (99%%: %.1f ms)", time.Since(began).Seconds(),
		float64(waits[len(waits)/2].Microseconds()), float64(waits[len(waits)*99/100].Microseconds())/1000)
}

// A roomProcess is a room in a process of its own.
type roomProcess struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Scanner
	base string
	run  string
}

func (b *bench) startRoom(file string) (*roomProcess, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &roomProcess{cmd: exec.Command(path, "room", file)} //nolint:gosec,noctx // ourselves
	r.cmd.Stderr = os.Stderr
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	r.out = bufio.NewScanner(out)
	if !r.out.Scan() {
		return nil, errors.New("the room did not open")
	}
	address, run, _ := strings.Cut(r.out.Text(), " ")
	r.base, r.run = "http://"+address, run
	return r, nil
}

func (r *roomProcess) stop() {
	_ = r.in.Close()
	_ = r.cmd.Wait()
}

func (r *roomProcess) get(path string) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodGet, r.base+path, nil) //nolint:noctx // a measurement
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+roomToken)
	return http.DefaultClient.Do(req)
}

// load loads a page some times: the median and the slowest, in milliseconds.
func (r *roomProcess) load(path string, times int) (middle, most float64, err error) {
	var all []float64
	for range times {
		began := time.Now()
		res, err := r.get(path)
		if err != nil {
			return 0, 0, err
		}
		_, err = io.Copy(io.Discard, res.Body)
		if err := errors.Join(err, res.Body.Close()); err != nil {
			return 0, 0, err
		}
		if res.StatusCode != http.StatusOK {
			return 0, 0, fmt.Errorf("%s: %s", path, res.Status)
		}
		all = append(all, float64(time.Since(began).Microseconds())/1000)
	}
	return median(all), slices.Max(all), nil
}

// peak is the most memory that the process had, in MB.
func (r *roomProcess) peak() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// follow lets browsers follow the run while it writes.
func (r *roomProcess) follow(browsers int) error {
	var reading sync.WaitGroup
	var mu sync.Mutex
	bytes := 0
	var open []io.Closer
	for range browsers {
		res, err := r.get("/runs/" + r.run + "/live")
		if err != nil {
			return err
		}
		if res.StatusCode != http.StatusOK {
			return errors.New("following: " + res.Status)
		}
		open = append(open, res.Body)
		reading.Go(func() {
			n, _ := io.Copy(io.Discard, res.Body) // it ends when it is closed
			mu.Lock()
			bytes += int(n)
			mu.Unlock()
		})
	}
	if _, err := io.WriteString(r.in, "go\n"); err != nil {
		return err
	}
	if !r.out.Scan() {
		return errors.New("the run did not go on")
	}
	for _, body := range open {
		_ = body.Close()
	}
	reading.Wait()
	fmt.Printf("a run of 500 events/s, %3d browsers: %d events in %s; %.1f MB sent\n", browsers, bursts, r.out.Text(), float64(bytes)/1e6)
	return nil
}
