package sim

import (
	"net/http"
	"net/url"
	"strings"

	"a0run/client/sim/store"
)

// Log-ins by a code or a link that is sent. Codes are good for five minutes and
// three tries (Auth0's page "Passwordless Authentication with Email").

const (
	otpLife  = 300 // seconds
	otpTries = 3
)

// An addressee is whom a code is sent to, and for what; link is the address that
// it is put into, where it is not to be typed.
type addressee struct{ name, purpose, link string }

func sentTo(realm, name string) string { return realm + "\x1f" + strings.ToLower(name) }

// What a code was sent for, and is good for; for a page it is that log-in's
// state.
const (
	codeForToken = "code"
	codeForLink  = "link"
)

// sendCode puts a code, or a link with it, into the mailbox.
func (c *call) sendCode(client, conn object, to addressee) {
	name, link := to.name, to.link
	realm, channel := str(conn, "name"), "email"
	if str(conn, "strategy") == "sms" {
		channel = "sms"
	}
	code := c.t.ids.digits("otp", realm+name, 6)
	c.tx.Put(otpKey(), sentTo(realm, name), object{
		"code": code, "purpose": to.purpose, "ends": numberOf(c.now.Unix() + otpLife), "tries": numberOf(0),
	})
	m := Mail{Channel: channel, To: name, Kind: "passwordless", Subject: "Your verification code", Code: code}
	if link != "" {
		m.Subject, m.Link = "Your log-in link", link+"&verification_code="+code
	}
	c.deliver(m)
	kind := "cs"
	if link != "" {
		kind = "cls"
	}
	c.event(event{kind: kind, client: client, name: name, connection: realm, text: "Code/link sent"})
}

// takeOTP is the user whose code it is, made where there is none; the code is
// used up by that, or by too many tries.
func (c *call) takeOTP(client object, realm string, from addressee, code string) (object, *reply) {
	name := from.name
	refuse := func(text string) (object, *reply) {
		c.event(event{kind: "f", client: client, name: name, connection: realm, text: text})
		rep := invalidGrant(text)
		return nil, &rep
	}
	key := sentTo(realm, name)
	o := c.tx.Get(otpKey(), key)
	ends, _ := number(o["ends"])
	tries, _ := number(o["tries"])
	words := "Wrong email or verification code."
	if field := fieldOf(c.strategyOf(realm)); field == "phone_number" {
		words = "Wrong phone number or verification code."
	}
	switch {
	case o == nil || str(o, "purpose") != from.purpose:
		return refuse(words)
	case c.now.Unix() > ends:
		c.tx.Delete(otpKey(), key)
		return refuse("The verification code has expired. Please try to login again.")
	case str(o, "code") != code && tries+1 >= otpTries:
		c.tx.Delete(otpKey(), key)
		return refuse("You've reached the maximum number of attempts. Please try to login again.")
	case str(o, "code") != code:
		n := store.Clone(o)
		n["tries"] = numberOf(tries + 1)
		c.tx.Put(otpKey(), key, n)
		return refuse(words)
	}
	c.tx.Delete(otpKey(), key)
	u := c.findLogin(realm, name)
	if truth(u, "blocked") {
		c.event(event{kind: "f", client: client, user: u, connection: realm, text: "user is blocked"})
		rep := blocked()
		return nil, &rep
	}
	field, strategy := fieldOf(c.strategyOf(realm)), c.strategyOf(realm)
	if u == nil {
		if c.noSignup(realm) {
			return refuse("Public signup is disabled")
		}
		u = newUser(c.t, object{"connection": realm, field: name}, strategy, stamp(c.now))
		c.event(event{kind: "ss", client: client, user: u, connection: realm})
	}
	u = store.Clone(u)
	u[map[string]string{"email": "email_verified", "phone_number": "phone_verified"}[field]] = true
	c.tx.Put(usersKey(), str(u, "user_id"), u)
	return u, nil
}

// passwordless reports whether a connection is one of codes that are sent.
func passwordless(conn object) bool {
	return str(conn, "strategy") == "email" || str(conn, "strategy") == "sms"
}

// noSignup reports whether only people whom a connection knows already may come.
func (c *call) noSignup(realm string) bool {
	found := c.tx.Lookup(connectionsKey(), "name", realm)
	return len(found) > 0 && truth(sub(found[0], "options"), "disable_signup")
}

func (c *call) strategyOf(realm string) string {
	if found := c.tx.Lookup(connectionsKey(), "name", realm); len(found) > 0 {
		return str(found[0], "strategy")
	}
	return realm
}

