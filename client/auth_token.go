package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// A Token is what the tenant gave for a grant. Its secrets print as [secret];
// Reveal gives them.
type Token struct {
	AccessToken Secret
	// TokenType is "Bearer" (or "DPoP").
	TokenType string
	// ExpiresIn is the life of the access token in seconds, 0 when the tenant
	// did not say.
	ExpiresIn int64
	// Scope is what was granted, where it differs from what was asked.
	Scope string
	// IDToken and RefreshToken are there for grants of a user only.
	IDToken, RefreshToken Secret
	// IssuedTokenType is there for token exchanges only.
	IssuedTokenType string
}

// GetToken fetches a token by one of the grants of the catalogue:
// "client_credentials", "authorization_code", "authorization_code_pkce",
// "login", "refresh_token", "passwordless_login", "backchannel_login" or
// "access_token_for_connection", with the arguments that the Python SDK's
// method of that name takes, and grants that the SDK does not know. It is Do("get_token."+grant) with the answer read;
// client authentication is added there. A Secret among the arguments is sent as
// its text.
func (c *Client) GetToken(ctx context.Context, grant string, args Args, opts ...CallOption) (*Token, error) {
	operation := "get_token." + grant
	resp, err := c.Do(ctx, operation, revealed(args), opts...)
	if err != nil {
		return nil, err
	}
	token, err := decodeToken(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: the tenant's answer cannot be used: %w", operation, err)
	}
	return token, nil
}

// revealed copies the arguments with the texts of Secrets in their places, so
// that a Token's field can be handed on as it is.
func revealed(args Args) Args {
	out := make(Args, len(args))
	for name, value := range args {
		if s, ok := value.(Secret); ok {
			value = s.Reveal()
		}
		out[name] = value
	}
	return out
}

// decodeToken reads the answer of /oauth/token. What it says of an unreadable
// answer never quotes it.
func decodeToken(body json.RawMessage) (*Token, error) {
	var in struct {
		AccessToken     Secret      `json:"access_token"`
		TokenType       string      `json:"token_type"`
		ExpiresIn       json.Number `json:"expires_in"`
		Scope           string      `json:"scope"`
		IDToken         Secret      `json:"id_token"`
		RefreshToken    Secret      `json:"refresh_token"`
		IssuedTokenType string      `json:"issued_token_type"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, unreadable(err)
	}
	if in.AccessToken.IsZero() && in.IDToken.IsZero() {
		return nil, errors.New("it holds no access_token")
	}
	expires, err := seconds(in.ExpiresIn)
	if err != nil {
		return nil, err
	}
	return &Token{
		AccessToken: in.AccessToken, TokenType: in.TokenType, ExpiresIn: expires, Scope: in.Scope,
		IDToken: in.IDToken, RefreshToken: in.RefreshToken, IssuedTokenType: in.IssuedTokenType,
	}, nil
}

// seconds reads expires_in, which some tenants' custom grants write as 86400.0.
func seconds(n json.Number) (int64, error) {
	if n == "" {
		return 0, nil
	}
	f, err := n.Float64()
	if err != nil || f < 0 || f > math.MaxInt32 {
		return 0, errors.New("its expires_in is not a number of seconds")
	}
	return int64(f), nil
}

// unreadable says where a JSON text is wrong without showing any of it.
func unreadable(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("it is not JSON (byte %d)", syntax.Offset)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("its field %q has another type than the API says", kind.Field)
	}
	return errors.New("it is not the JSON object that the API says")
}
