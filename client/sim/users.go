package sim

import (
	"cmp"
	"crypto/md5" // Gravatar addresses pictures by MD5; nothing is protected by it
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"a0run/client/sim/store"
)

const usersKind = "/users"

// databaseName is the connection that an empty tenant has.
const databaseName = "Username-Password-Authentication"

func userHandlers() map[string]handler {
	return map[string]handler{
		"GET /users":                        listUsers,
		"POST /users":                       createUser,
		"GET /users/{}":                     getItem,
		"PATCH /users/{}":                   patchUser,
		"DELETE /users/{}":                  deleteUser,
		"GET /users-by-email":               usersByEmail,
		"POST /users/{}/identities":         linkUsers,
		"DELETE /users/{}/identities/{}/{}": unlinkUser,
		"GET /users/{}/logs":                userLogs,
	}
}

// logins are the keys under which nobody else of the same connection may
// stand: e-mail, user name and phone number.
func logins(u store.Object) []string {
	var out []string
	for _, v := range items(u, "identities") {
		id, _ := v.(object)
		conn := str(id, "connection")
		if conn == "" || truth(id, "isSocial") {
			continue
		}
		from := u
		if pd := sub(id, "profileData"); pd != nil {
			from = pd
		}
		for _, f := range []string{"email", "username", "phone_number"} {
			if s := str(from, f); s != "" {
				out = append(out, loginKey(conn, f, s))
			}
		}
	}
	return out
}

func loginKey(conn, field, value string) string {
	return conn + "\x1f" + field + "\x1f" + strings.ToLower(value)
}

func createUser(c *call) reply {
	b := c.body
	connName := str(b, "connection")
	conns := c.tx.Lookup(connectionsKey(), "name", connName)
	if len(conns) == 0 {
		return failure(http.StatusBadRequest, "The connection does not exist.", "inexistent_connection")
	}
	strategy := str(conns[0], "strategy")
	if rep := checkNewUser(b, strategy); rep != nil {
		return *rep
	}
	for _, f := range []string{"email", "username", "phone_number"} {
		if v := str(b, f); v != "" && len(c.tx.Lookup(usersKey(), "login", loginKey(connName, f, v))) > 0 {
			return conflict("The user already exists.", "auth0_idp_error")
		}
	}
	if p := str(b, "password"); p != "" && strategy == "auth0" {
		if w := weakness(conns[0], b, p); w != nil {
			return w.atAPI()
		}
	}
	u := newUser(c.t, b, strategy, stamp(c.now))
	id := str(u, "user_id")
	if c.tx.Has(usersKey(), id) {
		return conflict("The user already exists.", "auth0_idp_error")
	}
	c.tx.Put(usersKey(), id, u)
	if p := str(b, "password"); p != "" {
		setPassword(c.tx, id, p)
	}
	// verify_email says whether the user receives one, and "overrides behavior of
	// email_verified" (the API page).
	wanted, said := b["verify_email"].(bool)
	if !said {
		wanted = !truth(u, "email_verified")
	}
	if wanted && strategy == "auth0" && str(u, "email") != "" {
		c.sendVerification(u, nil)
	}
	return c.ok(u)
}

func checkNewUser(b object, strategy string) *reply {
	var rep reply
	switch strategy {
	case "auth0":
		switch {
		case str(b, "email") == "" && str(b, "username") == "" && str(b, "phone_number") == "":
			rep = invalidBody("Missing required property: email")
		case str(b, "password") == "":
			rep = invalidBody("Missing required property: password")
		case str(b, "email") != "" && !emailLike(str(b, "email")):
			rep = invalidBody("Object didn't pass validation for format email: %s' on property email", str(b, "email"))
		default:
			return nil
		}
		return &rep
	case "email":
		if str(b, "email") == "" {
			rep = invalidBody("Missing required property: email")
			return &rep
		}
	case "sms":
		if str(b, "phone_number") == "" {
			rep = invalidBody("Missing required property: phone_number")
			return &rep
		}
	}
	return nil
}

func emailLike(s string) bool {
	local, host, ok := strings.Cut(s, "@")
	return ok && local != "" && host != "" && !strings.ContainsAny(s, " \t\n")
}

// newUser fills in what the tenant fills in.
func newUser(t *Tenant, b object, strategy, at string) object {
	connName := str(b, "connection")
	u := make(object, len(b)+8) // with what is filled in
	for k, v := range b {
		switch k {
		case "connection", "password", "verify_email", "user_id":
		default:
			u[k] = v
		}
	}
	own := str(b, "user_id")
	if own == "" {
		own = t.ids.hex(usersKind, connName+"\x1f"+str(b, "email")+str(b, "username")+str(b, "phone_number"), 24)
	}
	if provider, rest, ok := strings.Cut(own, "|"); ok {
		strategy, own = provider, rest
	}
	u["user_id"] = strategy + "|" + own
	u["created_at"], u["updated_at"] = at, at
	u["identities"] = []any{object{
		"connection": connName, "user_id": own, "provider": strategy, "isSocial": social(strategy),
	}}
	fillProfile(u)
	return u
}

