package sim

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"a0run/client/sim/store"
)

// A transaction is one log-in in a browser, from /authorize or /activate until
// the browser goes back. It stands in the state, under the word that its pages
// carry as state.
type transaction struct {
	c            *call
	id           string
	o            object
	client, user object
	fresh        *http.Cookie // by which a browser is known from now on
}

func transactionsKey() store.Key { return store.Key{Kind: "auth:transactions"} }

// transactionLife is how long a person may take.
const transactionLife = time.Hour

func (c *call) begin(client object, q url.Values) *transaction {
	params := object{}
	for k := range q {
		params[k] = q.Get(k)
	}
	x := &transaction{c: c, client: client, id: c.t.ids.base64("state", str(client, "client_id")+q.Encode(), 32)}
	x.o = object{"client_id": client["client_id"], "params": params, "ends": json.Number(intText(c.now.Add(transactionLife).Unix()))}
	if x.o["browser"] = c.browser(); x.o["browser"] == "" {
		x.o["browser"] = c.t.ids.base64("browser", x.id, 24)
		x.fresh = c.cookie(browserCookie, str(x.o, "browser"))
	}
	c.tx.Put(transactionsKey(), x.id, x.o)
	return x
}

// browserCookie is named as Auth0's.
const browserCookie = "did"

// browser is the word by which the browser that calls is known, "" where it has
// none yet. A log-in goes on only in the browser that began it: whoever is sent
// the address of somebody else's log-in must not come to stand in it.
func (c *call) browser() string {
	if k, err := c.req.Cookie(browserCookie); err == nil {
		return k.Value
	}
	return ""
}

// transaction is the one that a page belongs to.
func (c *call) transaction() (*transaction, *reply) {
	id := cmp.Or(str(c.body, "state"), c.query.Get("state"))
	x := &transaction{c: c, id: id, o: c.tx.Get(transactionsKey(), id)}
	ends, _ := number(x.o["ends"])
	x.client = c.tx.Get(clientsKey(), str(x.o, "client_id"))
	if x.o == nil || x.client == nil || c.now.Unix() > ends {
		rep := c.oops(http.StatusBadRequest, "invalid_request",
			"The log-in took longer than an hour, has ended, or never began. Go back to the application and begin again.")
		return nil, &rep
	}
	if c.browser() != str(x.o, "browser") {
		rep := c.oops(http.StatusBadRequest, "invalid_request",
			"This log-in was begun in another browser, or this one keeps no cookies. Go back to the application and begin again.")
		return nil, &rep
	}
	x.user = c.tx.Get(usersKey(), str(x.o, "user_id"))
	return x, nil
}

func (x *transaction) param(name string) string { return str(sub(x.o, "params"), name) }

func (x *transaction) set(field string, v any) {
	x.o = store.Clone(x.o)
	x.o[field] = v
	x.c.tx.Put(transactionsKey(), x.id, x.o)
}

func (x *transaction) drop() { x.c.tx.Delete(transactionsKey(), x.id) }

// to is the address of a page of this log-in.
func (x *transaction) to(path string) string { return path + "?state=" + url.QueryEscape(x.id) }

// ask sends the browser to a page, or back with an error where no page may be
// shown.
func (x *transaction) ask(path, code, text string) reply {
	if x.param("prompt") == "none" {
		x.drop()
		return x.fail(code, text)
	}
	rep := redirect(x.to(path))
	if x.fresh != nil {
		rep = rep.withCookie(x.fresh)
	}
	return rep
}

// next is where the log-in goes on once a page was sent.
func (x *transaction) next() reply { return redirect(x.to("/authorize/resume")) }

func resumeLogin(c *call) reply {
	x, rep := c.transaction()
	if rep != nil {
		return *rep
	}
	return x.step()
}

// step does what comes next.
func (x *transaction) step() reply {
	c := x.c
	if x.user == nil {
		return x.identify()
	}
	if truth(x.user, "blocked") {
		c.event(event{kind: "f", client: x.client, user: x.user, connection: str(x.o, "connection"), text: "user is blocked"})
		x.drop()
		return x.fail("unauthorized", "user is blocked")
	}
	if rep := x.joins(); rep != nil {
		return *rep
	}
	if x.needsMFA() {
		return x.ask(x.mfaPage(), "interaction_required", "Multifactor authentication required")
	}
	if x.needsConsent() {
		return x.ask("/u/consent", "consent_required", "Consent required")
	}
	return x.finish()
}

// identify is the page on which a person says who they are.
func (x *transaction) identify() reply {
	page := "/u/login"
	if conn := x.connection(x.param("connection")); conn != nil {
		switch str(conn, "strategy") {
		case "auth0":
		case "email", "sms":
			page = "/u/login-passwordless"
		default:
			page = "/u/identity"
		}
	}
	switch {
	case str(x.o, "org") == "" && str(x.client, "organization_usage") == "require" && x.requires() == "pre_login_prompt":
		page = "/u/organization"
	case page == "/u/login" && (x.param("screen_hint") == "signup" || x.param("invitation") != ""):
		page = "/u/signup"
	}
	return x.ask(page, "login_required", "Login required")
}

// connection is the one of a name, where the log-in may use it.
func (x *transaction) connection(name string) object {
	for _, conn := range x.connections() {
		if str(conn, "name") == name {
			return conn
		}
	}
	return nil
}

// connections are those that a person may choose among: the organization's
// where the log-in is for one, else the application's.
func (x *transaction) connections() []object {
	c := x.c
	var out []object
	if org := str(x.o, "org"); org != "" {
		for _, l := range c.tx.All(store.Links(orgConns, org)) {
			if conn := c.tx.Get(connectionsKey(), store.ID(l)); conn != nil {
				out = append(out, conn)
			}
		}
		return out
	}
	for _, conn := range c.tx.All(connectionsKey()) {
		if c.usable(conn, x.client) {
			out = append(out, conn)
		}
	}
	return out
}

