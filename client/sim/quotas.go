package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"a0run/client/sim/store"
)

// A token quota says how many tokens an application, or all applications in the
// name of an organization, get by client_credentials in an hour and in a day.
// It stands on the application or the organization (token_quota), else in the
// tenant's settings (default_token_quota). Hours and days are those of the
// clock in UTC.

func quotaKey() store.Key { return store.Key{Kind: "auth:quota"} }

// A quotaUse is one quota and what is used of it.
type quotaUse struct {
	id, bucket      string
	quota, used     int64
	from            int64 // UNIX seconds
	resets          int64 // in so many seconds
	enforced, spent bool
}

// quotaUses are the quotas of an object; whose is "clients" or "organizations".
func (c *call) quotaUses(whose, id string, o object) []quotaUse {
	q := sub(sub(o, "token_quota"), "client_credentials")
	if q == nil {
		settings := c.tx.Get(store.Key{Kind: "=/tenants/settings"}, "")
		q = sub(sub(sub(settings, "default_token_quota"), whose), "client_credentials")
	}
	enforced := true
	if v, said := q["enforce"].(bool); said {
		enforced = v
	}
	var out []quotaUse
	for _, w := range []struct {
		bucket string
		window time.Duration
	}{{"per_hour", time.Hour}, {"per_day", 24 * time.Hour}} {
		limit, has := number(q[w.bucket])
		if !has {
			continue
		}
		from := c.now.UTC().Truncate(w.window)
		u := quotaUse{
			id: whose + "\x1f" + id + "\x1f" + w.bucket, bucket: w.bucket, quota: limit, from: from.Unix(),
			resets: int64(from.Add(w.window).Sub(c.now)+time.Second-1) / int64(time.Second), enforced: enforced,
		}
		if was := c.tx.Get(quotaKey(), u.id); was != nil {
			if at, _ := number(was["from"]); at == u.from {
				u.used, _ = number(was["used"])
			}
		}
		u.spent = u.used >= u.quota
		out = append(out, u)
	}
	return out
}

// quotas draws on the quotas of an application and an organization (nil where
// the request names none), and gives the headers that tell of them. A refusal
// uses nothing up.
func (c *call) quotas(client, org object) (map[string]string, *reply) {
	header := map[string]string{}
	names := []string{"Auth0-Client-Quota-Limit"}
	uses := [][]quotaUse{c.quotaUses("clients", str(client, "client_id"), client)}
	if org != nil {
		names = append(names, "Auth0-Organization-Quota-Limit")
		uses = append(uses, c.quotaUses("organizations", str(org, "id"), org))
	}
	refused, wait := "", int64(0)
	for i, list := range uses {
		for _, u := range list {
			if u.spent && u.enforced && u.resets > wait {
				refused, wait = []string{"application", "organization"}[i], u.resets
			}
		}
	}
	for i, list := range uses {
		var words []string
		for _, u := range list {
			if refused == "" {
				u.used++
				c.tx.Put(quotaKey(), u.id, object{"from": json.Number(intText(u.from)), "used": json.Number(intText(u.used))})
			}
			words = append(words, fmt.Sprintf("b=%s;q=%d;r=%d;t=%d", u.bucket, u.quota, max(0, u.quota-u.used), u.resets))
		}
		if len(words) > 0 {
			header[names[i]] = strings.Join(words, ",")
		}
	}
	if refused == "" {
		return header, nil
	}
	rep := denied(http.StatusTooManyRequests, "too_many_requests", "The token quota of the "+refused+" has been reached")
	header["Retry-After"] = strconv.FormatInt(wait, 10)
	rep.header = header
	return header, &rep
}
