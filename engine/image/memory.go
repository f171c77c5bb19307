package image

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"

	"a0run/engine"
)

const (
	// fresh is how long what was read may stand for what is there.
	fresh = 5 * time.Minute
	// keptBytes bounds the answers that are remembered: 5,000 users of 1.5 KB. A
	// listing runs ahead of the writes by a slice of 1,000 at most.
	keptBytes = 8 << 20
	// pageCost is about what remembering an answer takes beside it.
	pageCost = 512
	// keptWrites bounds the objects of which it is known when they were
	// written; beyond it everything is forgotten.
	keptWrites = 50_000
)

// A key names an object: its collection's path and its id. "" for the id is
// any object of the collection, "" for both is any object at all. The tenant is
// not in it: two roles of a run may stand for one tenant, so a write under one
// counts for all.
type key struct{ path, id string }

// A page is an answer of whole objects.
type page struct {
	tenant, collection, field, items string
	// search marks an answer of the search, which does not see at once what
	// was written.
	search bool
	id     string // of the one object that it is, where that is known
	began  uint64 // before which writes the reading began
	at     time.Time
	raw    json.RawMessage
	size   int
	ids    []string // once the page is indexed
}

// object is one remembered object.
type object struct {
	page *page
	raw  json.RawMessage
}

// mark says when an object was written last, and how many writes of it are
// under way.
type mark struct {
	done     uint64
	at       time.Time
	underWay int
}

// memory is what a run has read and written lately. Answers are kept as they
// came and taken apart only when somebody asks for an object of their
// collection: a run that only reads pays nothing. What came before what is told
// by a count and not by the clock, whose ticks are coarser than requests.
type memory struct {
	mu      sync.Mutex
	count   uint64
	pages   []*page // the oldest first
	bytes   int
	pending []*page // not taken apart yet
	objects map[string]map[key]object
	writes  map[key]*mark
	floor   uint64 // what was read before it is forgotten
}

func newMemory() *memory {
	return &memory{objects: map[string]map[key]object{}, writes: map[key]*mark{}}
}

// begin is the moment in which a read begins.
func (m *memory) begin() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count++
	return m.count
}

// read remembers an answer.
func (m *memory) read(p page) {
	if cap(p.raw) > len(p.raw)+len(p.raw)/4 {
		p.raw = bytes.Clone(p.raw)
	}
	p.size = len(p.raw) + pageCost
	if p.size > keptBytes/4 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pages = append(m.pages, &p)
	m.pending = append(m.pending, &p)
	m.bytes += p.size
	for m.bytes > keptBytes || p.at.Sub(m.pages[0].at) > fresh {
		m.drop()
	}
}

// drop forgets the oldest page.
func (m *memory) drop() {
	old := m.pages[0]
	m.pages[0] = nil
	m.pages = m.pages[1:]
	m.bytes -= old.size
	for _, id := range old.ids {
		k := key{old.collection, id}
		if m.objects[old.tenant][k].page == old {
			delete(m.objects[old.tenant], k)
		}
	}
	if len(m.pending) > 0 && m.pending[0] == old {
		m.pending[0] = nil
		m.pending = m.pending[1:]
	}
}

// writing says that objects are about to change.
func (m *memory) writing(keys []key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		w := m.writes[k]
		if w == nil {
			w = &mark{}
			m.writes[k] = w
		}
		w.underWay++
	}
}

// written says that they have changed, or may have; it is the moment behind it.
func (m *memory) written(keys []key, now time.Time) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count++
	for _, k := range keys {
		w := m.writes[k] // writing has made it, and forget keeps what is under way
		w.underWay--
		w.done, w.at = m.count, now
	}
	if len(m.writes) > keptWrites {
		m.forget(now)
	}
	m.count++
	return m.count
}

// forget drops the writes that are older than anything remembered could be;
// where that does not help, it drops everything that was read.
func (m *memory) forget(now time.Time) {
	for k, w := range m.writes {
		if w.underWay == 0 && now.Sub(w.at) > fresh {
			delete(m.writes, k)
		}
	}
	if len(m.writes) <= keptWrites/2 {
		return
	}
	for k, w := range m.writes {
		if w.underWay == 0 {
			delete(m.writes, k)
		}
	}
	m.pages, m.pending, m.bytes, m.floor = nil, nil, 0, m.count
	m.objects = map[string]map[key]object{}
}

// whole gives an object as it was read lately, if it was not written since.
func (m *memory) whole(tenant string, k key, now time.Time) (json.RawMessage, time.Time, bool) {
	if k.id == "" {
		return nil, time.Time{}, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.index(k.path)
	o, ok := m.objects[tenant][k]
	if !ok || now.Sub(o.page.at) > fresh || o.page.began <= m.floor {
		return nil, time.Time{}, false
	}
	for _, of := range []key{k, {k.path, ""}, {}} {
		w := m.writes[of]
		if w == nil {
			continue
		}
		if w.underWay > 0 || w.done >= o.page.began || o.page.search && of == k {
			return nil, time.Time{}, false
		}
	}
	return o.raw, o.page.at, true
}

// index takes the pages of a collection apart.
func (m *memory) index(collection string) {
	kept := m.pending[:0]
	for _, p := range m.pending {
		if p.collection != collection {
			kept = append(kept, p)
			continue
		}
		m.take(p)
	}
	m.pending = kept
}

func (m *memory) take(p *page) {
	objects := m.objects[p.tenant]
	if objects == nil {
		objects = map[key]object{}
		m.objects[p.tenant] = objects
	}
	raw := p.raw
	p.raw = nil
	if p.id != "" {
		p.keep(objects, p.id, raw)
		return
	}
	for _, raw := range split(raw, p.items) {
		if id, ok := idOf(raw, p.field); ok {
			p.keep(objects, id, raw)
		}
	}
}

// keep remembers an object of the page, unless it is known better.
func (p *page) keep(objects map[key]object, id string, raw json.RawMessage) {
	k := key{p.collection, id}
	if old, ok := objects[k]; ok && (old.page.began > p.began || p.search && !old.page.search) {
		return // a read by id is surer than the search
	}
	objects[k] = object{p, raw}
	p.ids = append(p.ids, id)
}

// split gives the objects of an answer: of a list, of a list in its wrapping,
// or the one that it is.
func split(raw json.RawMessage, items string) []json.RawMessage {
	if list, ok := engine.ListItems(raw); ok {
		return list
	}
	if items != "" {
		wrapped, _ := engine.FieldText(raw, items)
		if list, ok := engine.ListItems(wrapped); ok {
			return list
		}
	}
	return []json.RawMessage{raw}
}

// idOf is the id of an object. Hardly any has escapes in it.
func idOf(raw json.RawMessage, field string) (string, bool) {
	literal, _ := engine.FieldText(raw, field)
	if id, ok := engine.PlainText(literal); ok {
		return id, true
	}
	tree, err := engine.ParseJSON(raw)
	if err != nil {
		return "", false
	}
	return Text(Field(tree, field))
}
