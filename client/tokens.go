package client

import "context"

// Tokens are the grants that most programs use, over [Client.GetToken], which
// knows the others. Further arguments (scope, audience, organization,
// client_id …) are given as [Args]; tokens are taken as the [Secret] that a
// [Token] holds or, with [NewSecret], from elsewhere.
//
// The Management API token of the client itself is fetched and renewed without
// being asked for.
type Tokens struct{ c *Client }

// Tokens gives the calls about tokens.
func (c *Client) Tokens() Tokens { return Tokens{c} }

// ClientCredentials fetches a token of the client's application for an API.
func (s Tokens) ClientCredentials(ctx context.Context, audience string, opts ...CallOption) (*Token, error) {
	return s.c.GetToken(ctx, "client_credentials", Args{"audience": audience}, opts...)
}

// Password logs a user in with a password. Args{"realm": …} names the connection;
// without it the tenant's default directory is asked.
func (s Tokens) Password(ctx context.Context, username string, password Secret, opts ...CallOption) (*Token, error) {
	args := Args{"username": username, "password": password}
	if more := readOptions(opts).args; more["realm"] == nil && more["grant_type"] == nil {
		args["grant_type"] = "password"
	}
	return s.c.GetToken(ctx, "login", args, opts...)
}

// AuthorizationCode trades the code of a login by browser for tokens;
// [PKCE.Verifier] goes along as Args{"code_verifier": …}.
func (s Tokens) AuthorizationCode(ctx context.Context, code Secret, redirectURI string, opts ...CallOption) (*Token, error) {
	return s.c.GetToken(ctx, "authorization_code", Args{"code": code, "redirect_uri": redirectURI}, opts...)
}

// Refresh trades a refresh token for new tokens. Where the tenant rotates them,
// the old one is good no more and the new one is in the answer.
func (s Tokens) Refresh(ctx context.Context, refreshToken Secret, opts ...CallOption) (*Token, error) {
	return s.c.GetToken(ctx, "refresh_token", Args{"refresh_token": refreshToken}, opts...)
}

// Revoke makes a refresh token worthless.
func (s Tokens) Revoke(ctx context.Context, refreshToken Secret, opts ...CallOption) error {
	return s.c.act(ctx, "authentication.revoke_token.revoke_refresh_token", Args{"token": refreshToken}, opts)
}
