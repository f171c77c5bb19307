package client

import (
	"bytes"
	"context"
	"iter"
)

// A Role is a set of permissions with a name.
type Role struct {
	Origin
	ID          string      `json:"id,omitzero"`
	Name        string      `json:"name,omitzero"`
	Description Opt[string] `json:"description,omitzero"`
	Extra       Object      `json:"-"`
}

func (r *Role) known() []member {
	return []member{
		{"id", (*text)(&r.ID)},
		{"name", (*text)(&r.Name)},
		{"description", &r.Description},
	}
}

func (r *Role) others() *Object    { return &r.Extra }
func (r *Role) filledIn() []string { return []string{"id"} }

// MarshalJSON writes what is set.
func (r Role) MarshalJSON() ([]byte, error) { return writeTyped(&r) }

// UnmarshalJSON reads a role as the tenant writes it.
func (r *Role) UnmarshalJSON(b []byte) error { return readTyped(r, bytes.Clone(b)) }

// A Permission is what somebody may do at an API. The first two fields name it;
// the others come with listings.
type Permission struct {
	Origin
	Name        string      `json:"permission_name,omitzero"`            // "read:things"
	API         string      `json:"resource_server_identifier,omitzero"` // the audience
	APIName     Opt[string] `json:"resource_server_name,omitzero"`
	Description Opt[string] `json:"description,omitzero"`
	Extra       Object      `json:"-"`
}

func (p *Permission) known() []member {
	return []member{
		{"permission_name", (*text)(&p.Name)},
		{"resource_server_identifier", (*text)(&p.API)},
		{"resource_server_name", &p.APIName},
		{"description", &p.Description},
	}
}

func (p *Permission) others() *Object { return &p.Extra }

// MarshalJSON writes what is set.
func (p Permission) MarshalJSON() ([]byte, error) { return writeTyped(&p) }

// UnmarshalJSON reads a permission as the tenant writes it.
func (p *Permission) UnmarshalJSON(b []byte) error { return readTyped(p, bytes.Clone(b)) }

// namesOf is what a request says of permissions, so that listed ones can be
// handed on.
func namesOf(permissions []Permission) []map[string]string {
	out := make([]map[string]string, len(permissions))
	for i := range permissions {
		out[i] = map[string]string{"permission_name": permissions[i].Name, "resource_server_identifier": permissions[i].API}
	}
	return out
}

// Roles are the calls about roles.
type Roles struct{ c *Client }

// Roles gives the calls about roles.
func (c *Client) Roles() Roles { return Roles{c} }

// Get reads a role.
func (r Roles) Get(ctx context.Context, id string, opts ...CallOption) (*Role, error) {
	return getTyped[Role](ctx, r.c.on("roles.get", Args{"id": id}, opts))
}

// List walks all roles, or those whose names Args{"name_filter": …} finds.
func (r Roles) List(ctx context.Context, opts ...CallOption) iter.Seq2[*Role, error] {
	return eachTyped[Role](ctx, r.c.on("roles.list", nil, opts))
}

// Create makes a role; Name must be set.
func (r Roles) Create(ctx context.Context, role *Role, opts ...CallOption) (*Role, error) {
	return createTyped(ctx, r.c.on("roles.create", nil, opts), role)
}

// Update changes a role; see [Origin] for what is sent.
func (r Roles) Update(ctx context.Context, id string, role *Role, opts ...CallOption) (*Role, error) {
	return updateTyped(ctx, r.c.on("roles.update", Args{"id": id}, opts), role)
}

// Delete deletes a role.
func (r Roles) Delete(ctx context.Context, id string, opts ...CallOption) error {
	return r.c.act(ctx, "roles.delete", Args{"id": id}, opts)
}

// Permissions walks the permissions of a role.
func (r Roles) Permissions(ctx context.Context, id string, opts ...CallOption) iter.Seq2[*Permission, error] {
	return eachTyped[Permission](ctx, r.c.on("roles.list_permissions", Args{"id": id}, opts))
}

// AddPermissions adds permissions to a role.
func (r Roles) AddPermissions(ctx context.Context, id string, permissions []Permission, opts ...CallOption) error {
	return r.c.act(ctx, "roles.add_permissions", Args{"id": id, "permissions": namesOf(permissions)}, opts)
}

// RemovePermissions takes permissions out of a role.
func (r Roles) RemovePermissions(ctx context.Context, id string, permissions []Permission, opts ...CallOption) error {
	return r.c.act(ctx, "roles.remove_permissions", Args{"id": id, "permissions": namesOf(permissions)}, opts)
}

// Users walks the users who have a role; the tenant gives user_id, name, email
// and picture of each.
func (r Roles) Users(ctx context.Context, id string, opts ...CallOption) iter.Seq2[*User, error] {
	return eachTyped[User](ctx, r.c.on("roles.list_users", Args{"id": id}, opts))
}

// AddUsers gives a role to users.
func (r Roles) AddUsers(ctx context.Context, id string, users []string, opts ...CallOption) error {
	return r.c.act(ctx, "roles.add_users", Args{"id": id, "users": users}, opts)
}
