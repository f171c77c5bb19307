package cron

import (
	"fmt"
	"slices"
	"time"
)

// Grace is how late a due time may be seen and still count as seen in time: the
// service was busy, or was started again. What is later was missed.
const Grace = time.Minute

// The bounds of what one decision lists: of what was missed, the newest.
const (
	mostListed  = 1000
	mostQueued  = 1000
	mostPassing = 100 // of due times of a schedule that is paused
)

// The outcomes of a due time.
const (
	Run      = "run"
	Skipped  = "skipped"  // overlap: skip, and a run of the schedule goes on
	Missed   = "missed"   // nobody was there, and it is not made up for
	Covered  = "covered"  // a later due time stands for it
	Blackout = "blackout" // it lies in a blackout window
	Paused   = "paused"
)

// A History is what is known of a schedule when it is decided.
type History struct {
	// Decided is the time up to which due times were decided; zero for a schedule
	// that is seen for the first time.
	Decided time.Time
	// Paused says that a person has paused it, beside what the file says.
	Paused bool
	// Active are its runs that are not over, the oldest first.
	Active []Active
}

// An Active is a run of a schedule that is not over.
type Active struct {
	ID string
	// Begun says that the run has begun: it is executed, or waits to be resumed.
	Begun bool
	// Stopping says that it was asked to stop.
	Stopping bool
}

// A Decision is what is to be done about a schedule.
type Decision struct {
	// Fires are the due times that are decided, the oldest first.
	Fires []Fire
	// Stop are runs that are to be stopped, Drop runs that have not begun and are
	// to be taken out of the queue, both because a newer one stands for them.
	Stop, Drop []string
	// Decided is the new History.Decided.
	Decided time.Time
	// Next is the next due time; zero where there is none.
	Next time.Time
}

// A Fire is a due time and what becomes of it.
type Fire struct {
	Due     time.Time
	Outcome string
	// Why says why it does not run, or runs late; for people.
	Why string
	// Start is when the run may begin.
	Start time.Time
	// Late says that it is made up for.
	Late bool
}

// Decide says what is to be done about a schedule now. It is a pure function:
// the same question has the same answer, and what it says is decided once it is
// written down together with Decided.
//
// A clock that was set back decides nothing until it has passed Decided again;
// one that jumped forward has missed what lies between.
func Decide(s *Schedule, h History, now time.Time) Decision {
	d := Decision{Decided: h.Decided}
	if h.Decided.IsZero() {
		d.Decided = now
	}
	if now.After(d.Decided) {
		d.fire(s, h, now)
		d.Decided = now
	}
	if !s.Paused && !h.Paused {
		d.Next = s.Next(d.Decided)
	}
	return d
}

// fire decides the due times after h.Decided up to now.
func (d *Decision) fire(s *Schedule, h History, now time.Time) {
	if s.Paused || h.Paused {
		due, more := s.newest(h.Decided, now, mostPassing)
		d.none(due, more, Paused, "the schedule is paused")
		return
	}
	due, more := s.newest(h.Decided, now, max(mostListed, s.MissedLimit))
	var late, prompt []time.Time
	for _, t := range due {
		end := s.Blackout(t)
		switch {
		case !end.IsZero():
			d.Fires = append(d.Fires, Fire{Due: t, Outcome: Blackout, Why: "inside a blackout window, which ends at " + shownTime(end.In(s.Zone))})
		case now.Sub(t) >= Grace:
			late = append(late, t)
		default:
			prompt = append(prompt, t)
		}
	}
	// What makes up for others waits for its turn rather than being skipped.
	patient := len(late) > 0 && s.Missed != MissedSkip
	late = d.miss(s, missed{late: late, more: more, prompt: len(prompt) > 0, now: now})
	first := len(d.Fires)
	for _, t := range late {
		d.Fires = append(d.Fires, Fire{Due: t, Outcome: Run, Late: true, Start: now, Why: lateness(now.Sub(t))})
	}
	for _, t := range prompt {
		d.Fires = append(d.Fires, Fire{Due: t, Outcome: Run, Start: s.StartOf(t)})
	}
	d.overlap(s, h, d.Fires[first:], patient)
	sortFires(d.Fires)
}

