package plan

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"a0run/client/catalog"
	"a0run/engine"
)

const (
	// freshFor is how long what the plan has read may stand for what is there.
	freshFor = 5 * time.Minute
	// keptBytes bounds the answers that are remembered.
	keptBytes = 16 << 20
)

// recent are the answers of whole objects that the plan has read lately, as
// they came: a job that lists and patches is not doubled. It is guarded by the
// Planner's mutex.
type recent struct {
	members map[ref]map[string]bool // ids in a relation, as it was read for a change
	pages   []*seenPage
	bytes   int
}

type seenPage struct {
	tenant, coll, field, items string
	at                         time.Time
	raw                        json.RawMessage
	byID                       map[string]json.RawMessage
}

// recall is an object as it was read lately; nil where it was not.
func (p *Planner) recall(at place) *engine.Object {
	if at.id == "" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.o.Now()
	for i := len(p.recent.pages) - 1; i >= 0; i-- {
		s := p.recent.pages[i]
		if s.tenant == at.tenant && s.coll == at.coll && now.Sub(s.at) <= freshFor {
			if raw := s.find(at.id); raw != nil {
				return object(raw)
			}
		}
	}
	return nil
}

// learn remembers the answer of a get.
func (p *Planner) learn(at place, raw json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent.add(&seenPage{
		tenant: at.tenant, coll: at.coll, at: p.o.Now(), raw: raw, byID: map[string]json.RawMessage{at.id: raw},
	})
}

// learnList remembers the answer of a listing of whole objects.
func (p *Planner) learnList(at place, op *catalog.Operation, raw json.RawMessage) {
	if at.kind.list == nil || at.kind.list.ID != op.ID && at.kind.path != "/users" || strings.Contains(at.kind.path, "{}") {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent.add(&seenPage{
		tenant: at.tenant, coll: at.coll, field: at.kind.field, items: op.Paging.Items, at: p.o.Now(), raw: raw,
	})
}

func (r *recent) add(s *seenPage) {
	if len(s.raw) > keptBytes/4 {
		return
	}
	r.pages = append(r.pages, s)
	r.bytes += len(s.raw)
	for r.bytes > keptBytes || s.at.Sub(r.pages[0].at) > freshFor {
		r.bytes -= len(r.pages[0].raw)
		r.pages[0] = nil
		r.pages = r.pages[1:]
	}
}

// find looks for an object in the page.
func (s *seenPage) find(id string) json.RawMessage {
	if s.byID == nil {
		if !bytes.Contains(s.raw, text(id)) {
			return nil
		}
		s.byID = map[string]json.RawMessage{}
		for _, item := range itemsOf(s.raw, s.items) {
			var members map[string]json.RawMessage
			var key string
			if json.Unmarshal(item, &members) == nil && json.Unmarshal(members[s.field], &key) == nil {
				s.byID[key] = item
			}
		}
	}
	return s.byID[id]
}

// itemsOf are the items of a listing's answer.
func itemsOf(raw json.RawMessage, member string) []json.RawMessage {
	var list []json.RawMessage
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '{' {
		var wrap map[string]json.RawMessage
		if json.Unmarshal(raw, &wrap) != nil {
			return nil
		}
		raw = wrap[member]
	}
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

func hexShort(sum []byte) string { return hex.EncodeToString(sum[:16]) }
