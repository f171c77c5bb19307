package store

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
)

// Objects of which a tenant has a hundred thousand lie packed: as maps each user
// takes three kilobytes and more, most of it empty places in maps and headers of
// texts; packed it takes what its text is long. A read unpacks a new map, whose
// texts are parts of the packed one and not copied.
//
// A packed object begins with the number of its members and for each its name and
// how long its value is, so that what is not asked for is passed over; then come the
// values. A value is a tag and what it says: numbers and texts as they are written
// with their length before them, arrays and the objects inside with the number of
// their members before them. A name is its place in the store's list of names.

const (
	tagNull byte = iota
	tagFalse
	tagTrue
	tagNumber
	tagText
	tagArray
	tagObject
)

// mostNames bounds the list: names that users make up, such as ids as names in
// metadata, must not fill it for ever. Beyond it a name is written out.
const mostNames = 4096

// names is a list of the members' names that came so far, shared by a store and
// its snapshots. It only grows, so that what was packed earlier stays readable.
type names struct {
	list atomic.Pointer[[]string]
	mu   sync.Mutex
	at   map[string]int
}

func newNames() *names {
	n := &names{at: map[string]int{}}
	n.list.Store(&[]string{})
	return n
}

// number is a name's place in the list, counted from 1; 0 says that it has none.
func (n *names) number(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at, ok := n.at[name]; ok {
		return at
	}
	list := *n.list.Load()
	if len(list) == mostNames || len(name) > 100 {
		return 0
	}
	// What is behind the end of a list nobody reads who has that list.
	list = append(list, name)
	n.list.Store(&list)
	n.at[name] = len(list)
	return n.at[name]
}

// pack is an object packed; false says that it holds what JSON does not.
func (n *names) pack(o Object) (string, bool) {
	head, values := packer{names: n}, packer{names: n}
	head.uvarint(len(o))
	for k, v := range o {
		from := len(values.out)
		values.value(v)
		head.name(k)
		head.uvarint(len(values.out) - from)
	}
	return string(append(head.out, values.out...)), !values.odd
}

type packer struct {
	names *names
	out   []byte
	odd   bool // there was what JSON does not have
}

func (p *packer) uvarint(n int) { p.out = binary.AppendUvarint(p.out, uint64(n)) } //nolint:gosec // G115: lengths

func (p *packer) text(s string) {
	p.uvarint(len(s))
	p.out = append(p.out, s...)
}

func (p *packer) name(k string) {
	at := p.names.number(k)
	p.uvarint(at)
	if at == 0 {
		p.text(k)
	}
}

func (p *packer) tag(t byte) { p.out = append(p.out, t) }

func (p *packer) value(v any) {
	switch v := v.(type) {
	case nil:
		p.tag(tagNull)
	case bool:
		if v {
			p.tag(tagTrue)
		} else {
			p.tag(tagFalse)
		}
	case json.Number:
		p.tag(tagNumber)
		p.text(v.String())
	case string:
		p.tag(tagText)
		p.text(v)
	case []any:
		p.array(v)
	case Object:
		p.object(v)
	default:
		p.odd = true
	}
}

func (p *packer) array(list []any) {
	if list == nil { // its text is null
		p.tag(tagNull)
		return
	}
	p.tag(tagArray)
	p.uvarint(len(list))
	for _, e := range list {
		p.value(e)
	}
}

func (p *packer) object(o Object) {
	if o == nil {
		p.tag(tagNull)
		return
	}
	p.tag(tagObject)
	p.uvarint(len(o))
	for k, v := range o {
		p.name(k)
		p.value(v)
	}
}

// A reader reads what is packed; what it is given came from pack.
type reader struct {
	in    string
	at    int
	names []string
}

func (r *reader) uvarint() int {
	b := r.in[r.at]
	r.at++
	if b < 0x80 {
		return int(b)
	}
	x := int(b & 0x7f)
	for shift := 7; ; shift += 7 {
		b = r.in[r.at]
		r.at++
		x |= int(b&0x7f) << shift
		if b < 0x80 {
			return x
		}
	}
}

func (r *reader) text() string {
	n := r.uvarint()
	r.at += n
	return r.in[r.at-n : r.at]
}

func (r *reader) name() string {
	if at := r.uvarint(); at > 0 {
		return r.names[at-1]
	}
	return r.text()
}

func (r *reader) value() any {
	r.at++
	switch r.in[r.at-1] {
	case tagFalse:
		return false
	case tagTrue:
		return true
	case tagNumber:
		return json.Number(r.text())
	case tagText:
		return r.text()
	case tagArray:
		list := make([]any, r.uvarint())
		for i := range list {
			list[i] = r.value()
		}
		return list
	case tagObject:
		n := r.uvarint()
		o := make(Object, n)
		for range n {
			k := r.name()
			o[k] = r.value()
		}
		return o
	}
	return nil
}

// whole is the object.
func (r *reader) whole() Object {
	n := r.uvarint()
	o := make(Object, n)
	values := reader{in: r.in, at: r.at, names: r.names}
	for range n {
		values.name()
		values.uvarint()
	}
	for range n {
		k := r.name()
		r.uvarint()
		o[k] = values.value()
	}
	return o
}

// A Pick is members of objects by their names.
type Pick struct {
	names []string
	at    []int // their places in the list of names, 0: none
}

// pick is a Pick as good as what is packed already.
func (n *names) pick(members []string) Pick {
	p := Pick{names: members, at: make([]int, len(members))}
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, name := range members {
		p.at[i] = n.at[name]
	}
	return p
}

// is reports whether a member is one of them; a name without a place stands in the
// text itself.
func (p Pick) is(at int, name string) bool {
	if at > 0 {
		return slices.Contains(p.at, at)
	}
	return slices.Contains(p.names, name)
}

// some puts those members into an object that are picked.
func (r *reader) some(into Object, p Pick) {
	n := r.uvarint()
	head := *r
	found := 0
	for range n { // to where the values begin
		at, name := r.uvarint(), ""
		if at == 0 {
			name = r.text()
		}
		r.uvarint()
		if p.is(at, name) {
			found++
		}
	}
	for ; found > 0; n-- {
		at, name := head.uvarint(), ""
		if at == 0 {
			name = head.text()
		}
		size := head.uvarint()
		if !p.is(at, name) {
			r.at += size
			continue
		}
		if at > 0 {
			name = r.names[at-1]
		}
		into[name] = r.value()
		found--
	}
}
