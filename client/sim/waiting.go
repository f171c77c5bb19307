package sim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"a0run/client/sim/store"
)

// Log-ins that wait for a person at another device: device codes (RFC 8628) and
// back-channel requests (OpenID Connect CIBA).

func bcAuthorize(c *call) reply {
	client, rep := c.client()
	if rep != nil {
		return *rep
	}
	message := str(c.body, "binding_message")
	switch {
	case !slices.Contains(texts(client, "grant_types"), grantCIBA):
		return notAllowed(grantCIBA)
	case !slices.Contains(splitSpace(str(c.body, "scope")), "openid"):
		return denied(http.StatusBadRequest, "invalid_request", "openid scope must be requested")
	case message == "":
		return denied(http.StatusBadRequest, "invalid_request", "binding_message is required")
	case len([]rune(message)) > maxBindingMessage:
		return denied(http.StatusBadRequest, "invalid_request", "binding_message must be at most 64 characters")
	}
	u := c.hinted(str(c.body, "login_hint"))
	if u == nil {
		c.event(event{kind: "ciba_start_failed", client: client, text: "User ID is malformed or unknown"})
		return denied(http.StatusBadRequest, "unknown_user_id", "User ID is malformed or unknown")
	}
	life := int64(300)
	if n, err := strconv.ParseInt(str(c.body, "requested_expiry"), 10, 64); err == nil && n > 0 {
		life = n
	}
	id := c.t.ids.uuid("ciba", str(u, "user_id"))
	c.tx.Put(cibaKey(), id, object{
		"id": id, "client_id": client["client_id"], "user_id": u["user_id"], "scope": str(c.body, "scope"), "audience": str(c.body, "audience"),
		"state": "pending", "ends": numberOf(c.now.Unix() + life), "message": str(c.body, "binding_message"),
	})
	c.deliver(Mail{
		Channel: "push", To: str(u, "user_id"), UserID: str(u, "user_id"), Kind: "ciba", Subject: firstOf(str(c.body, "binding_message"), "Approve a log-in"),
		Link: c.base() + approvalPage + "?auth_req_id=" + url.QueryEscape(id),
	})
	c.event(event{kind: "ciba_start_succeeded", client: client, user: u})
	return sent(http.StatusOK, object{"auth_req_id": id, "expires_in": life, "interval": pollInterval})
}

// maxBindingMessage is how many characters a person's device shows.
const maxBindingMessage = 64

// hinted is the user whom a login_hint names: {"format": "iss_sub", "iss": the
// tenant's issuer, "sub": user id}. Whether Auth0 looks at iss is not known.
func (c *call) hinted(text string) object {
	var hint object
	if json.Unmarshal([]byte(text), &hint) != nil || str(hint, "format") != "iss_sub" {
		return nil
	}
	return c.tx.Get(usersKey(), str(hint, "sub"))
}

func deviceCode(c *call) reply {
	client := c.tx.Get(clientsKey(), str(c.body, "client_id"))
	switch {
	case client == nil:
		return *unauthorized()
	case !slices.Contains(texts(client, "grant_types"), grantDevice):
		return denied(http.StatusForbidden, "unauthorized_client", "Unauthorized or unknown client")
	}
	id := c.t.ids.base64("device", str(client, "client_id"), 24)
	// No vowels: no words; RFC 8628, 6.1.
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	user := make([]byte, 8)
	for i, b := range c.t.ids.bytes("user_code", id, 8) {
		user[i] = letters[int(b)%len(letters)]
	}
	code := string(user[:4]) + "-" + string(user[4:])
	c.tx.Put(deviceKey(), id, object{
		"id": id, "client_id": client["client_id"], "scope": str(c.body, "scope"), "audience": str(c.body, "audience"), "user_code": code,
		"state": "pending", "ends": numberOf(c.now.Unix() + 900),
	})
	base := c.base() + "/activate"
	return sent(http.StatusOK, object{
		"device_code": id, "user_code": code, "verification_uri": base, "verification_uri_complete": base + "?user_code=" + code,
		"expires_in": 900, "interval": pollInterval,
	})
}

// activate is the page on which a person enters the code that a device shows:
// first the code, then whether it is the device's, then the log-in.
func activate(c *call) reply {
	typed := firstOf(str(c.body, "user_code"), c.query.Get("user_code"))
	p := formPage{
		Title: "Device Activation", Texts: []string{"Enter the code that your device shows."}, Action: "/activate",
		Fields: []pageField{{"user_code", "Code", "text", typed, "off", true}}, Buttons: []pageButton{{"default", "Continue", false}},
	}
	if typed == "" {
		return c.show(p)
	}
	var waits object
	for _, d := range c.tx.All(deviceKey()) {
		if bareCode(str(d, "user_code")) == bareCode(typed) {
			waits = d
		}
	}
	if ends, _ := number(waits["ends"]); waits == nil || c.now.Unix() > ends || str(waits, "state") != "pending" {
		p.Error, p.status = "The code is wrong, was used, or is older than 15 minutes.", http.StatusBadRequest
		return c.show(p)
	}
	client := c.tx.Get(clientsKey(), str(waits, "client_id"))
	switch action := str(c.body, "action"); {
	case c.req.Method == http.MethodPost && action == "deny":
		o := store.Clone(waits)
		o["state"] = "rejected"
		c.tx.Put(deviceKey(), str(waits, "id"), o)
		c.event(event{kind: "fdecc", client: client, text: "User canceled the device confirmation"})
		return c.show(formPage{Title: "Device Denied", Texts: []string{"The device was not connected. You can close this window."}})
	case c.req.Method == http.MethodPost && action == "confirm":
		q := url.Values{"scope": {str(waits, "scope")}, "audience": {str(waits, "audience")}, "client_id": {str(client, "client_id")}}
		x := c.begin(client, q)
		x.set("device", waits["id"])
		x.resume()
		return x.step()
	}
	return c.show(formPage{
		Title: "Device Confirmation", Texts: []string{"Is this the code that the device shows? " + str(client, "name") + " will be connected to your account."},
		Facts: []pair{{"Code", str(waits, "user_code")}}, Action: "/activate", Hidden: []pair{{"user_code", str(waits, "user_code")}},
		Buttons: []pageButton{{"confirm", "Confirm", false}, {"deny", "Cancel", false}},
	})
}

