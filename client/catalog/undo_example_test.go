package catalog

import (
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An undoer builds the call that undoes one of any operation, from what the
// table says and nothing else: the proof that the table says enough, and the
// rules of Inverse in code for whoever writes the engine's.
type undoer struct {
	op, with     *Operation
	args         map[string]any
	answer       any
	before, item any
}

// elements are the elements of the call that undoing is about.
func (u undoer) elements() []any {
	el := u.op.Inverse.Elements
	if el.In == "" {
		return list(u.before)
	}
	var out []any
	sent, _ := u.value(el.In)
	for _, item := range list(sent) {
		u.item = item
		found, has := u.match()
		switch {
		case el.Patch && has:
			out = append(out, restrict(found, item))
		case el.Flag != "":
			if item.(map[string]any)[el.Flag] != has {
				turned := maps.Clone(item.(map[string]any))
				turned[el.Flag] = has
				out = append(out, turned)
			}
		case !el.Patch && has == (u.op.Effect == Remove):
			out = append(out, item)
		}
	}
	return out
}

func (u undoer) match() (any, bool) {
	before := u.before
	if perItem, ok := before.(func(any) any); ok {
		before = perItem(u.item)
	}
	for _, there := range list(before) {
		same := true
		for _, m := range u.op.Inverse.Elements.Match {
			want, _ := u.value(m.From)
			got := there
			if m.Name != "" {
				got = there.(map[string]any)[m.Name]
			}
			same = same && got == want
		}
		if same {
			return there, true
		}
	}
	return nil, false
}

// calls are the arguments of each call of With, or of Absent.
func (u undoer) calls() (string, []map[string]any) {
	in := u.op.Inverse
	for _, pick := range in.BeforeItem {
		want, _ := u.value(pick.From)
		i := slices.IndexFunc(list(u.before), func(v any) bool { return v.(map[string]any)[pick.Name] == want })
		if i < 0 {
			u.before = nil
		} else {
			u.before = list(u.before)[i]
		}
	}
	if u.before == nil && in.Absent != "" {
		u.with, _ = Default().Lookup(in.Absent)
		u.op = &Operation{}
		return in.Absent, []map[string]any{u.call(nil)}
	}
	if in.Body != SomeElements {
		return in.With, []map[string]any{u.call(u.body())}
	}
	elements := u.elements()
	if len(elements) == 0 {
		return in.With, nil
	}
	if !in.Elements.Each {
		made := []any{}
		for _, u.item = range elements {
			made = append(made, u.made())
		}
		out := u.call(nil)
		put(out, in.Elements.To, made)
		return in.With, []map[string]any{out}
	}
	var out []map[string]any
	for _, u.item = range elements {
		out = append(out, u.call(nil))
	}
	return in.With, out
}

func (u undoer) made() any {
	if len(u.op.Inverse.Elements.Make) == 0 {
		return u.item
	}
	out := map[string]any{}
	for _, m := range u.op.Inverse.Elements.Make {
		if v, ok := u.value(m.From); ok {
			put(out, m.Name, v)
		}
	}
	return out
}

// call gives With its arguments, and the body that is made already.
func (u undoer) call(body any) map[string]any {
	out := map[string]any{}
	for _, a := range u.with.Args {
		own, has := u.args[a.Name]
		made, _ := u.answer.(map[string]any)
		switch {
		case a.In == InBody && body != nil:
			out["body"] = body
		case a.In == InField && body != nil:
			out[a.Name] = body.(map[string]any)[a.WireName()]
		case has && (a.In == InPath || a.In == InQuery):
			out[a.Name] = own
		case u.op.Effect == Create && a.Name == u.with.Subject.ID:
			out[a.Name] = made[u.op.Subject.Field]
		}
	}
	for _, a := range u.op.Inverse.Args {
		if v, ok := u.value(a.From); ok && u.holds(a.When) {
			put(out, a.Name, v)
		}
	}
	return out
}

func (u undoer) holds(when string) bool {
	path, want, equal := strings.Cut(when, "=")
	v, ok := u.value(path)
	return when == "" || (ok && (!equal || v == want))
}

// body is the body of With out of the before-image.
func (u undoer) body() any {
	if u.op.Inverse.Body == ArgsOnly {
		return nil
	}
	before, _ := u.before.(map[string]any)
	out := map[string]any{}
	deep := append(slices.Clone(u.with.Merge), u.op.Inverse.Deep...)
	sent, _ := u.args["body"].(map[string]any)
	fields := BodyFields(u.with)
	if len(fields) == 0 {
		return before
	}
	for _, f := range fields {
		value, had := before[f.Name]
		now, wasSent := sent[f.Name]
		switch {
		case slices.Contains(u.op.Inverse.Unwritable, f.Name):
		case u.op.Inverse.Body == WholeBefore:
			if value != nil {
				out[f.Name] = value
			}
		case !wasSent:
		case slices.Contains(deep, f.Name):
			out[f.Name] = restrict(value, now)
		case had:
			out[f.Name] = value
		case f.Null:
			out[f.Name] = nil
		case f.Type == Boolean:
			out[f.Name] = false
		}
	}
	return out
}

// restrict is what stood at the keys of another object, null where nothing did.
func restrict(there, sent any) any {
	out := map[string]any{}
	object, _ := there.(map[string]any)
	for key := range sent.(map[string]any) {
		out[key] = object[key]
	}
	return out
}

// value follows a source.
func (u undoer) value(text string) (any, bool) {
	s, err := ParseSource(text)
	if err != nil {
		return nil, false
	}
	root := map[string]any{"args": u.args, "answer": u.answer, "before": u.before, "item": u.item, "random": "a long random text"}
	v := root[s.Root]
	if s.Root == "args" {
		v = map[string]any(u.args)
	}
	if s.Root == "literal" && json.Unmarshal([]byte(s.Literal), &v) != nil {
		return nil, false
	}
	for _, step := range s.Path {
		if number, ok := strings.CutPrefix(step, "["); ok {
			items, _ := v.([]any)
			i, _ := strconv.Atoi(strings.TrimSuffix(number, "]"))
			if i < 0 {
				i += len(items)
			}
			if i >= len(items) {
				return nil, false
			}
			v = items[i]
			continue
		}
		object, _ := v.(map[string]any)
		if v, ok := object[step]; !ok || v == nil {
			return nil, false
		}
		v = object[step]
	}
	if s.Query != "" {
		link, err := url.Parse(v.(string))
		if err != nil {
			return nil, false
		}
		v = link.Query().Get(s.Query)
	}
	if s.List {
		v = []any{v}
	}
	return v, true
}

// list is a list as it is, the keys of an object that has no list's use, or one value.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	case map[string]any:
		if _, relation := v["connection_id"]; relation {
			return []any{v}
		}
		var keys []any
		for _, key := range slices.Sorted(maps.Keys(v)) {
			keys = append(keys, key)
		}
		return keys
	}
	return []any{v}
}

