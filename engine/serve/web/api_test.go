package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"a0run/engine/serve"
)

// The document tells every route and nothing else, and every answer has the
// fields that it tells.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	status, doc := h.api(viewerToken, "GET", "/openapi.json", "")
	if status != http.StatusOK || doc["openapi"] != "3.1.0" {
		t.Fatalf("%d %v", status, doc["openapi"])
	}
	paths := doc["paths"].(map[string]any)
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	told := 0
	for _, item := range paths {
		told += len(item.(map[string]any))
	}
	if told != len(h.room.Routes()) {
		t.Errorf("%d operations are told, %d are served", told, len(h.room.Routes()))
	}
	for _, route := range h.room.Routes() {
		method, path, _ := strings.Cut(route, " ")
		op, ok := paths["/api/v1"+path].(map[string]any)[strings.ToLower(method)].(map[string]any)
		if !ok {
			t.Errorf("%s is not told", route)
			continue
		}
		if method != "GET" || strings.HasSuffix(path, "/live") || path == "/openapi.json" {
			continue
		}
		filled := strings.NewReplacer("{run}", h.run, "{key}", strings.Repeat("0", 31)+"2", "/schedules/{id}", "/schedules/nightly", "/approvals/{id}", "/approvals/"+h.run, "/playbooks/{id}", "/playbooks/p%2Fnightly.lua").Replace(path)
		if path == "/objects" {
			filled += "?object=users%2Fx"
		}
		status, got := h.api(adminToken, method, filled, "")
		if status != http.StatusOK {
			t.Errorf("%s: %d %v", filled, status, got)
			continue
		}
		schema := op["responses"].(map[string]any)["200"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)["schema"].(map[string]any)
		var value any = got
		if list, isList := got["list"]; isList {
			value = list
		}
		for _, wrong := range fits(value, schema, schemas, route) {
			t.Error(wrong)
		}
	}
	text, _ := json.Marshal(doc)
	if strings.Contains(string(text), "null") {
		t.Error("the document holds null: a schema is missing")
	}
}

// fits holds a value against the part of JSON Schema that the document uses.
func fits(v any, schema, schemas map[string]any, at string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		return fits(v, schemas[strings.TrimPrefix(ref, "#/components/schemas/")].(map[string]any), schemas, at)
	}
	if len(schema) == 0 {
		return nil // any value
	}
	switch x := v.(type) {
	case []any:
		items, ok := schema["items"].(map[string]any)
		if schema["type"] != "array" || !ok {
			return []string{at + " is a list"}
		}
		var wrong []string
		for _, item := range x {
			wrong = append(wrong, fits(item, items, schemas, at+"[]")...)
		}
		return wrong
	case map[string]any:
		properties, ok := schema["properties"].(map[string]any)
		if !ok {
			return nil
		}
		var wrong []string
		for key, value := range x {
			p, known := properties[key].(map[string]any)
			if !known {
				wrong = append(wrong, at+"."+key+" is not told")
				continue
			}
			wrong = append(wrong, fits(value, p, schemas, at+"."+key)...)
		}
		required, _ := schema["required"].([]any)
		for _, key := range required {
			if _, there := x[key.(string)]; !there {
				wrong = append(wrong, at+"."+key.(string)+" is missing")
			}
		}
		return wrong
	case string:
		if schema["type"] != "string" && schema["type"] != nil {
			return []string{at + " is a text"}
		}
	}
	return nil
}

