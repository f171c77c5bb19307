package sim

import (
	"strings"
	"time"

	"a0run/client/catalog"
	"a0run/client/sim/store"
)

// What a tenant's log says of its rate limits (Auth0's page "Rate Limit Use Cases"):
// api_limit as soon as a bucket refuses, api_limit_warning as soon as four fifths
// of one are used up, and each again for the same bucket when a minute later it
// is still so. The page speaks of the global buckets first and of any others then;
// here each has its own. The shapes are those of Auth0's log schemas; the name of a
// bucket and the text of a warning are ours, as none was seen.

// A notice is one that is due.
type notice struct {
	kind string
	draw draw
}

// notice adds what is due after a token was taken of a bucket, or not.
func (l *limiter) notice(to []notice, d draw, now time.Time) []notice {
	kind := "api_limit"
	if d.ok {
		if (d.limit-d.remaining)*10 < d.limit*8 {
			return to
		}
		kind = "api_limit_warning"
	}
	key := kind + " " + d.name
	if at, was := l.told[key]; was && now.Sub(at).Abs() < time.Minute {
		return to
	}
	l.told[key] = now
	return append(to, notice{kind, d})
}

// tell writes notices into the tenant's log.
func (t *Tenant) tell(c *call, notices []notice) {
	if len(notices) == 0 {
		return
	}
	client, path := str(c.body, "client_id"), c.op.Path
	if c.op.API == catalog.Management {
		path = managementRoot + path
		_, token, _ := strings.Cut(c.req.Header.Get("Authorization"), " ")
		client = ""
		if access, err := t.keys.access(t.ring(), token, c.now); err == nil {
			client = str(access.claims, "azp")
		}
	}
	request := object{"method": strings.ToLower(c.req.Method), "path": path}
	t.state.Update(func(tx *store.Tx) {
		c.tx = tx
		for _, n := range notices {
			e := event{kind: n.kind, client: tx.Get(clientsKey(), client), text: limitText(n.draw), details: object{"request": request, "response": object{}}}
			if n.draw.ok {
				e.text = "The limit of requests is about to be reached."
				e.details = object{"request": request, "limit": object{
					"bucket": firstOf(n.draw.name, "management"), "global": n.draw.global(), "size": n.draw.limit, "usage": n.draw.limit - n.draw.remaining,
				}}
			}
			c.event(e)
		}
		c.tx = nil
	})
}

// global reports whether a draw is of the bucket of a whole API.
func (d draw) global() bool { return d.name == "" || d.name == "authentication" }

// limitText is what a refusal by a limit says.
func limitText(d draw) string {
	if d.global() {
		return "Global limit has been reached"
	}
	return "Too many requests. Check the X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset headers."
}
