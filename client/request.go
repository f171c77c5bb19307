package client

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"a0run/client/catalog"
)

// accessTokenArg is the argument that holds the caller's token where an
// operation is authorised by one.
const accessTokenArg = "access_token"

// request is one call made ready: everything but what differs from attempt to
// attempt (the management token, an assertion, a file read again).
type request struct {
	op     *catalog.Operation
	given  []given
	base   *url.URL
	target string // the whole URL
	shown  string // likewise without the values of the query
	header http.Header
	auth   *clientAuth
	token  string // of AccessToken
	whole  json.RawMessage
	parts  fields
	files  []filePart
	// looksEncoded is what an id would be that looks percent-encoded; "" where
	// none does.
	looksEncoded string
}

// given is one argument as the caller gave it.
type given struct {
	arg   *catalog.Arg
	value any
}

// filePart is one file of a multipart body.
type filePart struct {
	field string
	file  FileArg
}

// lookup finds an operation by one of its names.
func lookup(name string) (*catalog.Operation, error) {
	op, ok := catalog.Default().Lookup(name)
	if ok {
		return op, nil
	}
	e := &ArgumentError{Operation: name, Problem: "there is no such operation", Next: "`a0run ops` lists them all"}
	if near := catalog.Default().Nearest(name); near != "" {
		e.Next = "did you mean " + near + "?"
	}
	return nil, e
}

// prepare checks the arguments of a call and puts each in its place.
func (c *Client) prepare(op *catalog.Operation, args Args) (*request, error) {
	r := &request{op: op, base: c.base, auth: c.auth, header: http.Header{}}
	if err := r.name(args); err != nil {
		return nil, err
	}
	if err := c.settle(r); err != nil {
		return nil, err
	}
	if err := r.complete(); err != nil {
		return nil, err
	}
	if err := r.address(); err != nil {
		return nil, err
	}
	for _, place := range []func(given) error{r.headerArg, r.bodyArg} {
		for _, g := range r.given {
			if err := place(g); err != nil {
				return nil, r.wrong(g.arg.Name, err)
			}
		}
	}
	if err := r.checkBody(); err != nil {
		return nil, err
	}
	return r, c.validate(r)
}

// name matches the arguments with the catalogue's, in the catalogue's order.
func (r *request) name(args Args) error {
	values := make([]any, len(r.op.Args))
	var whole any
	var unknown []string
	for name, value := range args {
		if absent(value) {
			continue
		}
		i := slices.IndexFunc(r.op.Args, func(a catalog.Arg) bool {
			return a.Name == name || a.Python == name && name != "" || a.Wire == name && name != ""
		})
		switch {
		case i >= 0 && values[i] != nil:
			return &ArgumentError{Operation: r.op.ID, Argument: r.op.Args[i].Name, Problem: "is given under two names"}
		case i >= 0:
			values[i] = value
		case name == "body" && r.op.TakesBody():
			whole = value
		default:
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return &ArgumentError{Operation: r.op.ID, Argument: unknown[0], Problem: "there is no such argument", Next: r.nearest(unknown[0])}
	}
	for i, v := range values {
		if v != nil {
			r.given = append(r.given, given{&r.op.Args[i], v})
		}
	}
	if whole != nil {
		r.given = append(r.given, given{&catalog.Arg{Name: "body", In: catalog.InBody, Type: catalog.Any}, whole})
	}
	return nil
}

// nearest says which argument was most likely meant.
func (r *request) nearest(name string) string {
	if len(r.op.Args) == 0 {
		return "it takes none"
	}
	names := make([]string, len(r.op.Args))
	for i, a := range r.op.Args {
		names[i] = a.Name
		same := func(s string) string { return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s)) }
		if strings.HasPrefix(same(a.Name), same(name)) || strings.HasPrefix(same(name), same(a.Name)) {
			return "did you mean " + a.Name + "?"
		}
	}
	return "it takes " + strings.Join(names, ", ")
}

// find gives the value of an argument by its place and name on the wire.
func (r *request) find(in catalog.Place, wire string) (any, bool) {
	for _, g := range r.given {
		if g.arg.In == in && (g.arg.WireName() == wire || g.arg.Name == wire) {
			return g.value, true
		}
	}
	return nil, false
}

// settle applies the arguments that replace settings of the client.
func (c *Client) settle(r *request) error {
	set := map[string]string{}
	for _, g := range r.given {
		if g.arg.In != catalog.InClient {
			continue
		}
		text, err := plain(g.value)
		if err != nil {
			return r.wrong(g.arg.Name, err)
		}
		set[g.arg.Name] = text
	}
	if len(set) == 0 {
		return nil
	}
	if domain := set["domain"]; domain != "" {
		base, err := baseURL(domain)
		if err != nil {
			return err
		}
		r.base = base
	}
	auth, err := newClientAuth(c.callAuth(set, issuerOf(r.base)))
	if err != nil {
		return authArgument(r.op.ID, err)
	}
	r.auth = auth
	return nil
}