func bareCode(s string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(s))
}

// activated lets a device have its tokens.
func (c *call) activated(id string, x *transaction) reply {
	old := c.tx.Get(deviceKey(), id)
	if old == nil || str(old, "state") != "pending" {
		return c.oops(http.StatusBadRequest, "invalid_request", "The device's code is older than 15 minutes.")
	}
	o := store.Clone(old)
	o["state"], o["user_id"], o["session"], o["org_id"] = "approved", x.user["user_id"], x.o["session"], x.o["org"]
	c.tx.Put(deviceKey(), id, o)
	c.event(event{kind: "sdeac", client: x.client, user: x.user, text: "Device activated"}) // named as the failure fdeac is
	return c.show(formPage{Title: "Congratulations, you're all set!", Texts: []string{"Your device is now connected. You can close this window."}})
}

// Approve lets a person consent to a waiting back-channel request, device code or
// push; with no user it is rejected. It reports whether one of that id waits for
// them.
func (t *Tenant) Approve(id, userID string) bool {
	done := false
	t.state.Update(func(tx *store.Tx) {
		for _, w := range waitingKeys() {
			old := tx.Get(w.key, id)
			whose := str(old, "user_id") // known already, but for devices
			if old == nil || !waits(old) || userID != "" && whose != "" && whose != userID {
				continue
			}
			o := store.Clone(old)
			o["state"] = "rejected"
			if userID != "" {
				o["state"], o["user_id"] = "approved", userID
			}
			tx.Put(w.key, id, o)
			done = true
		}
	})
	return done
}

// pollGrant is a grant that waits for somebody else's consent.
func pollGrant(c *call, client object, k store.Key, id string) reply {
	good, bad := "sede", "fede"
	if k == cibaKey() {
		good, bad = "ciba_exchange_succeeded", "ciba_exchange_failed"
	}
	p := c.tx.Get(k, id)
	if p == nil || str(p, "client_id") != str(client, "client_id") {
		c.event(event{kind: bad, client: client, text: "Invalid or expired request"})
		return invalidGrant("Invalid or expired request")
	}
	if ends, _ := number(p["ends"]); c.now.Unix() > ends {
		c.tx.Delete(k, id)
		c.event(event{kind: bad, client: client, text: "The request has expired."})
		return denied(http.StatusForbidden, "expired_token", "The request has expired.")
	}
	u := c.tx.Get(usersKey(), str(p, "user_id"))
	switch str(p, "state") {
	case "approved":
	case "rejected":
		c.tx.Delete(k, id)
		c.event(event{kind: bad, client: client, user: u, text: "access_denied"})
		return denied(http.StatusBadRequest, "access_denied", "MFA Authorization rejected.")
	default:
		return c.stillPending(k, id, p)
	}
	c.tx.Delete(k, id)
	switch {
	case u == nil:
		return invalidGrant("The user does not exist.")
	case truth(u, "blocked"):
		return blocked()
	}
	l := login{user: u, audience: str(p, "audience"), at: c.now, session: str(p, "session"), org: c.tx.Get(orgsKey(), str(p, "org_id"))}
	l.counted = l.session != "" // a log-in in a browser was before it
	l.scope = c.allowedScope(client, l, str(p, "scope"))
	c.event(event{kind: good, client: client, user: u, audience: l.audience, scope: l.scope})
	return c.tokensFor(client, l)
}

// pollInterval is how often a waiting login may be asked about, in seconds.
const pollInterval = 5

// stillPending is the answer to a question that came before the person's. One
// that comes too soon is told so (pages "Authorize Device" and "Check
// Back-Channel Login Status").
func (c *call) stillPending(k store.Key, id string, old object) reply {
	p := store.Clone(old)
	before, asked := number(p["asked"])
	p["asked"] = numberOf(c.now.Unix())
	c.tx.Put(k, id, p)
	device := k == deviceKey()
	switch {
	case asked && c.now.Unix()-before < pollInterval && device:
		return denied(http.StatusTooManyRequests, "slow_down", "You are polling faster than the specified interval of 5 seconds.")
	case asked && c.now.Unix()-before < pollInterval:
		rep := denied(http.StatusTooManyRequests, "slow_down", "You are polling faster than allowed. Try again in 10 seconds.")
		rep.header = map[string]string{"Retry-After": "10"}
		return rep
	case device:
		return denied(http.StatusForbidden, "authorization_pending", "User has yet to authorize device code.")
	}
	return denied(http.StatusBadRequest, "authorization_pending", "The end-user authorization is pending")
}
