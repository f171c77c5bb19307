package client_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"a0run/client"
	"a0run/client/sim"
)

const typedSeed = `
connections:
  - {id: con_db, name: Username-Password-Authentication, strategy: auth0, options: {brute_force_protection: true, passwordPolicy: good}}
  - {id: con_acme, name: acme, strategy: samlp}
resource_servers:
  - {id: api1, identifier: "https://api.example/", name: api, scopes: [{value: "read:things"}, {value: "write:things"}]}
roles:
  - {id: rol_1, name: staff, description: people who work here}
clients:
  - {client_id: app1, name: shop, app_type: regular_web, organization_usage: allow, initiate_login_uri: "https://shop.example/login"}
users:
  - {user_id: auth0|ada, email: ada@example.com, password: Passw0rd-ada, connection: Username-Password-Authentication, user_metadata: {plan: gold, seats: 3}}
  - {user_id: auth0|bob, email: bob@example.com, connection: Username-Password-Authentication, blocked: true}
`

// all reads a walk to its end as texts.
func all[T any](t *testing.T, name func(T) string, seq iter.Seq2[T, error]) string {
	t.Helper()
	var out []string
	for item, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, name(item))
	}
	return strings.Join(out, " ")
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// ok fails the test where one of the errors is one.
func ok(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func emailOf(u *client.User) string { return u.Email.Value() }
func roleOf(r *client.Role) string  { return r.Name }
func permissionOf(p *client.Permission) string {
	return p.Name + "@" + p.API
}

func TestUsers(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), desk(t, typedSeed)
	users := c.Users()
	made := must(users.Create(ctx, &client.User{
		Connection: "Username-Password-Authentication", Email: client.Set("eve@example.com"), Password: client.NewSecret("Passw0rd-eve"),
		AppMetadata: client.Object{"beta": true},
	}))(t)
	if made.UserID == "" || made.CreatedAt.IsZero() || made.AppMetadata["beta"] != true || len(made.Identities) != 1 || !made.Password.IsZero() {
		t.Errorf("%+v", made)
	}
	equal(t, "list", all(t, emailOf, users.List(ctx, client.Args{"q": "blocked:true"})), "bob@example.com")
	equal(t, "by email", must(users.ByEmail(ctx, "ada@example.com"))(t)[0].UserID, "auth0|ada")
	ada := must(users.Get(ctx, "auth0|ada"))(t)
	delete(ada.UserMetadata, "plan")
	ada.Nickname = client.Set("countess")
	ada = must(users.Update(ctx, ada.UserID, ada))(t)
	equal(t, "ada", fmt.Sprint(ada.Nickname, ada.UserMetadata), "countess map[seats:3]")
	permission := []client.Permission{{Name: "read:things", API: "https://api.example/"}}
	ok(t, users.AddRoles(ctx, "auth0|ada", []string{"rol_1"}), users.AddPermissions(ctx, "auth0|ada", permission))
	equal(t, "roles", all(t, roleOf, users.Roles(ctx, "auth0|ada")), "staff")
	equal(t, "permissions", all(t, permissionOf, users.Permissions(ctx, "auth0|ada")), "read:things@https://api.example/")
	ok(t, users.RemoveRoles(ctx, "auth0|ada", []string{"rol_1"}), users.RemovePermissions(ctx, "auth0|ada", permission), users.Unblock(ctx, "auth0|ada"))
	equal(t, "roles", all(t, roleOf, users.Roles(ctx, "auth0|ada"))+all(t, permissionOf, users.Permissions(ctx, "auth0|ada")), "")
	equal(t, "organizations", all(t, func(o *client.Organization) string { return o.Name }, users.Organizations(ctx, "auth0|ada")), "")
	ok(t, users.Delete(ctx, made.UserID))
	_, err := users.Get(ctx, made.UserID)
	if e, found := errors.AsType[*client.Auth0Error](err); !found || e.StatusCode != 404 {
		t.Errorf("got %v", err)
	}
	for _, wrong := range []error{
		errOf(users.Update(ctx, "auth0|ada", nil)), errOf(users.Update(ctx, "auth0|ada", &client.User{})),
		errOf(users.Create(ctx, nil)), errOf(users.Get(ctx, "")), errOf(users.Get(ctx, "auth0|ada", client.Args{"felds": "email"})),
	} {
		if _, found := errors.AsType[*client.ArgumentError](wrong); !found {
			t.Errorf("got %v", wrong)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

func TestRoles(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), desk(t, typedSeed)
	roles := c.Roles()
	made := must(roles.Create(ctx, &client.Role{Name: "admins"}))(t)
	equal(t, "list", all(t, roleOf, roles.List(ctx, client.Args{"name_filter": "adm"})), "admins")
	made.Description = client.Set("who may")
	made = must(roles.Update(ctx, made.ID, made))(t)
	equal(t, "description", must(roles.Get(ctx, made.ID))(t).Description.Value(), "who may")
	permissions := []client.Permission{{Name: "read:things", API: "https://api.example/"}}
	ok(t, roles.AddPermissions(ctx, made.ID, permissions), roles.AddUsers(ctx, made.ID, []string{"auth0|ada"}))
	equal(t, "permissions", all(t, permissionOf, roles.Permissions(ctx, made.ID)), "read:things@https://api.example/")
	equal(t, "users", all(t, emailOf, roles.Users(ctx, made.ID)), "ada@example.com")
	ok(t, roles.RemovePermissions(ctx, made.ID, permissions), roles.Delete(ctx, made.ID))
	equal(t, "list", all(t, roleOf, roles.List(ctx)), "staff")
}

func TestConnections(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), desk(t, typedSeed)
	connections := c.Connections()
	db := must(connections.Get(ctx, "con_db"))(t)
	db.Options["passwordPolicy"] = "excellent"
	db = must(connections.Update(ctx, db.ID, db))(t)
	equal(t, "options", fmt.Sprintf("%v %v", db.Options["passwordPolicy"], db.Options["brute_force_protection"]), "excellent true")
	same := func(a, b *client.Connection) bool { return string(a.Raw()) == string(b.Raw()) }
	if again := must(connections.Update(ctx, db.ID, db))(t); !same(again, db) {
		t.Errorf("%s became %s", db.Raw(), again.Raw())
	}
	ok(t, connections.EnableClients(ctx, db.ID, []string{"app1"}))
	id := func(s string) string { return s }
	equal(t, "clients", all(t, id, connections.Clients(ctx, db.ID)), "app1")
	ok(t, connections.DisableClients(ctx, db.ID, []string{"app1"}))
	equal(t, "clients", all(t, id, connections.Clients(ctx, db.ID)), "")
	other := desk(t, "roles: []")
	db.Name = "directory"
	copied := must(other.Connections().Create(ctx, db))(t)
	if copied.ID == "" || copied.ID == db.ID || copied.Options["passwordPolicy"] != "excellent" {
		t.Errorf("%s", copied.Raw())
	}
	name := func(c *client.Connection) string { return c.Name }
	equal(t, "list", all(t, name, connections.List(ctx, client.Args{"strategy": "samlp"})), "acme")
	ok(t, connections.Delete(ctx, "con_acme"))
	equal(t, "list", all(t, name, connections.List(ctx)), "Username-Password-Authentication")
}

func TestClients(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), desk(t, typedSeed)
	clients := c.Clients()
	made := must(clients.Create(ctx, &client.Application{Name: "ci", AppType: client.Set("non_interactive"), GrantTypes: []string{"client_credentials"}}))(t)
	rotated := must(clients.RotateSecret(ctx, made.ClientID))(t)
	if made.ClientSecret.IsZero() || rotated.ClientSecret.Reveal() == made.ClientSecret.Reveal() {
		t.Errorf("the secret stayed")
	}
	made.Callbacks = []string{"https://shop.example/callback"}
	made.Extra["sso"] = true
	made = must(clients.Update(ctx, made.ClientID, made))(t)
	again := must(clients.Get(ctx, made.ClientID))(t)
	equal(t, "read again", fmt.Sprint(again.Callbacks, again.Extra["sso"], again.GrantTypes), "[https://shop.example/callback] true [client_credentials]")
	name := func(a *client.Application) string { return a.Name }
	equal(t, "list", all(t, name, clients.List(ctx, client.Args{"app_type": "regular_web"})), "shop")
	ok(t, clients.Delete(ctx, made.ClientID))
}

