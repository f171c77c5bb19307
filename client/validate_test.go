package client_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"a0run/client"
	"a0run/client/schema"
	"a0run/client/sim"
)

// TestValidation: off sends everything, the others say what is wrong by its path
// before anything is sent, and tell of the rest once.
func TestValidation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode schema.Mode
		op   string
		args client.Args
		want string // of the ArgumentError; "" means it is sent
		told []string
	}{
		{schema.Off, "roles.create", client.Args{"body": map[string]any{"name": 1}}, "", nil},
		{schema.Usual, "roles.create", client.Args{"body": map[string]any{"name": 1}}, "roles.create: name: got the number 1, want a string", nil},
		{schema.Usual, "roles.create", client.Args{"body": json.RawMessage(`{"name":"r","zweck":[],"beschrieb":{}}`)}, "", []string{"beschrieb", "zweck"}},
		{schema.Strict, "roles.create", client.Args{"body": json.RawMessage(`{"name":"r","zweck":[]}`)}, "roles.create: zweck: there is no such field", nil},
		{schema.Warn, "roles.create", client.Args{"body": map[string]any{}}, "", []string{"name"}},
		{schema.Usual, "users.add_roles", client.Args{"id": "auth0|1", "roles": []any{"rol_1", 2}}, "users.add_roles: roles[2]: got the number 2, want a string", nil},
		{schema.Usual, "users.update", client.Args{"id": "auth0|1", "body": struct {
			Blocked *string `json:"blocked"`
		}{}}, "", []string{"blocked"}},
		{schema.Usual, "actions.get_actions", client.Args{"trigger_id": "post-logn"}, "did you mean post-login?", nil},
		{schema.Usual, "users.list", client.Args{"per_page": "ten"}, `per_page: got "ten", want a whole number`, nil},
		{schema.Usual, "users.list", client.Args{"per_page": 10, "include_totals": true}, "", nil},
	} {
		tenant, err := sim.New(sim.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		c, err := client.New(tenant.Credentials().BaseURL, client.WithToken("x"),
			client.WithTransport(tenant.Transport()), client.WithoutRetry(),
			client.WithValidation(client.Validation{Mode: tt.mode, Warn: func(op string, m schema.Mistake) {
				if op != tt.op {
					t.Errorf("told of %s, want %s", op, tt.op)
				}
				told = append(told, m.Path)
			}}))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, err = c.Do(t.Context(), tt.op, tt.args)
			var wrong *client.ArgumentError
			switch refused := errors.As(err, &wrong); {
			case refused != (tt.want != ""):
				t.Errorf("%s %v: got %v, want %q", tt.op, tt.args, err, tt.want)
			case refused && !strings.Contains(err.Error(), tt.want):
				t.Errorf("%s %v: got %v, want %q", tt.op, tt.args, err, tt.want)
			}
		}
		if !slices.Equal(told, tt.told) {
			t.Errorf("%s %v: told of %q, want %q", tt.op, tt.args, told, tt.told)
		}
		if sent := len(tenant.Requests()); (sent == 0) != (tt.want != "") {
			t.Errorf("%s %v: %d requests", tt.op, tt.args, sent)
		}
	}
}
