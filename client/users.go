package client

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"time"
)

// A User is an account at the tenant. Extra holds what is not named here: fields
// that an identity provider added, and fields that the API learned since.
//
// Password, Connection, ClientID, VerifyEmail and VerifyPhoneNumber are only
// ever sent.
type User struct {
	Origin
	UserID            string      `json:"user_id,omitzero"`
	Email             Opt[string] `json:"email,omitzero"`
	EmailVerified     Opt[bool]   `json:"email_verified,omitzero"`
	Username          Opt[string] `json:"username,omitzero"`
	PhoneNumber       Opt[string] `json:"phone_number,omitzero"`
	PhoneVerified     Opt[bool]   `json:"phone_verified,omitzero"`
	Name              Opt[string] `json:"name,omitzero"`
	Nickname          Opt[string] `json:"nickname,omitzero"`
	GivenName         Opt[string] `json:"given_name,omitzero"`
	FamilyName        Opt[string] `json:"family_name,omitzero"`
	Picture           Opt[string] `json:"picture,omitzero"`
	Blocked           Opt[bool]   `json:"blocked,omitzero"`
	UserMetadata      Object      `json:"user_metadata,omitzero"`
	AppMetadata       Object      `json:"app_metadata,omitzero"`
	Identities        []Identity  `json:"identities,omitzero"`
	CreatedAt         time.Time   `json:"created_at,omitzero"`
	UpdatedAt         time.Time   `json:"updated_at,omitzero"`
	LastLogin         time.Time   `json:"last_login,omitzero"`
	LastIP            Opt[string] `json:"last_ip,omitzero"`
	LoginsCount       Opt[int64]  `json:"logins_count,omitzero"`
	LastPasswordReset time.Time   `json:"last_password_reset,omitzero"`
	Connection        string      `json:"connection,omitzero"` // the name of one
	Password          Secret      `json:"password,omitzero"`
	ClientID          string      `json:"client_id,omitzero"`
	VerifyEmail       Opt[bool]   `json:"verify_email,omitzero"`
	VerifyPhoneNumber Opt[bool]   `json:"verify_phone_number,omitzero"`
	Extra             Object      `json:"-"`
}

// An Identity is one account of a user at a connection.
type Identity struct {
	Connection  string `json:"connection,omitempty"`
	UserID      string `json:"user_id,omitempty"`
	Provider    string `json:"provider,omitempty"`
	IsSocial    bool   `json:"isSocial"`
	ProfileData Object `json:"profileData,omitempty"`
}

// UnmarshalJSON reads an identity; a user id that is a number is its text.
func (i *Identity) UnmarshalJSON(text []byte) error {
	var all claimSet
	if err := all.read(text); err != nil {
		return err
	}
	*i = Identity{UserID: textOf(text, "user_id")}
	i.Connection, _ = stringOf(all.get("connection"))
	i.Provider, _ = stringOf(all.get("provider"))
	i.IsSocial = string(all.get("isSocial")) == "true"
	if data := all.get("profileData"); data != nil {
		i.ProfileData.read(data)
	}
	return nil
}

// identities is the list of a user's.
type identities []Identity

func (l *identities) read(raw json.RawMessage) bool {
	items, ok := elements(raw)
	if !ok {
		return raw[0] == 'n'
	}
	out := make(identities, len(items))
	for n, item := range items {
		if out[n].UnmarshalJSON(item) != nil {
			return false
		}
	}
	*l = out
	return true
}