func TestOrganizations(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), desk(t, typedSeed)
	orgs := c.Organizations()
	made := must(orgs.Create(ctx, &client.Organization{
		Name: "acme", DisplayName: client.Set("Acme"), EnabledConnections: []client.OrganizationConnection{{ConnectionID: "con_db"}},
	}))(t)
	equal(t, "by name", must(orgs.ByName(ctx, "acme"))(t).ID, made.ID)
	made.Metadata = client.Object{"tier": "1"}
	ok(t, errOf(orgs.Update(ctx, made.ID, made)))
	equal(t, "metadata", fmt.Sprint(must(orgs.Get(ctx, made.ID))(t).Metadata), "map[tier:1]")
	ok(t, errOf(orgs.AddConnection(ctx, made.ID, &client.OrganizationConnection{ConnectionID: "con_acme", AssignMembershipOnLogin: client.Set(true)})))
	connection := func(o *client.OrganizationConnection) string { return fmt.Sprint(o.Connection["name"]) }
	equal(t, "connections", all(t, connection, orgs.Connections(ctx, made.ID)), "Username-Password-Authentication acme")
	ok(t, orgs.RemoveConnection(ctx, made.ID, "con_acme"), orgs.AddMembers(ctx, made.ID, []string{"auth0|ada", "auth0|bob"}),
		orgs.AddMemberRoles(ctx, made.ID, "auth0|ada", []string{"rol_1"}))
	equal(t, "members", all(t, emailOf, orgs.Members(ctx, made.ID)), "ada@example.com bob@example.com")
	equal(t, "roles", all(t, roleOf, orgs.MemberRoles(ctx, made.ID, "auth0|ada")), "staff")
	ok(t, orgs.RemoveMemberRoles(ctx, made.ID, "auth0|ada", []string{"rol_1"}), orgs.RemoveMembers(ctx, made.ID, []string{"auth0|bob"}))
	equal(t, "members", all(t, emailOf, orgs.Members(ctx, made.ID)), "ada@example.com")
	invited := must(orgs.Invite(ctx, made.ID, &client.Invitation{
		ClientID: "app1", Inviter: client.Object{"name": "Ada"}, Invitee: client.Object{"email": "carl@example.com"}, SendEmail: client.Set(false),
	}))(t)
	equal(t, "invitations", all(t, func(i *client.Invitation) string { return i.ID }, orgs.Invitations(ctx, made.ID)), invited.ID)
	if invited.URL == "" || invited.ExpiresAt.IsZero() {
		t.Errorf("%s", invited.Raw())
	}
	ok(t, orgs.Delete(ctx, made.ID))
	equal(t, "list", all(t, func(o *client.Organization) string { return o.Name }, orgs.List(ctx)), "")
}