// none lists due times that do not run; more says that there are further ones
// before them, which the oldest stands for.
func (d *Decision) none(due []time.Time, more bool, outcome, why string) {
	for i, t := range due {
		text := why
		if i == 0 && more {
			text += "; so are those before it, which are not listed"
		}
		d.Fires = append(d.Fires, Fire{Due: t, Outcome: outcome, Why: text})
	}
}

// missed are due times that are seen too late. more says that there are further
// ones before them, prompt that another is due right now.
type missed struct {
	late         []time.Time
	more, prompt bool
	now          time.Time
}

// miss decides which of the late due times are made up for, and lists the
// others.
func (d *Decision) miss(s *Schedule, m missed) []time.Time {
	late, more, prompt, now := m.late, m.more, m.prompt, m.now
	const nobody = "the service did not run when it was due"
	if len(late) == 0 {
		return nil
	}
	old := 0
	if s.MissedWithin > 0 {
		for old < len(late) && now.Sub(late[old]) > s.MissedWithin {
			old++
		}
	}
	keep := late[old:]
	switch {
	case s.Missed == MissedSkip:
		d.none(late, more, Missed, nobody)
		return nil
	case len(keep) == 0:
	case s.Missed == MissedOnce && prompt:
		d.none(late[:old], more, Missed, nobody)
		d.none(keep, more && old == 0, Covered, nobody+"; the due time of now stands for it")
		return nil
	case s.Missed == MissedOnce:
		last := len(keep) - 1
		d.none(late[:old], more, Missed, nobody)
		d.none(keep[:last], more && old == 0, Covered, nobody+"; the run of "+shownTime(keep[last])+" stands for it")
		return keep[last:]
	}
	if n := len(keep) - s.MissedLimit; n > 0 {
		old += n
		keep = keep[n:]
	}
	d.none(late[:old], more, Missed, nobody+", and so many are not made up for")
	return keep
}

// overlap decides what becomes of the due times that would run while others do.
func (d *Decision) overlap(s *Schedule, h History, fires []Fire, patient bool) {
	busy := len(h.Active)
	switch s.Overlap {
	case OverlapParallel:
		return
	case OverlapCancelOld:
		d.cancelOld(h, fires)
		return
	}
	for i := range fires {
		f := &fires[i]
		switch {
		case busy >= mostQueued:
			f.Outcome, f.Why = Skipped, fmt.Sprintf("%d runs of the schedule wait already", busy)
			continue
		case s.Overlap == OverlapSkip && busy > 0 && !patient:
			f.Outcome, f.Why = Skipped, "a run of the schedule goes on"
			continue
		}
		busy++
	}
}

// cancelOld lets the newest stand for all before it.
func (d *Decision) cancelOld(h History, fires []Fire) {
	if len(fires) == 0 {
		return
	}
	last := len(fires) - 1
	for i := range fires[:last] {
		fires[i].Outcome, fires[i].Why = Covered, "the run of "+shownTime(fires[last].Due)+" stands for it"
	}
	for _, a := range h.Active {
		switch {
		case !a.Begun:
			d.Drop = append(d.Drop, a.ID)
		case !a.Stopping:
			d.Stop = append(d.Stop, a.ID)
		}
	}
}

// sortFires puts the lists that were made one after the other in order.
func sortFires(fires []Fire) {
	slices.SortStableFunc(fires, func(a, b Fire) int { return a.Due.Compare(b.Due) })
}

func shownTime(t time.Time) string { return t.Format("2006-01-02 15:04 MST") }

func lateness(d time.Duration) string {
	return "made up for " + shortDuration(d.Truncate(time.Second)) + " late"
}
