package sim

import (
	"net/http"
	"slices"
	"strings"

	"a0run/client/sim/store"
)

// A log-in by password of a person with a second factor answers mfa_required
// with an mfa_token, which is worth tokens together with a code: of an
// authenticator app, one that was sent (Tenant.OneTimeCode("mfa", user id), or
// the mailbox), or a recovery code.

func mfaKey() store.Key { return store.Key{Kind: "auth:mfa"} }

func (c *call) mfaRequired(client object, l login) reply {
	user := str(l.user, "user_id")
	text := "Fe26.2*" + c.t.ids.base64("mfa", user, 32)
	p := object{
		"client_id": client["client_id"], "user_id": user, "scope": l.scope, "audience": l.audience, "connection": l.connection, "gty": l.gty,
		"ends": numberOf(c.now.Unix() + 600),
	}
	if l.org != nil {
		p["org_id"] = l.org["id"]
	}
	c.tx.Put(mfaKey(), text, p)
	c.sendFactor(l.user, nil)
	c.event(event{kind: "mfar", client: client, user: l.user, connection: l.connection, text: "MFA Required"})
	rep := denied(http.StatusForbidden, "mfa_required", "Multifactor authentication required")
	rep.body.(object)["mfa_token"] = text
	return rep
}

// pendingMFA is what an mfa_token stands for.
func (c *call) pendingMFA(client object) (object, *reply) {
	p := c.tx.Get(mfaKey(), str(c.body, "mfa_token"))
	if p == nil || str(p, "client_id") != str(client, "client_id") {
		rep := invalidGrant("Malformed mfa_token")
		return nil, &rep
	}
	if ends, _ := number(p["ends"]); c.now.Unix() > ends {
		rep := denied(http.StatusUnauthorized, "expired_token", "mfa_token is expired")
		return nil, &rep
	}
	return p, nil
}

func mfaGrant(c *call, client object, grant string) reply {
	p, rep := c.pendingMFA(client)
	if rep != nil {
		return *rep
	}
	user := str(p, "user_id")
	u := c.tx.Get(usersKey(), user)
	l := login{
		user: u, scope: str(p, "scope"), audience: str(p, "audience"), at: c.now, connection: str(p, "connection"), gty: str(p, "gty"),
		org: c.tx.Get(orgsKey(), str(p, "org_id")),
	}
	ok, wrong, kinds := false, "Invalid otp_code.", [2]string{"seotpft", "feotpft"}
	switch grant {
	case grantMFAOOB:
		kinds = [2]string{"seoobft", "feoobft"}
		if wrong, rep = c.answered(user); rep != nil {
			return *rep
		}
		ok = wrong == ""
	case grantMFARecovery:
		wrong, kinds = "Invalid recovery_code.", [2]string{"sercft", "fercft"}
		own := str(c.tx.Get(recoveryKey(), user), "code")
		if ok = own != "" && own == str(c.body, "recovery_code"); ok { // it is used up, and the next one comes with the tokens
			l.recovery = c.newRecovery(user)
		}
	default:
		if ok = c.takesApp(user, str(c.body, "otp")); ok {
			c.confirmed(user, "otp")
		} else if !c.hasApp(user) { // nothing else stands for an app that nobody enrolled here
			ok = c.takesSent(user, str(c.body, "otp"))
		}
	}
	if u == nil || !ok {
		c.event(event{kind: "gd_auth_failed", client: client, user: u, text: "Multi-factor authentication failed"})
		c.event(event{kind: kinds[1], client: client, user: u, text: wrong})
		return invalidGrant(wrong)
	}
	c.tx.Delete(mfaKey(), str(c.body, "mfa_token"))
	c.event(event{kind: "gd_auth_succeed", client: client, user: u, text: "Multi-factor authentication succeeded"})
	c.event(event{kind: kinds[0], client: client, user: u, connection: l.connection, audience: l.audience, scope: l.scope})
	c.event(event{kind: "s", client: client, user: u, connection: l.connection, text: "Successful login"})
	return c.tokensFor(client, l)
}

