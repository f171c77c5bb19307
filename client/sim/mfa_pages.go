package sim

import (
	"crypto/hmac"
	"crypto/sha1" // RFC 6238 is about SHA-1
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"a0run/client/sim/store"
)

// The second step of a log-in in the browser, and what both its forms, page and
// API, are made of.

// factors are the active authenticators of a person.
func (c *call) factors(user string) []object {
	var out []object
	for _, a := range c.tx.All(authenticatorsKey(user)) {
		if truth(a, "active") && str(a, "authenticator_type") != "recovery-code" {
			out = append(out, a)
		}
	}
	return out
}

// wantsMFA reports whether a person's log-in takes a second step: the policy
// says so for everybody, or they have an authenticator.
func (c *call) wantsMFA(u object) bool {
	policies, _ := c.tx.Get(store.Key{Kind: "=/guardian/policies"}, "")["$list"].([]any)
	return slices.Contains(policies, any("all-applications")) || len(items(u, "multifactor")) > 0 ||
		slices.ContainsFunc(c.factors(str(u, "user_id")), func(a object) bool { return !truth(a, "granted") })
}

func (x *transaction) needsMFA() bool {
	return !truth(x.o, "mfa") && x.c.wantsMFA(x.user)
}

func (x *transaction) mfaPage() string {
	user := str(x.user, "user_id")
	if len(x.c.factors(user)) == 0 && len(items(x.user, "multifactor")) == 0 {
		return "/u/mfa-enrollment"
	}
	return "/u/mfa"
}

func (x *transaction) factorPage(wrong string) reply {
	c, user := x.c, str(x.user, "user_id")
	if !c.tx.Has(otpKey(), mfaCodeKey(user)) {
		c.sendFactor(x.user, nil)
	}
	p := formPage{
		Title: "Verify Your Identity", Error: wrong,
		Texts:   []string{"Enter the code of your authenticator app, or the one that was sent to you (it lies in the tenant's mailbox)."},
		Fields:  []pageField{{"code", "Code", "text", "", "one-time-code", true}},
		Buttons: []pageButton{{"default", "Continue", false}, {"resend", "Send another code", true}},
	}
	if c.tx.Has(recoveryKey(), user) {
		p.Texts = append(p.Texts, "A recovery code will do too; it is used up by that.")
	}
	return x.page(p)
}

func (x *transaction) factor() reply {
	c, user := x.c, str(x.user, "user_id")
	if str(c.body, "action") == "resend" {
		c.sendFactor(x.user, nil)
		return x.factorPage("")
	}
	code := strings.ReplaceAll(strings.TrimSpace(str(c.body, "code")), " ", "")
	e := event{client: x.client, user: x.user, connection: str(x.o, "connection")}
	if own := str(c.tx.Get(recoveryKey(), user), "code"); own != "" && own == strings.ToUpper(code) {
		e.kind, e.text = "gd_recovery_succeed", "Multi-factor recovery code succeeded"
		c.event(e)
		next := c.newRecovery(user)
		x.set("mfa", true)
		p := formPage{
			Title: "Your new recovery code", Texts: []string{"The one that you used is good no more. Keep this one."},
			Facts: []pair{{"Recovery code", next}}, Links: []pair{{x.to("/authorize/resume"), "Continue"}},
		}
		return x.page(p)
	}
	if !c.takesCode(user, code) {
		e.kind, e.text = "gd_auth_failed", "Multi-factor authentication failed"
		c.event(e)
		return x.factorPage("The code is wrong or too old.")
	}
	e.kind, e.text = "gd_auth_succeed", "Multi-factor authentication succeeded"
	c.event(e)
	x.set("mfa", true)
	return x.next()
}

// enrolPage shows the secret of a new authenticator app, the same until its
// first code came.
func (x *transaction) enrolPage(wrong string) reply {
	c, user := x.c, str(x.user, "user_id")
	secret := str(x.o, "secret")
	if secret == "" {
		secret = c.newSecret(user)
		x.set("secret", secret)
	}
	return x.page(formPage{
		Title: "Secure Your Account", Error: wrong,
		Texts:   []string{"Put this secret into an authenticator app and enter the code that it shows."},
		Facts:   []pair{{"Secret", secret}, {"Address", c.barcode(user, secret)}},
		Fields:  []pageField{{"code", "Code", "text", "", "one-time-code", true}},
		Buttons: []pageButton{{"default", "Continue", false}},
	})
}

