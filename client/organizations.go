package client

import (
	"bytes"
	"context"
	"iter"
	"time"
)

// An Organization is a customer of the tenant's, with members and connections of
// its own.
type Organization struct {
	Origin
	ID          string      `json:"id,omitzero"`
	Name        string      `json:"name,omitzero"`
	DisplayName Opt[string] `json:"display_name,omitzero"`
	Branding    Object      `json:"branding,omitzero"`
	Metadata    Object      `json:"metadata,omitzero"`
	TokenQuota  Object      `json:"token_quota,omitzero"`
	// EnabledConnections is only sent, with Create.
	EnabledConnections []OrganizationConnection `json:"enabled_connections,omitzero"`
	Extra              Object                   `json:"-"`
}

func (o *Organization) known() []member {
	return []member{
		{"id", (*text)(&o.ID)},
		{"name", (*text)(&o.Name)},
		{"display_name", &o.DisplayName},
		{"branding", &o.Branding},
		{"metadata", &o.Metadata},
		{"token_quota", &o.TokenQuota},
		{"enabled_connections", (*list[OrganizationConnection])(&o.EnabledConnections)},
	}
}

func (o *Organization) others() *Object    { return &o.Extra }
func (o *Organization) filledIn() []string { return []string{"id"} }

// MarshalJSON writes what is set.
func (o Organization) MarshalJSON() ([]byte, error) { return writeTyped(&o) }

// UnmarshalJSON reads an organization as the tenant writes it.
func (o *Organization) UnmarshalJSON(b []byte) error { return readTyped(o, bytes.Clone(b)) }

// An OrganizationConnection is a connection that an organization's members may
// use.
type OrganizationConnection struct {
	Origin
	ConnectionID            string    `json:"connection_id,omitzero"`
	AssignMembershipOnLogin Opt[bool] `json:"assign_membership_on_login,omitzero"`
	ShowAsButton            Opt[bool] `json:"show_as_button,omitzero"`
	IsSignupEnabled         Opt[bool] `json:"is_signup_enabled,omitzero"`
	Connection              Object    `json:"connection,omitzero"` // name and strategy, from the tenant
	Extra                   Object    `json:"-"`
}

func (o *OrganizationConnection) known() []member {
	return []member{
		{"connection_id", (*text)(&o.ConnectionID)},
		{"assign_membership_on_login", &o.AssignMembershipOnLogin},
		{"show_as_button", &o.ShowAsButton},
		{"is_signup_enabled", &o.IsSignupEnabled},
		{"connection", &o.Connection},
	}
}

func (o *OrganizationConnection) others() *Object    { return &o.Extra }
func (o *OrganizationConnection) filledIn() []string { return []string{"connection"} }

// MarshalJSON writes what is set.
func (o OrganizationConnection) MarshalJSON() ([]byte, error) { return writeTyped(&o) }

// UnmarshalJSON reads a connection of an organization as the tenant writes it.
func (o *OrganizationConnection) UnmarshalJSON(b []byte) error { return readTyped(o, bytes.Clone(b)) }

// An Invitation asks somebody to become a member of an organization.
type Invitation struct {
	Origin
	ID             string    `json:"id,omitzero"`
	OrganizationID string    `json:"organization_id,omitzero"`
	Inviter        Object    `json:"inviter,omitzero"` // {"name": …}
	Invitee        Object    `json:"invitee,omitzero"` // {"email": …}
	ClientID       string    `json:"client_id,omitzero"`
	ConnectionID   string    `json:"connection_id,omitzero"`
	Roles          []string  `json:"roles,omitzero"`
	TTL            int64     `json:"ttl_sec,omitzero"` // seconds
	SendEmail      Opt[bool] `json:"send_invitation_email,omitzero"`
	AppMetadata    Object    `json:"app_metadata,omitzero"`
	UserMetadata   Object    `json:"user_metadata,omitzero"`
	URL            string    `json:"invitation_url,omitzero"`
	TicketID       string    `json:"ticket_id,omitzero"`
	CreatedAt      time.Time `json:"created_at,omitzero"`
	ExpiresAt      time.Time `json:"expires_at,omitzero"`
	Extra          Object    `json:"-"`
}

func (i *Invitation) known() []member {
	return []member{
		{"id", (*text)(&i.ID)},
		{"organization_id", (*text)(&i.OrganizationID)},
		{"inviter", &i.Inviter},
		{"invitee", &i.Invitee},
		{"client_id", (*text)(&i.ClientID)},
		{"connection_id", (*text)(&i.ConnectionID)},
		{"roles", (*list[string])(&i.Roles)},
		{"ttl_sec", (*count)(&i.TTL)},
		{"send_invitation_email", &i.SendEmail},
		{"app_metadata", &i.AppMetadata},
		{"user_metadata", &i.UserMetadata},
		{"invitation_url", (*text)(&i.URL)},
		{"ticket_id", (*text)(&i.TicketID)},
		{"created_at", (*moment)(&i.CreatedAt)},
		{"expires_at", (*moment)(&i.ExpiresAt)},
	}
}

func (i *Invitation) others() *Object { return &i.Extra }

func (i *Invitation) filledIn() []string {
	return []string{"id", "organization_id", "invitation_url", "ticket_id", "created_at", "expires_at"}
}

// MarshalJSON writes what is set.
func (i Invitation) MarshalJSON() ([]byte, error) { return writeTyped(&i) }

