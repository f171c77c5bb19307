package sim

import (
	"net/url"
	"strings"

	"a0run/client/catalog"
	"a0run/client/sim/rules"
)

// A route is one verb at one path template.
type route struct {
	// shape is the template with nameless parameters, by which handlers are
	// written down: "GET /users/{}/roles".
	shape string
	// path is the shape without the verb.
	path   string
	api    catalog.API
	ops    []*catalog.Operation // several only where a body field decides
	handle handler
	// model is what generic.go has to know of the path.
	model *model
	// takes is what the API's schemas say of requests, names are the path's
	// parameters.
	takes rules.Request
	names []string
	// closed: the body has the operation's arguments and nothing else, which
	// only the catalogue's row says.
	closed bool
}

// A branch is one segment of the paths known.
type branch struct {
	fixed  map[string]*branch
	param  *branch
	routes map[string]*route // by verb
}

func newBranch() *branch {
	return &branch{fixed: map[string]*branch{}, routes: map[string]*route{}}
}

// A router finds the operation of a request.
type router struct {
	management, root *branch
	routes           []*route
}

const managementRoot = "/api/v2"

// newRouter builds the router in one pass over the table.
func newRouter(c *catalog.Table) *router {
	r := &router{management: newBranch(), root: newBranch()}
	for _, op := range append(extras(), c.All()...) {
		r.add(op)
	}
	for _, op := range newer() {
		r.add(op).closed = true
	}
	models := newModels(r.routes)
	quirks := handlers()
	for _, rt := range r.routes {
		rt.model = models.of(rt)
		key := rt.shape
		if rt.api == catalog.Authentication {
			key = "auth " + key
		}
		if h := quirks[key]; h != nil {
			rt.handle = h
		} else {
			rt.handle = generic(rt)
		}
	}
	return r
}

func (r *router) add(op *catalog.Operation) *route {
	b := r.root
	if op.API == catalog.Management {
		b = r.management
	}
	path := shapeOf(op.Path)
	for _, seg := range segments(path) {
		if seg == "{}" {
			if b.param == nil {
				b.param = newBranch()
			}
			b = b.param
			continue
		}
		next := b.fixed[seg]
		if next == nil {
			next = newBranch()
			b.fixed[seg] = next
		}
		b = next
	}
	rt := b.routes[op.Verb]
	if rt == nil {
		rt = &route{shape: op.Verb + " " + path, path: path, api: op.API, names: parametersOf(op.Path)}
		if op.API == catalog.Management {
			rt.takes = rules.Of(rt.shape)
		}
		b.routes[op.Verb] = rt
		r.routes = append(r.routes, rt)
	}
	rt.ops = append(rt.ops, op)
	return rt
}

// shapeOf takes the parameters' names out of a template.
func shapeOf(path string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(path, '{')
		if open < 0 {
			b.WriteString(path)
			return b.String()
		}
		end := open + strings.IndexByte(path[open:], '}')
		b.WriteString(path[:open])
		b.WriteString("{}")
		path = path[end+1:]
	}
}

// parametersOf are the names of a template's parameters.
func parametersOf(path string) []string {
	var out []string
	for _, s := range segments(path) {
		if name, ok := strings.CutPrefix(s, "{"); ok {
			out = append(out, strings.TrimSuffix(name, "}"))
		}
	}
	return out
}

func segments(path string) []string {
	return strings.Split(strings.Trim(path, "/"), "/")
}

// find is the route of a request and its path parameters, decoded.
func (r *router) find(verb, escaped string) (*route, []string) {
	b := r.root
	rest, ok := strings.CutPrefix(escaped, managementRoot)
	if ok {
		b, escaped = r.management, rest
	}
	segs := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	for i, s := range segs {
		decoded, err := url.PathUnescape(s)
		if err != nil || decoded == "" {
			return nil, nil
		}
		segs[i] = decoded
	}
	return b.match(verb, segs, nil)
}

func (b *branch) match(verb string, segs, params []string) (*route, []string) {
	if len(segs) == 0 {
		return b.routes[verb], params
	}
	if next := b.fixed[segs[0]]; next != nil {
		if rt, ps := next.match(verb, segs[1:], params); rt != nil {
			return rt, ps
		}
	}
	if b.param != nil {
		return b.param.match(verb, segs[1:], append(params[:len(params):len(params)], segs[0]))
	}
	return nil, nil
}

// pick is the operation of a route for a body: where several share verb and
// path, the one whose fixed fields the body has.
func (rt *route) pick(body map[string]any) *catalog.Operation {
	if len(rt.ops) == 1 {
		return rt.ops[0]
	}
	best, most := rt.ops[0], -1
	for _, op := range rt.ops {
		if n := fits(op, body); n > most {
			best, most = op, n
		}
	}
	return best
}

// fits counts the arguments of an operation that a body has, -1 when a fixed
// field differs.
func fits(op *catalog.Operation, body map[string]any) int {
	n := 0
	for _, f := range op.Fixed {
		if body[f.Name] != f.Value {
			return -1
		}
		n += 100
	}
	for _, a := range op.Args {
		_, has := body[a.WireName()]
		switch {
		case a.In == catalog.InField && has:
			n++
		case a.In == catalog.InField && a.Required:
			n -= 10
		}
	}
	return max(n, 0)
}
