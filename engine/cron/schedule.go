package cron

import (
	"hash/fnv"
	"strconv"
	"time"

	"a0run/engine"
)

// The policies for due times that passed while the service did not run, or that
// the clock jumped over.
const (
	MissedOnce = "once" // one run stands for all of them
	MissedAll  = "all"  // each of them is run, one after the other
	MissedSkip = "skip" // none of them
)

// The policies for a due time that comes while a run of the schedule goes on.
const (
	OverlapSkip      = "skip"
	OverlapQueue     = "queue"      // it waits for its turn
	OverlapCancelOld = "cancel-old" // the run that goes on is stopped first
	OverlapParallel  = "parallel"
)

// The defaults of what is not written.
const (
	DefaultMissedLimit = 100
	DefaultLapse       = 24 * time.Hour
	DefaultRetryDelay  = time.Minute
)

// A Schedule is a schedule as it is written in a0run.yaml or a playbook's head.
type Schedule struct {
	// ID names the schedule in the journal: its name, or the path of its
	// playbook (with "#name" where that has several).
	ID, Name, Description string
	// Playbook is its path as a0run.yaml says it; "" in a head.
	Playbook string
	Where    engine.Position
	Zone     *time.Location
	// Params are as they are written, Tenants by role; the role "" is that of
	// tenant:, whatever the playbook calls it.
	Params  *engine.Object
	Tenants map[string]string
	// Start and End bound the due times; both may be zero and belong to them.
	Start, End time.Time
	// Jitter is by how much at most a run begins later than it is due: always
	// equally much for the same due time.
	Jitter time.Duration
	// Missed and Overlap are the policies. Of missed due times the newest
	// MissedLimit are run (MissedAll), and none that are older than MissedWithin
	// (0: however old).
	Missed, Overlap string
	MissedLimit     int
	MissedWithin    time.Duration
	// Timeout is how long a run may take; 0 is for ever. Retries is how often a
	// run that failed is resumed, RetryDelay after how long first.
	Timeout    time.Duration
	Retries    int
	RetryDelay time.Duration
	Paused     bool
	// Yes says that whoever wrote the schedule has answered what guards ask a
	// person for: production tenants, confirm_above.
	Yes bool
	// Approve makes a plan, which a person has to approve before it lapses.
	Approve bool
	Lapse   time.Duration

	timing    timing
	blackouts []window
	at        func(key string) engine.Position
}

// At is the place of one of the schedule's keys.
func (s *Schedule) At(key string) engine.Position {
	if s.at == nil {
		return s.Where
	}
	return s.at(key)
}

// Spec is the timing as it is written: "cron 0 3 * * *".
func (s *Schedule) Spec() string { return s.timing.String() }

// Timing tells timings apart: where it changes, what was missed under another
// one is not made up for.
func (s *Schedule) Timing() string {
	return s.timing.String() + " " + s.Zone.String() + " " + moment(s.Start) + " " + moment(s.End)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// Next is the first due time after an instant, in the schedule's zone; zero
// where there is none.
func (s *Schedule) Next(after time.Time) time.Time {
	if first := s.Start.Add(-time.Nanosecond); !s.Start.IsZero() && after.Before(first) {
		after = first
	}
	due := s.timing.next(after)
	if due.IsZero() || !s.End.IsZero() && due.After(s.End) {
		return time.Time{}
	}
	return due.In(s.Zone)
}

// newest are the last due times after from and up to to, most at most, and
// whether there are more before them. It does not walk what it does not give:
// an interval of seconds that was off for years is no work.
func (s *Schedule) newest(from, to time.Time, most int) (due []time.Time, more bool) {
	for width := time.Minute; ; width *= 4 {
		begin := to.Add(-width)
		whole := width > 70*365*24*time.Hour || !begin.After(from)
		if whole {
			begin = from
		}
		due = due[:0]
		for t := s.Next(begin); !t.IsZero() && !t.After(to); t = s.Next(t) {
			due = append(due, t)
		}
		if whole && len(due) <= most {
			return due, false
		}
		if len(due) > most {
			return due[len(due)-most:], true
		}
	}
}

// StartOf is when the run of a due time may begin: jitter later.
func (s *Schedule) StartOf(due time.Time) time.Time {
	if s.Jitter <= 0 {
		return due
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.ID + " " + moment(due))) // a hash's Write never fails
	return due.Add(time.Duration(h.Sum64() % uint64(s.Jitter)).Truncate(time.Second))
}

// Blackout is when the blackout window that t lies in ends; zero where t lies
// in none. Windows that follow each other are one.
func (s *Schedule) Blackout(t time.Time) time.Time {
	var end time.Time
	for range 1000 { // windows that leave no moment free are refused when they are read
		moved := false
		for _, w := range s.blackouts {
			if until := w.until(t); !until.IsZero() {
				t, end, moved = until, until, true
			}
		}
		if !moved {
			break
		}
	}
	return end
}

func itoa(n int) string { return strconv.Itoa(n) }
