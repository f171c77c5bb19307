package sim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"a0run/client/sim/store"
)

// Refresh tokens. Each has an object under which the Management API knows it
// and a family: those that came from one another by rotation. A rotated token
// that comes again after its leeway is taken for a stolen one, and the family
// is revoked (Auth0's page "Refresh Token Rotation").

// refreshFor gives the refresh token that goes with a log-in's tokens, "" for
// none.
func (c *call) refreshFor(client object, l login) string {
	id, user := str(client, "client_id"), str(l.user, "user_id")
	rotating := str(sub(client, "refresh_token"), "rotation_type") == "rotating"
	switch {
	case l.refresh != nil && !rotating:
		return ""
	case l.refresh == nil && !slices.Contains(splitSpace(l.scope), "offline_access"):
		return ""
	case l.refresh == nil && !slices.Contains(texts(client, "grant_types"), "refresh_token"):
		return ""
	}
	text := "v1." + c.t.ids.base64("refresh", id+user, 32)
	settings := sub(client, "refresh_token")
	r := object{
		"client_id": id, "user_id": user, "scope": l.scope, "audience": l.audience, "at": numberOf(l.at.Unix()),
		"family": c.t.ids.word("refresh-family", text, 18), "session": l.session, "connection": l.connection,
	}
	r["$text"] = text
	if l.org != nil {
		r["org_id"] = l.org["id"]
	}
	ends := c.now.Add(seconds(settings, "token_lifetime"))
	if !truth(settings, "infinite_token_lifetime") && str(settings, "expiration_type") == "expiring" {
		r["ends"] = numberOf(ends.Unix())
	}
	if old := l.refresh; old != nil {
		r["family"], r["scope"] = old["family"], old["scope"]
		if old["ends"] != nil {
			r["ends"] = old["ends"]
		}
	}
	c.idle(r, settings)
	c.tx.Put(refreshKey(), text, r)
	c.rememberRefresh(text, r, rotating)
	c.boundRefresh(id, user)
	return text
}

// boundRefresh revokes the oldest refresh tokens of a user and an application
// where they have more than the plan allows; those that expired do not count
// (Auth0's page "Entity Limit Policy").
func (c *call) boundRefresh(client, user string) {
	most, limited := c.t.limits.set.Entities["users.refresh_tokens"]
	if !limited {
		return
	}
	var valid []object
	for _, o := range c.tx.Lookup(refreshObjects(), "user", user) {
		ends, idle := str(o, "expires_at"), str(o, "idle_expires_at")
		now := stamp(c.now)
		if str(o, "client_id") == client && (ends == "" || ends > now) && (idle == "" || idle > now) {
			valid = append(valid, o)
		}
	}
	slices.SortStableFunc(valid, func(a, b object) int { return strings.Compare(str(a, "created_at"), str(b, "created_at")) })
	for _, o := range valid[:max(0, len(valid)-max(1, most))] {
		dropFamily(c.tx, str(o, "id"))
	}
}

// seconds reads a lifetime; those that nobody set are the tenant's.
func seconds(o object, field string) time.Duration {
	n, ok := number(o[field])
	if !ok {
		n = map[string]int64{"token_lifetime": 2592000, "idle_token_lifetime": 1296000}[field]
	}
	return time.Duration(n) * time.Second
}

// idle moves the moment by which the token must have been used.
func (c *call) idle(r, settings object) {
	if !truth(settings, "infinite_idle_token_lifetime") && str(settings, "expiration_type") == "expiring" {
		r["idle_ends"] = json.Number(intText(c.now.Add(seconds(settings, "idle_token_lifetime")).Unix()))
	}
}

// rememberRefresh gives a refresh token the object under which the Management
// API knows it: one for a family.
func (c *call) rememberRefresh(text string, r object, rotating bool) {
	id := str(r, "family")
	o := object{
		"id": id, "user_id": r["user_id"], "client_id": r["client_id"], "created_at": stamp(c.now), "rotating": rotating,
		"idle_expires_at": nil, "expires_at": nil, "session_id": nil, "last_exchanged_at": nil,
	}
	servers := []any{}
	if aud := str(r, "audience"); aud != "" {
		servers = append(servers, object{"audience": aud, "scopes": str(r, "scope")})
	}
	o["resource_servers"] = servers
	if old := c.tx.Get(refreshObjects(), id); old != nil {
		o["created_at"], o["last_exchanged_at"] = old["created_at"], stamp(c.now)
	}
	if s := str(r, "session"); s != "" {
		o["session_id"] = s
	}
	for shown, kept := range map[string]string{"expires_at": "ends", "idle_expires_at": "idle_ends"} {
		if n, ok := number(r[kept]); ok {
			o[shown] = stamp(time.Unix(n, 0))
		}
	}
	o["$token"] = text
	c.tx.Put(refreshObjects(), id, o)
}