// TestJobs: an import whose second user is wrong, waited for; a wait that ends
// with its context.
func TestJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, c := t.Context(), desk(t, typedSeed)
		jobs := c.Jobs()
		job := must(jobs.ImportUsers(ctx, "con_db", client.FileArg{Name: "users.json", Data: strings.NewReader(
			`[{"email":"carl@example.com"},{"email":"ada@example.com"}]`)}, client.Args{"external_id": "mine"}))(t)
		done := must(jobs.Wait(ctx, job.ID))(t)
		equal(t, "job", fmt.Sprintf("%s %s %v %v", done.Status, done.ExternalID, done.Summary["inserted"], done.Summary["failed"]), "completed mine 1 1")
		equal(t, "errors", all(t, func(e *client.JobError) string { return fmt.Sprintf("%v %v", e.User["email"], e.Errors[0]["code"]) }, jobs.Errors(ctx, job.ID)),
			"ada@example.com DUPLICATED_USER")
		export := must(jobs.ExportUsers(ctx, client.Object{"format": "json"}))(t)
		short, cancel := context.WithTimeout(ctx, time.Nanosecond)
		defer cancel()
		if _, err := jobs.Wait(short, export.ID); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if done := must(jobs.Wait(ctx, export.ID))(t); done.Location == "" {
			t.Errorf("%s", done.Raw())
		}
		ok(t, errOf(jobs.SendVerificationEmail(ctx, "auth0|ada")))
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), desk(t, typedSeed)
	tokens := c.Tokens()
	machine := must(tokens.ClientCredentials(ctx, "https://"+c.Domain()+"/api/v2/"))(t)
	if machine.AccessToken.IsZero() {
		t.Errorf("%+v", machine)
	}
	login := must(tokens.Password(ctx, "ada@example.com", client.NewSecret("Passw0rd-ada"), client.Args{
		"realm": "Username-Password-Authentication", "scope": "openid offline_access",
	}))(t)
	fresh := must(tokens.Refresh(ctx, login.RefreshToken))(t)
	claims := must(c.VerifyIDToken(ctx, fresh.IDToken.Reveal(), client.VerifyOptions{}))(t)
	var who struct{ Sub string }
	ok(t, claims.Decode(&who))
	equal(t, "who", who.Sub, "auth0|ada")
	last := login.RefreshToken
	if !fresh.RefreshToken.IsZero() {
		last = fresh.RefreshToken
	}
	ok(t, tokens.Revoke(ctx, last))
	_, err := tokens.Refresh(ctx, last)
	if e, found := errors.AsType[*client.Auth0Error](err); !found || e.ErrorCode != "invalid_grant" {
		t.Errorf("got %v", err)
	}
	_, err = tokens.AuthorizationCode(ctx, client.NewSecret("forged"), "https://shop.example/callback")
	if e, found := errors.AsType[*client.Auth0Error](err); !found || e.ErrorCode != "invalid_grant" {
		t.Errorf("got %v", err)
	}
	if _, err := tokens.Password(ctx, "ada@example.com", client.NewSecret("wrong")); err == nil || strings.Contains(err.Error(), "wrong") && strings.Contains(err.Error(), "password=") {
		t.Errorf("got %v", err)
	}
}