// fillProfile gives a user the names and the picture that it was not given.
func fillProfile(u object) {
	preset := func(k string, v any) {
		if _, has := u[k]; !has {
			u[k] = v
		}
	}
	mail := str(u, "email")
	if mail != "" {
		mail = strings.ToLower(mail)
		u["email"] = mail
		preset("email_verified", false)
		local, _, _ := strings.Cut(mail, "@")
		preset("nickname", local)
		preset("name", mail)
		preset("picture", gravatar(mail, local))
		return
	}
	name := cmp.Or(str(u, "username"), str(u, "phone_number"))
	preset("nickname", name)
	preset("name", name)
	preset("picture", gravatar(name, name))
	if str(u, "phone_number") != "" {
		preset("phone_verified", false)
	}
}

func gravatar(mail, name string) string {
	sum := md5.Sum([]byte(mail)) // see the import
	initials := strings.ToLower(name + "xx")[:2]
	return "https://s.gravatar.com/avatar/" + hex.EncodeToString(sum[:]) +
		"?s=480&r=pg&d=https%3A%2F%2Fcdn.auth0.com%2Favatars%2F" + initials + ".png"
}

func social(strategy string) bool {
	switch strategy {
	case "auth0", "email", "sms", "ad", "adfs", "waad", "samlp", "oidc", "okta", "google-apps", "pingfederate":
		return false
	}
	return true
}

// patchUser merges metadata one level deep and replaces what else is named.
func patchUser(c *call) reply {
	id := c.id()
	old := c.tx.Get(usersKey(), id)
	if old == nil {
		return absent(usersKind)
	}
	if rep := checkUserPatch(c, old); rep != nil {
		return *rep
	}
	if p := str(c.body, "password"); p != "" {
		if w := c.newPasswordWeak(old, p); w != nil {
			return w.atAPI()
		}
	}
	u := store.Clone(old)
	for k, v := range c.body {
		switch k {
		case "connection", "password", "client_id", "verify_email", "verify_phone_number", "verify_password":
		case "user_metadata", "app_metadata":
			mergeMetadata(u, k, v)
		default:
			if v == nil {
				delete(u, k)
			} else {
				u[k] = v
			}
		}
	}
	if mail := str(c.body, "email"); mail != "" {
		u["email"] = strings.ToLower(mail)
		if _, given := c.body["email_verified"]; !given {
			u["email_verified"] = false
		}
	}
	if p := str(c.body, "password"); p != "" {
		setPassword(c.tx, id, p)
		u["last_password_reset"] = stamp(c.now)
	}
	u["updated_at"] = stamp(c.now)
	c.tx.Put(usersKey(), id, u)
	c.changesLogin(old, "", "")
	if truth(c.body, "verify_email") && str(u, "email") != "" {
		c.sendVerification(u, nil)
	}
	return c.ok(u)
}

// mergeMetadata merges one level deep: null removes a key, nested objects are
// replaced; null or {} for the whole empties it.
func mergeMetadata(u object, field string, v any) {
	patch, ok := v.(object)
	if !ok || len(patch) == 0 {
		u[field] = object{}
		return
	}
	merged := store.Clone(sub(u, field))
	for k, v := range patch {
		if v == nil {
			delete(merged, k)
		} else {
			merged[k] = v
		}
	}
	u[field] = merged
}

func checkUserPatch(c *call, old object) *reply {
	b := c.body
	refuse := func(rep reply) *reply { return &rep }
	if len(b) == 0 {
		return refuse(invalidBody("Too few properties defined (0), minimum 1"))
	}
	if rep := onlyKnown(b, append(userFields(), "client_id", "verify_phone_number", "verify_password")); rep != nil {
		return rep
	}
	changes := ""
	for _, f := range []string{"password", "email", "username", "phone_number"} {
		if v, has := b[f]; has && v != nil {
			changes = f
			break
		}
	}
	_, verified := b["email_verified"]
	_, pass := b["password"]
	if verified && pass {
		return refuse(failure(http.StatusBadRequest, "Cannot update password and email_verified simultaneously", "invalid_body"))
	}
	conn := str(b, "connection")
	if changes == "" && conn == "" {
		return nil
	}
	if conn == "" {
		return refuse(failure(http.StatusBadRequest, "The connection is required when the "+changes+" is updated", "invalid_body"))
	}
	owns := slices.ContainsFunc(items(old, "identities"), func(v any) bool {
		id, _ := v.(object)
		return str(id, "connection") == conn
	})
	if !owns {
		return refuse(failure(http.StatusBadRequest, "The user does not have an identity with connection "+conn, "invalid_body"))
	}
	for _, f := range []string{"email", "username", "phone_number"} {
		v := str(b, f)
		if v == "" {
			continue
		}
		for _, other := range c.tx.Lookup(usersKey(), "login", loginKey(conn, f, v)) {
			if str(other, "user_id") != str(old, "user_id") {
				why := "The specified new " + strings.ReplaceAll(f, "_", " ") + " already exists"
				c.changesLogin(old, f, why)
				return refuse(failure(http.StatusBadRequest, why, "invalid_body"))
			}
		}
	}
	return nil
}

