package plan

import (
	"encoding/json"
	"net/http"
	"strings"

	"a0run/client/catalog"
	"a0run/engine"
)

// act records what does something in the world, or changes the tenant in a way
// that the catalogue does not tell. Its answer holds placeholders for what only
// the tenant can give.
func (x *call) act(at place) engine.Outcome {
	c := x.change(at)
	if err := x.actOn(at); err != nil {
		return x.refused(c, err)
	}
	s, err := x.look(at)
	if err != nil || !at.item || at.kind.get == nil {
		s = stand{place: at}
	}
	p := x.p
	p.mu.Lock()
	defer p.mu.Unlock()
	var now *engine.Object
	if at.item && at.kind.get != nil {
		if now = p.now(s); now == nil && s.unread == nil {
			return p.refuse(x, c, absent(at.kind.path, x.Name))
		}
		c.Name = labelOf(now)
		c.Before = p.before(at, now)
	}
	p.cannotKnow(x, x.effectText())
	p.over.touched[x.Tenant+" "+firstPart(at.kind.path)] = true
	answer := x.actAnswer(now)
	if secret := "client_secret"; x.Operation.ID == "clients.rotate_secret" {
		by := patch{{name: secret, value: field(answer, secret)}}
		p.over.change(at, by, "")
		c.Fields = []Field{{Path: secret, Old: json.RawMessage(`"` + hiddenText + `"`), New: json.RawMessage(`"` + hiddenText + `"`), Hidden: true}}
	}
	if home, ok := p.atlas.home(at, x.Operation.Subject.Kind, field(answer, "id")); ok && c.Before == nil {
		p.over.make(home, answer)
	}
	p.record(x, c)
	return x.answer(answer)
}

// actOn refuses an action on what is not there: its parent, the user that it
// names.
func (x *call) actOn(at place) *engine.Error {
	if x.Operation.API != catalog.Management {
		return nil
	}
	if err := x.ownerMissing(at); err != nil {
		return err
	}
	if !at.item {
		if err := x.parentError(at); err != nil {
			return err
		}
	}
	for _, also := range x.Operation.Subject.Also {
		from, err := catalog.ParseSource(also.From)
		path := map[string]string{"users": "/users", "connections": "/connections"}[also.Kind]
		if err != nil || path == "" || len(from.Path) == 0 {
			continue
		}
		id := textOf(firstOf(values(x.Args, strings.Join(from.Path, "."))))
		if id == "" || !IsPlaceholder(id) && !x.known(path, id) {
			continue
		}
		if err := x.missing(x.p.atlas.top(x.Tenant, path, id)); err != nil {
			return err
		}
	}
	return nil
}

func (x *call) effectText() string {
	switch {
	case x.Effect == catalog.Act && x.Operation.API == catalog.Authentication:
		return "what the tenant answers: the answer holds placeholders"
	case x.Effect == catalog.Act:
		return "what the action does: its answer holds placeholders, and its effect on later reads is not shown"
	}
	return "how this shows in later reads"
}

// actAnswer is the object that an action answers with: the object it is about,
// or a new one, with placeholders for its id and secrets.
func (x *call) actAnswer(now *engine.Object) *engine.Object {
	out := engine.NewObject(4)
	if now != nil && x.Operation.Answer == catalog.JSONAnswer {
		out = shallow(now)
	}
	op := x.Operation
	if f := op.Subject.Field; f != "" && op.Answer == catalog.JSONAnswer {
		if _, has := out.Get(f); !has {
			id := placeholder(catalog.IDPrefix(op.Subject.Kind), x.Key, "")
			if v, ok := x.Args.Get(op.Subject.ID); ok && op.Subject.ID != "" {
				id = textOf(v)
			}
			out.Set(f, id)
		}
	}
	for _, path := range op.SecretAnswers {
		if !strings.ContainsAny(path, ".[*") && path != "signing_keys" && path != "encryption_key" {
			out.Set(path, placeholder("secret_", x.Key, path))
		}
	}
	switch {
	case strings.HasPrefix(op.Subject.Kind, "tickets"), strings.HasSuffix(op.ID, "ticket"):
		out.Set("ticket", placeholder("https://plan.invalid/", x.Key, "ticket"))
	case op.Subject.Kind == "jobs":
		out.Set("status", "pending")
		out.Set("created_at", stampOf(x.p.clock.at(x.Task)))
	}
	return out
}

// authentication plans a call of the Authentication API: reads are made unless
// they need what does not exist yet, everything else is recorded.
func (x *call) authentication() engine.Outcome {
	fetches := strings.HasPrefix(x.Name, "get_token.")
	if x.Mutates() {
		x.p.remember(x.Args)
		at := place{tenant: x.Tenant, kind: &kind{path: x.Operation.Path, name: x.Operation.Subject.Kind, single: true}}
		return x.act(at)
	}
	if !holds(x.Args, IsPlaceholder) {
		if fetches {
			x.cannotKnow("the token: the one fetched here is not the one that a later run fetches")
		}
		return x.pass()
	}
	x.cannotKnow("the answer: it needs what does not exist before the plan is applied")
	out := x.actAnswer(nil)
	if fetches {
		out.Set("token_type", "Bearer")
		out.Set("expires_in", int64(86400))
	}
	return engine.Outcome{Status: http.StatusOK, Value: text(out)}
}
