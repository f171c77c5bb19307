package sim

import (
	"net/http"
	"strings"

	"a0run/client/sim/store"
)

// Tickets with which an administrator lets a person enrol an authenticator app
// (POST /guardian/enrollments/ticket).

const enrolTicketPage = "/guardian/enroll"

func enrolTicket(c *call) reply {
	u := c.tx.Get(usersKey(), str(c.body, "user_id"))
	if u == nil {
		return absent(usersKind)
	}
	link := c.ticket(enrolTicketPage, object{"user_id": u["user_id"]})
	_, id, _ := strings.Cut(strings.TrimSuffix(link, "#"), "ticket=")
	if to := firstOf(str(c.body, "email"), str(u, "email")); truth(c.body, "send_mail") && to != "" {
		c.deliver(Mail{Channel: "email", To: to, UserID: str(u, "user_id"), Kind: "enrollment_email", Subject: "Enroll your device", Link: link})
		c.event(event{kind: "gd_send_email", user: u, text: "Guardian enrollment email sent"})
	}
	return c.ok(object{"ticket_id": id, "ticket_url": link})
}

// enrolByTicket is the page that such a ticket opens.
func enrolByTicket(c *call) reply {
	o, rep := c.redeem(enrolTicketPage)
	if rep != nil {
		return *rep
	}
	word := firstOf(str(c.body, "ticket"), c.query.Get("ticket"))
	user := str(o, "user_id")
	if str(o, "secret") == "" {
		o = store.Clone(o)
		o["secret"] = c.newSecret(user)
		c.tx.Put(ticketsKey(), word, o)
	}
	secret := str(o, "secret")
	p := formPage{
		Title: "Secure Your Account", Texts: []string{"Put this secret into an authenticator app and enter the code that it shows."},
		Facts: []pair{{"Secret", secret}, {"Address", c.barcode(user, secret)}}, Hidden: []pair{{"ticket", word}}, Action: enrolTicketPage,
		Fields: []pageField{{"code", "Code", "text", "", "one-time-code", true}}, Buttons: []pageButton{{"default", "Continue", false}},
	}
	if c.req.Method == http.MethodGet {
		return c.show(p)
	}
	if !totpFits(secret, strings.ReplaceAll(strings.TrimSpace(str(c.body, "code")), " ", ""), c.now) {
		p.Error, p.status = "The code is wrong or too old.", http.StatusBadRequest
		return c.show(p)
	}
	c.spend()
	u := c.tx.Get(usersKey(), user)
	c.addFactor(u, object{"authenticator_type": "otp", "secret": secret}, true)
	c.event(event{kind: "gd_enrollment_complete", user: u, text: "Guardian enrollment complete"})
	return c.show(formPage{
		Title: "You're All Set!", Texts: []string{"Keep this recovery code: it lets you log in without the app, once. You can close this window."},
		Facts: []pair{{"Recovery code", c.newRecovery(user)}},
	})
}