func put(into map[string]any, path string, v any) {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		into[name] = v
		return
	}
	inner, ok := into[name].(map[string]any)
	if !ok {
		inner = map[string]any{}
		into[name] = inner
	}
	put(inner, rest, v)
}

// TestUndoIsData builds inverses of every shape from the table alone.
func TestUndoIsData(t *testing.T) {
	held := func(member string) func(any) any { // what users.list_roles and users.list_organizations answer
		return func(item any) any {
			if item == member {
				return decode(t, `[{"id":"rol_1"},{"id":"org_1"}]`)
			}
			return []any{}
		}
	}
	for _, tt := range []struct {
		op, args, answer string
		before           any // JSON, or what stands before by element
		with, calls      string
	}{
		{
			op: "users.update", args: `{"id":"auth0|1","body":{"email":"new@x.test","nickname":"n","blocked":true,"password":"p","connection":"db","app_metadata":{"plan":"pro","seen":true}}}`,
			before: `{"user_id":"auth0|1","email":"old@x.test","email_verified":true,"app_metadata":{"plan":"free","vip":true}}`,
			with:   "users.update",
			calls:  `[{"id":"auth0|1","body":{"email":"old@x.test","email_verified":true,"nickname":null,"blocked":false,"connection":"db","app_metadata":{"plan":"free","seen":null}}}]`,
		},
		{
			op: "users.delete", args: `{"id":"auth0|1"}`, with: "users.create",
			before: `{"user_id":"auth0|1","email":"a@x.test","logins_count":7,"blocked":null,"identities":[{"connection":"db","user_id":"1","provider":"auth0"}]}`,
			calls:  `[{"body":{"email":"a@x.test","connection":"db","user_id":"1","password":"a long random text","verify_email":false}}]`,
		},
		{
			op: "users.delete", args: `{"id":"sms|1"}`, with: "users.create",
			before: `{"user_id":"sms|1","phone_number":"+49","identities":[{"connection":"sms","user_id":"1","provider":"sms"}]}`,
			calls:  `[{"body":{"phone_number":"+49","connection":"sms","verify_email":false}}]`,
		},
		{
			op: "roles.add_users", args: `{"id":"rol_1","users":["auth0|old","auth0|new","auth0|two"]}`, before: held("auth0|old"), with: "users.remove_roles",
			calls: `[{"id":"auth0|new","roles":["rol_1"]},{"id":"auth0|two","roles":["rol_1"]}]`,
		},
		{
			op: "organizations.delete_organization_members", args: `{"id":"org_1","body":{"members":["auth0|in","auth0|out"]}}`, before: held("auth0|in"),
			with: "organizations.create_organization_members", calls: `[{"id":"org_1","body":{"members":["auth0|in"]}}]`,
		},
		{
			op: "roles.add_permissions", args: `{"id":"rol_1","permissions":[{"permission_name":"read","resource_server_identifier":"a"},{"permission_name":"read","resource_server_identifier":"b"}]}`,
			before: `[{"permission_name":"read","resource_server_identifier":"a","description":"d"}]`, with: "roles.remove_permissions",
			calls: `[{"id":"rol_1","permissions":[{"permission_name":"read","resource_server_identifier":"b"}]}]`,
		},
		{
			op: "users.remove_roles", args: `{"id":"auth0|1","roles":["rol_1","rol_2"]}`, before: `[{"id":"rol_2","name":"n"}]`, with: "users.add_roles",
			calls: `[{"id":"auth0|1","roles":["rol_2"]}]`,
		},
		{op: "users.add_roles", args: `{"id":"auth0|1","roles":["rol_2"]}`, before: `[{"id":"rol_2"}]`, with: "users.remove_roles", calls: `null`},
		{
			op: "connections.delete", args: `{"id":"con_1"}`, before: `{"id":"con_1","name":"db","strategy":"auth0","options":{"mfa":true},"realms":["db"]}`, with: "connections.create",
			calls: `[{"body":{"name":"db","strategy":"auth0","options":{"mfa":true},"realms":["db"]}}]`,
		},
		{
			op: "tenants.update", args: `{"body":{"friendly_name":"n","flags":{"enable_sso":true},"session_lifetime_in_minutes":5}}`,
			before: `{"flags":{"enable_sso":false,"other":true},"sandbox_version":"22"}`, with: "tenants.update", calls: `[{"body":{"flags":{"enable_sso":false}}}]`,
		},
		{op: "roles.create", args: `{"body":{"name":"n"}}`, answer: `{"id":"rol_9","name":"n"}`, with: "roles.delete", calls: `[{"id":"rol_9"}]`},
		{
			op: "experimentation.feature_flags.variations.create", args: `{"id":"flg_1","body":{}}`, answer: `{"id":"var_1"}`,
			with: "experimentation.feature_flags.variations.delete", calls: `[{"id":"flg_1","vid":"var_1"}]`,
		},
		{op: "guardian.update_factor", args: `{"name":"otp","body":{"enabled":true}}`, before: `[{"name":"sms","enabled":true},{"name":"otp","enabled":false}]`, with: "guardian.update_factor", calls: `[{"name":"otp","body":{"enabled":false}}]`},
		{op: "guardian.policies.set", args: `{"body":[]}`, before: `["all-applications"]`, with: "guardian.policies.set", calls: `[{"body":["all-applications"]}]`},
		{op: "rules_configs.set", args: `{"key":"k","value":"v"}`, before: `[{"key":"other"}]`, with: "rules_configs.unset", calls: `[{"key":"k"}]`},
		{op: "branding.update_template_universal_login", args: `{"template":"new"}`, before: `{"body":"old"}`, with: "branding.update_template_universal_login", calls: `[{"template":"old"}]`},
		{op: "branding.update_template_universal_login", args: `{"template":"new"}`, with: "branding.delete_template_universal_login", calls: `[{}]`},
		{op: "clients.rotate_secret", args: `{"id":"c"}`, before: `{"client_secret":"s","name":"n"}`, with: "clients.update", calls: `[{"id":"c","body":{"client_secret":"s"}}]`},
		{op: "actions.deploy_action", args: `{"id":"a"}`, before: `{"id":"a","deployed_version":{"id":"v1"}}`, with: "actions.rollback_action_version", calls: `[{"action_id":"a","id":"v1"}]`},
		{
			op: "actions.update_trigger_bindings", args: `{"trigger_id":"post-login","body":{"bindings":[]}}`, before: `[{"id":"b","display_name":"d","action":{"id":"a"}}]`,
			with: "actions.update_trigger_bindings", calls: `[{"trigger_id":"post-login","body":{"bindings":[{"ref":{"type":"action_id","value":"a"},"display_name":"d"}]}}]`,
		},
		{
			op: "connections.clients.update", args: `{"id":"con_1","body":[{"client_id":"a","status":true},{"client_id":"b","status":true},{"client_id":"c","status":false}]}`,
			before: `[{"client_id":"b"},{"client_id":"c"}]`, with: "connections.clients.update", calls: `[{"id":"con_1","body":[{"client_id":"a","status":false},{"client_id":"c","status":true}]}]`,
		},
		{
			op: "prompts.rendering.bulk_update", args: `{"body":{"configs":[{"prompt":"login","screen":"login","rendering_mode":"advanced"}]}}`,
			before: `[{"prompt":"login","screen":"login","rendering_mode":"standard","tenant":"t"},{"prompt":"x","screen":"y"}]`,
			with:   "prompts.rendering.bulk_update", calls: `[{"body":{"configs":[{"prompt":"login","screen":"login","rendering_mode":"standard"}]}}]`,
		},
		{op: "users.link_user_account", args: `{"id":"auth0|1","body":{"link_with":"t"}}`, answer: `[{"provider":"auth0","user_id":"1"},{"provider":"google-oauth2","user_id":"2"}]`, with: "users.unlink_user_account", calls: `[{"id":"auth0|1","provider":"google-oauth2","user_id":"2"}]`},
		{op: "self_service_profiles.create_sso_ticket", args: `{"id":"ssp_1","body":{}}`, answer: `{"ticket":"https://t.test/self-service/connections-flow?ticket=abc"}`, with: "self_service_profiles.revoke_sso_ticket", calls: `[{"profile_id":"ssp_1","id":"abc"}]`},
		{op: "hooks.add_secrets", args: `{"id":"h","body":{"new":"1","old":"2"}}`, before: `{"old":"_VALUE_NOT_SHOWN_"}`, with: "hooks.delete_secrets", calls: `[{"id":"h","body":["new"]}]`},
		{op: "organizations.add_client_grant", args: `{"id":"org_1","grant_id":"cgr_1"}`, before: `[]`, with: "organizations.delete_client_grant", calls: `[{"id":"org_1","grant_id":"cgr_1"}]`},
		{
			op: "organizations.delete_organization_connection", args: `{"id":"org_1","connection_id":"con_1"}`, before: `{"connection_id":"con_1","assign_membership_on_login":true,"connection":{"name":"n"}}`,
			with: "organizations.create_organization_connection", calls: `[{"id":"org_1","body":{"connection_id":"con_1","assign_membership_on_login":true}}]`,
		},
		{op: "organizations.create_organization_connection", args: `{"id":"org_1","body":{"connection_id":"con_1"}}`, with: "organizations.delete_organization_connection", calls: `[{"id":"org_1","connection_id":"con_1"}]`},
		{op: "prompts.partials.set", args: `{"prompt":"login","body":{}}`, before: `{"login":{"form-content-end":"x"}}`, with: "prompts.partials.set", calls: `[{"prompt":"login","body":{"login":{"form-content-end":"x"}}}]`},
	} {
		u := undoer{answer: decode(t, tt.answer), before: tt.before}
		if text, ok := tt.before.(string); ok {
			u.before = decode(t, text)
		}
		u.op, _ = Default().Lookup(tt.op)
		u.with, _ = Default().Lookup(u.op.Inverse.With)
		u.args, _ = decode(t, tt.args).(map[string]any)
		with, calls := u.calls()
		got, _ := json.Marshal(calls)
		if with != tt.with || !reflect.DeepEqual(decode(t, string(got)), decode(t, tt.calls)) {
			t.Errorf("%s %s\n before %v\n is undone by %s %s\n        want %s %s", tt.op, tt.args, tt.before, with, got, tt.with, tt.calls)
		}
	}
}

func decode(t *testing.T, text string) any {
	t.Helper()
	if text == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
