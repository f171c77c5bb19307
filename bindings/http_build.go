package bindings

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"a0run/client/egress"
	"a0run/engine"
)

// outgoing makes the request of a call, and says what is wrong with it before
// anything is sent.
func (t *table) outgoing(args *bound, method string) (*httpCall, error) {
	h := &httpCall{table: t, args: args, request: &egress.Request{Method: method, Header: http.Header{}}, shown: engine.NewObject(6)}
	if method == "" {
		h.request.Method = http.MethodGet
		if args.given("method") {
			h.request.Method = args.text("method")
		}
	}
	h.shown.Set("method", h.request.Method)
	for _, step := range []func() error{h.address, h.headers, h.body, h.options} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// address reads url and query.
func (h *httpCall) address() error {
	text := h.args.text("url")
	u, err := url.Parse(text)
	if err != nil {
		return h.args.wrong("parameter url: is no address: "+urlFault(err), "")
	}
	if contains(methods(), strings.ToUpper(text)) {
		return h.args.wrong("parameter url: got a method", "the address comes first: http."+strings.ToLower(text)+`(url, {…}), or http.request(url, {method = "`+strings.ToUpper(text)+`"})`)
	}
	u.Fragment, u.RawFragment = "", ""
	h.shown.Set("url", text)
	for name, values := range u.Query() {
		if secretName(name) {
			for _, v := range values {
				h.table.know(v)
			}
		}
	}
	if h.args.given("query") {
		query, err := h.pairs("query")
		if err != nil {
			return err
		}
		u.RawQuery = strings.Trim(u.RawQuery+"&"+query, "&")
	}
	h.request.URL = u
	if h.table.cfg.HTTP == nil {
		return nil
	}
	if r := h.table.cfg.HTTP.Allows(u); r != nil {
		return h.args.wrong("parameter url: "+r.Reason, h.table.hostHint(r))
	}
	return nil
}

// pairs encodes an object of names and values as a query or a form, in its
// order, and shows it with its secrets marked.
func (h *httpCall) pairs(param string) (string, error) {
	v, _ := h.args.values.Get(param)
	o, _ := v.(*engine.Object)
	shown := engine.NewObject(o.Len())
	var parts []string
	for name, v := range o.All() {
		list, several := v.([]any)
		if !several {
			list = []any{v}
		}
		for _, item := range list {
			text, ok := scalarText(item)
			if !ok {
				return "", h.args.wrong(fmt.Sprintf("parameter %s: %s: got %s, want a string, a number, a boolean or a list of these", param, name, kind(item)), "")
			}
			parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(text))
		}
		if secretName(name) {
			v = h.table.markLeaf(v)
		}
		shown.Set(name, v)
	}
	h.shown.Set(param, shown)
	return strings.Join(parts, "&"), nil
}

// scalarText is a plain value as text.
func scalarText(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, true
	case bool, int64, float64:
		text, err := engine.FormatJSON(x)
		return string(text), err == nil
	}
	return "", false
}

// ownHeaders are the headers that the connection makes itself.
func ownHeaders() []string {
	return []string{
		"Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Te", "Trailer", "Upgrade",
		"Expect", "Proxy-Connection", "Accept-Encoding",
	}
}

// headers reads the header fields.
func (h *httpCall) headers() error {
	v, given := h.args.values.Get("headers")
	o, _ := v.(*engine.Object)
	if !given {
		return nil
	}
	shown := engine.NewObject(o.Len())
	for name, v := range o.All() {
		text, ok := scalarText(v)
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch _, twice := h.request.Header[canonical]; {
		case !ok:
			return h.args.wrong(fmt.Sprintf("parameter headers: %s: got %s, want a string", name, kind(v)), "")
		case !isToken(name):
			return h.args.wrong(fmt.Sprintf("parameter headers: %q is no name of a header", name), "")
		case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return h.args.wrong("parameter headers: "+name+": the value holds a line end, or another control character", "")
		case contains(ownHeaders(), canonical):
			return h.args.wrong("parameter headers: "+name+" is the connection's own", "leave it out")
		case twice:
			return h.args.wrong("parameter headers: "+name+" is given twice", "")
		}
		h.request.Header[canonical] = []string{text}
		if secretHeader(canonical) {
			h.knowHeader(text)
			v = engine.Secret(text)
		}
		shown.Set(name, v)
	}
	h.shown.Set("headers", shown)
	return nil
}