func (l *identities) write(b []byte, shown bool) ([]byte, bool) {
	if *l == nil {
		return b, false
	}
	b = append(b, '[')
	for n := range *l {
		i := &(*l)[n]
		if n > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"connection":`...), i.Connection)
		b = appendString(append(b, `,"user_id":`...), i.UserID)
		b = appendString(append(b, `,"provider":`...), i.Provider)
		b = strconv.AppendBool(append(b, `,"isSocial":`...), i.IsSocial)
		if i.ProfileData != nil {
			b = appendMap(append(b, `,"profileData":`...), i.ProfileData, shown)
		}
		b = append(b, '}')
	}
	return append(b, ']'), true
}

func (u *User) known() []member {
	return []member{
		{"user_id", (*text)(&u.UserID)},
		{"email", &u.Email},
		{"email_verified", &u.EmailVerified},
		{"username", &u.Username},
		{"phone_number", &u.PhoneNumber},
		{"phone_verified", &u.PhoneVerified},
		{"name", &u.Name},
		{"nickname", &u.Nickname},
		{"given_name", &u.GivenName},
		{"family_name", &u.FamilyName},
		{"picture", &u.Picture},
		{"blocked", &u.Blocked},
		{"user_metadata", &u.UserMetadata},
		{"app_metadata", &u.AppMetadata},
		{"identities", (*identities)(&u.Identities)},
		{"created_at", (*moment)(&u.CreatedAt)},
		{"updated_at", (*moment)(&u.UpdatedAt)},
		{"last_login", (*moment)(&u.LastLogin)},
		{"last_ip", &u.LastIP},
		{"logins_count", &u.LoginsCount},
		{"last_password_reset", (*moment)(&u.LastPasswordReset)},
		{"connection", (*text)(&u.Connection)},
		{"password", (*hush)(&u.Password)},
		{"client_id", (*text)(&u.ClientID)},
		{"verify_email", &u.VerifyEmail},
		{"verify_phone_number", &u.VerifyPhoneNumber},
	}
}

func (u *User) others() *Object { return &u.Extra }

func (u *User) filledIn() []string {
	return []string{
		"user_id", "identities", "created_at", "updated_at", "last_login", "last_ip", "logins_count",
		"last_password_reset", "multifactor", "multifactor_last_modified", "guardian_authenticators",
	}
}

// MarshalJSON writes what is set, without the password.
func (u User) MarshalJSON() ([]byte, error) { return writeTyped(&u) }

// UnmarshalJSON reads a user as the tenant writes it.
func (u *User) UnmarshalJSON(b []byte) error { return readTyped(u, bytes.Clone(b)) }

// Users are the calls about users.
type Users struct{ c *Client }

// Users gives the calls about users.
func (c *Client) Users() Users { return Users{c} }

// Get reads a user by the whole id ("auth0|63d17c4a8869daf88ed7db97").
func (u Users) Get(ctx context.Context, id string, opts ...CallOption) (*User, error) {
	return getTyped[User](ctx, u.c.on("users.get", Args{"id": id}, opts))
}

// List walks all users, or those that Args{"q": …} finds, also beyond the 1,000
// that one search reaches.
func (u Users) List(ctx context.Context, opts ...CallOption) iter.Seq2[*User, error] {
	return eachTyped[User](ctx, u.c.on("users.list", nil, opts))
}

// ByEmail gives the users of an address, which can be none and, with several
// connections, more than one. Unlike a search it sees a change at once. It minds the
// case: databases keep addresses in lower case.
func (u Users) ByEmail(ctx context.Context, email string, opts ...CallOption) ([]*User, error) {
	return collect(eachTyped[User](ctx, u.c.on("users_by_email.search_users_by_email", Args{"email": email}, opts)))
}

// Create makes a user; Connection must be set.
func (u Users) Create(ctx context.Context, user *User, opts ...CallOption) (*User, error) {
	return createTyped(ctx, u.c.on("users.create", nil, opts), user)
}

// Update changes a user and gives what stands there then: see [Origin] for what
// is sent. Metadata are merged by the tenant one level deep; a member that was
// deleted from the Object of a user that was read is removed there, too.
func (u Users) Update(ctx context.Context, id string, user *User, opts ...CallOption) (*User, error) {
	return updateTyped(ctx, u.c.on("users.update", Args{"id": id}, opts), user)
}

// Delete deletes a user; one that is not there is no error.
func (u Users) Delete(ctx context.Context, id string, opts ...CallOption) error {
	return u.c.act(ctx, "users.delete", Args{"id": id}, opts)
}

// Unblock lifts the blocks that brute-force protection put on a user. A user who
// was blocked by hand has Blocked true: Update changes that.
func (u Users) Unblock(ctx context.Context, id string, opts ...CallOption) error {
	return u.c.act(ctx, "user_blocks.unblock", Args{"id": id}, opts)
}

// Roles walks the roles of a user.
func (u Users) Roles(ctx context.Context, id string, opts ...CallOption) iter.Seq2[*Role, error] {
	return eachTyped[Role](ctx, u.c.on("users.list_roles", Args{"id": id}, opts))
}

// AddRoles gives roles, by their ids, to a user.
func (u Users) AddRoles(ctx context.Context, id string, roles []string, opts ...CallOption) error {
	return u.c.act(ctx, "users.add_roles", Args{"id": id, "roles": roles}, opts)
}

// RemoveRoles takes roles, by their ids, from a user.
func (u Users) RemoveRoles(ctx context.Context, id string, roles []string, opts ...CallOption) error {
	return u.c.act(ctx, "users.remove_roles", Args{"id": id, "roles": roles}, opts)
}

// Permissions walks the permissions that a user has directly, not by a role.
func (u Users) Permissions(ctx context.Context, id string, opts ...CallOption) iter.Seq2[*Permission, error] {
	return eachTyped[Permission](ctx, u.c.on("users.list_permissions", Args{"id": id}, opts))
}

// AddPermissions gives permissions to a user.
func (u Users) AddPermissions(ctx context.Context, id string, permissions []Permission, opts ...CallOption) error {
	return u.c.act(ctx, "users.add_permissions", Args{"id": id, "permissions": namesOf(permissions)}, opts)
}

// RemovePermissions takes permissions from a user.
func (u Users) RemovePermissions(ctx context.Context, id string, permissions []Permission, opts ...CallOption) error {
	return u.c.act(ctx, "users.remove_permissions", Args{"id": id, "permissions": namesOf(permissions)}, opts)
}

// Organizations walks the organizations of a user.
func (u Users) Organizations(ctx context.Context, id string, opts ...CallOption) iter.Seq2[*Organization, error] {
	return eachTyped[Organization](ctx, u.c.on("users.list_organizations", Args{"id": id}, opts))
}

// collect reads a listing to its end; an empty one is an empty slice.
func collect[T any](seq iter.Seq2[*T, error]) ([]*T, error) {
	all := []*T{}
	for item, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}
