package sim

import (
	"strings"
	"time"

	"a0run/client/sim/store"
)

// Nothing is sent: what a tenant would send by e-mail, SMS or push lies in a
// mailbox, which the control API and the page at / show.

// A Mail is one message that was not sent.
type Mail struct {
	At      time.Time `json:"at"`
	Channel string    `json:"channel"` // email, sms, voice, push
	To      string    `json:"to"`
	UserID  string    `json:"user_id,omitempty"`
	Kind    string    `json:"kind"` // verify_email, reset_email, passwordless, mfa, blocked_account, invitation, ciba, enrollment_email
	Subject string    `json:"subject"`
	Code    string    `json:"code,omitempty"`
	Link    string    `json:"link,omitempty"`
}

// maxMail is how many messages lie in the box.
const maxMail = 1000

func mailKey() store.Key { return store.Key{Kind: "auth:mail"} }

// deliver puts a message into the box.
func (c *call) deliver(m Mail) {
	k := mailKey()
	id := c.t.ids.word("mail", m.To+m.Kind, 16)
	c.tx.Put(k, id, object{
		"id": id, "at": stamp(c.now), "channel": m.Channel, "to": m.To, "user_id": m.UserID, "kind": m.Kind,
		"subject": m.Subject, "code": m.Code, "link": m.Link,
	})
	if c.tx.Len(k) > maxMail {
		for _, old := range c.tx.Page(k, 0, 1) {
			c.tx.Delete(k, str(old, "id"))
			if _, word, ok := strings.Cut(strings.TrimSuffix(str(old, "link"), "#"), "?ticket="); ok {
				c.tx.Delete(ticketsKey(), word) // nobody can read it any more
			}
		}
	}
}

// Mail is what lies in the tenant's mailbox, oldest first: codes, links and
// notices that a real tenant would send.
func (t *Tenant) Mail() []Mail {
	out := []Mail{}
	t.state.View(func(tx *store.Tx) {
		for _, o := range tx.All(mailKey()) {
			at, _ := time.Parse(time.RFC3339, str(o, "at"))
			out = append(out, Mail{
				At: at, Channel: str(o, "channel"), To: str(o, "to"), UserID: str(o, "user_id"), Kind: str(o, "kind"),
				Subject: str(o, "subject"), Code: str(o, "code"), Link: str(o, "link"),
			})
		}
	})
	return out
}

// ForgetMail empties the mailbox.
func (t *Tenant) ForgetMail() { t.state.Update(func(tx *store.Tx) { tx.Clear(mailKey()) }) }
