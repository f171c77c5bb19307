package sim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"a0run/client/sim/store"
)

// What a person does with their account at the log-in pages and at the
// Authentication API: log in by password, sign up, confirm an address, set
// another password.

// checkPassword is the user of a name and the body's password, or the refusal.
func (c *call) checkPassword(client, conn object, name string) (object, *reply) {
	refuse := func(rep reply) (object, *reply) { return nil, &rep }
	connection := str(conn, "name")
	if rep := c.shut(client, connection, name); rep != nil {
		return nil, rep
	}
	u := c.findLogin(connection, name)
	if u == nil || !c.passwordFits(str(u, "user_id"), str(c.body, "password")) {
		c.failed(client, conn, u, name)
		return refuse(invalidGrant("Wrong email or password."))
	}
	if truth(u, "blocked") {
		c.event(event{kind: "f", client: client, user: u, connection: connection, text: "user is blocked"})
		return refuse(blocked())
	}
	c.passed(connection, name)
	return u, nil
}

// signupError is shaped unlike all other errors.
func signupError(code, description string) reply {
	return sent(http.StatusBadRequest, object{"name": "BadRequestError", "code": code, "description": description, "statusCode": http.StatusBadRequest})
}

func signup(c *call) reply {
	name := str(c.body, "connection")
	client := c.tx.Get(clientsKey(), str(c.body, "client_id"))
	if client == nil {
		return signupError("invalid_request", "client_id is unknown")
	}
	found := c.tx.Lookup(connectionsKey(), "name", name)
	if len(found) == 0 || str(found[0], "strategy") != "auth0" {
		return signupError("connection_not_found", "connection not found")
	}
	if truth(sub(found[0], "options"), "disable_signup") {
		c.event(event{kind: "fs", client: client, name: str(c.body, "email"), connection: name, text: "Public signup is disabled"})
		return signupError("public_signup_disabled", "Public signup is disabled")
	}
	b := object{"connection": name, "password": str(c.body, "password")}
	for _, k := range []string{"email", "username", "given_name", "family_name", "name", "nickname", "picture", "user_metadata", "phone_number"} {
		if v, ok := c.body[k]; ok && v != nil {
			b[k] = v
		}
	}
	u, rep := c.signUpUser(client, found[0], b)
	if rep != nil {
		return *rep
	}
	out := object{"_id": strings.TrimPrefix(str(u, "user_id"), "auth0|"), "email": u["email"], "email_verified": false}
	for _, k := range []string{"username", "given_name", "family_name", "name", "nickname", "picture", "user_metadata", "phone_number"} {
		if v, ok := b[k]; ok {
			out[k] = v
		}
	}
	return sent(http.StatusOK, out)
}

// signUpUser makes the user of a body, or says why not.
func (c *call) signUpUser(client, conn, b object) (object, *reply) {
	name := str(conn, "name")
	refuse := func(rep reply) (object, *reply) {
		body, _ := rep.body.(object)
		text, _ := body["description"].(string)
		c.event(event{kind: "fs", client: client, name: firstOf(str(b, "email"), str(b, "username")), connection: name, text: firstOf(text, str(body, "message"))})
		return nil, &rep
	}
	mail := str(b, "email")
	if !emailLike(mail) && str(b, "username") == "" && str(b, "phone_number") == "" || mail != "" && !emailLike(mail) || str(b, "password") == "" {
		return refuse(signupError("invalid_signup", "Invalid sign up"))
	}
	for _, f := range []string{"email", "username", "phone_number"} {
		if v := str(b, f); v != "" && len(c.tx.Lookup(usersKey(), "login", loginKey(name, f, v))) > 0 {
			if truth(sub(c.settings(), "flags"), "enable_public_signup_user_exists_error") {
				return refuse(signupError("user_exists", "The user already exists."))
			}
			return refuse(signupError("invalid_signup", "Invalid sign up"))
		}
	}
	if weak := weakness(conn, b, str(b, "password")); weak != nil {
		return refuse(weak.atSignup())
	}
	u := newUser(c.t, b, "auth0", stamp(c.now))
	id := str(u, "user_id")
	c.tx.Put(usersKey(), id, u)
	setPassword(c.tx, id, str(b, "password"))
	c.event(event{kind: "ss", client: client, user: u, connection: name})
	if mail != "" {
		c.sendVerification(u, client)
	}
	return u, nil
}

// Tickets: links that do one thing for one user, once, for some time.

func ticketsKey() store.Key { return store.Key{Kind: "auth:tickets"} }

const ticketLife = 432000 // seconds, unless the ticket says otherwise

func (c *call) ticket(page string, o object) string {
	word := c.t.ids.word("ticket", page+str(o, "user_id"), 32)
	life := int64(ticketLife)
	if n, ok := number(o["ttl_sec"]); ok && n > 0 {
		life = n
	}
	o = store.Clone(o)
	o["page"], o["ends"] = page, numberOf(c.now.Unix()+life)
	c.tx.Put(ticketsKey(), word, o)
	return c.base() + page + "?ticket=" + word + "#"
}