// fieldOf is by what a passwordless connection knows people.
func fieldOf(strategy string) string {
	if strategy == "sms" {
		return "phone_number"
	}
	return "email"
}

func otpGrant(c *call, client object) reply {
	name, realm := str(c.body, "username"), str(c.body, "realm")
	found := c.tx.Lookup(connectionsKey(), "name", realm)
	switch {
	case len(found) == 0 || !passwordless(found[0]):
		return denied(http.StatusBadRequest, "invalid_request", "the connection was not found")
	case !c.usable(found[0], client):
		return denied(http.StatusBadRequest, "invalid_request", "the connection is not enabled")
	}
	u, rep := c.takeOTP(client, realm, addressee{name: name, purpose: codeForToken}, str(c.body, "otp"))
	if rep != nil {
		return *rep
	}
	l := login{user: u, audience: str(c.body, "audience"), at: c.now, connection: realm}
	l.scope = c.allowedScope(client, l, str(c.body, "scope"))
	c.event(event{kind: "s", client: client, user: u, connection: realm, audience: l.audience, scope: l.scope, text: "Successful login"})
	return c.tokensFor(client, l)
}

// OneTimeCode is the code that a passwordless start sent to somebody, "" when
// none did. Under "mfa" and a user's id it is that of their second step.
func (t *Tenant) OneTimeCode(connection, name string) string {
	code := ""
	t.state.View(func(tx *store.Tx) {
		code = str(tx.Get(otpKey(), sentTo(connection, name)), "code")
	})
	return code
}

func passwordlessStart(c *call) reply {
	client, rep := c.client()
	if rep != nil {
		return *rep
	}
	realm := str(c.body, "connection")
	found := c.tx.Lookup(connectionsKey(), "name", realm)
	if rep := c.wrongStart(client, realm, found); rep != nil {
		return *rep
	}
	field := fieldOf(str(found[0], "strategy"))
	name, link, purpose := str(c.body, field), "", codeForToken
	if str(c.body, "send") == "link" || str(c.body, "send") == "" && field == "email" {
		q := url.Values{"client_id": {str(client, "client_id")}, "connection": {realm}, field: {name}}
		for k, v := range sub(c.body, "authParams") {
			if s, ok := v.(string); ok {
				q.Set(k, s)
			}
		}
		link, purpose = c.base()+"/passwordless/verify_redirect?"+q.Encode(), codeForLink
	}
	c.sendCode(client, found[0], addressee{name, purpose, link})
	return sent(http.StatusOK, object{"_id": c.t.ids.hex("passwordless", realm+name, 24), field: name, field + "_verified": false})
}

// wrongStart is why no code is sent: the table "Error codes for
// /passwordless/start" of Auth0's API.
func (c *call) wrongStart(client object, realm string, found []object) *reply {
	refuse := func(code, text string) *reply {
		c.event(event{kind: "f", client: client, connection: realm, text: text})
		rep := denied(http.StatusBadRequest, code, text)
		return &rep
	}
	switch {
	case realm == "":
		return refuse("bad.connection", "Missing required property: connection")
	case len(found) == 0:
		return refuse("bad.connection", "Connection does not exist")
	case !passwordless(found[0]):
		return refuse("bad.connection", "Invalid connection strategy. It must either be a passwordless connection")
	case !c.usable(found[0], client):
		return refuse("bad.connection", "Connection is disabled")
	}
	field := fieldOf(str(found[0], "strategy"))
	name := str(c.body, field)
	switch {
	case name == "" && field == "phone_number":
		return refuse("bad.phone_number", "Missing required property: phone_number")
	case name == "":
		return refuse("bad.request", "missing "+field+" parameter")
	case field == "phone_number" && !phoneLike(name):
		return refuse("bad.phone_number", `String does not match pattern: ^\+[0-9]{1,15}$`)
	case field == "email" && !emailLike(name):
		return refuse("bad.email", "error in email - email format validation failed")
	case c.noSignup(realm) && c.findLogin(realm, name) == nil:
		return refuse("bad.connection", "Public signup is disabled")
	}
	return nil
}

// phoneLike reports whether it is a number of E.164.
func phoneLike(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	return ok && digits != "" && len(digits) <= 15 && strings.Trim(digits, "0123456789") == ""
}

