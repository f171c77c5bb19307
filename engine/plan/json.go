package plan

import (
	"encoding/json"
	"io"
	"time"
)

// ViewVersion is the version of what JSON writes.
const ViewVersion = 1

// A View is a plan for other programs. It holds no secret and cannot be
// applied. Fields are only ever added to it; a change of meaning raises its
// version.
//
//	plan_view   the version, 1
//	id          the plan's
//	created     when it was made, RFC 3339
//	playbook    {path, sha256}
//	tenants     [{role, name, domain}]
//	pending     how many calls would change something
//	unchanged   how many find everything as they want it
//	changes     each mutating call, by task (main, main/1.2, main/1.10) and its
//	            number in the task: see Change; old and new values of secret
//	            fields are "(hidden)", ids of what the plan creates are
//	            placeholders
//	totals      [{tenant, operation, effect, calls}]
//	scopes      the least scopes by role
//	estimate    {writes, reads, checks, calls, takes_ns}
//	unknown     [{where, task, key, operation, tenant, reason}]
//	error       why the playbook did not reach its end
type View struct {
	Version   int                 `json:"plan_view"`
	ID        string              `json:"id"`
	Created   time.Time           `json:"created"`
	Playbook  File                `json:"playbook"`
	Tenants   []Tenant            `json:"tenants"`
	Pending   int                 `json:"pending"`
	Unchanged int                 `json:"unchanged"`
	Changes   []*Change           `json:"changes"`
	Totals    []Total             `json:"totals"`
	Scopes    map[string][]string `json:"scopes"`
	Estimate  Estimate            `json:"estimate"`
	Unknown   []Unknown           `json:"unknown"`
	Error     string              `json:"error,omitempty"`
}

// JSON writes the plan's View.
func (p *Plan) JSON(w io.Writer, o RenderOptions) error {
	v := newView(p, o)
	out := View{
		Version: ViewVersion, ID: p.ID, Created: p.Created, Playbook: p.Playbook, Tenants: p.Tenants,
		Pending: len(p.Pending()), Unchanged: v.unchanged(), Changes: make([]*Change, len(p.Changes)),
		Totals: p.Totals(), Scopes: p.Scopes(v.o.Catalogue), Estimate: p.Estimate(v.o.Catalogue, o.Rate), Unknown: p.unknowns(),
		Error: p.Error,
	}
	hide := func(raw json.RawMessage) json.RawMessage {
		if len(raw) == 0 {
			return nil
		}
		return text(replaceTexts(plain(raw), v.o.Redact))
	}
	for i, c := range p.ordered() {
		shown := *c
		shown.Args = hide(c.Args)
		if c.Before != nil {
			shown.Before = &Before{Found: c.Before.Found, Planned: c.Before.Planned, Unread: c.Before.Unread}
		}
		shown.Fields = make([]Field, len(c.Fields))
		for j, f := range c.Fields {
			f.Old, f.New = hide(f.Old), hide(f.New)
			shown.Fields[j] = f
		}
		out.Changes[i] = &shown
	}
	for _, list := range []*[]Total{&out.Totals} {
		if *list == nil {
			*list = []Total{}
		}
	}
	if out.Tenants == nil {
		out.Tenants = []Tenant{}
	}
	if out.Unknown == nil {
		out.Unknown = []Unknown{}
	}
	return json.NewEncoder(w).Encode(out)
}
