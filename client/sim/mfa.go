package sim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"a0run/client/sim/store"
)

// A user whose multifactor list is not empty gets tokens only after a second
// step: the password grant answers mfa_required with an mfa_token, and that is
// worth tokens together with a one-time code (Tenant.OneTimeCode("mfa", user
// id)).

func mfaKey() store.Key { return store.Key{Kind: "auth:mfa"} }

func (c *call) mfaRequired(client object, l login) reply {
	user := str(l.user, "user_id")
	text := "Fe26.2*" + c.t.ids.base64("mfa", user, 32)
	c.tx.Put(mfaKey(), text, object{
		"client_id": client["client_id"], "user_id": user, "scope": l.scope, "audience": l.audience,
		"ends": json.Number(intText(c.now.Unix() + 600)),
	})
	c.tx.Put(otpKey(), "mfa\x1f"+strings.ToLower(user), object{"code": c.t.ids.digits("mfa", user, 6)})
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
	want := str(c.tx.Get(otpKey(), "mfa\x1f"+strings.ToLower(user)), "code")
	given, wrong := str(c.body, "otp"), "Invalid otp_code."
	switch grant {
	case grantMFAOOB:
		given, wrong = str(c.body, "binding_code"), "Invalid binding_code."
	case grantMFARecovery:
		given, wrong = str(c.body, "recovery_code"), "Invalid recovery_code."
		if own := str(c.tx.Get(recoveryKey(), user), "code"); own != "" {
			want = own
		}
	}
	u := c.tx.Get(usersKey(), user)
	if u == nil || want == "" || given != want {
		return invalidGrant(wrong)
	}
	c.tx.Delete(mfaKey(), str(c.body, "mfa_token"))
	c.tx.Delete(otpKey(), "mfa\x1f"+strings.ToLower(user))
	l := login{user: u, scope: str(p, "scope"), audience: str(p, "audience"), at: c.now}
	if grant == grantMFARecovery { // it is used up, and the next one comes with the tokens
		l.recovery = strings.ToUpper(c.t.ids.word("recovery", user, 24))
		c.tx.Put(recoveryKey(), user, object{"code": l.recovery})
	}
	c.confirmed(user, grant)
	return c.tokensFor(client, l)
}

func mfaChallenge(c *call) reply {
	client, rep := c.client()
	if rep != nil {
		return *rep
	}
	if _, rep := c.pendingMFA(client); rep != nil {
		return *rep
	}
	if str(c.body, "challenge_type") == "oob" {
		return sent(http.StatusOK, object{
			"challenge_type": "oob", "oob_code": c.t.ids.base64("oob", str(c.body, "mfa_token"), 24), "binding_method": "prompt",
		})
	}
	return sent(http.StatusOK, object{"challenge_type": "otp"})
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
	_, text, _ := strings.Cut(c.req.Header.Get("Authorization"), " ")
	if p := c.tx.Get(mfaKey(), strings.TrimSpace(text)); p != nil {
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

func mfaList(c *call) reply {
	user, rep := c.mfaUser("read:authenticators")
	if rep != nil {
		return *rep
	}
	out := []any{}
	for _, a := range c.tx.All(authenticatorsKey(user)) {
		out = append(out, a)
	}
	return c.ok(out)
}

func mfaAssociate(c *call) reply {
	user, rep := c.mfaUser("enroll")
	if rep != nil {
		return *rep
	}
	types, channels := texts(c.body, "authenticator_types"), texts(c.body, "oob_channels")
	if len(types) == 0 {
		return denied(http.StatusBadRequest, "invalid_request", "authenticator_types is required")
	}
	known := c.tx.All(authenticatorsKey(user))
	a := object{"authenticator_type": types[0], "active": false}
	out := object{"authenticator_type": types[0]}
	switch {
	case types[0] == "otp":
		a["id"] = "totp|dev_" + c.t.ids.word("authenticator", user, 16)
		secret := strings.ToUpper(c.t.ids.word("totp", user, 32))
		out["secret"] = secret
		out["barcode_uri"] = "otpauth://totp/" + c.t.Domain() + ":" + user + "?secret=" + secret + "&issuer=" + c.t.Domain()
	case types[0] == "oob" && len(channels) > 0:
		a["id"], a["oob_channel"] = channels[0]+"|dev_"+c.t.ids.word("authenticator", user, 16), channels[0]
		a["name"] = str(c.body, "phone_number") + str(c.body, "email")
		out["oob_channel"], out["oob_code"] = channels[0], c.t.ids.base64("oob", user, 24)
		out["binding_method"] = "prompt"
	default:
		return denied(http.StatusBadRequest, "invalid_request", "oob_channels is required with the type oob")
	}
	if len(known) == 0 {
		code := strings.ToUpper(c.t.ids.word("recovery", user, 24))
		out["recovery_codes"] = []any{code}
		id := "recovery-code|dev_" + c.t.ids.word("recovery-id", user, 16)
		c.tx.Put(authenticatorsKey(user), id, object{"id": id, "authenticator_type": "recovery-code", "active": true})
		c.tx.Put(recoveryKey(), user, object{"code": code})
	}
	c.tx.Put(authenticatorsKey(user), str(a, "id"), a)
	return sent(http.StatusOK, out)
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
	c.tx.Delete(authenticatorsKey(user), c.params[0])
	return empty()
}

// confirmed makes the authenticators active of whose kind a code was accepted.
func (c *call) confirmed(user, grant string) {
	want := map[string]string{grantMFAOTP: "otp", grantMFAOOB: "oob"}[grant]
	for _, old := range c.tx.All(authenticatorsKey(user)) {
		if str(old, "authenticator_type") == want {
			a := store.Clone(old)
			a["active"] = true
			c.tx.Put(authenticatorsKey(user), str(a, "id"), a)
		}
	}
}
