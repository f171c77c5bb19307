package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"a0run/client/catalog"

	"gopkg.in/yaml.v3"
)

// A seed is what a seed file says.
type seed struct {
	name      string
	resources []seedResource
	limits    *Limits
	faults    []Fault
	clock     *time.Time
	places    map[string]seedPlace
	notes     []string // what of an export is not planted
}

// A seedResource is one list of a seed file.
type seedResource struct {
	name    string
	place   seedPlace
	objects []seedObject
}

type seedObject struct {
	where string // for errors
	o     object
}

// A seedPlace is where the objects of a name go.
type seedPlace struct {
	path   string
	idName string
	single bool
	// verb is that of a request by which an object is planted, at this path.
	verb string
	// whole: objects say all that they hold, and nothing is filled in.
	whole bool
	// scope and id are where an object stands that stands below another.
	scope, id string
}

// reader reads a seed file and collects what is wrong with it.
type seedReader struct {
	name   string
	table  *catalog.Table
	places map[string]seedPlace
	files  fs.FS // that a seed may name; nil: none
	errs   []error
	values int  // read so far
	whole  bool // it is an export, whose objects say all that they hold
}

func readSeed(t *Tenant, text []byte, name string) (*seed, error) {
	if name == "" {
		name = "seed"
	}
	s := &seed{name: name, places: seedPlaces(t.routes)}
	if len(strings.TrimSpace(string(text))) == 0 && t.o.SeedFS != nil {
		return s, readFolder(s, t.o.SeedFS)
	}
	if len(strings.TrimSpace(string(text))) == 0 {
		return s, nil
	}
	if s.fast(text, s.places) {
		return s, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(doc.Content) == 0 {
		return s, nil
	}
	r := &seedReader{name: name, table: t.table, places: s.places, files: t.o.SeedFS}
	r.top(s, doc.Content[0])
	return s, errors.Join(r.errs...)
}

// fast reads a seed that is JSON and holds nothing but resources, many times
// as fast as YAML is read. Whatever it does not like is left to the reader
// that knows lines.
func (s *seed) fast(text []byte, places map[string]seedPlace) bool {
	if text[0] != '{' {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var all map[string]any
	if d.Decode(&all) != nil || d.More() {
		return false
	}
	var resources []seedResource
	for _, name := range sortedKeys(all) {
		place, known := places[name]
		list, many := all[name].([]any)
		if !known || place.single || !many {
			return false
		}
		res := seedResource{name: name, place: place}
		for i, v := range list {
			o, ok := v.(object)
			if !ok {
				return false
			}
			res.objects = append(res.objects, seedObject{fmt.Sprintf("%s: %s[%d]", s.name, name, i), o})
		}
		resources = append(resources, res)
	}
	s.resources = resources
	return true
}

func (r *seedReader) fail(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s:%d: %s", r.name, n.Line, fmt.Sprintf(format, args...)))
}

// seedPlaces are the names that a seed file may use: the catalogue's resources
// that stand by themselves, with dots as underscores.
func seedPlaces(r *router) map[string]seedPlace {
	readable := map[string]bool{}
	for _, rt := range r.routes {
		readable[rt.path] = readable[rt.path] || rt.ops[0].Verb == http.MethodGet
	}
	out := map[string]seedPlace{}
	add := func(single bool, fits func(*route, *catalog.Operation) bool) {
		for _, rt := range r.routes {
			op := rt.ops[0]
			if rt.api != catalog.Management || strings.Contains(rt.path, "{}") || rt.model.item || !fits(rt, op) {
				continue
			}
			name := strings.ReplaceAll(op.Subject.Kind, ".", "_")
			if _, taken := out[name]; !taken && name != "" {
				out[name] = seedPlace{path: rt.path, idName: rt.model.idName, single: single}
			}
		}
	}
	// What is created is a list; what can be changed and is no list there is
	// one of; what can only be listed is a list too.
	add(false, func(rt *route, op *catalog.Operation) bool { return rt.model.many && op.Effect == catalog.Create })
	add(true, func(rt *route, op *catalog.Operation) bool {
		return !rt.model.many && op.Effect.Mutates() && readable[rt.path]
	})
	add(false, func(_ *route, op *catalog.Operation) bool { return op.IsListing() })
	for name, path := range unmadeLists() {
		out[name] = seedPlace{path: path, idName: "id"}
	}
	for short, long := range map[string]string{"tenants": "tenants_settings", "emails": "emails_provider"} {
		if p, ok := out[long]; ok {
			out[short] = p
		}
	}
	return out
}

// unmadeLists are what no request makes and only a seed can put in: what comes
// of running something, what Auth0 has ready, addresses that are blocked. Those
// of a flow and of an event stream stand with it (executions, deliveries).
func unmadeLists() map[string]string {
	return map[string]string{
		"organization_templates": templatesKind, "connection_profile_templates": "/connection-profiles/templates",
		"user_attribute_profile_templates": "/user-attribute-profiles/templates", "actions_executions": "/actions/executions",
		"blocked_ips": "/anomaly/blocks/ips",
	}
}

func (r *seedReader) top(s *seed, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "a seed is a map of resource names to lists of objects, as in: users: [{email: …}]")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		// A seed of one's own may have prompts; an export has more than that.
		r.whole = r.whole || n.Content[i].Value != "prompts" && r.foreign(n.Content[i], resolve(n.Content[i+1]))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		switch key.Value {
		case "limits":
			s.limits = r.limitsOf(value)
		case "faults":
			s.faults = r.faultsOf(value)
		case "clock":
			at, err := time.Parse(time.RFC3339, value.Value)
			if err != nil {
				r.fail(value, "clock is %q; it must be a time like 2026-01-31T12:00:00Z", value.Value)
				continue
			}
			s.clock = &at
		default:
			if r.foreign(key, value) {
				r.exported(s, key, value)
			} else {
				r.resource(s, key, value)
			}
		}
	}
}