// known takes the person in: who it is, by which connection and method.
func (x *transaction) known(u object, connection, method string) {
	x.user = u
	x.set("user_id", u["user_id"])
	x.set("connection", connection)
	x.set("method", method)
	x.set("at", numberOf(x.c.now.Unix()))
	x.set("silent", false)
}

// finish ends the log-in: the browser gets its session and goes back with what
// was asked for.
func (x *transaction) finish() reply {
	c := x.c
	cookie := x.keepSession()
	x.drop()
	connection := str(x.o, "connection")
	if truth(x.o, "silent") {
		kind := "s"
		if x.param("prompt") == "none" {
			kind = "ssa"
		}
		c.event(event{kind: kind, client: x.client, user: x.user, connection: connection})
	} else {
		c.event(event{kind: "s", client: x.client, user: x.user, connection: connection})
		c.countLogin(x.user)
		x.user = c.tx.Get(usersKey(), str(x.user, "user_id"))
	}
	if id := str(x.o, "device"); id != "" {
		return c.activated(id, x).withCookie(cookie)
	}
	rep := x.answer()
	return rep.withCookie(cookie)
}

// answer sends back code and tokens.
func (x *transaction) answer() reply {
	c := x.c
	v := url.Values{}
	types := splitSpace(x.param("response_type"))
	l := x.login()
	code := ""
	if slices.Contains(types, "code") {
		code = x.code(l)
		v.Set("code", code)
	}
	tokens := map[string]object{}
	if slices.Contains(types, "token") || slices.Contains(types, "id_token") {
		l.web = true
		issued := c.claimsFor(x.client, l)
		if slices.Contains(types, "token") {
			tokens["access_token"] = issued.access
			v.Set("token_type", "Bearer")
			v.Set("expires_in", intText(issued.life))
			v.Set("scope", issued.scope)
		}
		if slices.Contains(types, "id_token") {
			tokens["id_token"] = c.idToken(x.client, l)
		}
	}
	if len(tokens) == 0 {
		return x.send(v)
	}
	sign := c.signer(x.client)
	return reply{redo: func() (reply, error) {
		signed, err := sign(tokens, code)
		if err != nil {
			return reply{}, err
		}
		for name, text := range signed {
			v.Set(name, text)
		}
		return x.send(v), nil
	}}
}

// login is what the tokens of this log-in are made from.
func (x *transaction) login() login {
	at, _ := number(x.o["at"])
	l := login{
		user: x.user, audience: x.audience(), nonce: x.param("nonce"), at: time.Unix(at, 0), session: str(x.o, "session"),
		org: x.c.tx.Get(orgsKey(), str(x.o, "org")), counted: true,
	}
	l.scope = x.c.allowedScope(x.client, l, x.param("scope"))
	return l
}

// codeLife is how many seconds an authorization code is good.
const codeLife = 600

func (x *transaction) code(l login) string {
	c := x.c
	text := c.t.ids.base64("code", str(x.client, "client_id")+str(x.user, "user_id"), 32)
	code := object{
		"client_id": x.client["client_id"], "user_id": x.user["user_id"], "redirect_uri": x.o["back"], "asked": x.param("redirect_uri") != "",
		"ends": numberOf(c.now.Unix() + codeLife), "at": numberOf(l.at.Unix()),
		"scope": l.scope, "audience": l.audience, "nonce": l.nonce, "session": l.session, "org_id": x.o["org"],
		"connection": x.o["connection"],
	}
	for _, k := range []string{"code_challenge", "code_challenge_method"} {
		code[k] = x.param(k)
	}
	c.tx.Put(codesKey(), text, code)
	return text
}

// fail sends the browser back with an error.
func (x *transaction) fail(code, text string) reply {
	if x.param("prompt") == "none" {
		x.c.event(event{kind: "fsa", client: x.client, user: x.user, text: text})
	}
	if str(x.o, "back") == "" {
		return x.c.oops(http.StatusForbidden, code, text)
	}
	return x.send(url.Values{"error": {code}, "error_description": {text}})
}

// send gives values to the application, in the way that it asked for.
func (x *transaction) send(v url.Values) reply {
	back := str(x.o, "back")
	if s := x.param("state"); s != "" {
		v.Set("state", s)
	}
	switch str(x.o, "mode") {
	case "fragment":
		return redirect(barelyFragment(back) + "#" + v.Encode())
	case "form_post":
		return postBack(back, v)
	case "web_message":
		origin, ok := originOf(back)
		allowed := append(texts(x.client, "web_origins"), texts(x.client, "allowed_origins")...)
		for _, cb := range texts(x.client, "callbacks") {
			if o, ok := originOf(cb); ok {
				allowed = append(allowed, o)
			}
		}
		if !ok || !slices.Contains(allowed, origin) {
			return x.c.oops(http.StatusForbidden, "unauthorized_client", "The origin "+origin+" is not in the list of allowed web origins")
		}
		return x.c.message(origin, v)
	}
	return redirect(withQuery(back, v))
}

func barelyFragment(s string) string {
	s, _, _ = strings.Cut(s, "#")
	return s
}

func originOf(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", false
	}
	return u.Scheme + "://" + u.Host, true
}

func withQuery(to string, add url.Values) string {
	to, fragment, has := strings.Cut(to, "#")
	sep := "?"
	if strings.Contains(to, "?") {
		sep = "&"
	}
	to += sep + add.Encode()
	if has {
		to += "#" + fragment
	}
	return to
}
