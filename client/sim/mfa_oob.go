package sim

import (
	"net/http"
	"net/url"

	"a0run/client/sim/store"
)

// Challenges at another device, out of band: a code that is sent and typed in
// (its binding_code), or a push that a person answers there (Auth0's page
// "Verify with Out-of-Band").

func oobKey() store.Key { return store.Key{Kind: "auth:oob"} }

// challenged begins one for the log-in of an mfa_token; its oob_code is good for
// no other.
func (c *call) challenged(client object, token string, u, a object) object {
	user, channel := str(u, "user_id"), str(a, "oob_channel")
	for _, own := range c.tx.All(authenticatorsKey(user)) {
		if a["id"] == nil && channel != "" && str(own, "oob_channel") == channel {
			a = own // nobody named one, and there is one
		}
	}
	id := c.t.ids.base64("oob", token+str(a, "id"), 24)
	o := object{
		"id": id, "mfa_token": token, "client_id": client["client_id"], "user_id": user, "authenticator": a["id"],
		"state": "pending", "ends": numberOf(c.now.Unix() + mfaCodeLife),
	}
	out := object{"oob_code": id}
	if channel == "auth0" || channel == "push" {
		o["push"] = true
		c.deliver(Mail{
			Channel: "push", To: user, UserID: user, Kind: "mfa", Subject: "Approve a log-in",
			Link: c.base() + approvalPage + "?auth_req_id=" + url.QueryEscape(id),
		})
		c.event(event{kind: "gd_send_pn", user: u, text: "Guardian code sent"})
	} else {
		out["binding_method"] = "prompt"
		c.resend(u, a)
	}
	c.tx.Put(oobKey(), id, o)
	return out
}

// answered takes the answer to a challenge: "" where it is the right one, what is
// wrong with it, or the refusal of a push that nobody has answered yet.
func (c *call) answered(user string) (wrong string, refusal *reply) {
	id := str(c.body, "oob_code")
	o := c.tx.Get(oobKey(), id)
	if ends, _ := number(o["ends"]); o == nil || str(o, "mfa_token") != str(c.body, "mfa_token") || c.now.Unix() > ends {
		return "Invalid oob_code.", nil
	}
	switch {
	case !truth(o, "push"):
		if !c.takesSent(user, str(c.body, "binding_code")) {
			return "Invalid binding_code.", nil
		}
	case str(o, "state") == "pending":
		rep := c.stillPending(oobKey(), id, o)
		return "", &rep
	case str(o, "state") != "approved":
		c.tx.Delete(oobKey(), id)
		return "MFA Authorization rejected.", nil
	}
	c.tx.Delete(oobKey(), id)
	if a := str(o, "authenticator"); a != "" {
		c.confirmFactor(user, a)
	}
	return "", nil
}

// waitingKeys are the kinds of log-ins that a person answers elsewhere, by the
// words of the control API.
func waitingKeys() []struct {
	kind string
	key  store.Key
} {
	return []struct {
		kind string
		key  store.Key
	}{{"back-channel", cibaKey()}, {"device", deviceKey()}, {"push", oobKey()}}
}

// waits reports whether a log-in waits for a person.
func waits(o object) bool {
	_, typed := o["mfa_token"]
	return str(o, "state") == "pending" && (!typed || truth(o, "push"))
}

// approval is the page that stands for the person's Guardian app: the link to
// it lies in the mailbox.
func approval(c *call) reply {
	id := firstOf(str(c.body, "auth_req_id"), c.query.Get("auth_req_id"))
	k := cibaKey()
	if !c.tx.Has(k, id) {
		k = oobKey()
	}
	old := c.tx.Get(k, id)
	ends, _ := number(old["ends"])
	if old == nil || !waits(old) || c.now.Unix() > ends {
		return c.show(formPage{Title: "Nothing To Approve", status: http.StatusBadRequest, Error: "The request is unknown, answered, or too old."})
	}
	if c.req.Method == http.MethodPost {
		o := store.Clone(old)
		title := "Approved"
		o["state"] = "approved"
		if str(c.body, "action") != "approve" {
			o["state"], title = "rejected", "Denied"
		}
		c.tx.Put(k, id, o)
		return c.show(formPage{Title: title, Texts: []string{"You can close this window."}})
	}
	client := c.tx.Get(clientsKey(), str(old, "client_id"))
	p := formPage{
		Title: "Approve This Request?", Texts: []string{str(client, "name") + " asks " + str(old, "user_id") + " to approve:"},
		Facts: []pair{{"Message", str(old, "message")}, {"Scope", str(old, "scope")}}, Action: approvalPage, Hidden: []pair{{"auth_req_id", id}},
		Buttons: []pageButton{{"approve", "Approve", false}, {"deny", "Deny", false}},
	}
	if k == oobKey() {
		p.Texts, p.Facts = []string{str(old, "user_id") + " logs in to " + str(client, "name") + "."}, nil
	}
	return c.show(p)
}

const approvalPage = "/u/approval"
