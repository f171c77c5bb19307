package serve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"a0run/engine"
	"a0run/engine/cron"
)

// counters are what was counted since the service began.
type counters struct {
	fires   map[string]int
	runs    map[string]int
	retries int
	// calls ended in runs that are over, failed of them.
	calls, failed int
	reloads       int
}

func (c *counters) fire(outcome string) {
	if c.fires == nil {
		c.fires = map[string]int{}
	}
	c.fires[outcome]++
}

func (c *counters) ended(status string) {
	if c.runs == nil {
		c.runs = map[string]int{}
	}
	c.runs[status]++
}

// WriteMetrics implements Views: the Prometheus text format, version 0.0.4.
func (s *Service) WriteMetrics(_ context.Context, out io.Writer) error {
	m := &metrics{out: bufio.NewWriter(out)}
	s.mu.Lock()
	s.writeMetrics(m)
	s.mu.Unlock()
	return m.out.Flush()
}

func (s *Service) writeMetrics(m *metrics) {
	running, queued := s.numbers()
	m.metric("a0run_info", "gauge", "the program", labelled{[]string{"version", s.o.Version}, 1})
	m.metric("a0run_start_time_seconds", "gauge", "when the service began, in seconds since 1970", labelled{nil, float64(s.started.UnixNano()) / 1e9})
	m.metric("a0run_ready", "gauge", "1 where the service begins runs", labelled{nil, truth(s.ready && s.broken == nil)})
	m.metric("a0run_runs_running", "gauge", "runs that are being executed", labelled{nil, float64(running)})
	m.metric("a0run_runs_queued", "gauge", "runs that wait", labelled{nil, float64(queued)})
	m.metric("a0run_runs_ended_total", "counter", "runs that ended, by status", byLabel("status", s.counters.runs, statuses())...)
	m.metric("a0run_due_times_total", "counter", "due times of schedules, by what became of them", byLabel("outcome", s.counters.fires, outcomes())...)
	m.metric("a0run_retries_total", "counter", "further tries of runs that failed", labelled{nil, float64(s.counters.retries)})
	calls, failed := s.counters.calls, s.counters.failed
	for _, j := range s.jobs {
		if j.live != nil {
			c, f := j.live.calls()
			calls, failed = calls+c, failed+f
		}
	}
	m.metric("a0run_calls_total", "counter", "calls that ended", labelled{nil, float64(calls)})
	m.metric("a0run_calls_failed_total", "counter", "calls that ended in an error", labelled{nil, float64(failed)})
	m.metric("a0run_files_broken", "gauge", "files whose newest version cannot be used", labelled{nil, float64(len(s.problems))})
	m.metric("a0run_reloads_total", "counter", "how often files were read again", labelled{nil, float64(s.counters.reloads)})
	var next []labelled
	for _, p := range s.setup.Schedules {
		if t := s.next[p.ID]; !t.IsZero() && !p.Paused && !s.states[p.ID].Paused {
			next = append(next, labelled{[]string{"schedule", p.ID}, float64(t.Unix())})
		}
	}
	m.metric("a0run_schedule_next_seconds", "gauge", "when a schedule is due next, in seconds since 1970", next...)
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	m.metric("go_goroutines", "gauge", "goroutines", labelled{nil, float64(runtime.NumGoroutine())})
	m.metric("go_memstats_heap_inuse_bytes", "gauge", "bytes of the heap that are in use", labelled{nil, float64(mem.HeapInuse)})
}

func statuses() []string {
	return []string{
		engine.RunDone, engine.RunItems, engine.RunFailed, engine.RunInterrupted, engine.RunInDoubt, engine.RunRefused, engine.RunMoved, engine.RunSetAside,
	}
}

func outcomes() []string {
	return []string{cron.Run, cron.Skipped, cron.Missed, cron.Covered, cron.Blackout, cron.Paused}
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// A labelled is a sample: label and value in turn, then the number.
type labelled struct {
	labels []string
	value  float64
}

// byLabel are samples of all known values of a label, those without a count too.
func byLabel(label string, counts map[string]int, known []string) []labelled {
	all := make([]labelled, 0, len(known))
	for _, value := range known {
		all = append(all, labelled{[]string{label, value}, float64(counts[value])})
	}
	return all
}

type metrics struct{ out *bufio.Writer }

// metric writes one; errors are the buffer's to keep.
func (m *metrics) metric(name, kind, help string, samples ...labelled) {
	if len(samples) == 0 {
		return
	}
	fmt.Fprintf(m.out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	slices.SortStableFunc(samples, func(a, b labelled) int {
		return strings.Compare(strings.Join(a.labels, " "), strings.Join(b.labels, " "))
	})
	for _, s := range samples {
		fmt.Fprint(m.out, name)
		for i := 0; i+1 < len(s.labels); i += 2 {
			open := ","
			if i == 0 {
				open = "{"
			}
			fmt.Fprintf(m.out, "%s%s=\"%s\"", open, s.labels[i], escaped(s.labels[i+1]))
		}
		if len(s.labels) > 0 {
			fmt.Fprint(m.out, "}")
		}
		fmt.Fprintf(m.out, " %g\n", s.value)
	}
}

// escaped is a label's value.
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text)
}
