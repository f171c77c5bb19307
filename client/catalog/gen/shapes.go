package main

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"a0run/client/catalog"
)

// A node is what one place of a request body may hold: all alternatives of the
// document's schema in one. Where the alternatives are objects that one field
// tells apart (strategy, type), they stay apart as variants; else what either
// of them takes is taken, so that nothing is refused that one of them allows.
type node struct {
	name     string
	kinds    kinds
	enum     []string
	format   string
	must     []member
	may      []member
	open     bool
	rest     int // what fields without a name hold; 0 where nothing is known
	items    int
	by       string
	variants []member
}

// A member is a field, or a variant by its value, with its node.
type member struct {
	name string
	node int
}

// kinds are the JSON types that a place may hold.
type kinds uint8

// The kinds, in the order of client/schema.
const (
	isText kinds = 1 << iota
	isWhole
	isNumber
	isBool
	isNull
	isObject
	isArray

	isAny = isText | isWhole | isNumber | isBool | isNull | isObject | isArray
)

// A shaper makes nodes of schemas; equal sets of alternatives share one.
type shaper struct {
	schemas  schemas
	names    map[*schema]string // of the components
	ids      map[*schema]int
	flat     map[*schema][]*schema
	joined   map[[2]*schema]*schema
	built    map[string]int
	nodes    []*node
	softened map[*schema]*schema
}

func newShaper(s schemas) *shaper {
	g := &shaper{
		schemas: s, names: map[*schema]string{}, ids: map[*schema]int{}, flat: map[*schema][]*schema{},
		joined: map[[2]*schema]*schema{}, built: map[string]int{},
		softened: map[*schema]*schema{},
	}
	for name, field := range unsaid() {
		if v := s[name]; v != nil {
			v.Properties[field] = &schema{Type: "string"}
		}
	}
	for name, v := range s {
		g.names[v] = name
	}
	g.nodes = []*node{{name: "any", kinds: isAny, open: true}}
	return g
}

