package notify

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// The kinds of notices, as a0run.yaml writes them in notify.to[].on.
const (
	Failed    = "failed"    // a run did not end well
	Recovered = "recovered" // the next run of what had failed ended well
	Approval  = "approval"  // a plan waits for a person
	Missed    = "missed"    // a schedule's time passed without a run
)

// Kinds are the kinds, in the order in which a message has them.
func Kinds() []string { return []string{Approval, Failed, Missed, Recovered} }

// MostNotices is how many notices a message holds; what comes beyond is counted.
const MostNotices = 200

// A Notice is one thing to be told. Its texts hold no secrets.
type Notice struct {
	Kind string
	At   time.Time
	// Playbook is what people call it, Schedule the schedule's name, Tenant what
	// it ran against; each may be "".
	Playbook, Schedule, Tenant string
	// Run is the run's id; "" for a missed time. Status and Error tell how it
	// ended.
	Run, Status, Error string
	// Due is when a missed run was due, and when an approval lapses.
	Due time.Time
	// Link is the page of the control room that shows it; "" where the room has no
	// address that others know.
	Link string
	// Count is how many notices this one stands for in a message; Tell sets it.
	Count int
}

// Title is what it is about.
func (n Notice) Title() string {
	for _, text := range []string{n.Schedule, n.Playbook, n.Run} {
		if text != "" {
			return text
		}
	}
	return "a0run"
}

// same says that two notices are one line of a message.
func (n Notice) same(o Notice) bool {
	return n.Kind == o.Kind && n.Schedule == o.Schedule && n.Playbook == o.Playbook && n.Tenant == o.Tenant && n.Error == o.Error && n.Status == o.Status &&
		n.Kind != Approval // each has its own link
}

// harmless takes out of a notice what would steer a receiver: line ends and
// controls (a title is a header of a mail), and what calls everybody of a
// channel, for errors quote what strangers have chosen as their name.
func (n Notice) harmless() Notice {
	for _, text := range []*string{&n.Playbook, &n.Schedule, &n.Tenant, &n.Run, &n.Status, &n.Error, &n.Link} {
		*text = harmless(*text)
	}
	return n
}

// mostText bounds each text of a notice, in bytes.
const mostText = 600

func harmless(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > mostText {
		text = strings.ToValidUTF8(text[:mostText], "") + "…"
	}
	// A zero-width space breaks a mention and is not seen.
	return strings.NewReplacer("@everyone", "@\u200beveryone", "@here", "@\u200bhere", "@channel", "@\u200bchannel",
		"<!", "<\u200b!", "<@", "<\u200b@", "<#", "<\u200b#").Replace(text)
}

// A Message is a group of notices as templates see it.
type Message struct {
	// Notices are the lines: by kind in the order of Kinds, then as they came.
	Notices []Notice
	// Total is how many notices there were, Left how many of them have no line.
	Total, Left int
}

// Of are the notices of a kind.
func (m Message) Of(kind string) []Notice {
	var of []Notice
	for _, n := range m.Notices {
		if n.Kind == kind {
			of = append(of, n)
		}
	}
	return of
}

// Count is how many notices of a kind there were.
func (m Message) Count(kind string) int {
	total := 0
	for _, n := range m.Of(kind) {
		total += n.Count
	}
	return total
}

// A group is what waits to be sent to one receiver.
type group struct {
	notices     []Notice
	total, left int
}

func (g *group) add(n Notice) {
	g.total++
	for i := range g.notices {
		if g.notices[i].same(n) {
			n.Count = g.notices[i].Count + 1
			g.notices[i] = n // the newest has the link that helps
			return
		}
	}
	if len(g.notices) >= MostNotices {
		g.left++
		return
	}
	n.Count = 1
	g.notices = append(g.notices, n)
}

func (g *group) message() Message {
	m := Message{Notices: slices.Clone(g.notices), Total: g.total, Left: g.left}
	order := Kinds()
	slices.SortStableFunc(m.Notices, func(a, b Notice) int { return slices.Index(order, a.Kind) - slices.Index(order, b.Kind) })
	return m
}
