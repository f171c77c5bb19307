package sim_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"a0run/client/sim"
)

// TestEnrolByTicket: an administrator's ticket leads to a page on which a person
// enrols an app, once.
func TestEnrolByTicket(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed), Clock: func() time.Time { return now }})
	made := d.want(200, "POST", "/api/v2/guardian/enrollments/ticket", `{"user_id":"auth0|ann","send_mail":true}`).object(t)
	link := made["ticket_url"].(string)
	if mail := d.tenant.Mail(); mail[len(mail)-1].Link != link || !strings.Contains(link, made["ticket_id"].(string)) {
		t.Errorf("the mailbox has %v, the ticket is %v", mail, made)
	}
	p := d.person().open(link)
	_, rest, _ := strings.Cut(p.page, "Secret: <code>")
	secret, _, _ := strings.Cut(rest, "<")
	p.send("code", "000000").sees("wrong or too old")
	p.send("code", totpOf(t, secret, now)).sees("Recovery code")
	d.person().open(link).sees("This link is unknown")
	if got := d.want(200, "GET", users+"/auth0%7Cann/enrollments", "").list(t); len(got) != 1 {
		t.Errorf("enrollments %v", got)
	}
	now = now.Add(time.Minute)
	d.person().open(d.authorize()).send("username", "ann@example.com", "password", "right").send("code", totpOf(t, secret, now)).exchange()
}

// TestGrantedFactor: what an administrator gave is asked for where a policy says
// so, and only there.
func TestGrantedFactor(t *testing.T) {
	d := newDesk(t, sim.Options{Seed: []byte(loginSeed)})
	d.want(201, "POST", users+"/auth0%7Cann/authentication-methods", `{"type":"phone","name":"p","phone_number":"+15550100","preferred_authentication_method":"sms"}`)
	if a := d.logIn("ann@example.com", "right"); a.status != 200 {
		t.Fatalf("without a policy: %d %s", a.status, a.text)
	}
	d.want(200, "PUT", "/api/v2/guardian/policies", `["all-applications"]`)
	p := d.person().open(d.authorize()).send("username", "ann@example.com", "password", "right").sees("Verify Your Identity")
	p.send("code", d.tenant.OneTimeCode("mfa", "auth0|ann")).exchange()
	d.want(204, "DELETE", users+"/auth0%7Cann/authentication-methods", "")
	d.person().open(d.authorize()).send("username", "ann@example.com", "password", "right").sees("Secure Your Account")
}

// TestNewUsersAreAskedToVerify: a user made through the API gets the mail that
// verify_email says, else where the address is not verified; the mailbox keeps no
// more links alive than it shows.
func TestNewUsersAreAskedToVerify(t *testing.T) {
	d := newDesk(t, sim.Options{})
	sent := func(body string) int {
		before := len(d.tenant.Mail())
		d.want(201, "POST", users, `{"connection":"Username-Password-Authentication","password":"Secret-123",`+body+`}`)
		return len(d.tenant.Mail()) - before
	}
	for body, n := range map[string]int{
		`"email":"a@example.com"`:                                             1,
		`"email":"b@example.com","email_verified":true`:                       0,
		`"email":"c@example.com","verify_email":false`:                        0,
		`"email":"d@example.com","email_verified":true,"verify_email":true`:   1,
		`"email":"e@example.com","email_verified":false,"verify_email":false`: 0,
	} {
		if got := sent(body); got != n {
			t.Errorf("%s: %d mails", body, got)
		}
	}
	sent(`"email":"f@example.com"`)
	mail := d.tenant.Mail()
	d.person().open(mail[len(mail)-1].Link).sees("Email Verified")
	u := d.want(200, "GET", "/api/v2/users-by-email?email=f%40example.com", "").list(t)[0].(map[string]any)
	if u["email_verified"] != true {
		t.Errorf("the user is %v", u)
	}
	at := users + "/" + url.PathEscape(u["user_id"].(string))
	d.want(200, "PATCH", at, `{"connection":"Username-Password-Authentication","email":"g@example.com","verify_email":true}`)
	if last := d.tenant.Mail(); last[len(last)-1].To != "g@example.com" || last[len(last)-1].Kind != "verify_email" {
		t.Errorf("the mailbox has %v", last[len(last)-1])
	}
	d.want(400, "POST", "/api/v2/tickets/password-change", `{"ttl_sec":60}`)
}
