package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"a0run/client/catalog"
)

// pages is a tenant that answers listings: it holds so many items and shows
// them as the operation's way is.
type pages struct {
	items    int
	bare     bool // no wrapping, no totals
	reach    int  // refuse pages beyond; 0: none
	fullLast bool // a full last page has a next
	asked    []string
}

func (p *pages) do(_ context.Context, op *catalog.Operation, args Args) (*Response, error) {
	number := func(name string, or int) int {
		if v, ok := args[name]; ok {
			text, _ := plain(v)
			n, _ := strconv.Atoi(text)
			return n
		}
		return or
	}
	var names []string
	for name, v := range args {
		text, _ := plain(v)
		names = append(names, name+"="+text)
	}
	slices.Sort(names)
	p.asked = append(p.asked, strings.Join(names, "&"))
	from, size := number("page", 0)*number("per_page", 50), number("per_page", 50)
	_, byTake := args["take"]
	if byTake {
		from, size = number("from", 0), number("take", 50)
		if op.Paging.Style == catalog.LogPaging && args["from"] != nil {
			from++
		}
	}
	if p.reach > 0 && from+size > p.reach {
		return nil, &Auth0Error{StatusCode: 400, ErrorCode: "invalid_paging", Message: "Requesting page exceeds the allowed maximum of 1000 records."}
	}
	list := []map[string]string{}
	for i := from; i < min(from+size, p.items); i++ {
		list = append(list, map[string]string{"id": strconv.Itoa(i), "log_id": strconv.Itoa(i)})
	}
	var v any = list
	if !p.bare && op.Paging.Style != catalog.LogPaging {
		wrap := map[string]any{op.Paging.Items: list}
		next := from + size
		switch {
		case byTake && (next < p.items || p.fullLast && next == p.items):
			wrap["next"] = strconv.Itoa(next)
		case !byTake && args["include_totals"] != nil:
			wrap["total"] = p.items
		}
		v = wrap
	}
	text, err := json.Marshal(v)
	return &Response{Status: 200, Body: text}, err
}

func TestWalks(t *testing.T) {
	tests := []struct {
		name, op string
		args     Args
		tenant   pages
		want     int
		asked    []string
	}{
		{"checkpoint", "organizations.all_organizations", nil, pages{items: 250}, 250, []string{"take=100", "from=100&take=100", "from=200&take=100"}},
		{"full last page", "organizations.all_organizations", nil, pages{items: 200, fullLast: true}, 200, []string{"take=100", "from=100&take=100", "from=200&take=100"}},
		{"own take", "organizations.all_organizations", Args{"take": 30}, pages{items: 50}, 50, []string{"take=30", "from=30&take=30"}},
		{"from somewhere", "organizations.all_organizations", Args{"from_param": "20"}, pages{items: 50}, 30, []string{"from=20&take=100"}},
		{"take beats page", "organizations.all_organizations", Args{"take": 30, "page": 2, "include_totals": true}, pages{items: 20}, 20, []string{"take=30"}},
		{"pages where pages are asked", "organizations.all_organizations", Args{"per_page": 20}, pages{items: 50}, 50, []string{"include_totals=true&page=0&per_page=20", "include_totals=true&page=1&per_page=20", "include_totals=true&page=2&per_page=20"}},
		{"offset", "roles.list", nil, pages{items: 150}, 150, []string{"include_totals=true&page=0&per_page=100", "include_totals=true&page=1&per_page=100"}},
		{"offset, full last page", "roles.list", nil, pages{items: 200}, 200, []string{"include_totals=true&page=0&per_page=100", "include_totals=true&page=1&per_page=100"}},
		{"offset, bare", "roles.list", nil, pages{items: 200, bare: true}, 200, []string{"include_totals=true&page=0&per_page=100", "include_totals=true&page=1&per_page=100", "include_totals=true&page=2&per_page=100"}},
		{"nothing", "roles.list", nil, pages{}, 0, []string{"include_totals=true&page=0&per_page=100"}},
		{"logs", "logs.search", nil, pages{items: 150}, 150, []string{"per_page=100&sort=date:1&take=100", "from=99&take=100", "from=149&take=100"}},
		{"logs searched", "logs.search", Args{"q": "type:s"}, pages{items: 150}, 150, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			op, err := lookup(tt.op)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for item, err := range Walk(t.Context(), op, tt.args, tt.tenant.do) {
				if err != nil {
					t.Fatal(err)
				}
				first := 0
				if tt.name == "from somewhere" {
					first = 20
				}
				if got := idOf(item, "id"); got != strconv.Itoa(first+n) {
					t.Fatalf("item %d is %s", n, got)
				}
				n++
			}
			if n != tt.want {
				t.Errorf("%d items, want %d", n, tt.want)
			}
			if tt.asked != nil && !slices.Equal(tt.tenant.asked, tt.asked) {
				t.Errorf("asked\n%s\nwant\n%s", strings.Join(tt.tenant.asked, "\n"), strings.Join(tt.asked, "\n"))
			}
		})
	}
}

