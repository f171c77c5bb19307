package client

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// claimRules is what the claims of a token must be. The checks come in the
// order of the Python SDK, so that a token with several faults is refused for
// the same one; nbf and a future iat, which it does not look at, come after iat.
type claimRules struct {
	issuer, audience string
	nonce            *string
	maxAge           *int64
	organization     string
	leeway           int64
	now              time.Time
	// access holds what only an access token is asked; nil for an ID token.
	access *accessRules
}

// invalid writes a refusal: the words are those of an ID token, an access token
// has the same with its own name.
func (r *claimRules) invalid(code, format string, args ...any) error {
	if r.access != nil {
		format = strings.ReplaceAll(format, idTokens().noun, accessTokens().noun)
	}
	return invalid(code, format, args...)
}

// check finds the first fault.
func (r *claimRules) check(c *claimSet) error {
	checks := [9]func(*claimRules, *claimSet) error{
		(*claimRules).checkIssuer, (*claimRules).checkSubject, (*claimRules).checkAudience, (*claimRules).checkTimes,
		(*claimRules).checkNonce, (*claimRules).checkOrganization, (*claimRules).checkParty, (*claimRules).checkAuthTime,
	}
	if r.access != nil {
		checks[4], checks[6], checks[7] = (*claimRules).checkClient, (*claimRules).checkScopes, (*claimRules).checkPermissions
		checks[8] = (*claimRules).checkCertificate
	}
	for _, check := range checks {
		if check == nil {
			continue
		}
		if err := check(r, c); err != nil {
			return err
		}
	}
	return nil
}

func (r *claimRules) checkIssuer(c *claimSet) error {
	raw := c.get("iss")
	if textIs(raw, r.issuer) {
		return nil
	}
	iss, ok := stringOf(raw)
	if !ok {
		return r.invalid("iss", "Issuer (iss) claim must be a string present in the ID token")
	}
	return r.invalid("iss", `Issuer (iss) claim mismatch in the ID token; expected "%s", found "%s"`, r.issuer, claimText(iss))
}

func (r *claimRules) checkSubject(c *claimSet) error {
	if !isString(c.get("sub")) {
		return r.invalid("sub", "Subject (sub) claim must be a string present in the ID token")
	}
	return nil
}

func (r *claimRules) checkAudience(c *claimSet) error {
	raw := c.get("aud")
	if textIs(raw, r.audience) {
		return nil
	}
	if aud, ok := stringOf(raw); ok {
		return r.invalid("aud", `Audience (aud) claim mismatch in the ID token; expected "%s" but found "%s"`, r.audience, claimText(aud))
	}
	list, ok := stringsOf(raw)
	if !ok {
		return r.invalid("aud", "Audience (aud) claim must be a string or array of strings present in the ID token")
	}
	if !slices.Contains(list, r.audience) {
		return r.invalid("aud", `Audience (aud) claim mismatch in the ID token; expected "%s" but was not one of "%s"`, r.audience, claimText(strings.Join(list, ", ")))
	}
	return nil
}

// checkTimes compares whole seconds, as the claims are: equal passes.
func (r *claimRules) checkTimes(c *claimSet) error {
	now, leeway := r.seconds(), float64(r.leeway)
	exp, ok := numberOf(c.get("exp"))
	if !ok {
		return r.invalid("exp", "Expiration Time (exp) claim must be a number present in the ID token")
	}
	if now > exp+leeway {
		return r.invalid("exp", "Expiration Time (exp) claim error in the ID token; current time (%s) is after expiration time (%s)", number(now), number(exp+leeway))
	}
	iat, ok := numberOf(c.get("iat"))
	if !ok {
		return r.invalid("iat", "Issued At (iat) claim must be a number present in the ID token")
	}
	if now < math.Floor(iat)-leeway { // now is whole seconds
		return r.invalid("iat", "Issued At (iat) claim error in the ID token; current time (%s) is before issued at time (%s)", number(now), number(iat-leeway))
	}
	raw, given := c.find("nbf")
	if !given {
		return nil
	}
	nbf, ok := numberOf(raw)
	if !ok {
		return r.invalid("nbf", "Not Before (nbf) claim must be a number when present in the ID token")
	}
	if now < math.Floor(nbf)-leeway {
		return r.invalid("nbf", "Not Before (nbf) claim error in the ID token; current time (%s) is before not before time (%s)", number(now), number(nbf-leeway))
	}
	return nil
}

