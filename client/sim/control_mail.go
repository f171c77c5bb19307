package sim

import (
	"errors"
	"net/http"

	"a0run/client/sim/store"
)

// controlMail: GET shows the mailbox, DELETE empties it.
func (t *Tenant) controlMail(r *http.Request, _ string, _ []byte) (any, error) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodDelete:
		t.ForgetMail()
	default:
		return nil, errVerb
	}
	return object{"mail": t.Mail()}, nil
}

// controlApprovals: GET lists the log-ins that wait for a person elsewhere; POST
// {"id": AUTH_REQ_ID, DEVICE_CODE or OOB_CODE, "user_id": USER} approves one, and without
// a user_id rejects it.
func (t *Tenant) controlApprovals(r *http.Request, _ string, body []byte) (any, error) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		var in struct {
			ID     string `json:"id"`
			UserID string `json:"user_id"`
		}
		if err := strictly(body, &in); err != nil {
			return nil, err
		}
		known := in.UserID == ""
		t.state.View(func(tx *store.Tx) { known = known || tx.Has(usersKey(), in.UserID) })
		switch {
		case !known:
			return nil, errors.New("there is no user " + in.UserID)
		case !t.Approve(in.ID, in.UserID):
			return nil, errors.New("no log-in of that id waits for that person; GET " + controlRoot + "approvals lists those that do")
		}
	default:
		return nil, errVerb
	}
	out := []object{}
	t.state.View(func(tx *store.Tx) {
		for _, w := range waitingKeys() {
			for _, o := range tx.All(w.key) {
				if waits(o) {
					out = append(out, object{"id": o["id"], "kind": w.kind, "client_id": o["client_id"], "user_id": o["user_id"], "user_code": o["user_code"]})
				}
			}
		}
	})
	return object{"approvals": out}, nil
}