// redeem is the ticket that a page was opened with, for a look or for good.
func (c *call) redeem(page string) (object, *reply) {
	word := firstOf(str(c.body, "ticket"), c.query.Get("ticket"))
	o := c.tx.Get(ticketsKey(), word)
	if ends, _ := number(o["ends"]); o == nil || str(o, "page") != page || c.now.Unix() > ends || !c.tx.Has(usersKey(), str(o, "user_id")) {
		rep := c.show(formPage{
			Title: "Invalid Link", status: http.StatusBadRequest, Error: "This link is unknown, was used, or is too old.",
			Texts: []string{"Ask for another one where this one came from."},
		})
		return nil, &rep
	}
	return o, nil
}

func (c *call) spend() {
	c.tx.Delete(ticketsKey(), firstOf(str(c.body, "ticket"), c.query.Get("ticket")))
}

const verifyPage, resetPage = "/u/email-verification", "/u/reset-verify"

func (c *call) sendVerification(u, client object) {
	link := c.ticket(verifyPage, object{"user_id": u["user_id"], "client_id": client["client_id"]})
	c.deliver(Mail{Channel: "email", To: str(u, "email"), UserID: str(u, "user_id"), Kind: "verify_email", Subject: "Verify your email", Link: link})
}

func verificationTicket(c *call) reply {
	if !c.tx.Has(usersKey(), str(c.body, "user_id")) {
		return absent("/users")
	}
	return c.ok(object{"ticket": c.ticket(verifyPage, c.body)})
}

// passwordTicket makes one for a user, or for the address of a connection.
func passwordTicket(c *call) reply {
	o := store.Clone(c.body)
	if str(o, "user_id") == "" {
		if str(o, "email") == "" || str(o, "connection_id") == "" {
			return invalidBody("Missing required property: user_id")
		}
		conn := c.tx.Get(connectionsKey(), str(o, "connection_id"))
		u := c.findLogin(str(conn, "name"), str(o, "email"))
		if u == nil {
			return absent("/users")
		}
		o["user_id"] = u["user_id"]
	}
	if !c.tx.Has(usersKey(), str(o, "user_id")) {
		return absent("/users")
	}
	return c.ok(object{"ticket": c.ticket(resetPage, o)})
}

// ended is where a ticket leads when its work is done: its result_url, with
// what became of it, or a page.
func (c *call) ended(o object, p formPage, success string) reply {
	if to := str(o, "result_url"); to != "" {
		u := c.tx.Get(usersKey(), str(o, "user_id"))
		return redirect(withQuery(to, url.Values{"email": {str(u, "email")}, "success": {success}, "message": {p.Texts[0]}}))
	}
	return c.show(p)
}

// verifyEmail takes a ticket for it: a look confirms the address, as links of
// Auth0 do.
func verifyEmail(c *call) reply {
	o, rep := c.redeem(verifyPage)
	if rep != nil {
		return *rep
	}
	c.spend()
	u := store.Clone(c.tx.Get(usersKey(), str(o, "user_id")))
	u["email_verified"], u["updated_at"] = true, stamp(c.now)
	c.tx.Put(usersKey(), str(u, "user_id"), u)
	c.event(event{kind: "sv", client: c.tx.Get(clientsKey(), str(o, "client_id")), user: u, connection: connectionOf(u), text: "Your email was verified. You can continue using the application."})
	return c.ended(o, formPage{Title: "Email Verified", Texts: []string{"Your email was verified. You can continue using the application."}}, "true")
}

// connectionOf is the connection of a user's first identity.
func connectionOf(u object) string {
	first, _ := append(items(u, "identities"), nil)[0].(object)
	return str(first, "connection")
}

// changePassword answers the same whether the user is there or not.
func changePassword(c *call) reply {
	name := firstOf(str(c.body, "email"), str(c.body, "username"))
	found := c.tx.Lookup(connectionsKey(), "name", str(c.body, "connection"))
	switch {
	case name == "":
		return denied(http.StatusBadRequest, "invalid_request", "email is required")
	case str(c.body, "connection") == "":
		return denied(http.StatusBadRequest, "invalid_request", "connection is required")
	case len(found) == 0:
		return denied(http.StatusBadRequest, "invalid_request", "connection does not exist")
	}
	c.sendReset(c.tx.Get(clientsKey(), str(c.body, "client_id")), found[0], name)
	return page(c, "We've just sent you an email to reset your password.")
}

func (c *call) sendReset(client, conn object, name string) {
	u := c.findLogin(str(conn, "name"), name)
	if u == nil {
		c.event(event{kind: "fcpr", client: client, name: name, connection: str(conn, "name"), text: "User does not exist."})
		return
	}
	link := c.ticket(resetPage, object{"user_id": u["user_id"], "client_id": client["client_id"]})
	c.deliver(Mail{Channel: "email", To: str(u, "email"), UserID: str(u, "user_id"), Kind: "reset_email", Subject: "Reset your password", Link: link})
	c.event(event{kind: "scpr", client: client, user: u, connection: str(conn, "name"), text: "Change password request"})
}

