package sim

import (
	"sync"
	"time"
)

// A clock is the tenant's time: another clock's, moved. Tests set and step it.
type clock struct {
	mu     sync.RWMutex
	base   func() time.Time
	ahead  time.Duration
	frozen *time.Time
}

func (c *clock) now() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.frozen != nil {
		return *c.frozen
	}
	return c.base().Add(c.ahead)
}

// SetClock makes the tenant's time at, from where it goes on at its own pace,
// or, frozen, stands still until it is set or stepped again. Tokens, jobs,
// codes and rate limits follow.
func (t *Tenant) SetClock(at time.Time, frozen bool) {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = nil
	c.ahead = at.Sub(c.base())
	if frozen {
		c.frozen = &at
	}
}

// StepClock moves the tenant's time by d, and says what time it is then.
func (t *Tenant) StepClock(d time.Duration) time.Time {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen != nil {
		at := c.frozen.Add(d)
		c.frozen = &at
		return at
	}
	c.ahead += d
	return c.base().Add(c.ahead)
}

// Now is the tenant's time.
func (t *Tenant) Now() time.Time { return t.clock.now() }