func mfaChallenge(c *call) reply {
	client, rep := c.client()
	if rep != nil {
		return *rep
	}
	p, rep := c.pendingMFA(client)
	if rep != nil {
		return *rep
	}
	user := str(p, "user_id")
	var a object
	if id := str(c.body, "authenticator_id"); id != "" {
		if a = c.tx.Get(authenticatorsKey(user), id); a == nil {
			return denied(http.StatusBadRequest, "invalid_request", "authenticator_id is unknown")
		}
	}
	asked := splitSpace(str(c.body, "challenge_type"))
	switch {
	case a != nil && str(a, "authenticator_type") == "oob", a == nil && len(asked) > 0 && asked[0] == "oob":
		if a == nil {
			a = object{"oob_channel": str(c.body, "oob_channel")}
		}
		out := c.challenged(client, str(c.body, "mfa_token"), c.tx.Get(usersKey(), user), a)
		out["challenge_type"] = "oob"
		return sent(http.StatusOK, out)
	case len(asked) > 0 && !slices.Contains(asked, "otp"):
		return denied(http.StatusForbidden, "unsupported_challenge_type", "User does not have any authenticators that support the requested challenge types")
	}
	return sent(http.StatusOK, object{"challenge_type": "otp"})
}

// resend delivers the code that is good already once more: whoever read it
// before the challenge was asked for goes on.
func (c *call) resend(u, a object) {
	old := c.tx.Get(otpKey(), mfaCodeKey(str(u, "user_id")))
	code := c.sendFactor(u, a)
	if ends, has := number(old["ends"]); old != nil && (!has || c.now.Unix() <= ends) {
		c.tx.Put(otpKey(), mfaCodeKey(str(u, "user_id")), old)
		last := c.tx.Page(mailKey(), c.tx.Len(mailKey())-1, 1)
		if len(last) == 1 && str(last[0], "code") == code {
			m := store.Clone(last[0])
			m["code"] = old["code"]
			c.tx.Put(mailKey(), str(m, "id"), m)
		}
	}
}

// Authenticators of a person. They are enrolled with the mfa_token of a login
// that has none yet, or with an access token of the scope enroll, and are active
// once a code of theirs was accepted.

func authenticatorsKey(user string) store.Key {
	return store.Key{Kind: "auth:authenticators", Scope: user}
}

// mfaUser is the person whose mfa_token or access token came as Bearer; an access
// token must have the scope.
func (c *call) mfaUser(scope string) (string, *reply) {
	if p := c.tx.Get(mfaKey(), bearerOf(c.req)); p != nil {
		if ends, _ := number(p["ends"]); c.now.Unix() <= ends {
			return str(p, "user_id"), nil
		}
	}
	claims, rep := c.bearer()
	if rep != nil {
		rep := denied(http.StatusUnauthorized, "invalid_token", "Invalid token")
		return "", &rep
	}
	if !slices.Contains(splitSpace(str(claims, "scope")), scope) {
		rep := denied(http.StatusForbidden, "insufficient_scope", "Insufficient scope, expected any of: "+scope)
		return "", &rep
	}
	return str(claims, "sub"), nil
}

// bearerOf is the token of a request.
func bearerOf(r *http.Request) string {
	_, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(text)
}

func mfaList(c *call) reply {
	user, rep := c.mfaUser("read:authenticators")
	if rep != nil {
		return *rep
	}
	out := []any{}
	for _, a := range c.tx.All(authenticatorsKey(user)) {
		a = store.Clone(a)
		for _, own := range []string{"secret", "used", "granted"} {
			delete(a, own)
		}
		out = append(out, a)
	}
	return c.ok(out)
}

func mfaAssociate(c *call) reply {
	user, rep := c.mfaUser("enroll")
	if rep != nil {
		return *rep
	}
	u := c.tx.Get(usersKey(), user)
	types, channels := texts(c.body, "authenticator_types"), texts(c.body, "oob_channels")
	if len(types) == 0 || u == nil {
		return denied(http.StatusBadRequest, "invalid_request", "authenticator_types is required")
	}
	first := c.tx.Len(authenticatorsKey(user)) == 0
	a := object{"authenticator_type": types[0]}
	out := object{"authenticator_type": types[0]}
	switch {
	case types[0] == "otp":
		secret := c.newSecret(user)
		a["secret"] = secret
		out["secret"], out["barcode_uri"] = secret, c.barcode(user, secret)
	case types[0] == "oob" && len(channels) > 0:
		a["oob_channel"] = channels[0]
		a["name"] = firstOf(str(c.body, "phone_number"), str(c.body, "email"), str(u, "email"))
		out["oob_channel"] = channels[0]
		if channels[0] == "auth0" {
			out["barcode_uri"] = "otpauth://totp/" + c.domain() + ":" + user + "?enrollment_tx_id=" + c.t.ids.word("enrollment", user, 24)
		}
	default:
		return denied(http.StatusBadRequest, "invalid_request", "oob_channels is required with the type oob")
	}
	if first {
		code := c.newRecovery(user)
		out["recovery_codes"] = []any{code}
		id := "recovery-code|dev_" + c.t.ids.word("recovery-id", user, 16)
		c.tx.Put(authenticatorsKey(user), id, object{"id": id, "authenticator_type": "recovery-code", "active": true})
	}
	a = c.addFactor(u, a, false)
	if a["oob_channel"] != nil {
		p := c.tx.Get(mfaKey(), bearerOf(c.req))
		for k, v := range c.challenged(c.tx.Get(clientsKey(), str(p, "client_id")), bearerOf(c.req), u, a) {
			out[k] = v
		}
	}
	c.event(event{kind: "gd_start_enroll", user: u, text: "Guardian enrollment started"})
	return sent(http.StatusOK, out)
}

