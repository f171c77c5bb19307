package sim

import (
	"encoding/json"
	"net/http"
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
	}
	u := c.tx.Get(usersKey(), user)
	if u == nil || want == "" || given != want {
		return invalidGrant(wrong)
	}
	c.tx.Delete(mfaKey(), str(c.body, "mfa_token"))
	c.tx.Delete(otpKey(), "mfa\x1f"+strings.ToLower(user))
	return c.tokensFor(client, login{user: u, scope: str(p, "scope"), audience: str(p, "audience"), at: c.now})
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