// atoms are the alternatives of a schema, each without alternatives of its own.
func (g *shaper) atoms(v *schema) []*schema {
	if v = g.schemas.deref(v); v == nil {
		return nil
	}
	if found, ok := g.flat[v]; ok {
		return found
	}
	g.flat[v] = nil // a schema that is its own alternative adds nothing
	base := v
	if len(v.OneOf)+len(v.AnyOf)+len(v.AllOf) > 0 {
		own := *v
		own.OneOf, own.AnyOf, own.AllOf = nil, nil, nil
		base = &own
		for _, part := range v.AllOf {
			for _, a := range g.atoms(part) {
				base = g.both(base, a)
			}
		}
	}
	var out []*schema
	for _, alt := range append(append([]*schema(nil), v.OneOf...), v.AnyOf...) {
		for _, a := range g.atoms(alt) {
			if constrains(a) {
				continue
			}
			if a = g.both(base, a); !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	if out == nil {
		out = []*schema{base}
	}
	g.flat[v] = out
	return out
}

// constrains reports whether an alternative only says which fields must be
// there: which of several is left to the API.
func constrains(v *schema) bool { return v.Type == nil && v.Properties == nil && len(v.Required) > 0 }

// both is a schema that is a and b.
func (g *shaper) both(a, b *schema) *schema {
	says := func(v *schema) bool { return len(v.Properties)+len(v.Required)+len(v.Additional)+len(v.Enum) > 0 }
	switch {
	case !says(a):
		return b
	case !says(b):
		return a
	}
	key := [2]*schema{a, b}
	if found, ok := g.joined[key]; ok {
		return found
	}
	out := *b
	if out.Type == nil {
		out.Type = a.Type
	}
	out.Required = join(a.Required, b.Required)
	out.Properties = map[string]*schema{}
	for _, from := range []*schema{a, b} {
		for name, p := range from.Properties {
			out.Properties[name] = p
		}
	}
	if !closed(a) || !closed(b) {
		out.Additional = nil
	}
	g.joined[key] = &out
	return &out
}

func closed(v *schema) bool { return bytes.Equal(v.Additional, []byte("false")) }

// build is the node of a place that holds one of these.
func (g *shaper) build(name string, atoms []*schema) int {
	if len(atoms) == 0 {
		return 0
	}
	key := g.key(atoms)
	if id, ok := g.built[key]; ok {
		return id
	}
	id := len(g.nodes)
	n := &node{name: name}
	g.nodes, g.built[key] = append(g.nodes, n), id
	for _, a := range atoms {
		n.kinds |= kindsOf(a)
	}
	n.enum, n.format = texts(atoms)
	g.objects(n, having(atoms, isObject))
	arrays := having(atoms, isArray)
	var items []*schema
	for _, a := range arrays {
		if a.Items == nil {
			items = nil
			break
		}
		items = appendNew(items, g.atoms(a.Items))
	}
	n.items = g.build(g.named(items, n.name+"_item"), items)
	return id
}

// named is the component's name where a place holds nothing else.
func (g *shaper) named(atoms []*schema, otherwise string) string {
	if len(atoms) == 1 {
		if name, ok := g.names[atoms[0]]; ok {
			return name
		}
	}
	return otherwise
}

func (g *shaper) key(atoms []*schema) string {
	numbers := make([]int, len(atoms))
	for i, a := range atoms {
		if _, ok := g.ids[a]; !ok {
			g.ids[a] = len(g.ids)
		}
		numbers[i] = g.ids[a]
	}
	sort.Ints(numbers)
	return fmt.Sprint(numbers)
}

func appendNew(list, more []*schema) []*schema {
	for _, v := range more {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

func having(atoms []*schema, k kinds) []*schema {
	var out []*schema
	for _, a := range atoms {
		if kindsOf(a)&k != 0 {
			out = append(out, a)
		}
	}
	return out
}

// kindsOf are the kinds of one alternative; one that does not say takes all.
func kindsOf(v *schema) kinds {
	k := kinds(0)
	add := func(t string) {
		k |= map[string]kinds{
			"string": isText, "integer": isWhole, "number": isWhole | isNumber, "boolean": isBool, "null": isNull,
			"object": isObject, "array": isArray,
		}[t]
	}
	switch t := v.Type.(type) {
	case string:
		add(t)
	case []any:
		for _, one := range t {
			text, _ := one.(string)
			add(text)
		}
	}
	if k == 0 {
		add(v.kind())
	}
	if v.Const != nil {
		k |= isText
	}
	if v.Nullable || slices.Contains(v.Enum, nil) {
		k |= isNull
	}
	if k == 0 {
		return isAny
	}
	return k
}

// texts are the values and the format of which a text must be: none where one
// of the alternatives has none.
func texts(atoms []*schema) (enum []string, format string) {
	all := having(atoms, isText)
	for i, a := range all {
		values := valuesOf(a)
		if i > 0 && enum == nil || len(values) == 0 {
			enum = nil
			break
		}
		for _, v := range values {
			if !slices.Contains(enum, v) {
				enum = append(enum, v)
			}
		}
	}
	for i, a := range all {
		if f := checkedFormats()[a.Format]; i == 0 || f == format {
			format = f
		} else {
			return enum, ""
		}
	}
	return enum, format
}

// checkedFormats are the formats of which a wrong one is certainly refused; the
// others are Auth0's own, and wider than their names.
func checkedFormats() map[string]string {
	return map[string]string{"email": "email", "strict-https-uri": "https", "strict-https-uri-or-null": "https"}
}

// valuesOf are the only texts that an alternative takes.
func valuesOf(v *schema) []string {
	if text, ok := v.Const.(string); ok {
		return []string{text}
	}
	var out []string
	for _, value := range v.Enum {
		if text, ok := value.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

// objects fills in what a node says of objects.
func (g *shaper) objects(n *node, objects []*schema) {
	if len(objects) == 0 {
		return
	}
	if by, groups := g.apart(objects); by != "" {
		n.by = by
		for _, value := range keys(groups) {
			group := groups[value]
			n.variants = append(n.variants, member{value, g.build(g.named(group, n.name+"_"+value), group)})
		}
		return
	}
	have := map[string][]*schema{}
	required := map[string]int{}
	var rest []*schema
	for _, o := range objects {
		for name, p := range o.Properties {
			have[name] = appendNew(have[name], g.atoms(p))
		}
		for _, name := range o.Required {
			required[name]++
		}
		switch raw := bytes.TrimSpace(o.Additional); {
		case len(raw) == 0, bytes.Equal(raw, []byte("true")), bytes.Equal(raw, []byte("{}")):
			n.open = true
		case !closed(o):
			rest = appendNew(rest, g.atoms(g.schemas.of(raw)))
		}
	}
	for _, name := range keys(have) {
		m := member{name, g.build(g.named(have[name], n.name+"_"+name), have[name])}
		if required[name] == len(objects) {
			n.must = append(n.must, m)
		} else {
			n.may = append(n.may, m)
		}
	}
	if !n.open {
		n.rest = g.build(g.named(rest, n.name+"_rest"), rest)
		n.open = len(rest) > 0 && n.rest == 0
	}
}

// apart finds the field whose value tells which alternative is meant: each of
// them requires it and says which values it has there. Of several, the one with
// the fewest values: the type of a flow's action before what it does, so that a
// slip in the second is told with the few that the first allows.
func (g *shaper) apart(objects []*schema) (by string, groups map[string][]*schema) {
	if len(objects) < 2 {
		return "", nil
	}
	for _, name := range keys(objects[0].Properties) {
		found := map[string][]*schema{}
		for _, o := range objects {
			values := g.told(o, name)
			if len(values) == 0 {
				found = nil
				break
			}
			for _, v := range values {
				found[v] = append(found[v], o)
			}
		}
		if slices.ContainsFunc(keys(found), func(v string) bool { return len(found[v]) == len(objects) }) {
			continue // it would not end
		}
		if len(found) > 1 && (groups == nil || len(found) < len(groups)) {
			by, groups = name, found
		}
	}
	return by, groups
}

// told are the values that an object's required field may have.
func (g *shaper) told(o *schema, name string) []string {
	p, ok := o.Properties[name]
	if !ok || !slices.Contains(o.Required, name) {
		return nil
	}
	atoms := g.atoms(p)
	if len(atoms) != 1 || kindsOf(atoms[0]) != isText {
		return nil
	}
	return valuesOf(atoms[0])
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// A root is the body of one operation.
type root struct {
	id   string
	node int
}

// learned are fields of which more is known than the bodies' schemas say.
func (g *shaper) learned() map[string]map[string]*schema {
	options := g.strategies()
	return map[string]map[string]*schema{
		"connections.create": {"options": options},
		"connections.update": {
			"options": options,
			// The example of the Python SDK 4.13's own page renames a connection.
			"name": {Type: "string"},
		},
		"tenants.update": {
			// Hours; the Go SDK has them as fractions.
			"session_lifetime": {OneOf: []*schema{{Type: "number"}}}, "idle_session_lifetime": {OneOf: []*schema{{Type: "number"}}},
		},
	}
}

// unsaid are fields of components that hold a secret: the document has the
// components only as they are read.
func unsaid() map[string]string {
	return map[string]string{
		"EventStreamWebhookBasicAuth": "password", "EventStreamWebhookBearerAuth": "token",
		"EventStreamWebhookCustomHeaderAuth": "header_value",
	}
}

// strategies are the options of all kinds of connections. The bodies name only a
// few of them; the document has a schema for each strategy beside, which no
// operation refers to, and which the API does not enforce: tenants took values
// outside their enums (signatureMethod HMAC-SHA1) and null.
func (g *shaper) strategies() *schema {
	all := &schema{}
	for _, name := range keys(g.schemas) {
		if !strings.HasPrefix(name, "CreateConnectionRequestContent") {
			continue
		}
		for _, a := range g.atoms(g.schemas[name]) {
			if options, ok := a.Properties["options"]; ok {
				all.OneOf = append(all.OneOf, g.soft(options))
			}
		}
	}
	return all
}

// soft is a schema of which only the names and types of fields are left, and
// null.
func (g *shaper) soft(v *schema) *schema {
	v = g.schemas.deref(v)
	if v == nil {
		return nil
	}
	if found, ok := g.softened[v]; ok {
		return found
	}
	out := *v
	g.softened[v] = &out
	out.Enum, out.Const, out.Required, out.Format, out.Additional = nil, nil, nil, "", nil
	if v.Const != nil || len(v.Enum) > 0 {
		out.Type = v.kind()
	}
	out.Nullable = kindsOf(v) != isAny
	out.Items = g.soft(v.Items)
	out.Properties = map[string]*schema{}
	for name, p := range v.Properties {
		out.Properties[name] = g.soft(p)
	}
	for _, list := range []*[]*schema{&out.OneOf, &out.AnyOf, &out.AllOf} {
		softer := make([]*schema, len(*list))
		for i, alt := range *list {
			softer[i] = g.soft(alt)
		}
		*list = softer
	}
	return &out
}

// with is an object that has more fields; one that it has already may also be
// what the second one says.
func (g *shaper) with(v *schema, more map[string]*schema) *schema {
	out := *v
	out.Properties = map[string]*schema{}
	for name, p := range v.Properties {
		out.Properties[name] = p
	}
	for name, p := range more {
		if own, ok := out.Properties[name]; ok {
			p = &schema{OneOf: append([]*schema{own}, p.OneOf...)}
		}
		out.Properties[name] = p
	}
	g.names[&out] = g.names[v]
	return &out
}

// roots builds the bodies of all operations.
func (g *shaper) roots(src *source, ops []*catalog.Operation) []root {
	bodies := map[string]*apiBody{}
	for i := range src.ops {
		api := &src.ops[i]
		bodies[api.Verb+" "+shape(api.Path)] = api.Body
	}
	learned := g.learned()
	var out []root
	for _, op := range ops {
		body := bodies[op.Verb+" "+shape(op.Path)]
		if op.API != catalog.Management || body == nil || op.Body != catalog.JSONBody {
			continue
		}
		atoms := g.atoms(src.schemas.of(body.Schema))
		if more := learned[op.ID]; more != nil {
			atoms = []*schema{g.with(atoms[0], more)}
		}
		out = append(out, root{op.ID, g.build(g.named(atoms, rootName(op.ID)), atoms)})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}

func rootName(id string) string { return strings.ReplaceAll(id, ".", "_") }
