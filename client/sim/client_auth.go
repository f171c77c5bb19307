package sim

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func unauthorized() *reply {
	rep := denied(http.StatusUnauthorized, "access_denied", "Unauthorized")
	return &rep
}

// client finds and authenticates the application that calls: by a secret in
// the body or in the header, by an assertion, or, if it is public, by nothing.
func (c *call) client() (object, *reply) {
	id, secret := str(c.body, "client_id"), str(c.body, "client_secret")
	if user, pass, ok := c.req.BasicAuth(); ok {
		id, _ = url.QueryUnescape(user)
		secret, _ = url.QueryUnescape(pass)
	}
	assertion := str(c.body, "client_assertion")
	if assertion != "" && id == "" {
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser().ParseUnverified(assertion, claims); err == nil {
			id, _ = claims["sub"].(string)
		}
	}
	client := c.tx.Get(clientsKey(), id)
	if client == nil {
		return nil, unauthorized()
	}
	switch {
	case assertion != "":
		if str(c.body, "client_assertion_type") != assertionType {
			rep := denied(http.StatusUnauthorized, "invalid_client", "Unsupported client_assertion_type")
			return nil, &rep
		}
		if err := c.assertion(client, assertion); err != nil {
			rep := denied(http.StatusUnauthorized, "invalid_client", err.Error())
			return nil, &rep
		}
		return client, nil
	case sub(client, "client_authentication_methods") != nil:
		return nil, unauthorized() // a secret that it still has is good no more
	case str(client, "token_endpoint_auth_method") == "none":
		return client, nil
	case secret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(str(client, "client_secret"))) == 1:
		c.trusted = truth(client, "is_token_endpoint_ip_header_trusted")
		return client, nil
	}
	// PKCE takes the place of no secret: who forgets to set
	// token_endpoint_auth_method to none sees "Unauthorized" here
	// (auth0/docs#9117, auth0/Auth0.swift#280).
	return nil, unauthorized()
}

// signingCredentials are the keys with which an application may sign what shows
// who it is: one that was only made is none yet, and they expire.
func (c *call) signingCredentials(client object) []object {
	var out []object
	for _, v := range items(sub(sub(client, "client_authentication_methods"), "private_key_jwt"), "credentials") {
		ref, _ := v.(object)
		cred := c.tx.Get(credentialsKey(str(client, "client_id")), str(ref, "id"))
		if ends, err := time.Parse(time.RFC3339, str(cred, "expires_at")); err == nil && !c.now.Before(ends) {
			continue
		}
		if cred != nil {
			out = append(out, cred)
		}
	}
	return out
}

// assertion checks a private_key_jwt.
func (c *call) assertion(client object, text string) error {
	algs := []string{"RS256", "RS384", "PS256"}
	claims := jwt.MapClaims{}
	id := str(client, "client_id")
	find := func(t *jwt.Token) (any, error) {
		set := jwt.VerificationKeySet{}
		for _, cred := range c.signingCredentials(client) {
			if kid, has := t.Header["kid"]; has && kid != cred["kid"] && kid != "" {
				continue
			}
			if key, err := publicKey([]byte(str(cred, "pem"))); err == nil {
				set.Keys = append(set.Keys, key)
			}
		}
		if len(set.Keys) == 0 {
			return nil, errors.New("no key")
		}
		return set, nil
	}
	_, err := jwt.ParseWithClaims(text, claims, find, jwt.WithValidMethods(algs), jwt.WithLeeway(10*time.Second), jwt.WithIssuedAt(),
		jwt.WithTimeFunc(func() time.Time { return c.now }), jwt.WithExpirationRequired(), jwt.WithIssuer(id), jwt.WithSubject(id))
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return errors.New("client_assertion is expired")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenUnverifiable):
		return errors.New("Invalid signature of client_assertion") //nolint:staticcheck // the API's text
	case err != nil:
		return errors.New("Invalid client_assertion") //nolint:staticcheck // the API's text
	}
	aud := audiencesOf(object(claims))
	if !slices.ContainsFunc(aud, func(a string) bool { return c.issued(strings.TrimSuffix(a, "oauth/token")) }) {
		return errors.New("Invalid audience of client_assertion") //nolint:staticcheck // the API's text
	}
	exp, _ := claims.GetExpirationTime()
	if exp.After(c.now.Add(5*time.Minute + 10*time.Second)) {
		return errors.New("client_assertion lives longer than 5 minutes")
	}
	jti, _ := claims["jti"].(string)
	if jti == "" {
		return errors.New("client_assertion has no jti")
	}
	if c.tx.Has(jtiKey(), id+"\x1f"+jti) {
		return errors.New("client_assertion was used before")
	}
	c.tx.Put(jtiKey(), id+"\x1f"+jti, object{})
	return nil
}