// UnmarshalJSON reads an invitation as the tenant writes it.
func (i *Invitation) UnmarshalJSON(b []byte) error { return readTyped(i, bytes.Clone(b)) }

// Organizations are the calls about organizations.
type Organizations struct{ c *Client }

// Organizations gives the calls about organizations.
func (c *Client) Organizations() Organizations { return Organizations{c} }

// Get reads an organization by its id ("org_…"), ByName by its name.
func (s Organizations) Get(ctx context.Context, id string, opts ...CallOption) (*Organization, error) {
	return getTyped[Organization](ctx, s.c.on("organizations.get_organization", Args{"id": id}, opts))
}

// ByName reads an organization by its name.
func (s Organizations) ByName(ctx context.Context, name string, opts ...CallOption) (*Organization, error) {
	return getTyped[Organization](ctx, s.c.on("organizations.get_organization_by_name", Args{"name": name}, opts))
}

// List walks all organizations.
func (s Organizations) List(ctx context.Context, opts ...CallOption) iter.Seq2[*Organization, error] {
	return eachTyped[Organization](ctx, s.c.on("organizations.all_organizations", nil, opts))
}

// Create makes an organization; Name must be set.
func (s Organizations) Create(ctx context.Context, org *Organization, opts ...CallOption) (*Organization, error) {
	return createTyped(ctx, s.c.on("organizations.create_organization", nil, opts), org)
}

// Update changes an organization; see [Origin] for what is sent.
func (s Organizations) Update(ctx context.Context, id string, org *Organization, opts ...CallOption) (*Organization, error) {
	return updateTyped(ctx, s.c.on("organizations.update_organization", Args{"id": id}, opts), org)
}

// Delete deletes an organization.
func (s Organizations) Delete(ctx context.Context, id string, opts ...CallOption) error {
	return s.c.act(ctx, "organizations.delete_organization", Args{"id": id}, opts)
}

// Members walks the members; the tenant gives user_id, name, email and picture of
// each, and roles in Extra where Args{"fields": …} asks for them.
func (s Organizations) Members(ctx context.Context, id string, opts ...CallOption) iter.Seq2[*User, error] {
	return eachTyped[User](ctx, s.c.on("organizations.all_organization_members", Args{"id": id}, opts))
}

// AddMembers makes users members.
func (s Organizations) AddMembers(ctx context.Context, id string, users []string, opts ...CallOption) error {
	body := map[string]any{"members": users}
	return s.c.act(ctx, "organizations.create_organization_members", Args{"id": id, "body": body}, opts)
}

// RemoveMembers takes users out of an organization.
func (s Organizations) RemoveMembers(ctx context.Context, id string, users []string, opts ...CallOption) error {
	body := map[string]any{"members": users}
	return s.c.act(ctx, "organizations.delete_organization_members", Args{"id": id, "body": body}, opts)
}

// MemberRoles walks the roles that a member has in an organization.
func (s Organizations) MemberRoles(ctx context.Context, id, user string, opts ...CallOption) iter.Seq2[*Role, error] {
	return eachTyped[Role](ctx, s.c.on("organizations.all_organization_member_roles", Args{"id": id, "user_id": user}, opts))
}

// AddMemberRoles gives roles to a member in an organization.
func (s Organizations) AddMemberRoles(ctx context.Context, id, user string, roles []string, opts ...CallOption) error { //nolint:revive // a relation of three
	args := Args{"id": id, "user_id": user, "body": map[string]any{"roles": roles}}
	return s.c.act(ctx, "organizations.create_organization_member_roles", args, opts)
}

// RemoveMemberRoles takes roles from a member in an organization.
func (s Organizations) RemoveMemberRoles(ctx context.Context, id, user string, roles []string, opts ...CallOption) error { //nolint:revive // a relation of three
	args := Args{"id": id, "user_id": user, "body": map[string]any{"roles": roles}}
	return s.c.act(ctx, "organizations.delete_organization_member_roles", args, opts)
}

// Connections walks the connections of an organization.
func (s Organizations) Connections(ctx context.Context, id string, opts ...CallOption) iter.Seq2[*OrganizationConnection, error] {
	return eachTyped[OrganizationConnection](ctx, s.c.on("organizations.all_organization_connections", Args{"id": id}, opts))
}

// AddConnection lets an organization's members use a connection.
func (s Organizations) AddConnection(ctx context.Context, id string, connection *OrganizationConnection, opts ...CallOption) (*OrganizationConnection, error) {
	return createTyped(ctx, s.c.on("organizations.create_organization_connection", Args{"id": id}, opts), connection)
}

// RemoveConnection takes a connection from an organization.
func (s Organizations) RemoveConnection(ctx context.Context, id, connection string, opts ...CallOption) error {
	return s.c.act(ctx, "organizations.delete_organization_connection", Args{"id": id, "connection_id": connection}, opts)
}

// Invite invites somebody; ClientID, Inviter and Invitee must be set. A mail goes
// out unless SendEmail is false.
func (s Organizations) Invite(ctx context.Context, id string, invitation *Invitation, opts ...CallOption) (*Invitation, error) {
	return createTyped(ctx, s.c.on("organizations.create_organization_invitation", Args{"id": id}, opts), invitation)
}

// Invitations walks the invitations that nobody has followed yet.
func (s Organizations) Invitations(ctx context.Context, id string, opts ...CallOption) iter.Seq2[*Invitation, error] {
	return eachTyped[Invitation](ctx, s.c.on("organizations.all_organization_invitations", Args{"id": id}, opts))
}
