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

// recent are the objects that the plan has read whole lately, as they came: a
// job that lists and patches is not doubled. It is guarded by the Planner's
// mutex.
type recent struct {
	members map[ref]map[string]bool // ids in a relation, as it was read for a change
	pages   []*seenPage             // the oldest first
	objects map[ref]seenObject
	bytes   int
}

type seenPage struct {
	at   time.Time
	refs []ref
	size int
}

type seenObject struct {
	page *seenPage
	raw  json.RawMessage
}

// recall is an object as it was read lately; nil where it was not.
func (p *Planner) recall(at place) *engine.Object {
	if at.id == "" {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	seen, ok := p.recent.objects[at.ref()]
	if !ok || p.o.Now().Sub(seen.page.at) > freshFor {
		return nil
	}
	return object(seen.raw)
}

// learn remembers the answer of a get.
func (p *Planner) learn(at place, raw json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent.add(p.o.Now(), []ref{at.ref()}, []json.RawMessage{raw})
}

// learnList remembers the items of a listing of whole objects.
func (p *Planner) learnList(at place, op *catalog.Operation, items []json.RawMessage) {
	if at.kind.list == nil || at.kind.list.ID != op.ID && at.kind.path != "/users" || strings.Contains(at.kind.path, "{}") || partial(at.kind.path) {
		return
	}
	refs := make([]ref, 0, len(items))
	for _, item := range items {
		refs = append(refs, ref{at.tenant, at.coll, idIn(item, at.kind.field)})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent.add(p.o.Now(), refs, items)
}

// idIn is the text of a top-level field of a JSON object.
func idIn(raw json.RawMessage, name string) string {
	var members map[string]json.RawMessage
	var id string
	if json.Unmarshal(raw, &members) != nil || json.Unmarshal(members[name], &id) != nil {
		return ""
	}
	return id
}

func (r *recent) add(now time.Time, refs []ref, items []json.RawMessage) {
	if r.objects == nil {
		r.objects = map[ref]seenObject{}
	}
	page := &seenPage{at: now, refs: refs}
	for i, k := range refs {
		r.objects[k] = seenObject{page, items[i]}
		page.size += len(items[i])
	}
	r.pages = append(r.pages, page)
	r.bytes += page.size
	for len(r.pages) > 1 && (r.bytes > keptBytes || now.Sub(r.pages[0].at) > freshFor) {
		old := r.pages[0]
		for _, k := range old.refs {
			if r.objects[k].page == old {
				delete(r.objects, k)
			}
		}
		r.bytes -= old.size
		r.pages[0] = nil
		r.pages = r.pages[1:]
	}
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