func TestWalkReadsASliceBeforeItHandsOut(t *testing.T) {
	op, err := lookup("roles.list")
	if err != nil {
		t.Fatal(err)
	}
	p := &pages{items: 250}
	for _, err := range Walk(t.Context(), op, nil, p.do) {
		if err != nil {
			t.Error(err)
		}
		if len(p.asked) != 3 {
			t.Errorf("the first item came after %d pages", len(p.asked))
		}
		break
	}
	if len(p.asked) != 3 {
		t.Errorf("%d pages were read", len(p.asked))
	}
}

func TestWalkStreamsCheckpoints(t *testing.T) {
	op, err := lookup("organizations.all_organizations")
	if err != nil {
		t.Fatal(err)
	}
	p := &pages{items: 250}
	for _, err := range Walk(t.Context(), op, nil, p.do) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if len(p.asked) != 1 {
		t.Errorf("%d pages were read for one item", len(p.asked))
	}
}

func TestWalkFaults(t *testing.T) {
	op, err := lookup("roles.list")
	if err != nil {
		t.Fatal(err)
	}
	last := func(do DoFunc, args Args) error {
		var last error
		for _, err := range Walk(t.Context(), op, args, do) {
			last = err
		}
		return last
	}
	p := &pages{items: 1500, reach: 1000}
	if err := last(p.do, nil); err == nil || !strings.Contains(err.Error(), "lists no more than 1000") {
		t.Errorf("beyond the reach: %v", err)
	}
	answer := func(text string) DoFunc {
		return func(context.Context, *catalog.Operation, Args) (*Response, error) {
			return &Response{Status: 200, Body: json.RawMessage(text)}, nil
		}
	}
	for _, text := range []string{`"x"`, `7`, `{"a":1}`, `{"roles":3}`, `{"roles":[],"next":5}`} {
		if err := last(answer(text), nil); err == nil || !strings.Contains(err.Error(), "the listing cannot be read") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := last(p.do, Args{"per_page": "many"}); err == nil {
		t.Error("per_page=many was taken")
	}
	broken := errors.New("broken")
	if err := last(func(context.Context, *catalog.Operation, Args) (*Response, error) { return nil, broken }, nil); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestUsersKeepTheCallersView(t *testing.T) {
	have := json.RawMessage(`[{"user_id":"auth0|1","created_at":"2024-01-01T00:00:00.000Z","email":"a","name":"n"}]`)
	tests := []struct {
		args        Args
		asks, gives string
	}{
		{Args{}, "", `{"user_id":"auth0|1","created_at":"2024-01-01T00:00:00.000Z","email":"a","name":"n"}`},
		{Args{"fields": "email"}, "email,user_id,created_at", `{"email":"a","name":"n"}`},
		{Args{"fields": []string{"email", "user_id"}}, "email,user_id,created_at", `{"user_id":"auth0|1","email":"a","name":"n"}`},
		{Args{"fields": "name,user_id", "include_fields": false}, "name", `{"created_at":"2024-01-01T00:00:00.000Z","email":"a","name":"n"}`},
		{Args{"fields": "user_id", "include_fields": false}, "", `{"created_at":"2024-01-01T00:00:00.000Z","email":"a","name":"n"}`},
	}
	op, err := lookup("users.list")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.args), func(t *testing.T) {
			for item, err := range Walk(t.Context(), op, tt.args, func(_ context.Context, _ *catalog.Operation, args Args) (*Response, error) {
				asked := ""
				if args["fields"] != nil {
					asked, _ = plain(args["fields"])
				}
				if asked != tt.asks {
					t.Errorf("asked for %q, want %q", asked, tt.asks)
				}
				return &Response{Status: 200, Body: have}, nil
			}) {
				if err != nil || string(item) != tt.gives {
					t.Errorf("got %s, %v", item, err)
				}
			}
		})
	}
}

func TestUsersInAnotherOrder(t *testing.T) {
	_, c := local(t, optionsOf(t, 2300), config{})
	var got []string
	for item, err := range c.Each(t.Context(), "users.list", Args{"sort": "email:-1", "fields": "email"}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, idOf(item, "email"))
	}
	if len(got) != 2300 || !slices.IsSortedFunc(got, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("%d users, sorted: %v", len(got), got[:3])
	}
}

// Deleting in the loop skips nobody.
func TestDeletingWhileWalking(t *testing.T) {
	_, c := local(t, optionsOf(t, 1300), config{})
	n := 0
	for item, err := range c.Each(t.Context(), "users.list", Args{"q": "blocked:true"}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do(t.Context(), "users.delete", Args{"id": idOf(item, "user_id")}); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 434 {
		t.Errorf("%d users were seen, want 434", n)
	}
	left, err := c.All(t.Context(), "users.list", nil)
	if err != nil || len(left) != 1300-434 {
		t.Errorf("%d are left, %v", len(left), err)
	}
}