func passwordlessVerify(c *call) reply {
	client := c.tx.Get(clientsKey(), str(c.body, "client_id"))
	if client == nil {
		return *unauthorized()
	}
	c.body["otp"], c.body["realm"] = firstOf(str(c.body, "verification_code"), str(c.body, "password")), c.body["connection"]
	if name := firstOf(str(c.body, "email"), str(c.body, "phone_number")); str(c.body, "username") == "" {
		c.body["username"] = name
	}
	return otpGrant(c, client)
}

// magicLink is where the link of an e-mail leads: the log-in that it carries the
// parameters of, done.
func magicLink(c *call) reply {
	q := url.Values{}
	for k := range c.query {
		q.Set(k, c.query.Get(k))
	}
	client := c.tx.Get(clientsKey(), q.Get("client_id"))
	if client == nil {
		return c.oops(http.StatusForbidden, "invalid_request", "Unknown client: "+q.Get("client_id"))
	}
	back, known := callbackOf(client, nil, q.Get("redirect_uri"))
	if !known {
		return c.oops(http.StatusForbidden, "unauthorized_client", "Callback URL mismatch. "+back+" is not in the list of allowed callback URLs")
	}
	if q.Get("response_type") == "" {
		q.Set("response_type", "code")
	}
	x := c.begin(client, q)
	x.set("back", back)
	x.set("mode", modeOf(q))
	if code, text := x.wrong(nil); code != "" {
		x.drop()
		return x.fail(code, text)
	}
	realm := q.Get("connection")
	u, rep := c.takeOTP(client, realm, addressee{name: q.Get(fieldOf(c.strategyOf(realm))), purpose: codeForLink}, q.Get("verification_code"))
	if rep != nil {
		x.drop()
		body, _ := rep.body.(object)
		return x.fail("unauthorized", str(body, "error_description"))
	}
	x.known(u, realm, "email")
	return x.step()
}

// passwordlessPage asks for the address, and then for the code that was sent
// to it.
func (x *transaction) passwordlessPage(name, wrong string) reply {
	conn := x.chosen()
	if conn == nil {
		return redirect(x.to("/u/login"))
	}
	p := formPage{Title: "Log in", Texts: x.intro(), Error: wrong, Buttons: []pageButton{{"default", "Continue", false}}}
	if sent := str(x.o, "sent_to"); sent != "" {
		p.Texts = []string{"Enter the code that was sent to " + sent + " (it lies in the tenant's mailbox)."}
		p.Fields = []pageField{{"code", "Code", "text", "", "one-time-code", true}}
		p.Buttons = append(p.Buttons, pageButton{"again", "Send another code", true})
		return x.page(p)
	}
	field := pageField{"username", "Email address", "email", firstOf(name, x.param("login_hint")), "email", true}
	if str(conn, "strategy") == "sms" {
		field = pageField{"username", "Phone number", "tel", firstOf(name, x.param("login_hint")), "tel", true}
	}
	p.Fields = []pageField{field}
	return x.page(p)
}

func (x *transaction) passwordless() reply {
	c, conn := x.c, x.chosen()
	if conn == nil {
		return redirect(x.to("/u/login"))
	}
	to := str(x.o, "sent_to")
	if to == "" {
		name := strings.TrimSpace(str(c.body, "username"))
		switch {
		case name == "" || str(conn, "strategy") == "email" && !emailLike(name):
			return x.passwordlessPage(name, "Please enter an address.")
		case str(conn, "strategy") == "sms" && !phoneLike(name):
			return x.passwordlessPage(name, "Please enter a phone number with its country's code, like +15550100.")
		case c.noSignup(str(conn, "name")) && c.findLogin(str(conn, "name"), name) == nil:
			return x.passwordlessPage(name, "Public signup is disabled.")
		}
		x.set("sent_to", name)
		c.sendCode(x.client, conn, addressee{name: name, purpose: x.id})
		return redirect(x.to("/u/login-passwordless"))
	}
	if str(c.body, "action") == "again" {
		c.sendCode(x.client, conn, addressee{name: to, purpose: x.id})
		return redirect(x.to("/u/login-passwordless"))
	}
	u, rep := c.takeOTP(x.client, str(conn, "name"), addressee{name: to, purpose: x.id}, strings.TrimSpace(str(c.body, "code")))
	if rep != nil {
		if !c.tx.Has(otpKey(), sentTo(str(conn, "name"), to)) {
			x.set("sent_to", "")
		}
		body, _ := rep.body.(object)
		return x.passwordlessPage(to, str(body, "error_description"))
	}
	x.known(u, str(conn, "name"), str(conn, "strategy"))
	return x.next()
}