// The API has the powers of the pages.
func TestAPICommands(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	for _, c := range []struct{ method, path, body, did string }{
		{"POST", "/runs", `{"playbook":"p/nightly.lua","params":{"days":3,"key":"k"},"tenants":{"default":"staging"},"plan":true,"why":"because"}`, "start p/nightly.lua by token ada"},
		{"POST", "/runs/" + h.live + "/cancel", "", "cancel " + h.live + " by token ada"},
		{"POST", "/runs/" + h.run + "/resume", `{"retry_failed":true}`, "resume " + h.run + " {true false} by token ada"},
		{"POST", "/runs/" + h.run + "/undo", `{"only":["roles.*"],"force":["users/1"]}`, "undo " + h.run + " {[roles.*] [users/1]} by token ada"},
		{"POST", "/schedules/nightly/pause", `{"until":"2030-01-02T03:04:05Z","reason":"r"}`, "pause nightly until 2030-01-02T03:04:05Z for r by token ada"},
		{"POST", "/schedules/nightly/unpause", "", "unpause nightly by token ada"},
		{"POST", "/schedules/" + url.PathEscape("a/b#c d") + "/run", "", "run a/b#c d by token ada"},
		{"POST", "/approvals/" + h.run + "/approve", `{"digest":"d1"}`, "approve " + h.run + " d1 by token ada"},
		{"POST", "/approvals/" + h.run + "/reject", `{"reason":"no"}`, "reject " + h.run + " for no by token ada"},
		{"POST", "/reload", "", "reload by token ada"},
	} {
		before := len(h.Commands())
		status, got := h.api(adminToken, c.method, c.path, c.body)
		if did := h.Commands(); status != http.StatusOK || len(did) != before+1 || did[before] != c.did {
			t.Errorf("%s: %d %v, did %q, want %q", c.path, status, got, did[before:], c.did)
		}
	}
	s := h.Started()[0]
	if s.Params["days"] != 3.0 || !s.Plan || s.Why != "because" || s.Tenants["default"] != "staging" {
		t.Errorf("started %+v", s)
	}
}

