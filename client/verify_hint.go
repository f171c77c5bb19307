package client

// Hint says what to do about a refused token. The message is the Python SDK's
// and has no room for it.
func (e *TokenValidationError) Hint() string {
	switch e.Code {
	case "malformed":
		return e.malformedHint()
	case "algorithm":
		return "the token does not choose its algorithm: compare the application's signing algorithm with the one asked for (RS256 unless told)"
	case "key":
		return e.keyHint()
	case "signature":
		return "the token was changed on its way, or somebody else made it"
	case "iss":
		return "a tenant with a custom domain has two names: give the issuer that the application uses"
	case "type":
		return "an ID token and an access token are not each other: look which of the two the function wants"
	case "scope":
		return "ask for the scope when the token is fetched, and let the application have it (client grant, or the user's consent)"
	case "permissions":
		return "give the user a role with the permission; the API must add permissions to its tokens (RBAC)"
	case "cnf":
		return "the token is bound to another client certificate, or to none: it came from somebody else, or over a connection without mTLS"
	case "aud", "azp":
		if e.access {
			return "the audience is the identifier of the API that the token is for; an ID token is not an access token"
		}
		return "the audience is the client id of the application that the token is for; an access token is not an ID token"
	case "exp":
		return "get a fresh token"
	case "iat", "nbf":
		return "this machine's clock may be behind the tenant's: set it, or allow a leeway of some seconds"
	case "nonce":
		return "the token answers another request than the one with this nonce"
	case "org":
		return "give the organization that the user logged in to, as id (org_…) or name"
	case "auth_time":
		return "let the user log in again, with max_age in the authorization request"
	default:
		return ""
	}
}

func (e *TokenValidationError) malformedHint() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return "give the whole token, three parts joined by dots, and nothing else"
}

func (e *TokenValidationError) keyHint() string {
	if missing, ok := e.Err.(*keyNotFoundError); ok && missing.fault != "" { //nolint:errorlint // set by this package, never wrapped
		return missing.Error()
	}
	return "the token is of another tenant, or its key was withdrawn"
}
