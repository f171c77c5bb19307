package cron

import (
	"slices"
	"strings"
	"time"
)

// A timing says when a schedule is due.
type timing interface {
	// next is the first due time after an instant; zero where there is none.
	next(after time.Time) time.Time
	// String is the timing as it is written, with its key.
	String() string
}

func (l *line) String() string { return "cron " + l.text }

// An interval is due every so often of elapsed time, from an anchor on.
type interval struct {
	every  time.Duration
	anchor time.Time
}

func (i *interval) next(after time.Time) time.Time {
	if after.Before(i.anchor) {
		return i.anchor
	}
	n := after.Sub(i.anchor)/i.every + 1
	return i.anchor.Add(n * i.every)
}

func (i *interval) String() string { return "every " + shortDuration(i.every) }

// shortDuration is a duration without its zeros: 1h30m, 2d.
func shortDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return itoa(int(d/day)) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// points are due at points in time, in their order.
type points []time.Time

func (p points) next(after time.Time) time.Time {
	i, found := slices.BinarySearchFunc(p, after, time.Time.Compare)
	if found {
		i++
	}
	if i == len(p) {
		return time.Time{}
	}
	return p[i]
}

func (p points) String() string {
	texts := make([]string, len(p))
	for i, t := range p {
		texts[i] = t.Format(time.RFC3339)
	}
	return "at " + strings.Join(texts, ", ")
}
