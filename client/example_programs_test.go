package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"a0run/client"
)

// rotateSecrets gives every application of the CI a new secret and hands it to
// store. An application whose secret was rotated and could not be stored is
// named in the error: nobody knows its secret any more.
func rotateSecrets(ctx context.Context, c *client.Client, store func(app string, secret client.Secret) error) error {
	var lost []error
	for app, err := range c.Clients().List(ctx, client.Args{"app_type": "non_interactive", "is_global": false}) {
		if err != nil {
			return errors.Join(append(lost, err)...)
		}
		if !strings.HasPrefix(app.Name, "ci-") {
			continue
		}
		rotated, err := c.Clients().RotateSecret(ctx, app.ClientID)
		if err == nil {
			err = store(app.ClientID, rotated.ClientSecret)
		}
		if err != nil {
			lost = append(lost, fmt.Errorf("%s (%s): %w", app.Name, app.ClientID, err))
		}
	}
	return errors.Join(lost...)
}

// A job of the CI: new secrets for its applications, once a week.
func Example_rotateSecrets() {
	c := programs()
	vault := map[string]client.Secret{}
	err := rotateSecrets(context.Background(), c, func(app string, secret client.Secret) error {
		vault[app] = secret
		return nil
	})
	fmt.Println(len(vault), vault["ci1"], len(vault["ci1"].Reveal()) > 0, err)
	// Output: 2 [secret] true <nil>
}

// unblock lifts every block from the users that a search finds, eight at a time.
func unblock(ctx context.Context, c *client.Client, q string) error {
	found := c.Users().List(ctx, client.Args{"q": q, "fields": "user_id"})
	return client.ForEach(ctx, found, 8, func(ctx context.Context, user *client.User) error {
		err := c.Users().Unblock(ctx, user.UserID)
		if err == nil {
			_, err = c.Users().Update(ctx, user.UserID, &client.User{Blocked: client.Set(false)})
		}
		if err != nil {
			return fmt.Errorf("%s: %w", user.UserID, err)
		}
		return nil
	})
}

// A support tool: whoever was blocked is let in again.
func Example_unblockUsers() {
	c := programs()
	fmt.Println(unblock(context.Background(), c, "blocked:true"))
	left, err := c.All(context.Background(), "users.list", client.Args{"q": "blocked:true"})
	fmt.Println(len(left), err)
	// Output:
	// <nil>
	// 0 <nil>
}

// A customer is what a form of the sales department says.
type customer struct{ name, title, domain, admin string }

// onboard makes an organization, or finds the one that an earlier try has made,
// lets its people log in, and makes the first of them its admin.
func onboard(ctx context.Context, c *client.Client, of customer) (*client.Organization, error) {
	orgs := c.Organizations()
	org, err := orgs.ByName(ctx, of.name)
	if errors.Is(err, client.ErrNotFound) {
		org, err = orgs.Create(ctx, &client.Organization{
			Name: of.name, DisplayName: client.Set(of.title), Metadata: client.Object{"domain": of.domain},
			EnabledConnections: []client.OrganizationConnection{{ConnectionID: "con_db", AssignMembershipOnLogin: client.Set(false)}},
		})
	}
	if err != nil {
		return nil, err
	}
	admins, err := c.Users().ByEmail(ctx, of.admin)
	if err != nil {
		return nil, err
	}
	if len(admins) == 0 {
		_, err := orgs.Invite(ctx, org.ID, &client.Invitation{
			ClientID: "portal", Roles: []string{"rol_admin"},
			Inviter: client.Object{"name": "Acme Sales"}, Invitee: client.Object{"email": of.admin},
		})
		return org, err
	}
	id := admins[0].UserID
	if err := orgs.AddMembers(ctx, org.ID, []string{id}); err != nil {
		return nil, err
	}
	return org, orgs.AddMemberRoles(ctx, org.ID, id, []string{"rol_admin"})
}

// A new customer: done twice, it is there once.
func Example_onboarding() {
	c, ctx := programs(), context.Background()
	for range 2 {
		org, err := onboard(ctx, c, customer{"globex", "Globex", "globex.example", "ada@globex.example"})
		if err != nil {
			fmt.Println(err)
			return
		}
		for member, err := range c.Organizations().Members(ctx, org.ID) {
			fmt.Println(org.DisplayName, member.Email, err)
		}
	}
	org, err := onboard(ctx, c, customer{"initech", "Initech", "initech.example", "nobody@initech.example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for invitation, err := range c.Organizations().Invitations(ctx, org.ID) {
		fmt.Println(org.DisplayName, invitation.Invitee["email"], err)
	}
	// Output:
	// Globex ada@globex.example <nil>
	// Globex ada@globex.example <nil>
	// Initech nobody@initech.example <nil>
}

// programs is a tenant for the programs above.
func programs() *client.Client {
	return shopOf(`
connections:
  - {id: con_db, name: Username-Password-Authentication, strategy: auth0}
roles: [{id: rol_admin, name: admin}]
clients:
  - {client_id: ci1, name: ci-deploy, app_type: non_interactive}
  - {client_id: ci2, name: ci-tests, app_type: non_interactive}
  - {client_id: cron, name: nightly, app_type: non_interactive}
  - {client_id: portal, name: portal, app_type: regular_web, organization_usage: allow, initiate_login_uri: "https://portal.example/login"}
users:
  - {user_id: auth0|ada, email: ada@globex.example, connection: Username-Password-Authentication}
  - {user_id: auth0|b1, email: b1@example.com, connection: Username-Password-Authentication, blocked: true}
  - {user_id: auth0|b2, email: b2@example.com, connection: Username-Password-Authentication, blocked: true}
  - {user_id: auth0|b3, email: b3@example.com, connection: Username-Password-Authentication, blocked: true}
`)
}
