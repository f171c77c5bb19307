package sim

import (
	"fmt"
	"strings"

	"a0run/client/catalog"
	"a0run/client/sim/store"
)

// An event is something that happened, for the tenant's log. Its kind is one of
// Auth0's codes (page "Log Event Type Codes").
type event struct {
	kind, text          string
	client, user, org   object
	name                string // of a user who is not known, or who is gone
	connection          string
	audience, scope, ip string
	details             object
}

// maxLogs is how many events the tenant keeps; the oldest go first.
const maxLogs = 5000

func logsKey() store.Key { return store.Key{Kind: "/logs"} }

// event writes one into the log.
func (c *call) event(e event) {
	key := logsKey()
	n := uint64(1)
	if last := c.tx.Get(logCount(), "n"); last != nil {
		was, _ := number(last["n"])
		n = uint64(was) + 1
	}
	c.tx.Put(logCount(), "n", object{"n": numberOf(int64(n))})
	id := fmt.Sprintf("900%s%06d%032d", c.now.UTC().Format("20060102150405"), n%1000000, n)
	o := object{
		"_id": id, "log_id": id, "date": stamp(c.now), "type": e.kind, "ip": c.ip(), "user_agent": c.req.UserAgent(),
		"hostname": c.domain(), "isMobile": strings.Contains(c.req.UserAgent(), "Mobile"), "environment_name": "local", "tenant_name": "local",
	}
	set := func(k, v string) {
		if v != "" {
			o[k] = v
		}
	}
	set("ip", e.ip)
	set("description", e.text)
	set("client_id", str(e.client, "client_id"))
	set("client_name", str(e.client, "name"))
	set("user_id", str(e.user, "user_id"))
	set("user_name", firstOf(e.name, str(e.user, "email"), str(e.user, "username"), str(e.user, "phone_number"), str(e.user, "name")))
	set("audience", e.audience)
	set("organization_id", str(e.org, "id"))
	set("organization_name", str(e.org, "name"))
	if e.scope != "" {
		o["scope"] = e.scope
	}
	if e.connection != "" {
		o["connection"] = e.connection
		if found := c.tx.Lookup(connectionsKey(), "name", e.connection); len(found) > 0 {
			o["connection_id"], o["strategy"] = found[0]["id"], found[0]["strategy"]
			o["strategy_type"] = strategyType(str(found[0], "strategy"))
		}
	}
	if e.details != nil {
		o["details"] = e.details
	}
	c.tx.Put(key, id, o)
	if c.tx.Len(key) > maxLogs+maxLogs/10 { // many at once: to look for the oldest costs something
		for _, old := range c.tx.Page(key, 0, maxLogs/10) {
			c.tx.Delete(key, str(old, "log_id"))
		}
	}
}

func logCount() store.Key { return store.Key{Kind: "auth:log-count"} }

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

func strategyType(strategy string) string {
	switch {
	case strategy == "auth0":
		return "database"
	case strategy == "email" || strategy == "sms":
		return "passwordless"
	case social(strategy):
		return "social"
	}
	return "enterprise"
}

// logCall writes what a change through the Management API came to: sapi, or
// fapi where it was refused by what it found. Auth0's present list of log types and
// its schemas have no fapi any more, only the filter of its dashboard; nothing
// says that calls were logged which validation, a scope or a limit refused, and
// none of them is here.
func (c *call) logCall(rep reply) {
	if c.op.API != catalog.Management || c.op.Effect == catalog.Read || c.rt.path == "/jobs/users-imports" && rep.status >= 400 {
		return
	}
	e := event{kind: "sapi", text: strings.TrimSuffix(c.op.Summary, ".")}
	if rep.status >= 400 {
		e.kind = "fapi"
		if body, ok := rep.body.(object); ok {
			e.text = str(body, "message")
		}
	}
	if c.token != nil {
		e.client = c.tx.Get(clientsKey(), str(c.token.claims, "azp"))
	}
	e.details = object{
		"request": object{
			"method": strings.ToLower(c.req.Method), "path": c.req.URL.Path, "ip": c.ip(), "userAgent": c.req.UserAgent(), "channel": "api",
			"auth": object{"strategy": "jwt", "credentials": object{"jti": ""}, "user": object{}},
		},
		"response": object{"statusCode": rep.status},
	}
	c.event(e)
}
