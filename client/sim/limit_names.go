package sim

import (
	"slices"
	"strings"

	"a0run/client/catalog"
)

// The catalogue says under which limits an operation stands, as far as a client
// has to know. Some of the published ones go further: they look at a parameter,
// or hold for one operation of a group.

// managed reports whether a call stands under the Management API's global limit.
func (c *call) managed() bool { return c.op.API == catalog.Management }

// standsUnder are the limits of a call beside the global one of the Management
// API, in the order in which they are drawn on.
func (l *limiter) standsUnder(c *call) []string {
	var out []string
	add := func(names ...string) bool {
		for _, name := range names {
			b, has := l.groups[name]
			if has && (b.verbs == nil || slices.Contains(b.verbs, c.op.Verb)) {
				out = append(out, name)
				return true
			}
		}
		return false
	}
	if c.managed() {
		own := c.op.Buckets[1:]
		if !add(append(finer(c), own...)...) && l.other != "" {
			add(l.other)
		}
		return out
	}
	for _, name := range c.op.Buckets {
		if name == "oauth.token.exchange" {
			name = exchanged(c.body)
		}
		add(name)
		if name == "oauth.token" && str(c.body, "grant_type") == grantFederated {
			add("oauth.token.vault")
		}
	}
	switch {
	case strings.HasPrefix(c.op.Path, "/u/"):
		add("prompts")
		if !strings.HasPrefix(c.op.Path, "/u/reset-") || !add("prompts.reset") {
			add("prompts." + strings.ToLower(c.op.Verb))
		}
		if c.op.Path == "/u/reset-password/request" && c.op.Verb == "POST" {
			add("reset_password", "change_password")
		}
	case c.op.Path == "/activate":
		add("prompts.device")
	}
	return out
}

// finer are the limits that hold for a part of a group, in the group's place.
func finer(c *call) []string {
	switch {
	case c.op.Verb == "DELETE" && slices.Contains(c.op.Buckets, "users.write"):
		return []string{"users.delete"}
	case c.op.Verb == "GET" && c.op.Path == "/clients" && c.query.Get("q") != "":
		return []string{"clients.search"}
	case c.op.Path == "/custom-domains/{id}/verify":
		return []string{"custom_domains.verify"}
	case c.op.Path == "/keys/signing/rotate":
		return []string{"signing_keys.rotate"}
	}
	return nil
}

// exchanged is the limit of a token exchange, which is another one for each
// kind.
func exchanged(body object) string {
	subject := str(body, "subject_token_type")
	switch {
	case strings.HasSuffix(str(body, "requested_token_type"), ":id-jag"):
		return "oauth.token.id_jag"
	case strings.Contains(subject, "apple-authz-code"), strings.Contains(subject, "facebook-info-session"):
		return "social.login"
	case subject == "urn:ietf:params:oauth:token-type:access_token":
		return "oauth.token.on_behalf"
	}
	return "oauth.token.exchange"
}

// limitNames are all that a seed may set.
func limitNames(table *catalog.Table) []string {
	set := map[string]bool{}
	for _, name := range []string{
		"users.delete", "clients.search", "custom_domains.verify", "signing_keys.rotate", "oauth.token.vault", "oauth.token.id_jag",
		"oauth.token.on_behalf", "prompts", "prompts.get", "prompts.post", "prompts.reset", "prompts.device", "reset_password",
	} {
		set[name] = true
	}
	for _, op := range append(extras(), table.All()...) {
		for _, b := range op.Buckets {
			set[b] = true
		}
	}
	return sortedKeys(set)
}