func (x *transaction) enrol() reply {
	c, user := x.c, str(x.user, "user_id")
	secret := str(x.o, "secret")
	code := strings.ReplaceAll(strings.TrimSpace(str(c.body, "code")), " ", "")
	if secret == "" || !totpFits(secret, code, c.now) {
		return x.enrolPage("The code is wrong or too old.")
	}
	c.addFactor(x.user, object{"authenticator_type": "otp", "secret": secret}, true)
	x.set("mfa", true)
	c.event(event{kind: "gd_enrollment_complete", client: x.client, user: x.user, text: "Guardian enrollment complete"})
	p := formPage{
		Title: "Almost There!", Texts: []string{"Keep this recovery code: it lets you log in without the app, once."},
		Facts: []pair{{"Recovery code", c.newRecovery(user)}}, Links: []pair{{x.to("/authorize/resume"), "Continue"}},
	}
	return x.page(p)
}

func mfaCodeKey(user string) string { return "mfa\x1f" + strings.ToLower(user) }

// sendFactor puts a code into the mailbox: for an authenticator, or for the
// person where it is nil.
func (c *call) sendFactor(u, a object) string {
	user := str(u, "user_id")
	code := c.t.ids.digits("mfa", user, 6)
	c.tx.Put(otpKey(), mfaCodeKey(user), object{"code": code, "ends": numberOf(c.now.Unix() + mfaCodeLife)})
	m := Mail{Channel: "email", To: str(u, "email"), UserID: user, Kind: "mfa", Subject: "Your verification code", Code: code}
	kind := "gd_send_email"
	if ch := str(a, "oob_channel"); ch != "" {
		m.Channel, m.To = ch, firstOf(str(a, "name"), m.To)
	} else if phone := str(u, "phone_number"); m.To == "" && phone != "" {
		m.Channel, m.To = "sms", phone
	}
	switch m.Channel {
	case "sms":
		kind = "gd_send_sms"
	case "voice":
		kind = "gd_send_voice"
	case "auth0", "push":
		m.Channel, kind = "push", "gd_send_pn"
	}
	c.deliver(m)
	c.event(event{kind: kind, user: u, text: "Guardian code sent"})
	return code
}

// mfaCodeLife is how many seconds a code that was sent is good.
const mfaCodeLife = 300

// takesCode reports whether a code is that of one of the person's authenticator
// apps or the one that was sent, and uses it up.
func (c *call) takesCode(user, code string) bool {
	return c.takesApp(user, code) || c.takesSent(user, code)
}

// hasApp reports whether the person has an authenticator app.
func (c *call) hasApp(user string) bool {
	return slices.ContainsFunc(c.tx.All(authenticatorsKey(user)), func(a object) bool { return str(a, "secret") != "" })
}

// takesApp reports whether a code is that of one of the person's authenticator
// apps, also of one that waits for its first, and uses it up.
func (c *call) takesApp(user, code string) bool {
	for _, a := range c.tx.All(authenticatorsKey(user)) {
		secret := str(a, "secret")
		if secret == "" || !totpFits(secret, code, c.now) || str(a, "used") == code+stamp(c.now.Truncate(totpStep)) {
			continue
		}
		n := store.Clone(a)
		n["used"] = code + stamp(c.now.Truncate(totpStep))
		c.tx.Put(authenticatorsKey(user), str(n, "id"), n)
		c.confirmFactor(user, str(n, "id"))
		return true
	}
	return false
}

// takesSent reports whether it is the code that was sent.
func (c *call) takesSent(user, code string) bool {
	o := c.tx.Get(otpKey(), mfaCodeKey(user))
	if ends, has := number(o["ends"]); o == nil || has && c.now.Unix() > ends ||
		subtle.ConstantTimeCompare([]byte(str(o, "code")), []byte(code)) != 1 {
		return false
	}
	c.tx.Delete(otpKey(), mfaCodeKey(user))
	return true
}

func (c *call) newRecovery(user string) string {
	code := strings.ToUpper(c.t.ids.word("recovery", user, 24))
	c.tx.Put(recoveryKey(), user, object{"code": code})
	return code
}

func (c *call) newSecret(user string) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(c.t.ids.bytes("totp", user, 20))
}

func (c *call) barcode(user, secret string) string {
	return "otpauth://totp/" + c.domain() + ":" + user + "?secret=" + secret + "&issuer=" + c.domain() + "&algorithm=SHA1&digits=6&period=30"
}

const totpStep = 30 * time.Second

// totpFits reports whether a code is one of RFC 6238 of now, of the step before
// or of the one after.
func totpFits(secret, code string, now time.Time) bool {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(secret))
	if err != nil {
		return false
	}
	for _, at := range []time.Time{now, now.Add(-totpStep), now.Add(totpStep)} {
		if subtle.ConstantTimeCompare([]byte(totp(key, at)), []byte(code)) == 1 {
			return true
		}
	}
	return false
}

func totp(key []byte, at time.Time) string {
	mac := hmac.New(sha1.New, key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix())/uint64(totpStep/time.Second))) //nolint:gosec // G115: after 1970
	sum := mac.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&15:]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%1000000)
}
