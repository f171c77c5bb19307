package web

import (
	"net/http"
	"slices"
	"strings"

	"a0run/engine"
	"a0run/engine/serve"
)

// objectsView is the history of an object.
type objectsView struct {
	Object  string
	Changes []changeRow
	Asked   bool
	Wrong   *problem
}

type changeRow struct {
	Change
	State state
}

// objects tells why an object is as it is.
func (r *Room) objects(w http.ResponseWriter, req *http.Request) error {
	v := objectsView{Object: strings.TrimSpace(req.URL.Query().Get("object"))}
	status := http.StatusOK
	if v.Asked = v.Object != "" && r.o.Story != nil; v.Asked {
		kind, id := kindAndID(v.Object)
		changes, err := r.o.Story.Object(req.Context(), kind, id)
		if err != nil {
			p := problemOf(err)
			if p.Status >= http.StatusInternalServerError {
				return err
			}
			v.Wrong, status = &p, p.Status
		}
		for i := len(changes) - 1; i >= 0; i-- {
			v.Changes = append(v.Changes, changeRow{changes[i], stateOf(changes[i].State)})
		}
	}
	return r.show(w, req, page{name: "objects", title: titleOr(v.Object, "Objects"), nav: "objects", status: status, body: v})
}

func titleOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// kindAndID takes "users/auth0|1" apart; the kind may be missing.
func kindAndID(object string) (kind, id string) {
	kind, id, slashed := strings.Cut(object, "/")
	if !slashed {
		return "", object
	}
	return kind, id
}

func (r *Room) tenants(w http.ResponseWriter, req *http.Request) error {
	all, err := r.o.Control.Tenants(req.Context())
	if err != nil {
		return err
	}
	return r.show(w, req, page{name: "tenants", title: "Tenants", nav: "tenants", body: all})
}

func (r *Room) playbooks(w http.ResponseWriter, req *http.Request) error {
	all, err := r.o.Control.Playbooks(req.Context())
	if err != nil {
		return err
	}
	return r.show(w, req, page{name: "playbooks", title: "Playbooks", nav: "playbooks", body: all})
}

// playbookView is a playbook with its form.
type playbookView struct {
	serve.PlaybookView
	Tenants []string
	Values  map[string]string
	Wrong   *problem
	Chosen  map[string]string // tenants by role
	Plan    bool
	Why     string
}

func (r *Room) playbook(w http.ResponseWriter, req *http.Request) error {
	v, err := r.playbookView(req)
	if err != nil {
		return err
	}
	return r.show(w, req, page{name: "playbook", title: v.ID, nav: "playbooks", body: v})
}

func (r *Room) playbookView(req *http.Request) (*playbookView, error) {
	p, err := r.o.Control.Playbook(req.Context(), req.PathValue("id"))
	if err != nil {
		return nil, err
	}
	tenants, err := r.o.Control.Tenants(req.Context())
	if err != nil {
		return nil, err
	}
	v := &playbookView{PlaybookView: p, Values: map[string]string{}, Chosen: map[string]string{}}
	for _, t := range tenants {
		v.Tenants = append(v.Tenants, t.Name)
	}
	for _, d := range p.Params {
		if d.Default == nil || d.Type == "secret" {
			continue
		}
		if text, err := engine.FormatJSON(d.Default); err == nil {
			v.Values[d.Name] = formText(d, text)
		}
	}
	for _, role := range p.Roles {
		v.Chosen[role.Role] = role.Tenant
	}
	return v, nil
}

// formText is a value as a field of the form holds it.
func formText(d engine.ParamDecl, text []byte) string {
	if d.Type == "string" {
		return compactJSON(text)
	}
	return string(text)
}

// start starts a run from the form of a playbook.
func (r *Room) start(w http.ResponseWriter, req *http.Request) error {
	v, err := r.playbookView(req)
	if err != nil {
		return err
	}
	s := serve.Start{Playbook: v.ID, Params: map[string]any{}, Tenants: map[string]string{}, Plan: req.PostForm.Get("plan") != "", Why: req.PostForm.Get("why")}
	v.Plan, v.Why = s.Plan, s.Why
	for _, d := range v.Params {
		text := strings.ReplaceAll(req.PostForm.Get("param."+d.Name), "\r\n", "\n")
		if d.Type != "secret" {
			v.Values[d.Name] = text
		}
		if text != "" || d.Type == "string" && slices.Contains(req.PostForm["empty"], d.Name) {
			s.Params[d.Name] = text
		}
	}
	for _, role := range v.Roles {
		if name := req.PostForm.Get("tenant." + role.Role); name != "" {
			s.Tenants[role.Role], v.Chosen[role.Role] = name, name
		}
	}
	run, err := r.o.Control.Start(req.Context(), visitorOf(req.Context()).Actor, s)
	if err != nil {
		p := problemOf(err)
		if p.Status != http.StatusUnprocessableEntity {
			return err
		}
		v.Wrong = &p
		return r.show(w, req, page{name: "playbook", title: v.ID, nav: "playbooks", status: p.Status, body: v})
	}
	http.Redirect(w, req, "/runs/"+run, http.StatusSeeOther)
	return nil
}

// auditView is who did what.
type auditView struct {
	Entries []serve.AuditEntry
	Older   int64
}

const mostAudit = 100

func (r *Room) auditPage(w http.ResponseWriter, req *http.Request) error {
	all, err := r.o.Control.Audits(req.Context(), intOf(req.URL.Query().Get("before")), mostAudit+1)
	if err != nil {
		return err
	}
	v := auditView{Entries: all}
	if len(all) > mostAudit {
		v.Entries = all[:mostAudit]
		v.Older = v.Entries[mostAudit-1].No
	}
	return r.show(w, req, page{name: "audit", title: "Audit", nav: "audit", body: v})
}
