package client

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// AccessOptions says what an access token must be. Audience is the one that has
// no default: a token without the right audience was given for another API.
type AccessOptions struct {
	// Audience is the identifier of the API that the token is for.
	Audience string
	// Scopes and Permissions must all be in the token's scope and permissions.
	Scopes, Permissions []string
	// Issuer defaults to the client's.
	Issuer string
	// Algorithm is the only one accepted: "RS256" unless told; the token never
	// chooses.
	Algorithm string
	// Secret is the key of HS256: the API's signing secret. It has no default,
	// because it is not the application's.
	Secret string
	// JWKSURL is where keys come from; "" means the tenant's own.
	JWKSURL string
	// ClientID is the application that the token must have been given to (azp,
	// or client_id in tokens of RFC 9068), checked when not "".
	ClientID string
	// Organization is an org_id ("org_…") or a name, checked when not "".
	Organization string
	// Certificate is the thumbprint (see [CertificateThumbprint]) of the client
	// certificate with which the token came: the token must be bound to it (cnf,
	// RFC 8705). Checked when not "".
	Certificate string
	// Leeway in seconds.
	Leeway int64
}

// accessRules are the checks that only access tokens have.
type accessRules struct {
	client, certificate string
	scopes, permissions []string
}

// VerifyAccessToken checks an access token in the form of a JWT and returns its
// claims, or a *TokenValidationError that says what is wrong with it; other
// errors are those of VerifyIDToken. The token must be signed with the pinned
// algorithm by a key of the tenant, be of this issuer and audience, be valid
// now, and hold every scope and permission that is asked for. A token that
// Auth0 gave for no API is opaque and cannot be verified; userinfo takes it.
//
// Sources: RFC 9068, RFC 8725, Auth0's page "Validate Access Tokens". A token
// that is bound to a certificate (cnf of RFC 8705) is checked as a bearer token
// unless AccessOptions.Certificate is given, and so is one that is bound to a key
// by DPoP (RFC 9449), whose proof is the caller's to check.
func (c *Client) VerifyAccessToken(ctx context.Context, token string, o AccessOptions) (*Claims, error) {
	return c.verifier.verifyAccess(ctx, token, o)
}

func (v *verifier) verifyAccess(ctx context.Context, token string, o AccessOptions) (*Claims, error) {
	kind := accessTokens()
	setDefault(&o.Algorithm, defaultAlgorithm)
	setDefault(&o.Issuer, v.issuer)
	setDefault(&o.JWKSURL, v.jwksURL)
	if o.Audience == "" {
		return nil, kind.bad("audience", "is not given", "give the identifier of the API that the token is for: without it a token for any other API would pass")
	}
	for i, list := range [][]string{o.Scopes, o.Permissions} {
		if slices.ContainsFunc(list, func(s string) bool { return s == "" || strings.ContainsAny(s, " \t\n") }) {
			return nil, kind.bad([]string{"scopes", "permissions"}[i], "holds a text with a space, or an empty one", "give one name an element")
		}
	}
	if o.Certificate != "" && !isThumbprint(o.Certificate) {
		return nil, kind.bad("certificate", "is no thumbprint", "give the SHA-256 of the certificate's DER form in base64url without padding, or the certificate to CertificateThumbprint")
	}
	if err := v.checkKey(kind, keyOptions{o.Algorithm, o.Secret, o.JWKSURL}); err != nil {
		return nil, err
	}
	claims, err := v.check(ctx, token, &trust{
		kind: kind, algorithm: o.Algorithm, secret: o.Secret, jwksURL: o.JWKSURL,
		rules: claimRules{
			issuer: o.Issuer, audience: o.Audience, organization: o.Organization, leeway: o.Leeway, now: v.now(),
			access: &accessRules{client: o.ClientID, certificate: o.Certificate, scopes: o.Scopes, permissions: o.Permissions},
		},
	})
	if e, ok := errors.AsType[*TokenValidationError](err); ok {
		e.access = true
	}
	return claims, err
}

// checkClient looks at who the token was given to: azp, client_id, or both; what
// is there must be the one asked for.
func (r *claimRules) checkClient(c *claimSet) error {
	if r.access.client == "" {
		return nil
	}
	seen := false
	for _, claim := range []string{"azp", "client_id"} {
		raw, given := c.find(claim)
		if !given {
			continue
		}
		found, ok := stringOf(raw)
		if !ok {
			return r.invalid("azp", "Authorized Party (%s) claim must be a string when present in the ID token", claim)
		}
		if found != r.access.client {
			return r.invalid("azp", `Authorized Party (%s) claim mismatch in the ID token; expected "%s", found "%s"`, claim, r.access.client, claimText(found))
		}
		seen = true
	}
	if !seen {
		return r.invalid("azp", "Authorized Party (azp) claim must be a string present in the ID token")
	}
	return nil
}

// checkScopes reads scope as RFC 6749 writes it: names with one space between.
func (r *claimRules) checkScopes(c *claimSet) error {
	if len(r.access.scopes) == 0 {
		return nil
	}
	scope, ok := stringOf(c.get("scope"))
	if !ok {
		return r.invalid("scope", "Scope (scope) claim must be a string present in the ID token")
	}
	if missing := lacking(r.access.scopes, strings.Split(scope, " ")); missing != "" {
		return r.invalid("scope", `Scope (scope) claim mismatch in the ID token; expected "%s" but was not one of "%s"`, missing, claimText(scope))
	}
	return nil
}

// checkPermissions reads what an API with RBAC adds to its tokens.
func (r *claimRules) checkPermissions(c *claimSet) error {
	if len(r.access.permissions) == 0 {
		return nil
	}
	list, ok := stringsOf(c.get("permissions"))
	if !ok {
		return r.invalid("permissions", "Permissions (permissions) claim must be an array of strings present in the ID token")
	}
	if missing := lacking(r.access.permissions, list); missing != "" {
		return r.invalid("permissions", `Permissions (permissions) claim mismatch in the ID token; expected "%s" but was not one of "%s"`, missing, claimText(strings.Join(list, ", ")))
	}
	return nil
}

// lacking is the first of wanted that is not granted, "" where none is.
func lacking(wanted, granted []string) string {
	for _, s := range wanted {
		if !slices.Contains(granted, s) {
			return s
		}
	}
	return ""
}
