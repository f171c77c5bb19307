package plan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"a0run/client/catalog"
	"a0run/engine/plan"
)

// shownAs are the renderings of a plan.
func shownAs(t *testing.T, p *plan.Plan) [3]string {
	t.Helper()
	var text, md, js bytes.Buffer
	for _, err := range []error{
		p.Text(&text, plan.RenderOptions{}), p.Markdown(&md, plan.RenderOptions{}), p.JSON(&js, plan.RenderOptions{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return [3]string{text.String(), md.String(), js.String()}
}

func change(task string, n int, operation, object string) *plan.Change {
	kind, _, _ := strings.Cut(operation, ".")
	return &plan.Change{
		Key: fmt.Sprintf("%s#%d", task, n), Task: task, N: n, Where: fmt.Sprintf("p.lua:%d", n), Operation: operation, Effect: catalog.Patch,
		Kind: kind, Object: object, Fields: []plan.Field{{Path: "blocked", New: json.RawMessage("true")}},
	}
}

// TestOrderOfWhatIsShown: however calls were answered, a plan looks the same.
func TestOrderOfWhatIsShown(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Changes: []*plan.Change{
		change("main", 2, "users.update", "u-main-2"),
		change("main", 10, "users.update", "u-main-10"),
		change("main/1.1", 1, "clients.update", "c-1"),
		change("main/1.1/1.7", 1, "users.update", "u-inner"),
		change("main/1.1-b", 1, "users.update", "u-1-b"),
		change("main/1.2", 1, "users.update", "u-2"),
		change("main/1.2", 2, "roles.add_users", "shared"),
		change("main/1.10", 1, "users.update", "u-10"),
		change("main/1.10", 2, "roles.add_users", "shared"),
		change("main/2.auth0|k9", 1, "users.update", "u-k9"),
		change("main/2.auth0|k10", 1, "users.update", "u-k10"),
		change("main/10.a", 1, "users.update", "u-last"),
	}, Unknown: []plan.Unknown{
		{Where: "p.lua:9", Operation: "jobs.get", Reason: "x"}, {Where: "p.lua:10", Operation: "jobs.get", Reason: "x"},
	}}
	var keys []string
	for _, c := range p.Changes {
		keys = append(keys, c.Key)
	}
	want := shownAs(t, p)
	for range 20 {
		rand.Shuffle(len(p.Changes), func(i, j int) { p.Changes[i], p.Changes[j] = p.Changes[j], p.Changes[i] })
		rand.Shuffle(len(p.Unknown), func(i, j int) { p.Unknown[i], p.Unknown[j] = p.Unknown[j], p.Unknown[i] })
		got := shownAs(t, p)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		var v plan.View
		if err := json.Unmarshal([]byte(got[2]), &v); err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, c := range v.Changes {
			order = append(order, c.Key)
		}
		if diff := cmp.Diff(keys, order); diff != "" {
			t.Fatal(diff)
		}
	}
	objects := regexp.MustCompile(`~ (?:users|clients|roles) (\S+)`).FindAllStringSubmatch(want[0], -1)
	var got []string
	for _, m := range objects {
		got = append(got, m[1])
	}
	if diff := cmp.Diff("u-main-2 u-main-10 c-1 u-inner u-1-b u-2 shared u-10 u-k9 u-k10 u-last", strings.Join(got, " ")); diff != "" {
		t.Error(diff)
	}
}

// TestOrderOfOneObject: what is done to one object stays in the order in which
// it was done, where there was one.
func TestOrderOfOneObject(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Changes: []*plan.Change{
		change("main", 1, "roles.update", "r"),
		change("main/1.10", 4, "roles.add_users", "r"),
		change("main/1.2", 3, "roles.add_users", "r"),
		change("main", 2, "roles.delete", "r"),
	}}
	want := shownAs(t, p)
	if places := strings.Join(regexp.MustCompile(`p.lua:\d+`).FindAllString(want[0], -1), " "); places != "p.lua:1 p.lua:3 p.lua:4 p.lua:2" {
		t.Errorf("%s\n%s", places, want[0])
	}
	p.Changes[1], p.Changes[2] = p.Changes[2], p.Changes[1]
	if diff := cmp.Diff(want, shownAs(t, p)); diff != "" {
		t.Error(diff)
	}
}

// TestOrderOfTasks: two plans of a playbook whose tasks run beside each other
// look the same in a pull request.
func TestOrderOfTasks(t *testing.T) {
	t.Parallel()
	const source = `
parallel.each({1,2,3,4,5,6,7,8,9,10,11,12}, function(i)
  local r = auth0.roles.create{name="role "..i}
  auth0.users.add_roles("auth0|ada", {r.id})
end)
auth0.users.update("auth0|ada", {blocked=true})
`
	d := newDesk(t, seed)
	first, second := shownAs(t, mustPlan(t, d, "p.lua", source)), shownAs(t, mustPlan(t, d, "p.lua", source))
	estimate := regexp.MustCompile(`Applying it takes.*`) // tasks that ask for the same at a time may both read it
	if diff := cmp.Diff(estimate.ReplaceAllString(first[1], ""), estimate.ReplaceAllString(second[1], "")); diff != "" {
		t.Error(diff)
	}
}

// TestOneOfEach: one is no plural.
func TestOneOfEach(t *testing.T) {
	t.Parallel()
	same := change("main", 2, "users.update", "b")
	same.NoChange = true
	action := change("main", 1, "jobs.send_verification_email", "a")
	action.Effect = catalog.Act
	all := shownAs(t, &plan.Plan{Changes: []*plan.Change{action, same}})
	for _, s := range all[:2] {
		for _, want := range []string{"1 action.", "call finds everything as it wants it", "about 2 requests: 2 writes, 0 reads, 0 looks at"} {
			if !strings.Contains(s, want) {
				t.Errorf("no %q in\n%s", want, s)
			}
		}
	}
	if s := shownAs(t, &plan.Plan{Changes: []*plan.Change{action}})[0]; !strings.Contains(s, "about 1 request: 1 write, 0 reads") {
		t.Error(s)
	}
}
