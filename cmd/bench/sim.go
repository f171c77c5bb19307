package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// simTenant measures the local tenant itself: how soon an empty one answers,
// reads of a user beside a handler that does nothing but write the same bytes,
// and what 100,000 users take.
func (b *bench) simTenant() error {
	fmt.Println()
	var starts []float64
	for range 3 * b.pairs {
		s, err := b.server(b.program, "sim", "--ready-file", filepath.Join(b.dir, "start.json"))
		if err != nil {
			return err
		}
		starts = append(starts, s.took)
		s.stop()
	}
	fmt.Printf("local tenant, empty: listens after %28.1f ms (goal 50)\n", median(starts))
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var ours, theirs, ourCPU, theirCPU []float64
	// A token of all scopes is 9 KB, whose bytes Go looks at one by one on both
	// sides; who reads users asks for that scope.
	for range b.pairs {
		rate, cpu, err := b.reads(b.program)
		if err != nil {
			return err
		}
		ours, ourCPU = append(ours, rate), append(ourCPU, cpu)
		if rate, cpu, err = b.reads(self); err != nil {
			return err
		}
		theirs, theirCPU = append(theirs, rate), append(theirCPU, cpu)
	}
	fmt.Printf("reads of a user: %7.0f/s (goal 5,000), %5.1f µs of the server's CPU each; a bare handler %7.0f/s, %5.1f µs\n",
		median(ours), median(ourCPU), median(theirs), median(theirCPU))
	return b.simMemory()
}

// simMemory is what a tenant of 100,000 users holds once it answers: of users whose
// metadata many have in common, of users who have their own, and of such who have
// a password and a role as well.
func (b *bench) simMemory() error {
	if err := b.simHolds("metadata like others'", seedUser); err != nil {
		return err
	}
	if err := b.simHolds("metadata of their own", ownUser); err != nil {
		return err
	}
	return b.simHolds("and a password and a role", func(i int) map[string]any {
		u := ownUser(i)
		u["password"], u["roles"] = fmt.Sprintf("Secret-%d", i), []string{"rol_a"}
		return u
	})
}

func (b *bench) simHolds(which string, user func(int) map[string]any) error {
	seed := filepath.Join(b.dir, "many.json")
	if err := writeUsers(seed, 100_000, `],"roles":[{"id":"rol_a","name":"a"}]}`+"\n", user); err != nil {
		return err
	}
	s, err := b.server(b.program, "sim", "--seed", seed, "--ready-file", filepath.Join(b.dir, "many-ready.json"))
	if err != nil {
		return err
	}
	held, err := resident(s.cmd.Process.Pid)
	s.stop()
	if err != nil {
		return err
	}
	peak := int64(0)
	if r, ok := s.cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = r.Maxrss
	}
	fmt.Printf("100,000 users, %s: %.0f MB held once it answers (goal 300), %.0f MB at most, start after %.1f s\n", which, held/1024, float64(peak)/1024, s.took/1000)
	return nil
}

// ownUser is a user nothing of whose metadata another has.
func ownUser(i int) map[string]any {
	u := seedUser(i)
	u["given_name"], u["family_name"] = fmt.Sprintf("Given %d", i), fmt.Sprintf("Family %d", i)
	u["app_metadata"] = map[string]any{"plan": fmt.Sprintf("plan-%d", i), "seats": i, "flags": []string{fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i), fmt.Sprintf("c%d", i)}}
	u["user_metadata"] = map[string]any{"theme": fmt.Sprintf("theme-%d", i), "address": map[string]any{"city": fmt.Sprintf("City %d", i), "zip": fmt.Sprintf("%06d", i)}}
	return u
}

// resident is the memory of a process in KB, as Linux tells it.
func resident(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(text), "VmRSS:")
	var kb float64
	if _, err := fmt.Sscan(rest, &kb); err != nil || !ok {
		return 0, errors.New("the system does not tell what a process holds")
	}
	return kb, nil
}

// A server is a process that answers.
type server struct {
	cmd  *exec.Cmd
	took float64 // milliseconds until its first line
	line string
}

func (b *bench) server(program string, args ...string) (*server, error) {
	cmd := exec.CommandContext(context.Background(), program, args...) //nolint:gosec // our own binaries
	cmd.Dir = b.dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd}
	lines := bufio.NewReader(out)
	if s.line, err = lines.ReadString('\n'); err != nil {
		s.stop()
		return nil, fmt.Errorf("%s %v did not start: %w", program, args, err)
	}
	s.took = float64(time.Since(began).Microseconds()) / 1000
	go io.Copy(io.Discard, lines) //nolint:errcheck // ends with the process
	return s, nil
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	_ = s.cmd.Wait()                          // its exit code says nothing here
}

// reads asks a server for one user from 16 sides: how many a second, and the
// microseconds of its CPU that each took, its start included.
func (b *bench) reads(program string) (rate, cpu float64, err error) {
	const sides, each = 16, 2000
	args := []string{"bare"}
	if program == b.program {
		seed := filepath.Join(b.dir, "seed.json")
		if err := writeSeed(seed, 10, "", ""); err != nil {
			return 0, 0, err
		}
		args = []string{"sim", "--seed", seed, "--ready-file", filepath.Join(b.dir, "ready.json")}
	}
	s, err := b.server(program, args...)
	if err != nil {
		return 0, 0, err
	}
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: sides}, Timeout: 30 * time.Second}
	base, token := strings.TrimSpace(s.line), strings.Repeat("x", 900) // as long as a token
	if program == b.program {
		var r ready
		text, err := os.ReadFile(filepath.Join(b.dir, "ready.json"))
		if err == nil {
			err = json.Unmarshal(text, &r)
		}
		if err == nil {
			base = r.BaseURL
			token, err = plainToken(c, []string{r.BaseURL, r.ClientID, r.ClientSecret, "read:users"})
		}
		if err != nil {
			s.stop()
			return 0, 0, err
		}
	}
	began := time.Now()
	errs := make(chan error, sides)
	var all sync.WaitGroup
	for range sides {
		all.Go(func() {
			for range each {
				if err := plainGet(c, base+"/api/v2/users/"+url.PathEscape("auth0|u1"), token); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	rate = sides * each / time.Since(began).Seconds()
	close(errs)
	s.stop()
	used := s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime()
	return rate, float64(used.Microseconds()) / (sides * each), <-errs
}

// bare is the handler to compare with: it writes a user and does nothing else.
func bare([]string) error {
	l, err := listen()
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	const user = `{"user_id":"auth0|u1","email":"u1@example.com","created_at":"2020-01-01T00:07:00.000Z","updated_at":"2020-01-01T00:07:00.000Z","last_login":"2020-01-01T00:07:00.000Z","given_name":"Given","family_name":"Family","email_verified":true,"app_metadata":{"plan":"pro","seats":1,"flags":["a","b","c"]},"user_metadata":{"theme":"dark","address":{"city":"Oslo","zip":"0150"}},"identities":[{"connection":"Username-Password-Authentication","user_id":"u1","provider":"auth0","isSocial":false}],"name":"u1@example.com","nickname":"u1","picture":"https://s.gravatar.com/avatar/0123456789abcdef0123456789abcdef?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2Fu1.png"}`
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, user)
	})}
	return s.Serve(l)
}
