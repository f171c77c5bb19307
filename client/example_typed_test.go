package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"a0run/client"
	"a0run/client/sim"
)

const shopSeed = `
connections:
  - {id: con_db, name: Username-Password-Authentication, strategy: auth0}
resource_servers:
  - {id: api1, identifier: "https://api.example/", name: api, scopes: [{value: "read:things"}]}
roles:
  - {id: rol_admin, name: admin}
clients:
  - {client_id: ci, name: ci, app_type: non_interactive}
users:
  - {user_id: auth0|ada, email: ada@example.com, password: Passw0rd-ada, connection: Username-Password-Authentication, user_metadata: {plan: gold, theme: dark}}
  - {user_id: auth0|bob, email: bob@example.com, connection: Username-Password-Authentication, blocked: true}
`

// shop is a client for a local tenant in the process.
func shop(opts ...client.Option) *client.Client { return shopOf(shopSeed, opts...) }

func shopOf(seed string, opts ...client.Option) *client.Client {
	tenant, err := sim.New(sim.Options{Seed: []byte(seed), SeedName: "shop.yaml"})
	if err != nil {
		panic(err)
	}
	own := tenant.Credentials()
	c, err := client.New(own.BaseURL, append([]client.Option{
		client.WithClientSecret(own.ClientID, own.ClientSecret), client.WithTransport(tenant.Transport()),
	}, opts...)...)
	if err != nil {
		panic(err)
	}
	return c
}

func ExampleNew() {
	c, err := client.New("acme.eu.auth0.com",
		client.WithClientSecret(os.Getenv("AUTH0_CLIENT_ID"), os.Getenv("AUTH0_CLIENT_SECRET")),
		client.WithLogger(slog.Default()),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Domain(), c.Issuer())
	// Output: acme.eu.auth0.com https://acme.eu.auth0.com/
}

// What is read, changed and given back goes out as the change alone.
func ExampleUsers_Update() {
	c, ctx := shop(), context.Background()
	user, err := c.Users().Get(ctx, "auth0|ada")
	if err != nil {
		fmt.Println(err)
		return
	}
	user.Nickname = client.Set("countess")
	user.UserMetadata["plan"] = "platinum"
	delete(user.UserMetadata, "theme") // goes as null: the tenant merges metadata
	user, err = c.Users().Update(ctx, user.UserID, user)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.Email, user.Nickname, user.UserMetadata)

	// Nobody needs to read first.
	user, err = c.Users().Update(ctx, "auth0|ada", &client.User{Blocked: client.Set(true), Nickname: client.Null[string]()})
	fmt.Println(user.Blocked, user.Nickname.Or("no nickname"), err)
	// Output:
	// ada@example.com countess map[plan:platinum]
	// true no nickname <nil>
}

