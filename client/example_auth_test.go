package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"a0run/client"
	"a0run/client/sim"
)

const loginSeed = `
connections:
  - {id: con_db, name: Username-Password-Authentication, strategy: auth0}
  - {id: con_partners, name: partners, strategy: auth0}
resource_servers:
  - {id: api1, identifier: "https://api.example/", name: api, scopes: [{value: "read:things"}]}
users:
  - {user_id: auth0|ada, email: ada@example.com, password: Passw0rd-ada, connection: Username-Password-Authentication}
`

// atTenant makes a client for a local tenant in the process.
func atTenant() *client.Client {
	tenant, err := sim.New(sim.Options{Seed: []byte(loginSeed), SeedName: "example.yaml"})
	if err != nil {
		panic(err)
	}
	own := tenant.Credentials()
	c, err := client.New(own.BaseURL, client.WithClientSecret(own.ClientID, own.ClientSecret), client.WithTransport(tenant.Transport()))
	if err != nil {
		panic(err)
	}
	return c
}

// The lines of the Python SDK's examples page, as docs/python.md shows them.
func Example_pythonExamples() {
	c := atTenant()
	if err := pythonExamples(context.Background(), c); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Username-Password-Authentication
	// partners
	// partners-2026
	// auth0|ada
	// ada@example.com
	// 404 inexistent_user The user does not exist.
}

func pythonExamples(ctx context.Context, c *client.Client) error {
	for connection, err := range c.Connections().List(ctx) {
		if err != nil {
			return err
		}
		fmt.Println(connection.Name)
	}
	_, err := c.Connections().Update(ctx, "con_partners", &client.Connection{Name: "partners-2026"})
	if err != nil {
		return err
	}
	modified, err := c.Connections().Get(ctx, "con_partners")
	if err != nil {
		return err
	}
	fmt.Println(modified.Name)

	tokens, err := c.Tokens().Password(ctx, "ada@example.com", client.NewSecret("Passw0rd-ada"), client.Args{
		"realm": "Username-Password-Authentication", "scope": "openid email",
	})
	if err != nil {
		return err
	}
	claims, err := c.VerifyIDToken(ctx, tokens.IDToken.Reveal(), client.VerifyOptions{})
	if err != nil {
		return err // a *client.TokenValidationError says why
	}
	var user struct{ Sub string }
	if err := claims.Decode(&user); err != nil {
		return err
	}
	fmt.Println(user.Sub)

	answer, err := c.Do(ctx, "authentication.users.userinfo", client.Args{"access_token": tokens.AccessToken})
	if err != nil {
		return err
	}
	var info struct{ Email string }
	if err := answer.Decode(&info); err != nil {
		return err
	}
	fmt.Println(info.Email)

	err = client.ForEach(ctx, c.Users().List(ctx, client.Args{"q": "email:*"}), 16, func(ctx context.Context, user *client.User) error {
		_, err := c.Users().Update(ctx, user.UserID, &client.User{Blocked: client.Set(true)})
		return err
	})
	if err != nil {
		return err
	}

	_, err = c.Users().Get(ctx, "auth0|nobody")
	if limited, ok := errors.AsType[*client.RateLimitError](err); ok {
		fmt.Println("again at", limited.ResetAt)
	} else if e, ok := errors.AsType[*client.Auth0Error](err); ok {
		fmt.Println(e.StatusCode, e.ErrorCode, e.Message)
	}
	return nil
}

// A token signed with a shared secret, and what else is asked of it.
func ExampleClient_VerifyIDToken_hS256() {
	c, err := client.New("acme.eu.auth0.com", client.WithClientSecret("my-app", "a secret of at least 32 characters"))
	if err != nil {
		fmt.Println(err)
		return
	}
	nonce, maxAge := "n-1", int64(3600)
	_, err = c.VerifyIDToken(context.Background(), "not a token", client.VerifyOptions{
		Algorithm: "HS256", Leeway: 10, Nonce: &nonce, MaxAge: &maxAge, Organization: "org_1",
	})
	fmt.Println(err)
	// Output: token could not be decoded.
}

// An access token of an API is checked for its audience, and for what it allows.
func ExampleClient_VerifyAccessToken() {
	c := atTenant()
	ctx := context.Background()
	tokens, err := c.GetToken(ctx, "login", client.Args{
		"username": "ada@example.com", "password": "Passw0rd-ada", "realm": "Username-Password-Authentication",
		"audience": "https://api.example/", "scope": "read:things",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, scope := range []string{"read:things", "delete:things"} {
		_, err := c.VerifyAccessToken(ctx, tokens.AccessToken.Reveal(), client.AccessOptions{
			Audience: "https://api.example/", Scopes: []string{scope},
		})
		if e, ok := errors.AsType[*client.TokenValidationError](err); ok {
			fmt.Println(e.Code, e.Message)
			continue
		}
		fmt.Println(scope, err)
	}
	// Output:
	// read:things <nil>
	// scope Scope (scope) claim mismatch in the access token; expected "delete:things" but was not one of "read:things"
}

// A login by browser with PKCE: the challenge goes into the address, the
// verifier into the request for the tokens.
func ExampleNewPKCE() {
	c, err := client.New("acme.eu.auth0.com", client.WithClientID("my-app"))
	if err != nil {
		fmt.Println(err)
		return
	}
	proof := client.NewPKCE()
	address, err := c.URL("authentication.authorize.url", proof.Args(client.Args{
		"response_type": "code", "redirect_uri": "https://app.example/callback", "scope": "openid", "state": "s-1",
	}))
	if err != nil {
		fmt.Println(err)
		return
	}
	u, err := url.Parse(address)
	fmt.Println(u.Host, u.Path, u.Query().Get("code_challenge_method"), len(u.Query().Get("code_challenge")), err)
	fmt.Println(proof.Verifier) // it shows itself to Reveal only
	// When the code has come back:
	//	c.GetToken(ctx, "authorization_code_pkce", client.Args{
	//		"code": code, "code_verifier": proof.Verifier, "redirect_uri": "https://app.example/callback",
	//	})
	// Output:
	// acme.eu.auth0.com /authorize S256 43 <nil>
	// [secret]
}

// A login on a device without a keyboard: show the code, then wait.
func ExampleClient_StartDeviceLogin() {
	c := atTenant()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond) // nobody will type the code
	defer cancel()
	login, err := c.StartDeviceLogin(ctx, client.Args{"scope": "openid"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(login.UserCode), login.Interval)
	_, err = login.Token(ctx)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output:
	// 9 5s
	// true
}