// complete checks that nothing required is missing.
func (r *request) complete() error {
	_, whole := r.find(catalog.InBody, "body")
	for i := range r.op.Args {
		a := &r.op.Args[i]
		if !a.Required || slices.ContainsFunc(r.given, func(g given) bool { return g.arg == a }) {
			continue
		}
		if whole && (a.In == catalog.InField || a.In == catalog.InBody) {
			continue // the whole body may hold it
		}
		if a.In == catalog.InPath && a.WireName() == "client_id" && r.auth.clientID != "" {
			continue // segment fills it in
		}
		return &ArgumentError{Operation: r.op.ID, Argument: a.Name, Problem: "is required and not given"}
	}
	return nil
}

// address builds the URL.
func (r *request) address() error {
	var b strings.Builder
	b.WriteString(r.base.Scheme + "://" + r.base.Host)
	if r.op.API == catalog.Management {
		b.WriteString("/api/v2")
	}
	rest := r.op.Path
	for {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			break
		}
		name, tail, _ := strings.Cut(after, "}")
		segment, err := r.segment(name)
		if err != nil {
			return err
		}
		b.WriteString(segment)
		rest = tail
	}
	path := b.String()
	query, names, err := r.query()
	if err != nil {
		return err
	}
	r.target, r.shown = path, path
	if query != "" {
		r.target, r.shown = path+"?"+query, path+"?"+names
	}
	return nil
}

// segment encodes one path parameter.
func (r *request) segment(name string) (string, error) {
	value, ok := r.find(catalog.InPath, name)
	if !ok && name == "client_id" && r.auth.clientID != "" {
		value, ok = r.auth.clientID, true // it is the client's own unless told otherwise
	}
	if !ok || isNull(value) {
		return "", &ArgumentError{Operation: r.op.ID, Argument: name, Problem: "is required and not given"}
	}
	text, err := plain(value)
	if err != nil {
		return "", r.wrong(name, err)
	}
	switch text {
	case "", ".", "..":
		return "", &ArgumentError{
			Operation: r.op.ID, Argument: name, Problem: fmt.Sprintf("%q is no id: the request would go to another address", text),
		}
	}
	if err := r.encodedAlready(name, text); err != nil {
		return "", err
	}
	return url.PathEscape(text), nil
}

// encodedAlready refuses a user's id that was encoded by the caller: every
// user_id has a | in it, so that auth0%7C1 is none. Other ids, and the part of a
// user_id that an identity provider chose, may have a percent sign in them and go
// out as they are; where nothing is found, the error asks (see Auth0Error.Hint).
func (r *request) encodedAlready(name, text string) error {
	decoded, err := url.PathUnescape(text)
	if err != nil || decoded == text {
		return nil //nolint:nilerr // a percent sign that begins nothing is one of the id's own
	}
	user := name == "user_id" || strings.Contains(r.op.Path, "/users/{"+name+"}")
	if !user || strings.Contains(text, "|") || !strings.Contains(decoded, "|") {
		r.looksEncoded = decoded
		return nil
	}
	return &ArgumentError{
		Operation: r.op.ID, Argument: name, Problem: fmt.Sprintf("%q is percent-encoded already", text),
		Next: fmt.Sprintf("give the id as it is, %q: it is encoded here", decoded),
	}
}

// query encodes the query in the catalogue's order; names has no values.
func (r *request) query() (query, names string, err error) {
	var q, n []string
	add := func(name, value string) {
		q = append(q, url.QueryEscape(name)+"="+url.QueryEscape(value))
		n = append(n, url.QueryEscape(name))
	}
	if r.op.Answer == catalog.RedirectAnswer && r.op.Auth == catalog.ClientID && r.auth.clientID != "" {
		if _, given := r.find(catalog.InQuery, "client_id"); !given {
			add("client_id", r.auth.clientID)
		}
	}
	for _, g := range r.given {
		if g.arg.In != catalog.InQuery || isNull(g.value) {
			continue
		}
		if g.arg.Repeat {
			texts, err := plainList(g.value)
			if err != nil {
				return "", "", r.wrong(g.arg.Name, err)
			}
			for _, text := range texts {
				add(g.arg.WireName(), text)
			}
			continue
		}
		text, err := plain(g.value)
		if err != nil {
			return "", "", r.wrong(g.arg.Name, err)
		}
		if text == "" && (g.arg.Type == catalog.Strings || g.arg.Type == catalog.Array) {
			continue // an empty list asks for nothing
		}
		add(g.arg.WireName(), text)
	}
	return strings.Join(q, "&"), strings.Join(n, "&"), nil
}

// headerArg puts a header argument, or the caller's access token.
func (r *request) headerArg(g given) error {
	token := r.op.Auth == catalog.AccessToken && g.arg.Name == accessTokenArg
	if !token && g.arg.In != catalog.InHeader || isNull(g.value) {
		return nil
	}
	text, err := plain(g.value)
	if err != nil {
		return err
	}
	if strings.ContainsAny(text, "\r\n\x00") {
		return fmt.Errorf("a header cannot hold a line break")
	}
	if token {
		r.token = text
		return nil
	}
	r.header.Set(g.arg.WireName(), text)
	return nil
}

// wrong names the operation and the argument of a mistake.
func (r *request) wrong(argument string, err error) error {
	if e, ok := err.(*ArgumentError); ok { //nolint:errorlint // made here, never wrapped
		return e
	}
	return &ArgumentError{Operation: r.op.ID, Argument: argument, Problem: err.Error()}
}
