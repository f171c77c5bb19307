package image

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"a0run/engine"
)

const (
	// fresh is how long what was read may stand for what is there.
	fresh = 5 * time.Minute
	// keptBytes bounds the answers that are remembered. A job that lists and
	// patches looks at the last pages only.
	keptBytes = 16 << 20
	// keptWrites bounds the objects of which it is known when they were
	// written; beyond it everything is forgotten.
	keptWrites = 50_000
)

// A key names an object: the role of its tenant, its collection's path, its id.
type key struct{ tenant, path, id string }

// A page is an answer of whole objects.
type page struct {
	tenant, collection, field, items string
	at                               time.Time
	raw                              json.RawMessage
	byID                             map[string]json.RawMessage // once somebody has looked
}

// memory is what a run has read and written lately. Answers are kept as they
// came and read only when somebody asks for an object that stands in them.
type memory struct {
	mu     sync.Mutex
	pages  []*page // the oldest first
	bytes  int
	writes map[key]time.Time
}

// read remembers an answer.
func (m *memory) read(p page) {
	if len(p.raw) > keptBytes/4 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pages = append(m.pages, &p)
	m.bytes += len(p.raw)
	for m.bytes > keptBytes || len(m.pages) > 0 && p.at.Sub(m.pages[0].at) > fresh {
		m.bytes -= len(m.pages[0].raw)
		m.pages[0] = nil
		m.pages = m.pages[1:]
	}
}

// written says that an object changes; "" as its id means that any of the
// collection may.
func (m *memory) written(k key, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.writes == nil || len(m.writes) >= keptWrites {
		m.forget(at)
	}
	m.writes[k] = at
}

// forget drops the writes that are older than anything remembered could be;
// where that does not help, it drops everything that was read.
func (m *memory) forget(now time.Time) {
	kept := map[key]time.Time{}
	for k, at := range m.writes {
		if now.Sub(at) <= fresh {
			kept[k] = at
		}
	}
	if len(kept) >= keptWrites {
		kept, m.pages, m.bytes = map[key]time.Time{}, nil, 0
	}
	m.writes = kept
}

// whole gives an object as it was read lately, if it was not written since.
// path is that of the operation that would read it.
func (m *memory) whole(k key, now time.Time) (json.RawMessage, time.Time, bool) {
	if k.id == "" || k.path != collectionOf(k.path)+"/{"+lastParameter(k.path)+"}" {
		return nil, time.Time{}, false
	}
	k.path = collectionOf(k.path)
	m.mu.Lock()
	defer m.mu.Unlock()
	written := m.writes[k]
	if any, ok := m.writes[key{k.tenant, k.path, ""}]; ok && any.After(written) {
		written = any
	}
	for i := len(m.pages) - 1; i >= 0; i-- {
		p := m.pages[i]
		if p.tenant != k.tenant || p.collection != k.path || now.Sub(p.at) > fresh || !p.at.After(written) {
			continue
		}
		if object, ok := p.find(k.id); ok {
			return object, p.at, true
		}
	}
	return nil, time.Time{}, false
}

func lastParameter(path string) string {
	open := strings.LastIndexByte(path, '{')
	if open < 0 || path[len(path)-1] != '}' {
		return ""
	}
	return path[open+1 : len(path)-1]
}

// find looks for an object in the page.
func (p *page) find(id string) (json.RawMessage, bool) {
	if p.byID == nil {
		if !bytes.Contains(p.raw, []byte(`"`+id+`"`)) {
			return nil, false
		}
		p.index()
	}
	object, ok := p.byID[id]
	return object, ok
}

// index splits the answer into its objects.
func (p *page) index() {
	p.byID = map[string]json.RawMessage{}
	var list []json.RawMessage
	var wrapped map[string]json.RawMessage
	switch {
	case json.Unmarshal(p.raw, &list) == nil:
	case json.Unmarshal(p.raw, &wrapped) == nil && p.items != "" && json.Unmarshal(wrapped[p.items], &list) == nil:
	default:
		list = []json.RawMessage{p.raw}
	}
	for _, item := range list {
		tree, err := engine.ParseJSON(item)
		if err != nil {
			continue
		}
		if o, ok := tree.(*engine.Object); ok {
			v, _ := o.Get(p.field)
			if id, ok := v.(string); ok {
				p.byID[id] = item
			}
		}
	}
}
