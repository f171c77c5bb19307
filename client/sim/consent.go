package sim

import (
	"net/url"
	"slices"

	"a0run/client/sim/store"
)

// Consent: a person is asked before a third party's application, or one on
// localhost, or one whose API does not let it be skipped, gets their data. What
// they said stands under /grants (Auth0's page "User Consent and Third-Party
// Applications").

func grantsKey() store.Key { return store.Key{Kind: "/grants"} }

func (x *transaction) needsConsent() bool {
	if truth(x.o, "consented") {
		return false
	}
	if slices.Contains(splitSpace(x.param("prompt")), "consent") {
		return true
	}
	aud := x.audience()
	first := on(x.client, "is_first_party")
	if first && (aud == "" || x.c.t.isManagement(aud)) {
		return false
	}
	rs := x.c.tx.Lookup(kind("/resource-servers"), "identifier", aud)
	if first && len(rs) > 0 && truth(rs[0], "skip_consent_for_verifiable_first_party_clients") && !onLocalhost(str(x.o, "back")) {
		return false
	}
	grant := x.grant()
	return slices.ContainsFunc(splitSpace(x.login().scope), func(s string) bool { return !slices.Contains(texts(grant, "scope"), s) }) || grant == nil
}

func onLocalhost(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
}

// grant is what the person allowed the application before, nil for nothing.
func (x *transaction) grant() object {
	for _, g := range x.c.tx.All(grantsKey()) {
		if str(g, "clientID") == str(x.client, "client_id") && str(g, "user_id") == str(x.user, "user_id") && str(g, "audience") == x.audienceOrUserinfo() {
			return g
		}
	}
	return nil
}

func (x *transaction) audienceOrUserinfo() string {
	return firstOf(x.audience(), x.c.t.Issuer()+"userinfo")
}

func (x *transaction) consentPage() reply {
	scope := x.login().scope
	p := formPage{
		Title: "Authorize App", Texts: []string{str(x.client, "name") + " is requesting access to your " + x.c.domain() + " account."},
		Buttons: []pageButton{{"accept", "Accept", false}, {"deny", "Decline", false}},
	}
	if scope != "" {
		p.Facts = append(p.Facts, pair{"It asks for", scope})
	}
	if aud := x.audience(); aud != "" {
		p.Facts = append(p.Facts, pair{"At the API", aud})
	}
	return x.page(p)
}

func (x *transaction) consent() reply {
	c := x.c
	if str(c.body, "action") != "accept" {
		c.event(event{kind: "f", client: x.client, user: x.user, connection: str(x.o, "connection"), text: "User did not authorize the request"})
		x.drop()
		return x.fail("access_denied", "User did not authorize the request")
	}
	scopes := splitSpace(x.login().scope)
	g := store.Clone(x.grant())
	if str(g, "id") == "" {
		g["id"] = c.t.ids.hex("/grants", str(x.user, "user_id")+str(x.client, "client_id"), 24)
		g["clientID"], g["user_id"], g["audience"] = x.client["client_id"], x.user["user_id"], x.audienceOrUserinfo()
	}
	had := texts(g, "scope")
	for _, s := range scopes {
		if !slices.Contains(had, s) {
			had = append(had, s)
		}
	}
	list := []any{}
	for _, s := range had {
		list = append(list, s)
	}
	g["scope"] = list
	c.tx.Put(grantsKey(), str(g, "id"), g)
	x.set("consented", true)
	return x.next()
}

// invitation is the open one of an organization, nil where there is none.
func (c *call) invitation(org, ticket string) object {
	if ticket == "" {
		return nil
	}
	for _, inv := range c.tx.All(invitationsKey(org)) {
		if str(inv, "ticket_id") == ticket && str(inv, "expires_at") > stamp(c.now) {
			return inv
		}
	}
	return nil
}

func invitationsKey(org string) store.Key {
	return store.Key{Kind: "/organizations/{}/invitations", Scope: org}
}

// accept makes the person a member, with the roles of the invitation.
func (c *call) accept(org string, inv, u object) {
	user := str(u, "user_id")
	c.tx.Link(memberships, user, org, nil)
	for _, role := range texts(inv, "roles") {
		if c.tx.Has(rolesKey(), role) {
			c.tx.Link(memberRoles, joined([]string{org, user}), role, nil)
		}
	}
	c.tx.Delete(invitationsKey(org), str(inv, "id"))
	n := store.Clone(c.tx.Get(usersKey(), user))
	n["email_verified"] = true // the link came by e-mail
	c.tx.Put(usersKey(), user, n)
}
