package plan

import (
	"encoding/json"
	"fmt"

	"a0run/client/catalog"
	"a0run/engine"
)

// This file plans the jobs: an import is a change whose users are counted and
// not known one by one, an export changes nothing and is made.

// bulk names what a change writes beside its own object.
func (x *call) bulk(c *Change) {
	b := x.Bulk
	if b == nil {
		return
	}
	c.Name = fmt.Sprintf("%d %s", b.Count, b.Kind)
	what := c.Name
	if rows := textOf(firstOf(values(x.Args, b.Kind+".rows"))); rows != "" {
		what += ", rows " + rows
	}
	c.Fields = append([]Field{{Path: b.Kind, New: text(what)}}, c.Fields...)
}

// jobUnknown is what nobody can say of a job before it is done.
func (x *call) jobUnknown(at place) string {
	if at.kind.path != "/jobs/users-imports" {
		return "what the job does, and when it is done: its effect on later reads is not shown"
	}
	if x.Bulk != nil && x.Bulk.Changes {
		return "how many of the users are new, what changes of those that are there already, and which the tenant refuses: reads in the plan do not show them"
	}
	return "which of the users are there already and therefore fail, and which the tenant refuses: reads in the plan do not show those that it makes"
}

// exports makes the export job that a playbook reads from: it changes nothing.
func (x *call) exports() engine.Outcome {
	if holds(x.Args, IsPlaceholder) {
		x.cannotKnow("the users of an export: it is about what does not exist before the plan is applied, and the plan goes on as if there were none")
		at := x.p.atlas.of(x.Tenant, x.Operation, x.Args)
		out := x.actAnswer(nil)
		x.p.mu.Lock()
		defer x.p.mu.Unlock()
		if home, ok := x.p.atlas.home(at, x.Operation.Subject.Kind, field(out, "id")); ok {
			x.p.over.make(home, out)
		}
		return x.answer(out)
	}
	x.p.mu.Lock()
	changed := x.p.over.touched[x.Tenant+" /users"]
	x.p.mu.Unlock()
	if changed {
		x.cannotKnow("how the export shows the users that the plan has changed: it gives them as the tenant has them now")
	}
	return x.pass()
}

// readsPlanned answers the reading of an export that was not made.
func (x *call) readsPlanned() (engine.Outcome, bool) {
	if x.Name != "users.export.read" || !IsPlaceholder(field(x.Args, "job")) {
		return engine.Outcome{}, false
	}
	return engine.Outcome{Value: json.RawMessage("[]")}, true
}

// isExport reports whether a call runs an export job to read from it.
func (x *call) isExport() bool {
	return x.Operation.ID == "jobs.export_users" && x.Effect == catalog.Read
}
