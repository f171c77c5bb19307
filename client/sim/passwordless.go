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

func sentTo(realm, name string) string { return realm + "\x1f" + strings.ToLower(name) }

// sendCode puts a code, or a link with it, into the mailbox.
func (c *call) sendCode(client, conn object, name, link string) {
	realm, channel := str(conn, "name"), "email"
	if str(conn, "strategy") == "sms" {
		channel = "sms"
	}
	code := c.t.ids.digits("otp", realm+name, 6)
	c.tx.Put(otpKey(), sentTo(realm, name), object{"code": code, "ends": numberOf(c.now.Unix() + otpLife), "tries": numberOf(0)})
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
func (c *call) takeOTP(client object, realm, name, code string) (object, *reply) {
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
	case o == nil:
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
		u = newUser(c.t, object{"connection": realm, field: name}, strategy, stamp(c.now))
		c.event(event{kind: "ss", client: client, user: u, connection: realm})
	}
	u = store.Clone(u)
	u[map[string]string{"email": "email_verified", "phone_number": "phone_verified"}[field]] = true
	c.tx.Put(usersKey(), str(u, "user_id"), u)
	return u, nil
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
	u, rep := c.takeOTP(client, realm, name, str(c.body, "otp"))
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
	if len(found) == 0 {
		return denied(http.StatusBadRequest, "bad.connection", "Connection does not exist")
	}
	field := fieldOf(str(found[0], "strategy"))
	name := str(c.body, field)
	if name == "" {
		return denied(http.StatusBadRequest, "bad.request", "missing "+field+" parameter")
	}
	if field == "email" && !emailLike(name) {
		return denied(http.StatusBadRequest, "bad.email", "error in email - email format validation failed")
	}
	link := ""
	if str(c.body, "send") == "link" || str(c.body, "send") == "" && field == "email" {
		q := url.Values{"client_id": {str(client, "client_id")}, "connection": {realm}, field: {name}}
		for k, v := range sub(c.body, "authParams") {
			if s, ok := v.(string); ok {
				q.Set(k, s)
			}
		}
		link = c.base() + "/passwordless/verify_redirect?" + q.Encode()
	}
	c.sendCode(client, found[0], name, link)
	return sent(http.StatusOK, object{"_id": c.t.ids.hex("passwordless", realm+name, 24), field: name, field + "_verified": false})
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
	u, rep := c.takeOTP(client, realm, q.Get(fieldOf(c.strategyOf(realm))), q.Get("verification_code"))
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
		if name == "" || str(conn, "strategy") == "email" && !emailLike(name) {
			return x.passwordlessPage(name, "Please enter an address.")
		}
		x.set("sent_to", name)
		c.sendCode(x.client, conn, name, "")
		return redirect(x.to("/u/login-passwordless"))
	}
	if str(c.body, "action") == "again" {
		c.sendCode(x.client, conn, to, "")
		return redirect(x.to("/u/login-passwordless"))
	}
	u, rep := c.takeOTP(x.client, str(conn, "name"), to, strings.TrimSpace(str(c.body, "code")))
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