// TestConcurrentUse: one client, its token, keys and budget, from many
// goroutines.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), desk(t, typedSeed)
	login := must(c.Tokens().Password(ctx, "ada@example.com", client.NewSecret("Passw0rd-ada"), client.Args{
		"realm": "Username-Password-Authentication", "scope": "openid",
	}))(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for n := range 5 {
				u, err := c.Users().Get(ctx, "auth0|ada")
				if err != nil {
					t.Error(err)
					return
				}
				u.AppMetadata = client.Object{fmt.Sprint("k", i): n}
				if _, err := c.Users().Update(ctx, u.UserID, u); err != nil {
					t.Error(err)
				}
				if _, err := c.VerifyIDToken(ctx, login.IDToken.Reveal(), client.VerifyOptions{}); err != nil {
					t.Error(err)
				}
				for _, err := range c.Users().List(ctx, client.Args{"fields": "user_id"}) {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestContextEnds: a context that has ended ends every call, with its cause.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	c := desk(t, typedSeed)
	why := errors.New("the deploy was stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	for name, err := range map[string]error{
		"get": errOf(c.Users().Get(ctx, "auth0|ada")), "update": errOf(c.Users().Update(ctx, "auth0|ada", &client.User{Blocked: client.Set(true)})),
		"token": errOf(c.Tokens().ClientCredentials(ctx, "x")), "wait": errOf(c.Jobs().Wait(ctx, "job_1")),
		"do": errOf(c.Do(ctx, "users.get", client.Args{"id": "x"})),
	} {
		if !errors.Is(err, why) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, err := range c.Roles().List(ctx) {
		if !errors.Is(err, why) {
			t.Errorf("list: got %v", err)
		}
	}
}

// TestForEach: all items, so many at a time, all errors; a context that ends
// lets nothing new begin.
func TestForEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		numbers := func(n int, last error) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := range n {
					if !yield(i, nil) {
						return
					}
				}
				if last != nil {
					yield(0, last)
				}
			}
		}
		var running, most, done atomic.Int64
		odd, broken := errors.New("odd"), errors.New("the listing broke")
		err := client.ForEach(t.Context(), numbers(10, broken), 3, func(_ context.Context, i int) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			time.Sleep(time.Second)
			done.Add(1)
			if i%2 == 1 {
				return fmt.Errorf("%d: %w", i, odd)
			}
			return nil
		})
		if !errors.Is(err, odd) || !errors.Is(err, broken) || strings.Count(err.Error(), "odd") != 5 || done.Load() != 10 || most.Load() != 3 {
			t.Errorf("%v; %d done, %d at a time", err, done.Load(), most.Load())
		}
		done.Store(0)
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		err = client.ForEach(ctx, numbers(100, nil), 2, func(context.Context, int) error { time.Sleep(time.Second); done.Add(1); return nil })
		if !errors.Is(err, context.DeadlineExceeded) || done.Load() != 4 {
			t.Errorf("%v, %d done", err, done.Load())
		}
	})
}

