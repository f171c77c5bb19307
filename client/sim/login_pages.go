package sim

import (
	"net/http"
	"strings"

	"a0run/client/catalog"
	"a0run/client/sim/store"
)

// pageOperations are what a browser calls: no playbook does, so the catalogue
// has none of them.
func pageOperations() []*catalog.Operation {
	var out []*catalog.Operation
	for id, path := range map[string]string{
		"login": "/u/login", "signup": "/u/signup", "login_passwordless": "/u/login-passwordless", "identity": "/u/identity",
		"organization": "/u/organization", "consent": "/u/consent", "mfa": "/u/mfa", "mfa_enrollment": "/u/mfa-enrollment",
		"reset_request": "/u/reset-password/request", "reset_password": "/u/reset-verify", "email_verification": "/u/email-verification",
		"device": "/activate", "approval": approvalPage, "enrollment_ticket": enrolTicketPage,
	} {
		for _, verb := range []string{http.MethodGet, http.MethodPost} {
			out = append(out, &catalog.Operation{
				ID: "page." + id + "." + strings.ToLower(verb), API: catalog.Authentication, Verb: verb, Path: path, Effect: catalog.Read,
				Buckets: []string{"authentication"},
			})
		}
	}
	for id, path := range map[string]string{"resume": "/authorize/resume", "passwordless_link": "/passwordless/verify_redirect"} {
		out = append(out, &catalog.Operation{
			ID: "page." + id, API: catalog.Authentication, Verb: http.MethodGet, Path: path, Effect: catalog.Read, Buckets: []string{"authentication"},
		})
	}
	return out
}

func pageHandlers() map[string]handler {
	out := map[string]handler{
		"auth GET /authorize/resume":             resumeLogin,
		"auth GET /passwordless/verify_redirect": magicLink,
	}
	for path, p := range map[string]struct{ show, take func(*transaction) reply }{
		"/u/login":              {func(x *transaction) reply { return x.loginPage("", "") }, (*transaction).logIn},
		"/u/signup":             {func(x *transaction) reply { return x.signupPage("", "") }, (*transaction).signUp},
		"/u/login-passwordless": {func(x *transaction) reply { return x.passwordlessPage("", "") }, (*transaction).passwordless},
		"/u/identity":           {func(x *transaction) reply { return x.identityPage("") }, (*transaction).identity},
		"/u/organization":       {func(x *transaction) reply { return x.organizationPage("") }, (*transaction).chooseOrganization},
		"/u/consent":            {(*transaction).consentPage, (*transaction).consent},
		"/u/mfa":                {func(x *transaction) reply { return x.factorPage("") }, (*transaction).factor},
		"/u/mfa-enrollment":     {func(x *transaction) reply { return x.enrolPage("") }, (*transaction).enrol},
	} {
		out["auth GET "+path] = onPage(p.show)
		out["auth POST "+path] = onPage(p.take)
	}
	for path, h := range map[string]handler{
		"/u/reset-password/request": requestReset, "/u/reset-verify": resetPassword, "/u/email-verification": verifyEmail,
		"/activate": activate, approvalPage: approval, enrolTicketPage: enrolByTicket,
	} {
		out["auth GET "+path], out["auth POST "+path] = h, h
	}
	return out
}

// onPage finds the log-in that a page belongs to. What a person may see while
// they log in is theirs only before they are known, and the other way round.
func onPage(h func(*transaction) reply) handler {
	return func(c *call) reply {
		x, rep := c.transaction()
		if rep != nil {
			return *rep
		}
		late := strings.HasPrefix(c.rt.path, "/u/mfa") || c.rt.path == "/u/consent" || c.rt.path == "/u/organization" && x.user != nil
		if late != (x.user != nil) {
			return x.next()
		}
		return h(x)
	}
}

// page is a page of this log-in.
func (x *transaction) page(p formPage) reply {
	p.Action = x.to(x.c.rt.path)
	p.Hidden = append(p.Hidden, pair{"state", x.id})
	if p.Error != "" && p.status == 0 {
		p.status = http.StatusBadRequest
	}
	return x.c.show(p)
}