// addFactor gives a person an authenticator, where the Management API shows it
// too: among their authentication methods and their enrollments.
func (c *call) addFactor(u, a object, active bool) object {
	user, channel := str(u, "user_id"), "totp"
	if ch := str(a, "oob_channel"); ch != "" {
		channel = ch
	}
	a = store.Clone(a)
	a["id"], a["active"] = channel+"|dev_"+c.t.ids.word("authenticator", user, 16), false
	a["created_at"] = stamp(c.now)
	c.tx.Put(authenticatorsKey(user), str(a, "id"), a)
	if active {
		c.confirmFactor(user, str(a, "id"))
	}
	return c.tx.Get(authenticatorsKey(user), str(a, "id"))
}

// confirmFactor makes an authenticator active.
func (c *call) confirmFactor(user, id string) {
	old := c.tx.Get(authenticatorsKey(user), id)
	if old == nil || truth(old, "active") {
		return
	}
	a := store.Clone(old)
	a["active"] = true
	c.tx.Put(authenticatorsKey(user), id, a)
	channel, _, _ := strings.Cut(id, "|")
	method := object{
		"id": id, "type": map[string]string{"totp": "totp", "sms": "phone", "voice": "phone", "email": "email"}[channel],
		"confirmed": true, "created_at": old["created_at"], "enrolled_at": stamp(c.now), "last_auth_at": stamp(c.now), "usage": []any{"secondary"},
	}
	enrolment := object{
		"id": id, "status": "confirmed", "type": map[string]string{"totp": "authenticator", "sms": "sms", "voice": "sms", "email": "email"}[channel],
		"enrolled_at": stamp(c.now), "last_auth": stamp(c.now), "name": str(old, "name"), "identifier": id, "auth_method": "authenticator",
	}
	switch channel {
	case "sms", "voice":
		method["phone_number"], method["preferred_authentication_method"] = old["name"], channel
		enrolment["phone_number"], enrolment["auth_method"] = old["name"], "sms"
	case "email":
		method["email"] = old["name"]
		enrolment["auth_method"] = "email"
	case "auth0":
		method["type"], enrolment["type"], enrolment["auth_method"] = "push", "pn", "guardian"
	}
	c.tx.Put(store.Key{Kind: usersKind + "/{}/authentication-methods", Scope: user}, id, method)
	c.tx.Put(store.Key{Kind: usersKind + "/{}/enrollments", Scope: user}, id, enrolment)
}

func recoveryKey() store.Key { return store.Key{Kind: "auth:recovery"} }

func mfaDelete(c *call) reply {
	user, rep := c.mfaUser("remove:authenticators")
	if rep != nil {
		return *rep
	}
	if !c.tx.Has(authenticatorsKey(user), c.params[0]) {
		return denied(http.StatusNotFound, "invalid_request", "Authenticator not found")
	}
	c.dropFactor(user, c.params[0])
	return empty()
}

// dropFactor takes an authenticator from a person, wherever it is shown.
func (c *call) dropFactor(user, id string) {
	c.tx.Delete(authenticatorsKey(user), id)
	for _, below := range []string{"authentication-methods", "enrollments"} {
		c.tx.Delete(store.Key{Kind: usersKind + "/{}/" + below, Scope: user}, id)
	}
	c.event(event{kind: "gd_unenroll", user: c.tx.Get(usersKey(), user), text: "Guardian unenroll"})
}

// confirmed makes the authenticators active of whose type a code was accepted.
func (c *call) confirmed(user, kind string) {
	for _, a := range c.tx.All(authenticatorsKey(user)) {
		if str(a, "authenticator_type") == kind {
			c.confirmFactor(user, str(a, "id"))
		}
	}
}