// TestTokenSource: tokens from elsewhere are used until shortly before their
// end, and asked for again when the tenant refuses one.
func TestTokenSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant, err := sim.New(sim.Options{Seed: []byte(typedSeed), SeedName: "seed.yaml"})
		ok(t, err)
		good := must(tenant.Token("read:users"))(t)
		asked := 0
		c := must(client.New(tenant.Credentials().BaseURL, client.WithTransport(tenant.Transport()),
			client.WithTokenSource(func(context.Context) (string, time.Time, error) {
				asked++
				if asked == 1 {
					return "stale", time.Now().Add(time.Hour), nil
				}
				return good, time.Now().Add(time.Hour), nil
			})))(t)
		for range 3 {
			ok(t, errOf(c.Users().Get(t.Context(), "auth0|ada")))
		}
		if asked != 2 {
			t.Errorf("asked %d times, want 2: one token was refused, the next was good", asked)
		}
		time.Sleep(59*time.Minute + time.Second)
		ok(t, errOf(c.Users().Get(t.Context(), "auth0|ada")))
		if asked != 3 {
			t.Errorf("asked %d times, want 3: the token ends in a minute", asked)
		}
		vault := errors.New("the vault is sealed")
		c = must(client.New("acme.example", client.WithTokenSource(func(context.Context) (string, time.Time, error) { return "", time.Time{}, vault })))(t)
		_, err = c.Users().Get(t.Context(), "auth0|ada")
		if _, found := errors.AsType[*client.TokenError](err); !found || !errors.Is(err, vault) {
			t.Errorf("got %v", err)
		}
	})
}

// TestErrorsIs: the two refusals that programs expect.
func TestErrorsIs(t *testing.T) {
	t.Parallel()
	ctx, c := t.Context(), desk(t, typedSeed)
	_, missing := c.Users().Get(ctx, "auth0|none")
	_, taken := c.Organizations().Create(ctx, &client.Organization{Name: "acme"})
	ok(t, taken)
	_, taken = c.Organizations().Create(ctx, &client.Organization{Name: "acme"})
	if !errors.Is(missing, client.ErrNotFound) || errors.Is(missing, client.ErrConflict) || !errors.Is(taken, client.ErrConflict) {
		t.Errorf("%v, %v", missing, taken)
	}
}