func (r *seedReader) resource(s *seed, key, value *yaml.Node) {
	name := strings.ReplaceAll(key.Value, ".", "_")
	place, known := r.places[name]
	if !known {
		names := append(sortedKeys(r.places), "limits", "faults", "clock")
		r.fail(key, "no resource is called %q%s", key.Value, didYouMean(key.Value, names))
		return
	}
	place.whole = r.whole
	res := seedResource{name: name, place: place}
	var list []*yaml.Node
	switch {
	case place.single && value.Kind == yaml.MappingNode:
		list = []*yaml.Node{value}
	case !place.single && value.Kind == yaml.SequenceNode:
		list = value.Content
	case value.Tag == "!!null":
	case place.single:
		r.fail(value, "%s is one object, not a list", key.Value)
	default:
		r.fail(value, "%s is a list of objects", key.Value)
	}
	for _, item := range list {
		item = resolve(item)
		v, err := r.plain(item, 0)
		o, ok := v.(object)
		switch {
		case err != nil:
			r.fail(item, "%v", err)
		case !ok:
			r.fail(item, "%s: an object is expected, not %s", key.Value, typeName(v))
		default:
			if r.files != nil {
				x := &export{files: r.files}
				x.readFiles(res.name, o, ".")
				for _, err := range x.errs {
					r.fail(item, "%v", err)
				}
			}
			res.objects = append(res.objects, seedObject{fmt.Sprintf("%s:%d", r.name, item.Line), o})
		}
	}
	s.resources = append(s.resources, res)
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// plain is a YAML value as JSON would have it: numbers keep their digits, and
// what looks like a time is the text that it is in JSON.
func (r *seedReader) plain(n *yaml.Node, depth int) (any, error) {
	n = resolve(n)
	// An anchor may hold itself, or itself many times over.
	if r.values++; depth > 100 || r.values > 20_000_000 {
		return nil, errors.New("the value is nested too deep or too large")
	}
	switch n.Kind {
	case yaml.MappingNode:
		o := object{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := r.plain(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			if _, twice := o[n.Content[i].Value]; twice {
				return nil, fmt.Errorf("key %q stands twice", n.Content[i].Value)
			}
			o[n.Content[i].Value] = v
		}
		return o, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, e := range n.Content {
			v, err := r.plain(e, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	default:
		return scalar(n)
	}
}

func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE", nil
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value), nil
		}
		var f float64
		if err := n.Decode(&f); err != nil {
			return nil, err
		}
		return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), nil
	}
	return n.Value, nil
}

// fields walks a map and gives each known key to its reader.
func (r *seedReader) fields(n *yaml.Node, what string, known map[string]func(*yaml.Node) error) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s is a map", what)
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], resolve(n.Content[i+1])
		read := known[key.Value]
		if read == nil {
			r.fail(key, "%s has no key %q%s", what, key.Value, didYouMean(key.Value, sortedKeys(known)))
			continue
		}
		if err := read(value); err != nil {
			r.fail(value, "%s.%s: %v", what, key.Value, err)
		}
	}
}