// knowHeader makes a header's credentials known, with and without the word of
// their scheme ("Bearer x").
func (h *httpCall) knowHeader(text string) {
	h.table.know(text)
	if _, credentials, ok := strings.Cut(text, " "); ok {
		h.table.know(credentials)
	}
}

// isToken reports whether a name can be a header's (RFC 9110, 5.6.2).
func isToken(name string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}

// body reads json, form or body.
func (h *httpCall) body() error {
	var given []string
	for _, name := range []string{"json", "form", "body"} {
		if h.args.given(name) {
			given = append(given, name)
		}
	}
	if len(given) == 0 {
		return nil
	}
	if len(given) > 1 {
		return h.args.wrong(given[1]+" is given beside "+given[0], "give one of json, form and body")
	}
	if egress.Reads(h.request.Method) {
		return h.args.wrong("a "+h.request.Method+" has no body", `name the method: method = "POST"`)
	}
	v, _ := h.args.values.Get(given[0])
	kind := ""
	switch given[0] {
	case "json":
		text, err := engine.FormatJSON(v)
		if err != nil {
			return h.args.wrong("parameter json: "+err.Error(), "")
		}
		h.request.Body, kind = text, "application/json"
		h.shown.Set("json", h.table.markNamed(v))
	case "form":
		text, err := h.pairs("form")
		if err != nil {
			return err
		}
		h.request.Body, kind = []byte(text), "application/x-www-form-urlencoded"
	case "body":
		h.request.Body, kind = []byte(h.args.text("body")), "text/plain; charset=utf-8"
		h.shown.Set("body", h.args.text("body"))
	}
	if h.request.Header.Get("Content-Type") == "" {
		h.request.Header.Set("Content-Type", kind)
	}
	if n := len(h.request.Body); n > egress.MaxBody {
		return h.args.wrong(fmt.Sprintf("parameter %s: is %d bytes long, and at most %d MiB are sent", given[0], n, egress.MaxBody>>20), "")
	} else if n > mostShown {
		sum := sha256.Sum256(h.request.Body)
		h.shown.Set(given[0], fmt.Sprintf("sha256:%s (%d bytes)", hex.EncodeToString(sum[:]), n))
		h.digested = given[0]
	}
	return nil
}

// mostShown bounds the body that is kept in the journal as it is; a longer one
// is known by its hash.
const mostShown = 64 << 10

// options reads what says how the request is to be treated.
func (h *httpCall) options() error {
	timeout, err := h.args.timeout()
	if err != nil {
		return err
	}
	h.request.Timeout = timeout
	v, _ := h.args.values.Get(acceptParam)
	list, _ := v.([]any)
	for _, item := range list {
		status, ok := fit("integer", item)
		n, _ := status.(int64)
		if !ok || n < 300 || n > 599 {
			return h.args.wrong("parameter accept: want statuses from 300 to 599, which would be errors", "")
		}
		h.accept = append(h.accept, n)
	}
	switch key, given := h.args.values.Get(idempotencyParam); x := key.(type) {
	case nil:
	case bool:
		h.once = x
	case string:
		if !given || x == "" || strings.ContainsFunc(x, func(r rune) bool { return r < ' ' || r > '~' }) {
			return h.args.wrong("parameter idempotency_key: want a text of ASCII characters, or true", "")
		}
		h.once = true
		h.request.Header.Set(idempotencyHeader, x)
		h.shown.Set(idempotencyParam, x)
	default:
		return h.args.wrong("parameter idempotency_key: got "+kind(key)+", want a text or true", "")
	}
	if repeatable, ok := h.args.values.Get(repeatableParam); egress.Reads(h.request.Method) && (ok && repeatable == true || h.once) {
		return h.args.wrong("a "+h.request.Method+" is a read, which may be sent again anyhow", "leave repeatable and idempotency_key out")
	}
	return nil
}
