package sim

import (
	"net/http"
	"slices"
	"strings"

	"a0run/client/sim/store"
)

// Attack protection as far as wrong passwords go: one account is closed to one
// address after so many in a row, and an address to all accounts after so many
// in a day (Auth0's pages "Brute-Force Protection" and "Suspicious IP
// Throttling").

func failuresKey() store.Key { return store.Key{Kind: "auth:failures"} }

// blocksKey holds, by account and address, which log-ins are refused.
func blocksKey() store.Key { return store.Key{Kind: "auth:blocks"} }

func throttleKey() store.Key { return store.Key{Kind: "/anomaly/blocks/ips"} }

const (
	bruteForcePath = "/attack-protection/brute-force-protection"
	suspiciousPath = "/attack-protection/suspicious-ip-throttling"
)

func (c *call) protection(path string) object {
	o := c.tx.Get(store.Key{Kind: "=" + path}, "")
	if o == nil {
		o = preset(path, c.t)
	}
	if !truth(o, "enabled") || slices.Contains(texts(o, "allowlist"), c.ip()) || !slices.Contains(texts(o, "shields"), "block") {
		return nil
	}
	return o
}

func accountKey(conn, name, ip string) string {
	return conn + "\x1f" + strings.ToLower(name) + "\x1f" + ip
}

// shut refuses a log-in by password before the password is looked at.
func (c *call) shut(client object, conn, name string) *reply {
	ip := c.ip()
	blocked := c.tx.Has(blocksKey(), accountKey(conn, name, ip)) || c.tx.Has(blocksKey(), accountKey(conn, name, "*"))
	switch {
	case blocked:
		c.event(event{kind: "limit_wc", client: client, name: name, connection: conn, text: "Blocked account"})
	case c.tx.Has(throttleKey(), ip):
		c.event(event{kind: "limit_mu", client: client, name: name, connection: conn, text: "Blocked IP address"})
	default:
		return nil
	}
	rep := tooManyAttempts()
	return &rep
}

func tooManyAttempts() reply {
	return denied(http.StatusTooManyRequests, "too_many_attempts",
		"Your account has been blocked after multiple consecutive login attempts. We've sent you a notification via your preferred contact method with instructions on how to unblock it.")
}

// failed counts a wrong password, or an unknown name where user is nil.
func (c *call) failed(client, conn, user object, name string) {
	kind, text := "fp", "Wrong email or password."
	if user == nil {
		kind = "fu"
	}
	c.event(event{kind: kind, client: client, user: user, name: name, connection: str(conn, "name"), text: text})
	ip := c.ip()
	if o := c.protection(bruteForcePath); o != nil && on(sub(conn, "options"), "brute_force_protection") && user != nil {
		at := ip
		if str(o, "mode") == "count_per_identifier" {
			at = "*"
		}
		key := accountKey(str(conn, "name"), name, at)
		limit, _ := number(o["max_attempts"])
		if n := c.count(key); limit > 0 && n >= limit {
			c.tx.Delete(failuresKey(), key)
			c.tx.Put(blocksKey(), key, object{"user_id": user["user_id"], "identifier": strings.ToLower(name), "ip": at, "connection": conn["name"]})
			c.event(event{kind: "limit_wc", client: client, user: user, name: name, connection: str(conn, "name"), text: "Blocked account"})
			c.deliver(Mail{Channel: "email", To: str(user, "email"), UserID: str(user, "user_id"), Kind: "blocked_account", Subject: "Your account was blocked"})
		}
	}
	if o := c.protection(suspiciousPath); o != nil {
		limit, _ := number(sub(sub(o, "stage"), "pre-login")["max_attempts"])
		if n := c.count("ip\x1f" + ip + "\x1f" + c.now.UTC().Format("2006-01-02")); limit > 0 && n >= limit {
			c.tx.Put(throttleKey(), ip, object{"ip": ip})
		}
	}
}

// on is a switch of options that is on unless it is off.
func on(options object, name string) bool {
	v, has := options[name].(bool)
	return v || !has
}

func (c *call) count(key string) int64 {
	n, _ := number(c.tx.Get(failuresKey(), key)["n"])
	c.tx.Put(failuresKey(), key, object{"n": numberOf(n + 1)})
	return n + 1
}

// passed forgets the wrong passwords before a right one.
func (c *call) passed(conn, name string) {
	for _, ip := range []string{c.ip(), "*"} {
		c.tx.Delete(failuresKey(), accountKey(conn, name, ip))
	}
}

func attemptHandlers() map[string]handler {
	return map[string]handler{
		"GET /user-blocks": blocksOf(func(c *call, o object) bool {
			return str(o, "identifier") == strings.ToLower(c.query.Get("identifier"))
		}),
		"DELETE /user-blocks": unblock(func(c *call, o object) bool {
			return str(o, "identifier") == strings.ToLower(c.query.Get("identifier"))
		}),
		"GET /user-blocks/{}":    blocksOf(func(c *call, o object) bool { return str(o, "user_id") == c.params[0] }),
		"DELETE /user-blocks/{}": unblock(func(c *call, o object) bool { return str(o, "user_id") == c.params[0] }),
		"GET /anomaly/blocks/ips/{}": func(c *call) reply {
			if !c.tx.Has(throttleKey(), c.params[0]) {
				return absent("/anomaly/blocks/ips")
			}
			return reply{status: c.status(http.StatusOK)}
		},
		"DELETE /anomaly/blocks/ips/{}": func(c *call) reply {
			c.tx.Delete(throttleKey(), c.params[0])
			c.tx.Delete(failuresKey(), "ip\x1f"+c.params[0]+"\x1f"+c.now.UTC().Format("2006-01-02"))
			return empty()
		},
	}
}

func blocksOf(ours func(*call, object) bool) handler {
	return func(c *call) reply {
		list := []any{}
		for _, o := range c.tx.All(blocksKey()) {
			if ours(c, o) {
				one := object{"identifier": o["identifier"], "connection": o["connection"]}
				if str(o, "ip") != "*" {
					one["ip"] = o["ip"]
				}
				list = append(list, one)
			}
		}
		return c.ok(object{"blocked_for": list})
	}
}

func unblock(ours func(*call, object) bool) handler {
	return func(c *call) reply {
		for _, o := range c.tx.All(blocksKey()) {
			if ours(c, o) {
				c.tx.Delete(blocksKey(), accountKey(str(o, "connection"), str(o, "identifier"), str(o, "ip")))
			}
		}
		return c.done()
	}
}