func (r *seedReader) limitsOf(n *yaml.Node) *Limits {
	l := &Limits{Groups: map[string]Limit{}, Entities: map[string]int{}}
	r.fields(n, "limits", map[string]func(*yaml.Node) error{
		"rate":  rateInto(func(r Limit) { l.Rate, l.Per, l.Every = r.Rate, r.Per, r.Every }),
		"burst": func(n *yaml.Node) error { return n.Decode(&l.Burst) },
		"reset": func(n *yaml.Node) error { return n.Decode(&l.Reset) },
		"entities": func(n *yaml.Node) error {
			err := n.Decode(&l.Entities)
			if err != nil {
				return errors.New("a map of kinds of objects to numbers is expected, as in: entities: {clients: 10}")
			}
			return checkEntities(l.Entities)
		},
		"groups": func(n *yaml.Node) error {
			if n.Kind != yaml.MappingNode {
				return errors.New("a map of bucket names to {rate, burst} is expected")
			}
			buckets := limitNames(r.table)
			for i := 0; i+1 < len(n.Content); i += 2 {
				name := n.Content[i].Value
				if !slices.Contains(buckets, name) {
					r.fail(n.Content[i], "no rate-limit bucket is called %q%s", name, didYouMean(name, buckets))
				}
				var g Limit
				r.fields(resolve(n.Content[i+1]), "limits.groups."+name, map[string]func(*yaml.Node) error{
					"rate":  rateInto(func(r Limit) { g.Rate, g.Per, g.Every = r.Rate, r.Per, r.Every }),
					"burst": func(n *yaml.Node) error { return n.Decode(&g.Burst) },
					"by":    func(n *yaml.Node) error { return n.Decode(&g.By) },
				})
				l.Groups[name] = g
			}
			return nil
		},
	})
	return l
}

// rateInto reads a rate: a number a second, or "200/min".
func rateInto(into func(Limit)) func(*yaml.Node) error {
	return func(n *yaml.Node) error {
		l, err := ParseRate(n.Value)
		if err == nil {
			into(l)
		}
		return err
	}
}

func (r *seedReader) faultsOf(n *yaml.Node) []Fault {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "faults is a list, as in: - {operation: users.update, status: 503}")
		return nil
	}
	var out []Fault
	for _, item := range n.Content {
		item = resolve(item)
		var f Fault
		into := func(v any) func(*yaml.Node) error { return func(n *yaml.Node) error { return n.Decode(v) } }
		r.fields(item, "fault", map[string]func(*yaml.Node) error{
			"operation": func(n *yaml.Node) error {
				if err := n.Decode(&f.Operation); err != nil {
					return err
				}
				return known(r.table, f.Operation)
			},
			"after": into(&f.After), "count": into(&f.Count), "status": into(&f.Status), "body": into(&f.Body),
			"headers": into(&f.Headers), "delay": into(&f.Delay), "cut_off": into(&f.CutOff),
			"share": into(&f.Share), "seed": into(&f.Seed), "slow": into(&f.Slow), "stale": into(&f.Stale),
			"content_type": into(&f.ContentType),
			"reset": func(n *yaml.Node) error {
				f.Reset = n.Value
				if f.Reset != "before" && f.Reset != "after" {
					return fmt.Errorf(`%q is not "before" or "after"`, f.Reset)
				}
				return nil
			},
		})
		if err := f.pointless(); err != nil {
			r.fail(item, "%s", err)
		}
		out = append(out, f)
	}
	return out
}

// merge gives the limits of the options, where they say something, else those
// of the seed.
func (s *seed) merge(o Limits) Limits {
	if s.limits == nil {
		return o
	}
	l := *s.limits
	if o.Rate != 0 {
		l.Rate, l.Burst, l.Per, l.Every = o.Rate, o.Burst, o.Per, o.Every
	}
	if o.other != "" {
		l.other = o.other
	}
	if o.Reset != "" {
		l.Reset = o.Reset
	}
	for k, v := range o.Groups {
		l.Groups[k] = v
	}
	for k, v := range o.Entities {
		l.Entities[k] = v
	}
	return l
}

// didYouMean is a hint at the nearest of some names, or nothing.
func didYouMean(name string, names []string) string {
	best, cost := "", len(name)/2+1
	for _, n := range names {
		if d := distance(name, n); d < cost {
			best, cost = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