func deleteUser(c *call) reply {
	if u := c.tx.Get(usersKey(), c.id()); u != nil {
		c.event(event{kind: "sdu", user: u, connection: connectionOf(u), text: "User deletion"})
	}
	removeUser(c.tx, c.id())
	return c.done()
}

// removeUser takes a user and everything that hangs on it away.
func removeUser(tx *store.Tx, id string) bool {
	if !tx.Delete(usersKey(), id) {
		return false
	}
	tx.Delete(passwordsKey(), id)
	for _, o := range tx.All(store.Links(memberships, id)) {
		tx.UnlinkAll(memberRoles, store.ID(o)+"\x1f"+id)
	}
	for _, relation := range []string{userRoles, memberships} {
		tx.UnlinkAll(relation, id)
	}
	dropAll(tx, sessionObjects(), id)
	dropAll(tx, refreshObjects(), id)
	tx.Clear(authenticatorsKey(id))
	tx.Delete(recoveryKey(), id)
	for _, below := range []string{"permissions", "authentication-methods", "enrollments", "federated-connections-tokensets"} {
		tx.Clear(store.Key{Kind: usersKind + "/{}/" + below, Scope: id})
	}
	return true
}

func usersByEmail(c *call) reply {
	mail := c.query.Get("email")
	if mail == "" {
		return invalidQuery("Missing required property: email")
	}
	// "Make sure that you are searching [...] using the correct case": the API
	// page. The index is that of log-ins, which do not mind it.
	found := slices.DeleteFunc(slices.Clone(c.tx.Lookup(usersKey(), "email", strings.ToLower(mail))), func(u store.Object) bool {
		return str(u, "email") != mail
	})
	return c.ok(c.showAll(found))
}

// linkUsers joins another account to a user: it becomes an identity of the
// primary one and is no user any more.
func linkUsers(c *call) reply {
	primary := c.tx.Get(usersKey(), c.params[0])
	if primary == nil {
		return absent(usersKind)
	}
	provider, other := str(c.body, "provider"), str(c.body, "user_id")
	if token := str(c.body, "link_with"); token != "" {
		claims, err := c.ring().verify(token, c.t.now())
		if err != nil {
			return failure(http.StatusBadRequest, "Invalid link_with token", "invalid_token")
		}
		provider, other, _ = strings.Cut(str(claims, "sub"), "|")
	}
	other = strings.TrimPrefix(other, provider+"|")
	id := provider + "|" + other
	if id == c.params[0] {
		return failure(http.StatusBadRequest, "Main account and linked account identities cannot be the same.", "invalid_body")
	}
	secondary := c.tx.Get(usersKey(), id)
	if secondary == nil {
		return absent(usersKind)
	}
	identities := slices.Clone(items(primary, "identities"))
	for i, v := range items(secondary, "identities") {
		identity := store.Clone(v.(object))
		if i == 0 {
			identity["profileData"] = profileOf(secondary)
		}
		identities = append(identities, identity)
	}
	removeUser(c.tx, id)
	u := store.Clone(primary)
	u["identities"], u["updated_at"] = identities, stamp(c.now)
	c.tx.Put(usersKey(), c.params[0], u)
	return c.ok(identities)
}

func profileOf(u object) object {
	p := object{}
	for _, k := range []string{"email", "email_verified", "name", "username", "given_name", "family_name", "nickname", "picture", "phone_number"} {
		if v, ok := u[k]; ok {
			p[k] = v
		}
	}
	return p
}

func unlinkUser(c *call) reply {
	u := c.tx.Get(usersKey(), c.params[0])
	if u == nil {
		return absent(usersKind)
	}
	var out object
	all := items(u, "identities")
	at := slices.IndexFunc(all, func(v any) bool {
		id, _ := v.(object)
		return str(id, "provider") == c.params[1] && str(id, "user_id") == c.params[2]
	})
	if at < 1 { // the first is the user: "unlink a specific secondary account"
		return failure(http.StatusBadRequest, "The identity cannot be unlinked", "invalid_uri")
	}
	out, _ = all[at].(object)
	left := slices.Delete(slices.Clone(all), at, at+1)
	n := store.Clone(u)
	n["identities"], n["updated_at"] = left, stamp(c.now)
	c.tx.Put(usersKey(), c.params[0], n)
	apart := store.Clone(sub(out, "profileData"))
	identity := store.Clone(out)
	delete(identity, "profileData")
	apart["user_id"] = c.params[1] + "|" + c.params[2]
	apart["created_at"], apart["updated_at"] = stamp(c.now), stamp(c.now)
	apart["identities"] = []any{identity}
	c.tx.Put(usersKey(), str(apart, "user_id"), apart)
	return c.ok(left)
}