// dropFamily revokes a refresh token with all that came from it or before it.
func dropFamily(tx *store.Tx, family string) {
	tx.Delete(refreshObjects(), family)
	for _, r := range tx.Lookup(refreshKey(), "family", family) {
		tx.Delete(refreshKey(), str(r, "$text"))
	}
}

func refreshGrant(c *call, client object) reply {
	text := str(c.body, "refresh_token")
	if text == "" {
		return denied(http.StatusForbidden, "invalid_request", "Missing required parameter: refresh_token")
	}
	r := c.tx.Get(refreshKey(), text)
	refuse := func(kind, words string) reply {
		c.event(event{kind: kind, client: client, user: c.tx.Get(usersKey(), str(r, "user_id")), text: words})
		return invalidGrant(words)
	}
	if r == nil || str(r, "client_id") != str(client, "client_id") {
		return refuse("fertft", "Unknown or invalid refresh token.")
	}
	for _, f := range []string{"ends", "idle_ends"} {
		if n, ok := number(r[f]); ok && c.now.Unix() >= n {
			dropFamily(c.tx, str(r, "family"))
			return refuse("fertft", "Unknown or invalid refresh token.")
		}
	}
	settings := sub(client, "refresh_token")
	if rotated, was := number(r["rotated"]); was && c.now.Unix() >= rotated+int64(seconds(settings, "leeway")/time.Second) {
		dropFamily(c.tx, str(r, "family"))
		return refuse("ferrt", "Unknown or invalid refresh token.")
	}
	u := c.tx.Get(usersKey(), str(r, "user_id"))
	switch {
	case u == nil:
		return refuse("fertft", "Unknown or invalid refresh token.")
	case truth(u, "blocked"):
		c.event(event{kind: "fertft", client: client, user: u, text: "user is blocked"})
		return blocked()
	}
	return c.exchangeRefresh(client, r, u)
}

func (c *call) exchangeRefresh(client, old, u object) reply {
	text, settings := str(old, "$text"), sub(client, "refresh_token")
	r := store.Clone(old)
	at, _ := number(r["at"])
	l := login{
		user: u, scope: str(r, "scope"), audience: str(r, "audience"), org: c.tx.Get(orgsKey(), str(r, "org_id")), at: time.Unix(at, 0),
		refresh: r, session: str(r, "session"), connection: str(r, "connection"), counted: true,
	}
	if org := str(r, "org_id"); org != "" && (l.org == nil || !c.tx.Linked(memberships, str(u, "user_id"), org)) {
		return invalidGrant("user " + str(u, "user_id") + " is not part of the " + org + " organization")
	}
	if asked := str(c.body, "scope"); asked != "" {
		had := splitSpace(l.scope)
		l.scope = strings.Join(slices.DeleteFunc(splitSpace(asked), func(s string) bool { return !slices.Contains(had, s) }), " ")
	}
	if str(settings, "rotation_type") == "rotating" {
		if _, was := number(r["rotated"]); !was {
			r["rotated"] = numberOf(c.now.Unix())
			c.tx.Put(refreshKey(), text, r)
		}
	} else {
		c.idle(r, settings)
		c.tx.Put(refreshKey(), text, r)
		c.rememberRefresh(text, r, false)
	}
	c.event(event{kind: "sertft", client: client, user: u, text: "Refresh Token", audience: l.audience, scope: l.scope})
	return c.tokensFor(client, l)
}

func revoke(c *call) reply {
	client, rep := c.client()
	if rep != nil {
		return *rep
	}
	text := str(c.body, "token")
	if text == "" {
		return denied(http.StatusBadRequest, "invalid_request", "Missing required parameter: token")
	}
	if r := c.tx.Get(refreshKey(), text); r != nil && str(r, "client_id") == str(client, "client_id") {
		c.event(event{kind: "srrt", client: client, user: c.tx.Get(usersKey(), str(r, "user_id")), text: "Revoked the refresh token"})
		dropFamily(c.tx, str(r, "family"))
	}
	return reply{status: http.StatusOK}
}
