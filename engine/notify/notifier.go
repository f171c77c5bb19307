package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"a0run/engine"
)

// A Receiver is somebody who is told.
type Receiver struct {
	Name string
	// URL is the address in shoutrrr's form; a secret.
	URL engine.Secret
	// On are the kinds of notices that are told; empty means all.
	On []string
	// Template writes the messages; nil is the default.
	Template *Template
}

// Options are what a Notifier is made of.
type Options struct {
	Receivers []Receiver
	// Group is how long the first notice waits for others; 0 is DefaultGroup,
	// less than 0 sends each by itself.
	Group time.Duration
	// Timeout bounds one attempt; 0 is 15 s.
	Timeout time.Duration
	// Retry are the pauses before further attempts; nil is 5 s, 30 s, 2 min.
	Retry []time.Duration
	// Redact takes secrets out of a text; nil takes none.
	Redact func(string) string
	// Report is told what became of an attempt: nil where the message was taken, else
	// why not, and after how long it is made again (0: it is given up). It is called
	// by the receiver's goroutine; nil ignores it.
	Report func(receiver string, err error, again time.Duration)
	// Send sends one message; nil is shoutrrr.
	Send SendFunc
}

// DefaultGroup is how long notices are gathered into one message.
const DefaultGroup = time.Minute

// A SendFunc sends a message to an address and may hang.
type SendFunc func(url, title, text string) error

// A Notifier tells receivers. It is safe for concurrent use.
type Notifier struct {
	o    Options
	to   []*receiver
	stop context.Context
	halt context.CancelFunc
	done sync.WaitGroup
}

// New starts a notifier; Close stops it. Its error names the receiver whose
// address cannot be one, and not the address.
func New(o Options) (*Notifier, error) {
	o = o.filled()
	n := &Notifier{o: o}
	n.stop, n.halt = context.WithCancel(context.Background())
	for _, r := range o.Receivers {
		if err := CheckURL(string(r.URL)); err != nil {
			n.halt()
			return nil, fmt.Errorf("notify: %s: %w", r.Name, err)
		}
		if r.Template == nil {
			t, err := ParseTemplate("", "")
			if err != nil {
				n.halt()
				return nil, err
			}
			r.Template = t
		}
		n.to = append(n.to, &receiver{Receiver: r, o: &n.o, wake: make(chan struct{}, 1), closing: make(chan struct{})})
	}
	for _, r := range n.to {
		n.done.Go(func() { r.work(n.stop) })
	}
	return n, nil
}

func (o Options) filled() Options {
	if o.Group == 0 {
		o.Group = DefaultGroup
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Retry == nil {
		o.Retry = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute}
	}
	if o.Redact == nil {
		o.Redact = func(text string) string { return text }
	}
	if o.Report == nil {
		o.Report = func(string, error, time.Duration) {}
	}
	if o.Send == nil {
		o.Send = Shoutrrr
	}
	return o
}

// Tell hands a notice to those who want its kind. It never waits.
func (n *Notifier) Tell(notice Notice) {
	notice = notice.harmless()
	for _, r := range n.to {
		if r.wants(notice.Kind) {
			r.put(notice)
		}
	}
}

// Close sends what waits, once and without further attempts, and ends when that
// is done or ctx is.
func (n *Notifier) Close(ctx context.Context) {
	for _, r := range n.to {
		r.close()
	}
	ended := make(chan struct{})
	go func() {
		n.done.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	n.halt()
}

// Receivers are the names of those who are told, for a page.
func (n *Notifier) Receivers() []string {
	names := make([]string, len(n.to))
	for i, r := range n.to {
		names[i] = r.Name
	}
	return names
}

// Test sends each receiver a message at once, and gives what came of it by
// receiver, in their order.
func Test(o Options, notice Notice) []error {
	o = o.filled()
	all := make([]error, len(o.Receivers))
	var waiting sync.WaitGroup
	for i, r := range o.Receivers {
		waiting.Go(func() {
			if all[i] = CheckURL(string(r.URL)); all[i] != nil {
				return
			}
			t := r.Template
			if t == nil {
				if t, all[i] = ParseTemplate("", ""); all[i] != nil {
					return
				}
			}
			to := &receiver{Receiver: r, o: &o}
			to.Template = t
			g := &group{}
			g.add(notice.harmless())
			all[i] = to.attempt(context.Background(), g.message())
		})
	}
	waiting.Wait()
	return all
}

// A receiver is one Receiver with what waits for it.
type receiver struct {
	Receiver
	o    *Options
	wake chan struct{}

	closing   chan struct{}
	closeOnce sync.Once

	mu      sync.Mutex // guards waiting
	waiting group

	stuck chan error // an attempt that was given up and has not returned
}

func (r *receiver) wants(kind string) bool { return len(r.On) == 0 || slices.Contains(r.On, kind) }

func (r *receiver) put(n Notice) {
	r.mu.Lock()
	r.waiting.add(n)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *receiver) close() { r.closeOnce.Do(func() { close(r.closing) }) }

// take empties the group; without grouping one notice at a time.
func (r *receiver) take() (Message, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting.total == 0 {
		return Message{}, false
	}
	g := r.waiting
	r.waiting = group{}
	if r.o.Group < 0 && len(g.notices) > 1 {
		r.waiting = group{notices: g.notices[1:], total: g.total - g.notices[0].Count, left: g.left}
		g = group{notices: g.notices[:1], total: g.notices[0].Count}
	}
	return g.message(), true
}

// work sends groups, one after the other, until the notifier is closed.
func (r *receiver) work(stop context.Context) {
	for {
		closing := false
		select {
		case <-r.wake:
			if r.o.Group > 0 {
				closing = r.pause(stop, r.o.Group)
			}
		case <-r.closing:
			closing = true
		case <-stop.Done():
			return
		}
		for {
			m, some := r.take()
			if !some {
				break
			}
			r.o.Report(r.Name, r.deliver(stop, m), 0)
		}
		if closing || stop.Err() != nil {
			return
		}
	}
}

// pause waits, and says whether that was cut short by the end.
func (r *receiver) pause(stop context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-r.closing:
		return true
	case <-stop.Done():
		return true
	}
}

// deliver makes the attempts that there are to be.
func (r *receiver) deliver(stop context.Context, m Message) error {
	for i := 0; ; i++ {
		err := r.attempt(stop, m)
		if err == nil || i >= len(r.o.Retry) {
			return err
		}
		r.o.Report(r.Name, err, r.o.Retry[i]) // somebody who looks at the log now must see it
		if r.pause(stop, r.o.Retry[i]) {
			return err
		}
	}
}

// errSlow is an attempt that took too long.
var errSlow = errors.New("no answer in time")

// attempt sends once. What hangs is left to itself, and no further attempt is
// begun before it returned.
func (r *receiver) attempt(stop context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(stop, r.o.Timeout)
	defer cancel()
	if r.stuck != nil {
		select {
		case <-r.stuck: //nolint:errcheck // what became of it at last is no news
			r.stuck = nil
		case <-ctx.Done():
			return errSlow
		}
	}
	title, text, err := r.Template.write(m)
	if err != nil {
		return err
	}
	title, text = r.o.Redact(title), r.o.Redact(text)
	result := make(chan error, 1)
	go func() { result <- r.o.Send(string(r.URL), title, text) }()
	select {
	case err := <-result:
		return r.clean(err)
	case <-ctx.Done():
		r.stuck = result
		return errSlow
	}
}

// clean is an error without the address.
func (r *receiver) clean(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(r.o.Redact(HideURL(string(r.URL), err.Error())))
}
