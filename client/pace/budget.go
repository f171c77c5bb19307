package pace

import (
	"bytes"
	"context"
	"sync"
	"time"
)

// A Budget is where the processes that share a tenant's limits meet: a sheet a
// tenant, replaced as a whole. A file serves the processes of one machine
// (package pacefile), a row in a database would serve several machines; what
// stands on a sheet is this package's business, and a store looks at none of it.
//
// A sheet holds nothing that could not be learned again: a store may lose one, and
// need not sync to the disk. Package pacetest has what every store must pass.
type Budget interface {
	// Update calls change with the tenant's sheet (nil where there is none) and
	// keeps what it gives, atomically among all users of the store: nobody else's
	// change comes between. now is the store's clock, so that machines whose clocks
	// differ agree. An error of change is returned, and nothing is kept. change is
	// called at most once a call and must not keep the slices. Update is called by
	// several goroutines at once, for one tenant and for several.
	Update(ctx context.Context, tenant string, change func(sheet []byte, now time.Time) ([]byte, error)) error
	// Read gives the tenant's sheet, nil where there is none, and the store's clock.
	Read(ctx context.Context, tenant string) ([]byte, time.Time, error)
}

// meetLimit bounds one meeting: a store that hangs must not hold up the calls.
const meetLimit = time.Second

// meet exchanges with the shared budget what was granted for what may be.
func (p *Pacer) meet() {
	p.mu.Lock()
	at := p.now()
	r := p.state.report(at)
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), meetLimit)
	defer cancel()
	var v *view
	err := p.cfg.Budget.Update(ctx, p.cfg.Tenant, func(sheet []byte, now time.Time) ([]byte, error) {
		d := parseDocument(sheet)
		v = d.exchange(p.member, r, now)
		return d.text()
	})
	if err != nil {
		v = nil
	}
	p.warn(err)
	p.happened(event{kind: met, view: v})
}

// warn tells once that the budget cannot be used.
func (p *Pacer) warn(err error) {
	p.mu.Lock()
	fresh := err != nil && p.broken == nil
	p.broken = err
	p.mu.Unlock()
	if fresh && p.cfg.Warn != nil {
		p.cfg.Warn(err)
	}
}

// Close leaves the shared budget, where there is one, and keeps there what was
// learned. Grants that are out may still be ended. It waits for a meeting under
// way.
func (p *Pacer) Close(ctx context.Context) error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	if again || p.cfg.Budget == nil {
		return nil
	}
	p.meets.Wait()
	p.mu.Lock()
	r := p.state.report(p.now())
	joined := p.state.meeting.joined
	p.mu.Unlock()
	if !joined {
		return nil
	}
	return p.cfg.Budget.Update(ctx, p.cfg.Tenant, func(sheet []byte, now time.Time) ([]byte, error) {
		d := parseDocument(sheet)
		d.leave(p.member, r, now)
		return d.text()
	})
}

// A Memory is a Budget of one process, for tests and for several Pacers side by
// side. Its zero value is ready for use.
type Memory struct {
	// Now is its clock; nil means time.Now.
	Now func() time.Time

	mu     sync.Mutex
	sheets map[string][]byte
}

// Update implements Budget.
func (m *Memory) Update(ctx context.Context, tenant string, change func([]byte, time.Time) ([]byte, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	text, err := change(m.sheets[tenant], m.now())
	if err != nil {
		return err
	}
	if m.sheets == nil {
		m.sheets = map[string][]byte{}
	}
	m.sheets[tenant] = bytes.Clone(text)
	return nil
}

// Read implements Budget.
func (m *Memory) Read(_ context.Context, tenant string) ([]byte, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.sheets[tenant]), m.now(), nil
}

func (m *Memory) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}
