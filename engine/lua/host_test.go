package lua

import (
	"encoding/json"
	"fmt"
	"testing"

	"a0run/engine"
)

func TestListings(t *testing.T) {
	closed, handed := 0, 0
	g := &rig{globals: host(map[string]func(c *engine.HostCall) (any, error){
		"each": func(c *engine.HostCall) (any, error) {
			n := 0
			return &engine.Iterator{
				Next: func(task *engine.Task) (json.RawMessage, bool, error) {
					task.Yield()
					n++
					handed++
					if n == 5 && len(c.Args) > 0 {
						return nil, false, &engine.Error{Name: engine.NameNetworkError, Message: "cut", ResetAt: -1}
					}
					return json.RawMessage(fmt.Sprintf(`{"id":"u%d"}`, n)), n <= 10, nil
				},
				Close: func() { closed++ },
			}, nil
		},
	})}
	if err := g.play(t, `
		local n = 0
		for u in each() do n = n + 1 end
		for u in each() do n = n + 1 end
		print(n)
		for u in each() do if u.id == "u3" then break end end
		local seen = {}
		print(parallel.each(each(), {concurrency = 3}, function(u) seen[#seen + 1] = u.id end).done, #seen)
		local ok, err = pcall(function() for u in each(true) do n = n + 1 end end)
		print(err.name, n, err.where)
		local it = each()
		for _ = 1, 11 do it() end
		print(it(), it(1, 2))`); err != nil {
		t.Fatal(err)
	}
	want := []string{"20", "10\t10", "NetworkError\t24\tplaybook.lua:9", "nil\tnil"}
	if got := g.printed; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
	if closed != 1 {
		t.Errorf("%d listings were closed, want the one that was left early", closed)
	}
}

func TestNamespaces(t *testing.T) {
	inner := host(map[string]func(c *engine.HostCall) (any, error){
		"users.get": func(c *engine.HostCall) (any, error) {
			return "got " + c.Args[0].(string) + " at " + c.Where.String(), nil
		},
	})
	inner.Name = "tenant"
	made := 0
	root := host(map[string]func(c *engine.HostCall) (any, error){
		"tenant": func(*engine.HostCall) (any, error) { return inner, nil },
		"bad":    func(c *engine.HostCall) (any, error) { return c.Args, nil },
	})
	lazy := engine.NewNamespace("auth0")
	lazy.Set("users", func() *engine.Namespace {
		made++
		return engine.NewNamespace("auth0.users")
	})
	root.Set("auth0", lazy)
	root.Set("limit", float64(3))
	g := &rig{globals: root}
	if err := g.play(t, `
		print(tenant("x").users.get("u1"))
		print(limit)
		print(pcall(function() auth0.users = 1 end))
		print(pcall(function() return tenant("x").user end))
		print(pcall(bad, function() end))
		local t = {} t.self = t
		print(pcall(bad, t))
		return tenant("x").users.get("tail")`); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"got u1 at playbook.lua:2", "3", "false\tplaybook.lua:4: auth0.users cannot be changed",
		"false\tplaybook.lua:5: there is no tenant.user",
	}
	for i, w := range want {
		if g.printed[i] != w {
			t.Errorf("got %q, want %q", g.printed[i], w)
		}
	}
	for _, line := range g.printed[4:6] {
		if len(line) < 20 || line[:5] != "false" {
			t.Errorf("got %q", line)
		}
	}
	if made != 0 {
		t.Errorf("a namespace that nobody read was made %d times", made)
	}
}