// Mistakes are told in a form that a program reads.
func TestAPIMistakes(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
		message            string
	}{
		{"POST", "/runs", `{"playbok":"x"}`, http.StatusBadRequest, "unknown field"},
		{"POST", "/runs", `{"playbook":`, http.StatusBadRequest, "cannot be read"},
		{"POST", "/runs", `{} {}`, http.StatusBadRequest, "more than one value"},
		{"GET", "/runs/nobody", "", http.StatusNotFound, "no such run"},
		{"GET", "/runs/" + h.run + "/calls/nobody", "", http.StatusNotFound, "no such call"},
		{"GET", "/schedules/nobody", "", http.StatusNotFound, "no schedule"},
		{"GET", "/nothing", "", http.StatusNotFound, "no such page"},
		{"GET", "/runs?since=yesterday", "", http.StatusBadRequest, "neither how long ago"},
		{"GET", "/runs?state=failed", "", http.StatusBadRequest, "there is no query parameter state"},
		{"GET", "/runs?status=faild", "", http.StatusBadRequest, "status=faild"},
		{"GET", "/runs?kind=ran", "", http.StatusBadRequest, "kind=ran"},
		{"GET", "/runs?limit=-1", "", http.StatusBadRequest, "limit=-1: want a whole number from 1 to 500"},
		{"GET", "/runs?limit=501", "", http.StatusBadRequest, "from 1 to 500"},
		{"GET", "/runs?limit=many", "", http.StatusBadRequest, "limit=many"},
		{"GET", "/runs?limit=5&limit=6", "", http.StatusBadRequest, "limit is given twice"},
		{"GET", "/runs?offset=-3", "", http.StatusBadRequest, "offset=-3"},
		{"GET", "/runs/" + h.run + "/calls?calls=broken", "", http.StatusBadRequest, "calls=broken"},
		{"GET", "/runs/" + h.run + "/calls?before=x", "", http.StatusBadRequest, "before=x"},
		{"GET", "/runs/" + h.run + "/live?after=3", "", http.StatusBadRequest, "no query parameter after"},
		{"GET", "/schedules/nightly/fires?before=noon", "", http.StatusBadRequest, "before=noon"},
		{"GET", "/approvals?decided=maybe", "", http.StatusBadRequest, "decided=maybe"},
		{"GET", "/health?x", "", http.StatusBadRequest, "no query parameter x"},
		{"POST", "/runs/" + h.live + "/cancel?force=1", "", http.StatusBadRequest, "no query parameter force"},
		{"GET", "/runs?status=%zz", "", http.StatusBadRequest, "cannot be read"},
		{"DELETE", "/runs/" + h.run, "", http.StatusMethodNotAllowed, "DELETE is nothing that"},
		{"PUT", "/runs", "", http.StatusMethodNotAllowed, "it takes GET, HEAD, POST"},
		{"GET", "/runs/" + h.run + "/cancel", "", http.StatusMethodNotAllowed, "it takes POST"},
		{"POST", "/runs//cancel", "", http.StatusNotFound, "a part of the path is empty"},
		{"POST", "/schedules/nightly/pause", `{"until":"2001-01-01"}`, http.StatusUnprocessableEntity, "is over already"},
		{"GET", "/objects", "", http.StatusUnprocessableEntity, "which object"},
	} {
		status, got := h.api(adminToken, c.method, c.path, c.body)
		problem, _ := got["error"].(map[string]any)
		message, _ := problem["message"].(string)
		if status != c.status || !strings.Contains(message, c.message) {
			t.Errorf("%s %s: %d %v, want %d %s", c.method, c.path, status, got, c.status, c.message)
		}
	}
	for path, want := range map[string]string{
		"/runs?state=failed": "did you mean status?", "/runs?status=faild": "did you mean failed?", "/runs?limit=-1": "", "/health?x": "it takes none",
	} {
		_, got := h.api(adminToken, "GET", path, "")
		if hint, _ := got["error"].(map[string]any)["hint"].(string); !strings.Contains(hint, want) {
			t.Errorf("%s: the hint is %q, want %q", path, hint, want)
		}
	}
	req := h.browser().request("DELETE", "/api/v1/runs", nil)
	req.Header.Set("Authorization", "Bearer "+adminToken)
	if got := h.browser().do(req); got.header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", got.header.Get("Allow"))
	}
	if len(h.Commands()) > 0 {
		t.Errorf("mistakes did %v", h.Commands())
	}
	h.Refuse = &serve.Refusal{Kind: serve.Invalid, Message: "two parameters are wrong", HintText: "look at them", Fields: map[string]string{"days": "want a whole number"}}
	status, got := h.api(adminToken, "POST", "/runs", `{"playbook":"p/nightly.lua"}`)
	problem := got["error"].(map[string]any)
	if status != http.StatusUnprocessableEntity || problem["hint"] != "look at them" || problem["fields"].(map[string]any)["days"] != "want a whole number" {
		t.Errorf("%d %v", status, got)
	}
	// The form shows the same, with what was typed but for the secret.
	page := h.as(operatorToken).post("/playbooks/p%2Fnightly.lua", url.Values{"param.days": {"three"}, "param.key": {"t0psecret"}, "why": {"because"}})
	for _, want := range []string{"two parameters are wrong", "want a whole number", `value="three"`, `value="because"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the form lacks %q", want)
		}
	}
	if page.status != http.StatusUnprocessableEntity || strings.Contains(page.body, "t0psecret") {
		t.Errorf("%d, or the secret is shown", page.status)
	}
}

// A run that is not over has no exit code: 0 would say that all went well.
func TestARunThatIsNotOverHasNoExit(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	if _, got := h.api(viewerToken, "GET", "/runs/"+h.live, ""); got["status"] != "running" || got["exit"] != nil {
		t.Errorf("status %v, exit %v", got["status"], got["exit"])
	}
	if _, got := h.api(viewerToken, "GET", "/runs/"+h.run, ""); got["exit"] == nil {
		t.Errorf("status %v without an exit code", got["status"])
	}
}

// Forms give the service what was typed.
func TestForms(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	b := h.as(operatorToken)
	got := b.post("/playbooks/p%2Fnightly.lua", url.Values{"param.days": {"7"}, "param.key": {"k"}, "param.dry": {""}, "tenant.default": {"staging"}, "plan": {"1"}})
	s := h.Started()
	if got.header.Get("Location") != "/runs/started" || len(s) != 1 || s[0].Params["days"] != "7" || s[0].Params["key"] != "k" || len(s[0].Params) != 2 || s[0].Tenants["default"] != "staging" || !s[0].Plan {
		t.Errorf("%d %s %+v", got.status, got.header.Get("Location"), s)
	}
	got = b.post("/runs/"+h.run+"/undo", url.Values{"force": {"users/1", "users/2"}})
	if did := h.Commands(); got.header.Get("Location") != "/runs/undoing" || did[len(did)-1] != "undo "+h.run+" {[] [users/1 users/2]} by token otto" {
		t.Errorf("%v", did)
	}
}
