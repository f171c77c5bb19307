package sim

import "strings"

// loginChange is what a PATCH of a user does to something that they log in with:
// the events of success and failure, and the names of the old and the new value
// in their details, by Auth0's log schemas. That a PATCH writes them is read out
// of these: they name what only that has (client_id, connection, verify).
type loginChange struct{ field, done, failed, was, is string }

func loginChanges() []loginChange {
	return []loginChange{
		{"email", "sce", "fce", "email", "newEmail"},
		{"username", "scu", "fcu", "oldUsername", "newUsername"},
		{"phone_number", "scpn", "fcpn", "old_phone_number", "new_phone_number"},
	}
}

// changesLogin writes the event of each change of a user's log-in names by this
// call. failed is the field that another user has already, "" where all was done;
// why says so.
func (c *call) changesLogin(user object, failed, why string) {
	for _, change := range loginChanges() {
		is, was := str(c.body, change.field), str(user, change.field)
		if is == "" || strings.EqualFold(is, was) || failed != "" && failed != change.field {
			continue
		}
		client := str(c.body, "client_id")
		if client == "" && c.token != nil {
			client = str(c.token.claims, "azp")
		}
		e := event{kind: change.done, user: user, connection: str(c.body, "connection"), client: c.tx.Get(clientsKey(), client), text: why}
		if failed != "" {
			e.kind = change.failed
		}
		body := object{
			"client_id": client, "connection": e.connection, "tenant": "local", "user_id": user["user_id"], "email": user["email"],
			"verify": truth(c.body, "verify_email"), change.was: was, change.is: is,
		}
		if change.field == "email" {
			body["email_verified"] = truth(c.body, "email_verified")
		}
		e.details = object{"body": body}
		c.event(e)
	}
}