func (r *claimRules) checkNonce(c *claimSet) error {
	if r.nonce == nil {
		return nil
	}
	nonce, ok := stringOf(c.get("nonce"))
	if !ok {
		return r.invalid("nonce", "Nonce (nonce) claim must be a string present in the ID token")
	}
	if nonce != *r.nonce {
		return r.invalid("nonce", `Nonce (nonce) claim mismatch in the ID token; expected "%s", found "%s"`, *r.nonce, claimText(nonce))
	}
	return nil
}

// checkOrganization takes an id exactly and a name without case: tenants keep
// names in lower case, people do not.
func (r *claimRules) checkOrganization(c *claimSet) error {
	if r.organization == "" {
		return nil
	}
	claim, same := "org_name", strings.EqualFold
	if strings.HasPrefix(r.organization, "org_") {
		claim, same = "org_id", func(a, b string) bool { return a == b }
	}
	found, ok := stringOf(c.get(claim))
	if !ok {
		return r.invalid("org", "Organization (%s) claim must be a string present in the ID token", claim)
	}
	if !same(found, r.organization) {
		return r.invalid("org", `Organization (%s) claim mismatch in the ID token; expected "%s", found "%s"`, claim, r.organization, claimText(found))
	}
	return nil
}

// checkParty looks at azp only where the audience has several values.
func (r *claimRules) checkParty(c *claimSet) error {
	if list, ok := stringsOf(c.get("aud")); !ok || len(list) < 2 {
		return nil
	}
	azp, ok := stringOf(c.get("azp"))
	if !ok {
		return r.invalid("azp", "Authorized Party (azp) claim must be a string present in the ID token when Audience (aud) claim has multiple values")
	}
	if azp != r.audience {
		return r.invalid("azp", `Authorized Party (azp) claim mismatch in the ID token; expected "%s", found "%s"`, r.audience, claimText(azp))
	}
	return nil
}

func (r *claimRules) checkAuthTime(c *claimSet) error {
	if r.maxAge == nil {
		return nil
	}
	authTime, ok := numberOf(c.get("auth_time"))
	if !ok {
		return r.invalid("auth_time", "Authentication Time (auth_time) claim must be a number present in the ID token when Max Age (max_age) is specified")
	}
	now, until := r.seconds(), authTime+float64(*r.maxAge)+float64(r.leeway)
	if now > until {
		return r.invalid("auth_time", "Authentication Time (auth_time) claim in the ID token indicates that too much time has passed since the last end-user authentication. Current time (%s) is after last auth at (%s)", number(now), number(until))
	}
	return nil
}

func (r *claimRules) seconds() float64 { return float64(r.now.Unix()) }

// stringsOf reads a JSON array of strings and nothing else.
func stringsOf(raw json.RawMessage) ([]string, bool) {
	items, ok := elements(raw)
	if !ok {
		return nil, false
	}
	list := make([]string, len(items))
	for i, item := range items {
		s, ok := stringOf(item)
		if !ok {
			return nil, false
		}
		list[i] = s
	}
	return list, true
}

// numberOf reads a finite JSON number, whole or not. Times below 2^53 are exact
// as floats; a number too large for one would be a token that never expires,
// and is refused.
func numberOf(raw json.RawMessage) (float64, bool) {
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil && !math.IsInf(f, 0)
}

// number writes seconds: whole ones without a point.
func number(f float64) string {
	if math.Abs(f) >= 1e15 {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