func ExampleUsers_List() {
	c, ctx := shop(), context.Background()
	for user, err := range c.Users().List(ctx, client.Args{"q": "blocked:true"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(user.UserID, user.Email, user.Identities[0].Connection)
	}
	// Output: auth0|bob bob@example.com Username-Password-Authentication
}

func ExampleUsers_Create() {
	c, ctx := shop(), context.Background()
	user, err := c.Users().Create(ctx, &client.User{
		Connection: "Username-Password-Authentication", Email: client.Set("eve@example.com"),
		Password: client.NewSecret("Passw0rd-eve"), AppMetadata: client.Object{"beta": true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(user.Email, user.EmailVerified, user.AppMetadata["beta"])
	// Output: eve@example.com false true
}

func ExampleRoles() {
	c, ctx := shop(), context.Background()
	role, err := c.Roles().Create(ctx, &client.Role{Name: "reader", Description: client.Set("may look")})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = errors.Join(
		c.Roles().AddPermissions(ctx, role.ID, []client.Permission{{Name: "read:things", API: "https://api.example/"}}),
		c.Users().AddRoles(ctx, "auth0|ada", []string{role.ID}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for user, err := range c.Roles().Users(ctx, role.ID) {
		fmt.Println(user.Email, err)
	}
	// Output: ada@example.com <nil>
}

// Options are replaced as a whole, so they are changed where they were read.
func ExampleConnections() {
	c, ctx := shop(), context.Background()
	connection, err := c.Connections().Get(ctx, "con_db")
	if err != nil {
		fmt.Println(err)
		return
	}
	delete(connection.Options, "password_options") // or passwordPolicy: both are read, one is taken
	connection.Options["passwordPolicy"] = "excellent"
	if connection, err = c.Connections().Update(ctx, connection.ID, connection); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(connection.Name, connection.Options["passwordPolicy"])

	fmt.Println(c.Connections().EnableClients(ctx, connection.ID, []string{"ci"}))
	for id, err := range c.Connections().Clients(ctx, connection.ID) {
		fmt.Println(id, err)
	}
	// Output:
	// Username-Password-Authentication excellent
	// <nil>
	// ci <nil>
}

// An application's secret prints as [secret]; Reveal gives it.
func ExampleClients() {
	c, ctx := shop(), context.Background()
	app, err := c.Clients().Create(ctx, &client.Application{
		Name: "nightly", AppType: client.Set("non_interactive"), GrantTypes: []string{"client_credentials"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(app.Name, app.ClientSecret, len(app.ClientSecret.Reveal()) > 40)
	rotated, err := c.Clients().RotateSecret(ctx, app.ClientID)
	fmt.Println(rotated.ClientSecret.Reveal() != app.ClientSecret.Reveal(), err)
	// Output:
	// nightly [secret] true
	// true <nil>
}

func ExampleOrganizations() {
	c, ctx := shop(), context.Background()
	org, err := c.Organizations().Create(ctx, &client.Organization{
		Name: "acme", DisplayName: client.Set("Acme"),
		EnabledConnections: []client.OrganizationConnection{{ConnectionID: "con_db", AssignMembershipOnLogin: client.Set(true)}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = errors.Join(
		c.Organizations().AddMembers(ctx, org.ID, []string{"auth0|ada"}),
		c.Organizations().AddMemberRoles(ctx, org.ID, "auth0|ada", []string{"rol_admin"}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for member, err := range c.Organizations().Members(ctx, org.ID) {
		fmt.Println(member.Email, err)
	}
	// Output: ada@example.com <nil>
}

func ExampleJobs() {
	c, ctx := shop(), context.Background()
	job, err := c.Jobs().ImportUsers(ctx, "con_db", client.FileArg{
		Name: "users.json", Data: strings.NewReader(`[{"email":"carl@example.com"},{"email":"ada@example.com"}]`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if job, err = c.Jobs().Wait(ctx, job.ID); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Status, job.Summary["inserted"], job.Summary["failed"])
	for wrong, err := range c.Jobs().Errors(ctx, job.ID) {
		fmt.Println(wrong.User["email"], wrong.Errors[0]["code"], err)
	}
	// Output:
	// completed 1 1
	// ada@example.com DUPLICATED_USER <nil>
}

func ExampleTokens() {
	c, ctx := shop(), context.Background()
	tokens, err := c.Tokens().Password(ctx, "ada@example.com", client.NewSecret("Passw0rd-ada"), client.Args{
		"realm": "Username-Password-Authentication", "scope": "openid offline_access",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fresh, err := c.Tokens().Refresh(ctx, tokens.RefreshToken)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(fresh.TokenType, fresh.AccessToken)
	fmt.Println(c.Tokens().Revoke(ctx, tokens.RefreshToken))
	// Output:
	// Bearer [secret]
	// <nil>
}

func ExampleOpt() {
	user := client.User{Blocked: client.Set(false), Nickname: client.Null[string]()}
	fmt.Println(user.Blocked, user.Nickname, user.Email)
	blocked, said := user.Blocked.Get()
	fmt.Println(blocked, said, user.Email.Or("nobody@example.com"))
	// Output:
	// false null unset
	// false true nobody@example.com
}

// Arguments that a typed method does not name are given by the catalogue's names;
// a wrong one is seen before anything is sent.
func ExampleArgs() {
	c, ctx := shop(), context.Background()
	user, err := c.Users().Get(ctx, "auth0|ada", client.Args{"fields": []string{"email"}})
	fmt.Println(user.Email, user.UserID == "", err)
	_, err = c.Users().Get(ctx, "auth0|ada", client.Args{"field": "email"})
	fmt.Println(err)
	// Output:
	// ada@example.com true <nil>
	// users.get: field: there is no such argument; did you mean fields?
}

// A body that the API would not take is refused before it is sent.
func ExampleArgumentError() {
	c, ctx := shop(), context.Background()
	_, err := c.Do(ctx, "roles.create", client.Args{"body": client.Object{"name": 7}})
	if e, ok := errors.AsType[*client.ArgumentError](err); ok {
		fmt.Println(e.Argument, e.Problem)
	}
	// Output: name got the number 7, want a string
}

// A layer sees every attempt: a header of one's own, a trace, a metric.
func ExampleWithRoundTripper() {
	requests := 0
	c := shop(client.WithRoundTripper(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			requests++
			return next.RoundTrip(r)
		})
	}))
	_, err := c.Users().Get(context.Background(), "auth0|ada")
	fmt.Println(requests, err) // the token's request is one of them
	// Output: 2 <nil>
}

func ExampleWithLogger() {
	quiet := func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, "took", "request_id", "url":
			return slog.Attr{} // they differ each time
		}
		return a
	}
	c := shop(client.WithLogger(slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: quiet}))))
	_, _ = c.Users().Get(context.Background(), "auth0|ada")
	// Output:
	// level=DEBUG msg="auth0 request" operation="management token" method=POST attempt=1 status=200
	// level=DEBUG msg="auth0 request" operation=users.get method=GET attempt=1 status=200
}

// Every refusal and fault is found by errors.As, the two that programs expect by
// errors.Is.
func ExampleErrNotFound() {
	c, ctx := shop(), context.Background()
	_, err := c.Users().Get(ctx, "auth0|none")
	fmt.Println(errors.Is(err, client.ErrNotFound), err)
	// Output: true 404: The user does not exist.
}

func ExampleRateLimitError() {
	tenant, err := sim.New(sim.Options{Limits: sim.Limits{Rate: 0.001, Burst: 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	own := tenant.Credentials()
	c, err := client.New(own.BaseURL, client.WithClientSecret(own.ClientID, own.ClientSecret),
		client.WithTransport(tenant.Transport()), client.WithoutRetry())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.Do(context.Background(), "users.get", client.Args{"id": "auth0|none"})
	fmt.Println(err)
	_, err = c.Do(context.Background(), "users.get", client.Args{"id": "auth0|none"}, client.WithGrantBy(time.Now()))
	if limited, ok := errors.AsType[*client.RateLimitError](err); ok {
		fmt.Println(limited.StatusCode, limited.RetryAt().IsZero())
	}
	// Output:
	// 404: The user does not exist.
	// 429 false
}

func ExampleForEach() {
	c, ctx := shop(), context.Background()
	err := client.ForEach(ctx, c.Users().List(ctx), 8, func(ctx context.Context, user *client.User) error {
		_, err := c.Users().Update(ctx, user.UserID, &client.User{AppMetadata: client.Object{"seen": true}})
		return err
	})
	fmt.Println(err)
	// Output: <nil>
}
