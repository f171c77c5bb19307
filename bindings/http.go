package bindings

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"a0run/client/catalog"
	"a0run/client/egress"
	"a0run/client/hosts"
	"a0run/engine"
)

// HTTP asks hosts that are no tenant's.
type HTTP interface {
	// Allows says why an address may not be asked; nil where it may.
	Allows(u *url.URL) *hosts.Refusal
	// Do sends a request once; its error is an *egress.Error.
	Do(ctx context.Context, r *egress.Request) (*egress.Response, error)
}

// httpAction is the name of every request in the journal, in plans and in the
// guards, whichever function makes it.
const httpAction = "http.request"

// The options of a request that only say how it is to be treated.
const (
	acceptParam      = "accept"
	idempotencyParam = "idempotency_key"
)

// methods are the methods that are spoken.
func methods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// httpNamespace is http.request, and http.get, http.post and so on.
func (t *table) httpNamespace() *engine.Namespace {
	ns := engine.NewNamespace("http")
	ns.Set("request", t.httpFunction("http.request", ""))
	for _, method := range methods() {
		name := strings.ToLower(method)
		ns.Set(name, t.httpFunction("http."+name, method))
	}
	return ns
}

// httpFunction makes the function of a method, or of any with method "".
func (t *table) httpFunction(name, method string) *engine.Function {
	f := &engine.Function{
		Name: name, Summary: "Send a request to a host that the head declares.",
		Params:  []engine.Param{{Name: "url", Type: "string", Positional: true, Required: true, Summary: "https://HOST/…, of a host under hosts."}},
		Returns: "`status`, `headers` by their names in lower case, `body` as text, and `json` where the body is JSON",
	}
	if method == "" {
		f.Params = append(f.Params, engine.Param{Name: "method", Type: "string", Enum: methods(), Summary: "GET unless told. GET and HEAD are reads, all others actions."})
	} else {
		f.Summary = "Send a " + method + " request to a host that the head declares."
	}
	f.Params = append(f.Params, headParams()...)
	if !egress.Reads(method) {
		f.Params = append(f.Params, bodyParams()...)
	}
	f.Params = append(f.Params, engine.Param{
		Name: timeoutParam, Type: "any", Summary: "For connecting and for silence: seconds, or a text such as 1m30s; 10 seconds unless told.",
	})
	f.Check = t.knownHost
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(inOneTable(c))
		if err != nil {
			return nil, err
		}
		r, err := t.outgoing(args, method)
		if err != nil {
			return nil, err
		}
		return r.do()
	}
	return f
}

func headParams() []engine.Param {
	return []engine.Param{
		{Name: "headers", Type: "object", Summary: "Header fields by name; those of credentials are kept secret."},
		{Name: "query", Type: "object", Summary: "Parameters that are added to the address; a list gives several of one name."},
		{Name: acceptParam, Type: "array", Summary: "Statuses of 400 and above, for an action of 300 and above, that are no error."},
	}
}

func bodyParams() []engine.Param {
	return []engine.Param{
		{Name: "json", Type: "any", Summary: "The body, sent as JSON."},
		{Name: "form", Type: "object", Summary: "The body, sent as a form (application/x-www-form-urlencoded)."},
		{Name: "body", Type: "string", Summary: "The body as text; name its Content-Type in headers."},
		{Name: repeatableParam, Type: "boolean", Summary: "It may be sent again when the outcome of the first time is unknown."},
		{Name: idempotencyParam, Type: "any", Summary: "A text, or true for one that the run makes: sent as Idempotency-Key, the same however often the request is sent. It makes the request repeatable."},
	}
}

// inOneTable lets everything be given by name in one table, as YAML does.
func inOneTable(c *engine.HostCall) *engine.HostCall {
	if len(c.Args) != 1 {
		return c
	}
	named, ok := c.Args[0].(*engine.Object)
	if !ok {
		return c
	}
	by := *c
	by.Args, by.Named = nil, named
	return &by
}

// knownHost finds a constant address that no run may ask.
func (t *table) knownHost(named *engine.Object) []engine.Finding {
	v, _ := named.Get("url")
	text, ok := v.(string)
	if !ok || isPlaceholder(text) {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return []engine.Finding{{Path: "url", Message: "is no address: " + urlFault(err)}}
	}
	if r := hosts.Of(t.cfg.Head.Hosts).Allows(u); r != nil {
		return []engine.Finding{{Path: "url", Message: r.Reason, Hint: t.hostHint(r)}}
	}
	return nil
}

// hostHint is what to do about a refused host: the declared one that was
// probably meant, or else to declare it.
func (t *table) hostHint(r *hosts.Refusal) string {
	if r.Undeclared {
		if n := engine.Nearest(r.Host, hosts.Of(t.cfg.Head.Hosts).Names()); n != "" && !strings.HasPrefix(r.Hint, "the head declares") {
			return "did you mean " + n + "?"
		}
	}
	return r.Hint
}

// urlFault is what is wrong with an address, without the address: it may hold a
// secret.
func urlFault(err error) string {
	if e, ok := err.(*url.Error); ok { //nolint:errorlint // url.Parse gives nothing else
		return e.Err.Error()
	}
	return err.Error()
}

// effectOf is what a method does.
func effectOf(method string) catalog.Effect {
	if egress.Reads(method) {
		return catalog.Read
	}
	return catalog.Act
}
