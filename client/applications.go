package client

import (
	"bytes"
	"context"
	"iter"
)

// An Application is what Auth0's API calls a client. Extra holds its many further
// settings by the API's names.
type Application struct {
	Origin
	ClientID                string      `json:"client_id,omitzero"`
	ClientSecret            Secret      `json:"client_secret,omitzero"`
	Name                    string      `json:"name,omitzero"`
	Description             Opt[string] `json:"description,omitzero"`
	AppType                 Opt[string] `json:"app_type,omitzero"` // "spa", "regular_web", "native", "non_interactive" …
	LogoURI                 Opt[string] `json:"logo_uri,omitzero"`
	IsFirstParty            Opt[bool]   `json:"is_first_party,omitzero"`
	OIDCConformant          Opt[bool]   `json:"oidc_conformant,omitzero"`
	Callbacks               []string    `json:"callbacks,omitzero"`
	AllowedOrigins          []string    `json:"allowed_origins,omitzero"`
	WebOrigins              []string    `json:"web_origins,omitzero"`
	AllowedLogoutURLs       []string    `json:"allowed_logout_urls,omitzero"`
	ClientAliases           []string    `json:"client_aliases,omitzero"`
	GrantTypes              []string    `json:"grant_types,omitzero"`
	TokenEndpointAuthMethod Opt[string] `json:"token_endpoint_auth_method,omitzero"`
	JWTConfiguration        Object      `json:"jwt_configuration,omitzero"`
	RefreshToken            Object      `json:"refresh_token,omitzero"`
	Metadata                Object      `json:"client_metadata,omitzero"`
	InitiateLoginURI        Opt[string] `json:"initiate_login_uri,omitzero"`
	OrganizationUsage       Opt[string] `json:"organization_usage,omitzero"` // "deny", "allow", "require"
	SSODisabled             Opt[bool]   `json:"sso_disabled,omitzero"`
	CrossOriginAuth         Opt[bool]   `json:"cross_origin_authentication,omitzero"`
	CustomLoginPageOn       Opt[bool]   `json:"custom_login_page_on,omitzero"`
	Extra                   Object      `json:"-"`
}

func (a *Application) known() []member {
	return []member{
		{"client_id", (*text)(&a.ClientID)},
		{"client_secret", (*hush)(&a.ClientSecret)},
		{"name", (*text)(&a.Name)},
		{"description", &a.Description},
		{"app_type", &a.AppType},
		{"logo_uri", &a.LogoURI},
		{"is_first_party", &a.IsFirstParty},
		{"oidc_conformant", &a.OIDCConformant},
		{"callbacks", (*list[string])(&a.Callbacks)},
		{"allowed_origins", (*list[string])(&a.AllowedOrigins)},
		{"web_origins", (*list[string])(&a.WebOrigins)},
		{"allowed_logout_urls", (*list[string])(&a.AllowedLogoutURLs)},
		{"client_aliases", (*list[string])(&a.ClientAliases)},
		{"grant_types", (*list[string])(&a.GrantTypes)},
		{"token_endpoint_auth_method", &a.TokenEndpointAuthMethod},
		{"jwt_configuration", &a.JWTConfiguration},
		{"refresh_token", &a.RefreshToken},
		{"client_metadata", &a.Metadata},
		{"initiate_login_uri", &a.InitiateLoginURI},
		{"organization_usage", &a.OrganizationUsage},
		{"sso_disabled", &a.SSODisabled},
		{"cross_origin_authentication", &a.CrossOriginAuth},
		{"custom_login_page_on", &a.CustomLoginPageOn},
	}
}

func (a *Application) others() *Object { return &a.Extra }

func (a *Application) filledIn() []string {
	return []string{
		"client_id", "client_secret", "tenant", "global", "signing_keys", "callback_url_template",
		"owners", "external_client_id", "jwks_uri", "external_metadata_type", "external_metadata_created_by",
	}
}

// MarshalJSON writes what is set, without the secret.
func (a Application) MarshalJSON() ([]byte, error) { return writeTyped(&a) }

// UnmarshalJSON reads an application as the tenant writes it.
func (a *Application) UnmarshalJSON(b []byte) error { return readTyped(a, bytes.Clone(b)) }

// Clients are the calls about applications.
type Clients struct{ c *Client }

// Clients gives the calls about applications.
func (c *Client) Clients() Clients { return Clients{c} }

// Get reads an application by its client id.
func (s Clients) Get(ctx context.Context, id string, opts ...CallOption) (*Application, error) {
	return getTyped[Application](ctx, s.c.on("clients.get", Args{"id": id}, opts))
}

// List walks all applications, or those of Args{"app_type": …} and the like.
func (s Clients) List(ctx context.Context, opts ...CallOption) iter.Seq2[*Application, error] {
	return eachTyped[Application](ctx, s.c.on("clients.all", nil, opts))
}

// Create makes an application; Name must be set. What comes back has its id and
// its secret.
func (s Clients) Create(ctx context.Context, app *Application, opts ...CallOption) (*Application, error) {
	return createTyped(ctx, s.c.on("clients.create", nil, opts), app)
}

// Update changes an application; see [Origin] for what is sent.
func (s Clients) Update(ctx context.Context, id string, app *Application, opts ...CallOption) (*Application, error) {
	return updateTyped(ctx, s.c.on("clients.update", Args{"id": id}, opts), app)
}

// Delete deletes an application.
func (s Clients) Delete(ctx context.Context, id string, opts ...CallOption) error {
	return s.c.act(ctx, "clients.delete", Args{"id": id}, opts)
}

// RotateSecret gives an application a new secret, which comes back; the old one
// is good no more. It is never sent twice: an error whose InDoubt is true means
// that the secret may be a new one that nobody knows, and then it is rotated
// again.
func (s Clients) RotateSecret(ctx context.Context, id string, opts ...CallOption) (*Application, error) {
	return getTyped[Application](ctx, s.c.on("clients.rotate_secret", Args{"id": id}, opts))
}