// intro says where a person logs in to.
func (x *transaction) intro() []string {
	text := "Log in to " + x.c.domain() + " to continue to " + str(x.client, "name") + "."
	if org := x.c.tx.Get(orgsKey(), str(x.o, "org")); org != nil {
		text = "Log in to " + firstOf(str(org, "display_name"), str(org, "name")) + " to continue to " + str(x.client, "name") + "."
	}
	return []string{text}
}

func (x *transaction) loginPage(name, wrong string) reply {
	if name == "" {
		name = x.param("login_hint")
	}
	p := formPage{Title: "Log in", Texts: x.intro(), Error: wrong}
	if db := x.database(); db != nil {
		p.Fields = []pageField{
			{"username", "Email address, user name or phone number", "text", name, "username", true},
			{"password", "Password", "password", "", "current-password", true},
		}
		p.Buttons = []pageButton{{"default", "Continue", false}}
		p.Links = []pair{{x.to("/u/signup"), "Sign up"}, {x.to("/u/reset-password/request"), "Reset password"}}
		if truth(sub(db, "options"), "disable_signup") {
			p.Links = p.Links[1:]
		}
	}
	choices := &pageChoices{Title: "Or continue with", Name: "connection"}
	for _, conn := range x.connections() {
		if str(conn, "strategy") != "auth0" {
			choices.List = append(choices.List, pair{str(conn, "name"), firstOf(str(conn, "display_name"), str(conn, "name"))})
		}
	}
	switch {
	case choices.List != nil:
		p.Choices = choices
	case p.Fields == nil:
		p.Error = "No connection is enabled for this application. Enable one: PATCH /api/v2/connections/{id}/clients."
	}
	return x.page(p)
}

// database is the database that passwords are looked up in: the one that the
// request names, or the first that may be used.
func (x *transaction) database() object {
	for _, conn := range x.connections() {
		if named := x.param("connection"); str(conn, "strategy") == "auth0" && (named == "" || named == str(conn, "name")) {
			return conn
		}
	}
	return nil
}

func (x *transaction) logIn() reply {
	c := x.c
	if name := str(c.body, "connection"); name != "" {
		return x.through(name)
	}
	name, conn := strings.TrimSpace(str(c.body, "username")), x.database()
	if conn == nil {
		return x.loginPage(name, "No database is enabled for this application.")
	}
	if name == "" || str(c.body, "password") == "" {
		return x.loginPage(name, "Please enter a name and a password.")
	}
	u, rep := c.checkPassword(x.client, conn, name)
	if rep != nil {
		body, _ := rep.body.(object)
		return x.loginPage(name, str(body, "error_description"))
	}
	x.known(u, str(conn, "name"), "pwd")
	return x.next()
}

// through goes on with another connection than a database.
func (x *transaction) through(name string) reply {
	conn := x.connection(name)
	if conn == nil {
		return x.loginPage("", "The connection is not enabled.")
	}
	x.set("chosen", name)
	switch str(conn, "strategy") {
	case "auth0":
		return redirect(x.to("/u/login"))
	case "email", "sms":
		return redirect(x.to("/u/login-passwordless"))
	}
	return redirect(x.to("/u/identity"))
}

// chosen is the connection that the person or the request chose.
func (x *transaction) chosen() object {
	return x.connection(firstOf(str(x.o, "chosen"), x.param("connection")))
}

func (x *transaction) signupPage(mail, wrong string) reply {
	if mail == "" {
		mail = x.param("login_hint")
		if inv := x.c.invitation(str(x.o, "org"), x.param("invitation")); inv != nil {
			mail = str(sub(inv, "invitee"), "email")
		}
	}
	p := formPage{Title: "Sign up", Texts: x.intro(), Error: wrong, Links: []pair{{x.to("/u/login"), "Log in"}}}
	conn := x.database()
	if conn == nil || truth(sub(conn, "options"), "disable_signup") {
		p.Error = "Signing up is not possible with this application's connections."
		return x.page(p)
	}
	p.Fields = []pageField{{"email", "Email address", "email", mail, "email", true}}
	if truth(sub(conn, "options"), "requires_username") {
		p.Fields = append(p.Fields, pageField{"username", "User name", "text", str(x.c.body, "username"), "username", true})
	}
	p.Fields = append(p.Fields, pageField{"password", "Password", "password", "", "new-password", true})
	p.Buttons = []pageButton{{"default", "Continue", false}}
	return x.page(p)
}

