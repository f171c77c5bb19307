package guard

import (
	"strings"
	"testing"

	"a0run/engine"
	"a0run/engine/lua"
	"a0run/engine/yaml"
)

func TestParseMistakes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ text, want string }{
		"an unknown key":          {`{"readonly": true}`, "<readonly>: guards: unknown key: readonly (did you mean read_only?)"},
		"no boolean":              {`{"read_only": "yes"}`, "<read_only>: guards: read_only: got a string, want true or false"},
		"nothing":                 {`{"allow": null}`, "<allow>: guards: allow: got null, want a list of operations"},
		"no operation":            {`{"allow": ["users.update", "users.updat"]}`, "<allow.2>: guards: allow: no operation is called users.updat (did you mean users.update?)"},
		"one operation":           {`{"deny": "user.delete"}`, "<deny>: guards: deny: no operation is called user.delete (did you mean users.delete?)"},
		"a pattern of none":       {`{"deny": ["user.*"]}`, "<deny.1>: guards: deny: no operation is called user.* (did you mean users.*?)"},
		"a pattern beside all":    {`{"deny": ["xyzzyxyzzy*"]}`, "(`a0run ops` lists the operations)"},
		"a number as operation":   {`{"deny": [1]}`, "<deny.1>: guards: deny.1: got a number, want the name of an operation"},
		"no kinds":                {`{"limits": 5}`, "<limits>: guards: limits: got a number, want an object with kinds"},
		"an unknown kind":         {`{"limits": {"user": 5}}`, "<limits.user>: guards: unknown kind of objects in limits: user (did you mean users?)"},
		"an unknown limit":        {`{"limits": {"users": {"deleted": 5}}}`, "<limits.users.deleted>: guards: unknown key of limits.users: deleted (did you mean delete?)"},
		"a negative limit":        {`{"limits": {"users": -1}}`, "<limits.users>: guards: limits.users: want a whole number or a percentage, got -1"},
		"a broken number":         {`{"limits": {"users": {"change": 1.5}}}`, `<limits.users.change>: guards: limits.users.change: want a whole number or a percentage, got 1.5 (write 500 or "10%")`},
		"more than all":           {`{"limits": {"users": "101%"}}`, `"101%" is no percentage from 0% to 100%`},
		"a percentage of nothing": {`{"limits": {"users": "%"}}`, `"%" is no percentage`},
		"too fine":                {`{"limits": {"users": "0.00001%"}}`, `"0.00001%" is no percentage`},
		"what cannot be counted":  {`{"limits": {"tickets": "10%"}}`, "<limits.tickets>: guards: limits.tickets: how many tickets there are cannot be asked"},
		"an unknown protection":   {`{"protect": {"client": ["x"]}}`, "<protect.client>: guards: unknown kind of objects in protect: client (did you mean clients?)"},
		"no name":                 {`{"protect": {"clients": ["a", 3]}}`, "<protect.clients.2>: guards: protect.clients.2: got a number, want an id, a name"},
		"an empty name":           {`{"protect": {"clients": [""]}}`, `<protect.clients.1>: guards: protect.clients: an empty text names no object ("*" stands for all)`},
		"an unknown selector":     {`{"protect": {"clients": [{"nam": "x"}]}}`, "<protect.clients.1.nam>: guards: unknown key of protect.clients: nam (did you mean name?)"},
		"two selectors":           {`{"protect": {"clients": [{"name": "x", "id": "y"}]}}`, "<protect.clients.1>: guards: protect.clients: give one of id and name"},
		"a name of no text":       {`{"protect": {"clients": [{"name": 1}]}}`, "<protect.clients.1.name>: guards: protect.clients.1.name: got a number, want text"},
		"what has no name":        {`{"protect": {"tenants.settings": [{"name": "x"}]}}`, "protect.tenants.settings: objects of this kind cannot be looked up by a name"},
		"hours as text":           {`{"hours": "09:00-17:00"}`, `<hours>: guards: hours: got a string, want {zone: …, days`},
		"no zone":                 {`{"hours": {"days": "mon-fri"}}`, "<hours>: guards: hours: zone is missing"},
		"an unknown zone":         {`{"hours": {"zone": "Europe/Berln", "days": "mon"}}`, `<hours.zone>: guards: hours.zone: there is no time zone "Europe/Berln"`},
		"the machine's zone":      {`{"hours": {"zone": "Local", "days": "mon"}}`, `there is no time zone "Local"`},
		"neither days nor times":  {`{"hours": {"zone": "UTC"}}`, "<hours>: guards: hours: give days, between, or both"},
		"no day":                  {`{"hours": {"zone": "UTC", "days": ["mon-fri", "mond"]}}`, `<hours.days.2>: guards: hours.days: "mond" is no day (did you mean mon?)`},
		"no days":                 {`{"hours": {"zone": "UTC", "days": []}}`, "<hours.days>: guards: hours.days is empty"},
		"one time":                {`{"hours": {"zone": "UTC", "between": "09:00"}}`, "<hours.between>: guards: hours.between: want two times of day"},
		"no time":                 {`{"hours": {"zone": "UTC", "between": ["09:00", "25:00"]}}`, `<hours.between.2>: guards: hours.between: "25:00" is no time of day`},
		"a time as number":        {`{"hours": {"zone": "UTC", "between": [9, 17]}}`, `<hours.between.1>: guards: hours.between: 9 is no time of day (times are written "09:00")`},
		"no time at all":          {`{"hours": {"zone": "UTC", "between": ["09:00", "09:00"]}}`, "hours.between begins and ends at the same time"},
		"an unknown key of hours": {`{"hours": {"zone": "UTC", "day": "mon"}}`, "<hours.day>: guards: unknown key of hours: day (did you mean days?)"},
		"no threshold":            {`{"confirm_above": "many"}`, `<confirm_above>: guards: confirm_above: want a whole number from 0 on, got "many"`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := rulesOf(t, tc.text)
			if len(problems) != 1 || !strings.Contains(problems.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", problems, tc.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	r := mustRules(t, `{
		"read_only": false, "allow": ["auth0.users.*", "roles.add_users"], "deny": "*.delete",
		"limits": {"users": "0.1%", "clients": {"create": 0, "change": 5, "delete": "100 %"}},
		"protect": {"users": ["auth0|1", "*@acme.com"], "clients": ["Web", {"id": "abc"}, {"name": "abc"}], "connections": "con_0123456789abcdef"},
		"hours": {"zone": "Europe/Berlin", "days": ["Mon-Wed", "saturday"], "between": "22:00-6:00"},
		"confirm_above": 100}`)
	if r.readOnly != nil || len(r.allow.patterns) != 2 || len(r.deny) != 1 || len(r.limits) != 4 || r.confirm.most != 100 || r.IsZero() {
		t.Errorf("got %+v", r)
	}
	if got := r.hours.String(); got != "mon-wed,sat 22:00-06:00 Europe/Berlin" {
		t.Errorf("hours: %s", got)
	}
	if got := r.limits[0].bound(1999); got != 1 {
		t.Errorf("0.1%% of 1999 is %d", got)
	}
	var reads []bool
	for _, p := range r.protect {
		reads = append(reads, p.byName)
	}
	if want := []bool{false, true, true, false, true, false}; len(reads) != len(want) {
		t.Errorf("got %v", reads)
	} else {
		for i := range want {
			if reads[i] != want[i] {
				t.Errorf("%s: by name %v", r.protect[i].pattern.text, reads[i])
			}
		}
	}
	if none := mustRules(t, `{"read_only": false}`); !none.IsZero() {
		t.Errorf("got %+v", none)
	}
	if closed := mustRules(t, `{"allow": {}}`); closed.allow == nil || closed.IsZero() { // Lua's empty table
		t.Error("an empty list allows nothing, and no list everything")
	}
}

// The places of mistakes are those of the head, in both languages.
func TestOfHead(t *testing.T) {
	t.Parallel()
	l, err := lua.Parse("p.lua", []byte("playbook{\n  guards = {\n    deny = {\"users.delete\", \"user.delete\"},\n    limits = {\n      users = {delte = 3},\n    },\n  },\n}\n"))
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Parse("p.yaml", []byte("guards:\n  deny:\n    - users.delete\n    - user.delete\n  limits:\n    users:\n      delte: 3\nsteps: []\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		head engine.Head
		want string
	}{
		"Lua": {l.Head(), "p.lua:3:29: guards: deny: no operation is called user.delete (did you mean users.delete?)\n" +
			"p.lua:5:16: guards: unknown key of limits.users: delte (did you mean delete?)"},
		"YAML": {y.Head(), "p.yaml:4:7: guards: deny: no operation is called user.delete (did you mean users.delete?)\n" +
			"p.yaml:7:14: guards: unknown key of limits.users: delte (did you mean delete?)"},
	} {
		if _, got := OfHead(tc.head); got.Error() != tc.want {
			t.Errorf("%s: got\n%v\nwant\n%s", name, got, tc.want)
		}
	}
	if r, problems := OfHead(engine.Head{}); len(problems) > 0 || !r.IsZero() {
		t.Errorf("no head: %v, %v", r, problems)
	}
}

func TestKindName(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"users": "user", "rate_limit_policies": "rate_limit_policy", "organizations.members": "organizations.member",
		"tenants.settings": "tenants.settings", "guardian.factors.sms": "guardian.factors.sms", "branding": "branding",
	} {
		if one, two := kindName(1, kind), kindName(2, kind); one != want || two != kind {
			t.Errorf("1 %s, 2 %s", one, two)
		}
	}
}
