package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"a0run/client"
	"a0run/client/sim"
)

// start runs a local tenant on loopback and gives a client for it.
func start(seed string) (c *client.Client, stop func()) {
	tenant, err := sim.New(sim.Options{Seed: []byte(seed), SeedName: "example.yaml"})
	if err != nil {
		panic(err)
	}
	server := httptest.NewServer(tenant)
	own := tenant.Credentials()
	c, err = client.New(server.URL,
		client.WithClientSecret(own.ClientID, own.ClientSecret),
		client.WithAudience("https://"+own.Domain+"/api/v2/"))
	if err != nil {
		panic(err)
	}
	return c, func() { c.CloseIdleConnections(); server.Close() }
}

const seed = `
connections:
  - {id: con_1, name: Username-Password-Authentication, strategy: auth0}
users:
  - {user_id: "auth0|1", email: ada@example.com, blocked: false}
  - {user_id: "auth0|2", email: grace@example.com, blocked: true}
`

// One call, by the operation's name: ids are written as they are.
func ExampleClient_Do() {
	c, stop := start(seed)
	defer stop()
	ctx := context.Background()

	_, err := c.Do(ctx, "users.update", client.Args{
		"id":   "auth0|1",
		"body": map[string]any{"user_metadata": map[string]any{"plan": "gold"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := c.Do(ctx, "users.get", client.Args{"id": "auth0|1", "fields": []string{"email", "user_metadata"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var user struct {
		Email    string            `json:"email"`
		Metadata map[string]string `json:"user_metadata"`
	}
	if err := answer.Decode(&user); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.Email, user.Metadata["plan"])
	// Output: ada@example.com gold
}

// All pages of a listing, as a loop.
func ExampleClient_Each() {
	c, stop := start(seed)
	defer stop()

	for item, err := range c.Each(context.Background(), "users.list", client.Args{"q": "blocked:true", "fields": "email"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(string(item))
	}
	// Output: {"email":"grace@example.com"}
}

// Errors say what the tenant said, and whether anything may have been done.
func ExampleAuth0Error() {
	c, stop := start(seed)
	defer stop()

	_, err := c.Do(context.Background(), "users.get", client.Args{"id": "auth0|none"})
	var e *client.Auth0Error
	if errors.As(err, &e) {
		fmt.Println(e.StatusCode, e.ErrorCode, e.InDoubt)
	}
	_, err = c.Do(context.Background(), "users.gett", nil)
	fmt.Println(err)
	// Output:
	// 404 inexistent_user false
	// users.gett: there is no such operation; did you mean users.get?
}
