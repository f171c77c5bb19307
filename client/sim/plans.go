package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Plans are the names of the plans whose published limits the tenant knows.
func Plans() []string {
	return []string{"free", "essentials-professional", "enterprise", "private-100", "non-production"}
}

// PlanLimits are the published limits of a plan: the global one of the
// Management API, where the plan has one, those of groups of operations, by user
// or address where Auth0 counts so, and how many objects of a kind there may be.
// Source: Auth0's documentation of rate limits and its Entity Limit Policy,
// November 2026.
func PlanLimits(plan string) (Limits, error) {
	text, known := map[string]string{
		"free": freeLimits, "essentials-professional": essentialLimits, "enterprise": enterpriseLimits + enterpriseGroups,
		"non-production": nonProductionLimits + enterpriseGroups, "private-100": privateLimits,
	}[plan]
	l := Limits{Groups: map[string]Limit{}}
	if !known {
		return l, fmt.Errorf("no plan is called %q; there are %s", plan, strings.Join(Plans(), ", "))
	}
	if plan != "free" {
		text += paidLimits
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 3 {
			continue
		}
		g, err := ParseRate(words[2])
		if err != nil {
			return l, err
		}
		if g.Burst, err = strconv.Atoi(words[1]); err != nil {
			return l, err
		}
		for _, word := range words[3:] {
			if by, ok := strings.CutPrefix(word, "by="); ok {
				g.By = by
			} else {
				g.verbs = strings.Split(word, ",")
			}
		}
		if words[0] == "management" {
			l.Rate, l.Burst, l.Per, l.Every = g.Rate, g.Burst, g.Per, g.Every
			continue
		}
		l.Groups[words[0]] = g
	}
	l.Entities = entityLimits(plan)
	if _, has := l.Groups["management.other"]; has {
		l.other = "management.other"
	}
	return l, nil
}

// ParseRate reads a rate limit like "50", "50/s", "200/min", "5/day": how many
// tokens come back, in which time, and the grain by which Auth0 refills such a
// limit.
func ParseRate(s string) (Limit, error) {
	text, unit, _ := strings.Cut(strings.TrimSpace(s), "/")
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	l := Limit{Rate: n, Per: time.Second, Every: time.Millisecond}
	names := []string{"", "s", "sec", "second", "m", "min", "minute", "h", "hr", "hour", "d", "day"}
	i := slices.Index(names, strings.TrimSpace(unit))
	if err != nil || !(n >= 0) || n > 1e9 || i < 0 {
		return l, fmt.Errorf("%q is no rate; write 50/s, 200/min or 5/day", s)
	}
	switch {
	case i >= 10:
		l.Per = 24 * time.Hour
	case i >= 7:
		l.Per = time.Hour
	case i >= 4:
		l.Per = time.Minute
	}
	if l.Per > time.Second {
		l.Every = time.Second
	}
	return l, nil
}

// Each line of a plan: the limit, its burst, its rate, by what it is counted,
// and the verbs, where not all of the group's draw on it.

const freeLimits = `
management 2 2/s
authentication 300 300/min
userinfo 10 5/min by=user
change_password 10 1/min by=ip+email
passwordless.start 50 50/h by=ip
oauth.token 30 30/s
jwks 20 20/s
social.login 50 50/min
oidc.register 5 5/s
oauth.token.on_behalf 2 2/s
oauth.token.id_jag 5 5/s
custom_domains.verify 5 5/min
connections.status.read 100 15/s
signing_keys.rotate 5 5/day
email_templates.write 5 25/min POST,PATCH,DELETE
email_templates.read 10 50/min
email_provider.write 5 25/min
email_provider.read 5 25/min
`

// paidLimits are those that all plans but the free one share.
const paidLimits = `
userinfo 10 5/min by=user
change_password 10 1/min by=ip+email
passwordless.start 50 50/h by=ip
social.login 50 500/min
oidc.register 5 5/s
universal_logout 35 35/s
par 100 100/s by=ip
bc_authorize 500 500/min by=ip
device.code 5 5/s by=ip
oauth.token.mfa_oob 12 12/min by=session
prompts 500 500/min by=ip
prompts.get 20 10/min by=ip+state+prompt
prompts.post 10 5/min by=ip+prompt
prompts.reset 500 500/min by=ip GET
prompts.device 5 5/s by=ip
custom_domains.write 5 5/min POST
connections.status.read 100 15/s
signing_keys.write 5 5/day POST
prompts.partials.read 5 5/min
prompts.partials.write 5 5/min
clients.search 5 150/min
organizations.client_grants.read 10 100/min
organizations.client_grants.write 5 150/min POST
token_exchange_profiles.write 5 100/min
token_exchange_profiles.read 20 200/min
`

const essentialLimits = `
authentication 25 25/s
oauth.token.exchange 4 4/s
oauth.token.on_behalf 8 8/s
oauth.token.id_jag 25 25/s
organizations.read 5 50/min
organizations.by_id.read 20 200/min
organizations.by_name.read 10 100/min
organizations.write 5 25/min
organizations.members.read 40 500/min
organizations.members.write 20 200/min
organizations.member_roles.read 20 200/min
organizations.member_roles.write 20 200/min
organizations.connections.read 5 50/min
organizations.connections.write 5 25/min
users.read 40 500/min
users.write 20 200/min POST,PATCH
users.delete 20 200/min
logs.read 10 100/min
clients.read 5 100/min
connections.read 5 50/min
device_credentials.write 5 100/min
email_templates.write 5 25/min POST,PATCH,DELETE
email_templates.read 10 50/min
email_provider.write 5 25/min
email_provider.read 5 25/min
management.other 10 150/min
`

const enterpriseLimits = `
management 50 16/s
`

const nonProductionLimits = `
management 10 2/s
`

const enterpriseGroups = `
authentication 100 100/s
reset_password 10 1/min by=ip+email
oauth.token.exchange 15 15/s
oauth.token.on_behalf 30 30/s
oauth.token.id_jag 50 50/s
organizations.read 10 100/min
organizations.by_id.read 10 100/min
users.organizations.read 40 500/min
organizations.by_name.read 20 200/min
organizations.write 5 150/min
organizations.members.read 40 500/min
organizations.members.write 20 200/min
organizations.invitations.read 20 200/min
organizations.invitations.write 20 200/min POST
organizations.member_roles.read 20 200/min
organizations.member_roles.write 20 200/min
organizations.connections.read 10 100/min
organizations.connections.write 5 150/min
email_templates.write 10 100/min POST,PATCH,DELETE
email_templates.read 15 150/min
email_provider.write 10 100/min
email_provider.read 15 150/min
`

const privateLimits = `
management 50 50/s
authentication 100 100/s
oauth.token.exchange 15 15/s
oauth.token.vault 50 50/s
oauth.token.on_behalf 30 30/s
oauth.token.id_jag 50 50/s
organizations.read 10 100/min
organizations.by_id.read 40 500/min
organizations.by_name.read 20 200/min
organizations.write 5 150/min
organizations.members.read 40 500/min
organizations.members.write 20 200/min
organizations.member_roles.read 20 200/min
organizations.member_roles.write 20 200/min
organizations.connections.write 5 150/min
`
