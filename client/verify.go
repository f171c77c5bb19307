package client

import (
	"context"
	"encoding/json"
)

// VerifyOptions says what an ID token must be.
type VerifyOptions struct {
	// Algorithm is the only one accepted: "RS256" (default) or "HS256" among
	// others; the token never chooses.
	Algorithm string
	// Issuer and Audience default to the client's issuer and ClientID.
	Issuer, Audience string
	// Secret is the key of HS256; "" means the client's secret.
	Secret string
	// JWKSURL is where keys come from; "" means the tenant's own.
	JWKSURL string
	// Nonce is checked when not nil, also when empty.
	Nonce *string
	// MaxAge in seconds is checked when not nil, also when 0.
	MaxAge *int64
	// Organization is an org_id ("org_…") or a name, checked when not "".
	Organization string
	// Leeway in seconds; 0 as in the Python SDK's code.
	Leeway int64
}

// Claims are the claims of a verified token, as JSON in the token's order.
type Claims struct{ JSON json.RawMessage }

// VerifyIDToken checks a token and returns its claims, or a
// *TokenValidationError.
func (c *Client) VerifyIDToken(ctx context.Context, token string, o VerifyOptions) (*Claims, error) {
	return nil, errStub
}
