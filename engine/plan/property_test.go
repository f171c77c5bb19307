package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"a0run/engine"
)

// A scribe draws convergent Lua programs: what they want is so after the first
// run, and a second one changes nothing.
type scribe struct {
	rt *rapid.T
	b  strings.Builder
	n  int
}

// some is what is there already, and outside of tasks also what has to be made:
// tasks that race to make one thing are another matter.
func (s *scribe) some(depth int, label, there string, more ...string) string {
	if depth > 0 {
		return there
	}
	return s.of(label, append(more, there)...)
}

func (s *scribe) of(label string, list ...string) string {
	return rapid.SampledFrom(list).Draw(s.rt, label)
}

func (s *scribe) line(depth int, format string, args ...any) {
	s.b.WriteString(strings.Repeat("  ", depth) + fmt.Sprintf(format, args...) + "\n")
}

// steps draws statements. Users are told apart by their e-mail addresses, so
// that two statements never want one field otherwise.
func (s *scribe) steps(depth int, mail string) {
	for range rapid.IntRange(1, 4).Draw(s.rt, "steps") {
		s.n++
		v := fmt.Sprintf("v%d", s.n)
		switch rapid.IntRange(0, 9).Draw(s.rt, "step") {
		case 0, 1:
			s.line(depth, "local %s = user(%s)", v, mail)
			s.line(depth, "auth0.users.update(%s.user_id, {app_metadata={%s=%q}})", v, s.of("key", "a", "b"), "x")
		case 2:
			s.line(depth, "give(user(%s).user_id, role(%q).id)", mail, s.some(depth, "role", "admin", "editor", "auditor"))
		case 3:
			s.line(depth, "join(org(%q).id, user(%s).user_id)", s.some(depth, "org", "acme", "globex"), mail)
		case 4:
			s.line(depth, "gone(%q)", s.some(depth, "id", "auth0|nobody", "auth0|bob"))
		case 5:
			if depth > 0 {
				continue // tasks would race for them
			}
			s.line(depth, "for _, u in ipairs(auth0.users.list{q='blocked:true'}) do auth0.users.update(u.user_id, {blocked=false}) end")
		case 6:
			s.line(depth, "local %s = client(%q)", v, s.some(depth, "client", "web", "shop"))
			s.line(depth, "auth0.clients.update(%s.client_id, {description=%q})", v, "d")
		case 7:
			s.line(depth, "auth0.roles.update(role(%q).id, {description=%q})", s.some(depth, "role", "viewer", "editor"), "d")
		case 8:
			s.line(depth, "auth0.organizations.update_organization(org(%q).id, {display_name=%q})", s.some(depth, "org", "acme", "globex"), "D")
		case 9:
			if depth == 0 {
				s.line(depth, "parallel.each({%q, %q, %q}, function(m)", "ada@example.com", "dan@example.com", "eve@example.com")
				s.steps(depth+1, "m")
				s.line(depth, "end)")
			}
		}
	}
}

const tools = `
local function user(mail)
  return auth0.users_by_email.search_users_by_email(mail)[1]
    or auth0.users.create{connection="db", email=mail, password="Pa55word!long"}
end
local function named(list, name) for _, o in ipairs(list) do if o.name == name then return o end end end
local function make(f, name, list)
  local ok, o = pcall(f, {name=name})
  return ok and o or named(list(), name)
end
local function role(name) return named(auth0.roles.list{name_filter=name}, name) or make(auth0.roles.create, name, auth0.roles.list) end
local function org(name)
  local ok, o = pcall(auth0.organizations.get_organization_by_name, name)
  return ok and o or make(auth0.organizations.create_organization, name, auth0.organizations.all_organizations)
end
local function client(name) return named(auth0.clients.all(), name) or auth0.clients.create{name=name} end
local function give(user, role)
  for _, r in ipairs(auth0.users.list_roles(user)) do if r.id == role then return end end
  auth0.users.add_roles(user, {role})
end
local function join(org, user)
  for _, o in ipairs(auth0.users.list_organizations(user)) do if o.id == org then return end end
  auth0.organizations.create_organization_members(org, {members={user}})
end
local function gone(id) if pcall(auth0.users.get, id) then auth0.users.delete(id) end end
`

// TestRandomPrograms: plan then apply is run; a plan after apply is empty; a
// plan is the same with one request at a time and with many.
func TestRandomPrograms(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := &scribe{rt: rt}
		s.steps(0, `"ada@example.com"`)
		source := tools + s.b.String()
		ran, applied := newDesk(t, seed), newDesk(t, seed)
		p, err := applied.plan("p.lua", source)
		if err != nil {
			rt.Fatalf("the plan failed: %v\n%s", err, s.b.String())
		}
		p = reloaded(t, p, engine.NewRedactor())
		if differences, a, err := applied.apply("p.lua", source, p, nil); err != nil || len(a.Missing()) > 0 {
			rt.Fatalf("apply: %v %v\n%s", err, differences, s.b.String())
		}
		if err := ran.plain("p.lua", source); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(ran.state(), applied.state()); diff != "" {
			rt.Fatalf("(-run +applied)\n%s\n%s", diff, s.b.String())
		}
		again, err := applied.plan("p.lua", source)
		if err != nil {
			rt.Fatal(err)
		}
		for _, c := range again.Pending() {
			rt.Errorf("after apply the plan would still %s\n%s", c.Summary, s.b.String())
		}
	})
}