func (x *transaction) signUp() reply {
	c, conn := x.c, x.database()
	mail := strings.TrimSpace(str(c.body, "email"))
	if conn == nil || truth(sub(conn, "options"), "disable_signup") {
		return x.signupPage(mail, "")
	}
	b := object{"connection": conn["name"], "email": mail, "password": str(c.body, "password")}
	if name := strings.TrimSpace(str(c.body, "username")); name != "" {
		b["username"] = name
	}
	u, rep := c.signUpUser(x.client, conn, b)
	if rep != nil {
		body, _ := rep.body.(object)
		text := str(body, "description")
		if text == "" {
			text = "The password is too weak."
		}
		return x.signupPage(mail, text)
	}
	x.known(u, str(conn, "name"), "pwd")
	return x.next()
}

// someUsers is how many users of a connection a page offers.
const someUsers = 20

// identityPage stands for another identity provider: whoever tests chooses as
// whom to come back, or makes somebody up.
func (x *transaction) identityPage(wrong string) reply {
	conn := x.chosen()
	if conn == nil {
		return redirect(x.to("/u/login"))
	}
	name := str(conn, "name")
	p := formPage{
		Title: "Sign in with " + firstOf(str(conn, "display_name"), name), Error: wrong,
		Texts: []string{"This page stands for the identity provider of the connection " + name + ": a local tenant reaches none. Choose who comes back from it."},
		Fields: []pageField{
			{"email", "Email address", "email", x.param("login_hint"), "email", true},
			{"name", "Name", "text", "", "name", false},
		},
		Buttons: []pageButton{{"default", "Come back as this person", false}, {"cancel", "Cancel", true}},
	}
	list := &pageChoices{Title: "Or as a user that the tenant knows", Name: "user_id"}
	for _, r := range x.c.tx.Refs(usersKey()) {
		if len(list.List) == someUsers {
			break
		}
		u := r.Object()
		if hasConnection(u, name) {
			list.List = append(list.List, pair{str(u, "user_id"), firstOf(str(u, "email"), str(u, "name")) + " (" + str(u, "user_id") + ")"})
		}
	}
	if list.List != nil {
		p.Choices = list
	}
	return x.page(p)
}

func (x *transaction) identity() reply {
	c, conn := x.c, x.chosen()
	if conn == nil {
		return redirect(x.to("/u/login"))
	}
	name := str(conn, "name")
	if str(c.body, "action") == "cancel" {
		c.event(event{kind: "f", client: x.client, connection: name, text: "access_denied"})
		x.drop()
		return x.fail("access_denied", "The user cancelled the log-in at the identity provider.")
	}
	if id := str(c.body, "user_id"); id != "" {
		u := c.tx.Get(usersKey(), id)
		if u == nil || !hasConnection(u, name) {
			return x.identityPage("That user has no identity of this connection.")
		}
		x.known(u, name, "federated")
		return x.next()
	}
	mail := strings.ToLower(strings.TrimSpace(str(c.body, "email")))
	if !emailLike(mail) {
		return x.identityPage("Please enter an email address.")
	}
	x.known(c.federated(conn, mail, strings.TrimSpace(str(c.body, "name"))), name, "federated")
	return x.next()
}

// federated is the user of a connection with an address, made where there is
// none yet.
func (c *call) federated(conn object, mail, name string) object {
	for _, u := range c.tx.Lookup(usersKey(), "email", mail) {
		if hasConnection(u, str(conn, "name")) {
			return u
		}
	}
	strategy := str(conn, "strategy")
	own := c.t.ids.digits("identity", str(conn, "name")+mail, 21)
	if !social(strategy) {
		own = str(conn, "name") + "|" + c.t.ids.hex("identity", mail, 24)
	}
	b := object{"connection": conn["name"], "email": mail, "email_verified": true}
	if name != "" {
		b["name"] = name
	}
	b["user_id"] = strategy + "|" + own
	u := newUser(c.t, b, strategy, stamp(c.now))
	c.tx.Put(usersKey(), str(u, "user_id"), u)
	return u
}