// requestReset is the page of a log-in on which a person asks for a link.
func requestReset(c *call) reply {
	x, rep := c.transaction()
	if rep != nil {
		return *rep
	}
	p := formPage{
		Title: "Forgot Your Password?", Texts: []string{"Enter your email address and we will send you a link to reset your password (it lies in the tenant's mailbox)."},
		Fields:  []pageField{{"email", "Email address", "email", x.param("login_hint"), "email", true}},
		Buttons: []pageButton{{"default", "Continue", false}}, Links: []pair{{x.to("/u/login"), "Back"}},
	}
	conn := x.database()
	if c.req.Method == http.MethodGet || conn == nil || str(c.body, "email") == "" {
		return x.page(p)
	}
	c.sendReset(x.client, conn, strings.TrimSpace(str(c.body, "email")))
	return x.page(formPage{
		Title: "Check Your Email", Texts: []string{"If there is an account for " + str(c.body, "email") + ", a link to reset its password was sent."},
		Links: []pair{{x.to("/u/login"), "Back to log in"}},
	})
}

// resetPassword is the page of a ticket, or of a link that was sent.
func resetPassword(c *call) reply {
	o, rep := c.redeem(resetPage)
	if rep != nil {
		return *rep
	}
	u := c.tx.Get(usersKey(), str(o, "user_id"))
	p := formPage{
		Title: "Change Your Password", Texts: []string{"Enter a new password for " + firstOf(str(u, "email"), str(u, "name")) + "."},
		Hidden: []pair{{"ticket", firstOf(str(c.body, "ticket"), c.query.Get("ticket"))}}, Action: resetPage,
		Fields: []pageField{
			{"password", "New password", "password", "", "new-password", true},
			{"again", "New password again", "password", "", "new-password", true},
		},
		Buttons: []pageButton{{"default", "Reset password", false}},
	}
	wrong := func(text string) reply {
		p.Error, p.status = text, http.StatusBadRequest
		return c.show(p)
	}
	if c.req.Method == http.MethodGet {
		return c.show(p)
	}
	pass := str(c.body, "password")
	switch {
	case pass == "" || pass != str(c.body, "again"):
		return wrong("The two passwords differ, or are empty.")
	case c.newPasswordWeak(u, pass) != nil:
		return wrong(c.newPasswordWeak(u, pass).words())
	}
	c.spend()
	c.changeTo(u, pass, truth(o, "mark_email_as_verified") || c.sentByMail(o))
	c.event(event{kind: "scp", client: c.tx.Get(clientsKey(), str(o, "client_id")), user: u, connection: connectionOf(u), text: "You can now login to the application with the new password."})
	return c.ended(o, formPage{Title: "Password Changed!", Texts: []string{"Your password has been changed successfully."}}, "true")
}

// sentByMail reports whether a ticket is one that the tenant made itself: who
// has it reads the address.
func (c *call) sentByMail(o object) bool {
	_, made := o["mark_email_as_verified"]
	return !made && str(o, "result_url") == "" && str(o, "connection_id") == ""
}

// changeTo gives a user another password; their sessions and refresh tokens end
// with the old one.
func (c *call) changeTo(u object, pass string, verified bool) {
	id := str(u, "user_id")
	setPassword(c.tx, id, pass)
	n := store.Clone(c.tx.Get(usersKey(), id))
	n["last_password_reset"], n["updated_at"] = stamp(c.now), stamp(c.now)
	if verified && str(n, "email") != "" {
		n["email_verified"] = true
	}
	c.tx.Put(usersKey(), id, n)
	dropAll(c.tx, sessionObjects(), id)
	dropAll(c.tx, refreshObjects(), id)
	for _, o := range c.tx.All(blocksKey()) {
		if str(o, "user_id") == id {
			c.tx.Delete(blocksKey(), accountKey(str(o, "connection"), str(o, "identifier"), str(o, "ip")))
		}
	}
}

// newPasswordWeak is what the connection of a user has against a password.
func (c *call) newPasswordWeak(u object, pass string) *weak {
	found := c.tx.Lookup(connectionsKey(), "name", connectionOf(u))
	if len(found) == 0 {
		return nil
	}
	if w := weakness(found[0], u, pass); w != nil {
		return w
	}
	size := historySize(found[0])
	o := c.tx.Get(passwordsKey(), str(u, "user_id"))
	before := append([]string{str(o, "hash")}, texts(o, "before")...)
	if size > 0 && slices.ContainsFunc(before[:min(len(before), size)], func(h string) bool { return fitsHash(h, pass) }) {
		return &weak{"PasswordHistoryError", "Password has previously been used"}
	}
	return nil
}
