package sim

import (
	"fmt"
	"strings"
)

// Plans are the names of the plans whose published limits the tenant knows.
func Plans() []string {
	return []string{"free", "essentials-professional", "enterprise", "private-100", "non-production"}
}

// PlanLimits are the published limits of a plan: the global one of the
// Management API, where the plan has one, and those of groups of operations for
// any request. Limits by user or by IP address are not among them.
// Source: Auth0's documentation of rate limits, November 2026.
func PlanLimits(plan string) (Limits, error) {
	var text string
	l := Limits{Groups: map[string]Limit{}}
	switch plan {
	case "free":
		l.Rate, l.Burst = 2, 2
		text = freeLimits
	case "essentials-professional":
		text = essentialLimits
	case "enterprise":
		l.Rate, l.Burst = 16, 50
		text = enterpriseLimits
	case "non-production":
		l.Rate, l.Burst = 2, 10
		text = enterpriseLimits
	case "private-100":
		l.Rate, l.Burst = 50, 50
		text = privateLimits
	default:
		return l, fmt.Errorf("no plan is called %q; there are %s", plan, strings.Join(Plans(), ", "))
	}
	for line := range strings.Lines(text) {
		var name, rate string
		var burst int
		if n, _ := fmt.Sscan(line, &name, &burst, &rate); n < 3 {
			continue
		}
		perSecond, grain, err := ParseRate(rate)
		if err != nil {
			return l, err
		}
		l.Groups[name] = Limit{Rate: perSecond, Burst: burst, Every: grain}
	}
	return l, nil
}

const freeLimits = `
authentication 300 300/min
oauth.token 30 30/s
oidc.register 5 5/s
oauth.token.exchange 2 2/s
social.login 50 50/min
custom_domains.write 5 5/min
connections.status.read 100 15/s
signing_keys.write 5 5/day
email_templates.write 5 25/min
email_templates.read 10 50/min
email_provider.write 5 25/min
email_provider.read 5 25/min
`

const essentialLimits = `
authentication 25 25/s
social.login 50 500/min
oidc.register 5 5/s
universal_logout 35 35/s
par 100 100/s
bc_authorize 500 500/min
device.code 5 5/s
oauth.token.mfa_oob 12 12/min
oauth.token.exchange 4 4/s
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
organizations.client_grants.read 10 100/min
organizations.client_grants.write 5 150/min
users.read 40 500/min
users.write 20 200/min
logs.read 10 100/min
clients.read 5 100/min
connections.read 5 50/min
device_credentials.write 5 100/min
custom_domains.write 5 5/min
connections.status.read 100 15/s
signing_keys.write 5 5/day
prompts.partials.read 5 5/min
prompts.partials.write 5 5/min
email_templates.write 5 25/min
email_templates.read 10 50/min
email_provider.write 5 25/min
email_provider.read 5 25/min
token_exchange_profiles.write 5 100/min
token_exchange_profiles.read 20 200/min
management.other 10 150/min
`

const enterpriseLimits = `
organizations.read 10 100/min
organizations.by_id.read 10 100/min
users.organizations.read 40 500/min
organizations.by_name.read 20 200/min
organizations.write 5 150/min
organizations.members.read 40 500/min
organizations.members.write 20 200/min
organizations.invitations.read 20 200/min
organizations.invitations.write 20 200/min
organizations.member_roles.read 20 200/min
organizations.member_roles.write 20 200/min
organizations.connections.read 10 100/min
organizations.connections.write 5 150/min
organizations.client_grants.read 10 100/min
organizations.client_grants.write 5 150/min
custom_domains.write 5 5/min
connections.status.read 100 15/s
signing_keys.write 5 5/day
prompts.partials.read 5 5/min
prompts.partials.write 5 5/min
email_templates.write 10 100/min
email_templates.read 15 150/min
email_provider.write 10 100/min
email_provider.read 15 150/min
token_exchange_profiles.write 5 100/min
token_exchange_profiles.read 20 200/min
`

const privateLimits = `
authentication 100 100/s
connections.status.read 100 15/s
`