// Organizations in a log-in.

func (x *transaction) organizationPage(wrong string) reply {
	p := formPage{Title: "Choose an organization", Error: wrong}
	if x.user == nil {
		p.Texts = []string{"Enter the name of your organization to continue to " + str(x.client, "name") + "."}
		p.Fields = []pageField{{"organization", "Organization", "text", "", "organization", true}}
		p.Buttons = []pageButton{{"default", "Continue", false}}
		return x.page(p)
	}
	p.Texts = []string{"Choose the organization with which you continue to " + str(x.client, "name") + "."}
	p.Choices = &pageChoices{Title: "Your organizations", Name: "organization"}
	for _, org := range x.memberships() {
		p.Choices.List = append(p.Choices.List, pair{str(org, "id"), firstOf(str(org, "display_name"), str(org, "name"))})
	}
	return x.page(p)
}

func (x *transaction) memberships() []object {
	var out []object
	for _, l := range x.c.tx.All(store.Links(memberships, str(x.user, "user_id"))) {
		if org := x.c.tx.Get(orgsKey(), store.ID(l)); org != nil {
			out = append(out, org)
		}
	}
	return out
}

func (x *transaction) chooseOrganization() reply {
	asked := strings.TrimSpace(str(x.c.body, "organization"))
	org := x.c.tx.Get(orgsKey(), asked)
	if found := x.c.tx.Lookup(orgsKey(), "name", strings.ToLower(asked)); org == nil && len(found) > 0 {
		org = found[0]
	}
	if org == nil || x.user != nil && !x.c.tx.Linked(memberships, str(x.user, "user_id"), str(org, "id")) {
		return x.organizationPage("There is no such organization.")
	}
	x.set("org", org["id"])
	return x.next()
}

// joins sees to it that the person belongs to the organization of the log-in.
func (x *transaction) joins() *reply {
	c, user := x.c, str(x.user, "user_id")
	stop := func(code, text string) *reply {
		c.event(event{kind: "f", client: x.client, user: x.user, connection: str(x.o, "connection"), text: text})
		x.drop()
		rep := x.fail(code, text)
		return &rep
	}
	org := str(x.o, "org")
	if org == "" {
		if str(x.client, "organization_usage") != "require" {
			return nil
		}
		mine := x.memberships()
		switch len(mine) {
		case 0:
			return stop("access_denied", "client requires organization membership, but user does not belong to any organization")
		case 1:
			x.set("org", mine[0]["id"])
			return nil
		}
		rep := x.ask("/u/organization", "interaction_required", "an organization has to be chosen")
		return &rep
	}
	if inv := c.invitation(org, x.param("invitation")); inv != nil {
		if !strings.EqualFold(str(sub(inv, "invitee"), "email"), str(x.user, "email")) {
			return stop("access_denied", "the invitation is for another email address")
		}
		c.accept(org, inv, x.user)
		c.event(event{kind: "si", client: x.client, user: x.user, connection: str(x.o, "connection"), text: "Successfully accepted a user invitation"})
		c.event(event{kind: "organization_member_added", client: x.client, user: x.user, org: c.tx.Get(orgsKey(), org), details: object{"reason": "invitation"}})
	}
	if c.tx.Linked(memberships, user, org) {
		return nil
	}
	for _, l := range c.tx.All(store.Links(orgConns, org)) {
		conn := c.tx.Get(connectionsKey(), store.ID(l))
		if truth(l, "assign_membership_on_login") && str(conn, "name") == str(x.o, "connection") {
			c.tx.Link(memberships, user, org, nil)
			c.event(event{kind: "organization_member_added", client: x.client, user: x.user, org: c.tx.Get(orgsKey(), org), details: object{"reason": "auto_membership"}})
			return nil
		}
	}
	return stop("access_denied", "user "+user+" is not part of the "+org+" organization")
}
