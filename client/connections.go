package client

import (
	"bytes"
	"context"
	"iter"
)

// A Connection is a source of users. Its Options depend on the strategy;
// an Update replaces them as a whole, so change those of a connection that was
// read.
type Connection struct {
	Origin
	ID                 string      `json:"id,omitzero"`
	Name               string      `json:"name,omitzero"`
	Strategy           string      `json:"strategy,omitzero"`
	DisplayName        Opt[string] `json:"display_name,omitzero"`
	Options            Object      `json:"options,omitzero"`
	Realms             []string    `json:"realms,omitzero"`
	Metadata           Object      `json:"metadata,omitzero"`
	IsDomainConnection Opt[bool]   `json:"is_domain_connection,omitzero"`
	ShowAsButton       Opt[bool]   `json:"show_as_button,omitzero"`
	// EnabledClients is deprecated by Auth0: use Clients and EnableClients.
	EnabledClients []string `json:"enabled_clients,omitzero"`
	Extra          Object   `json:"-"`
}

func (c *Connection) known() []member {
	return []member{
		{"id", (*text)(&c.ID)},
		{"name", (*text)(&c.Name)},
		{"strategy", (*text)(&c.Strategy)},
		{"display_name", &c.DisplayName},
		{"options", &c.Options},
		{"realms", (*list[string])(&c.Realms)},
		{"metadata", &c.Metadata},
		{"is_domain_connection", &c.IsDomainConnection},
		{"show_as_button", &c.ShowAsButton},
		{"enabled_clients", (*list[string])(&c.EnabledClients)},
	}
}

func (c *Connection) others() *Object { return &c.Extra }

func (c *Connection) filledIn() []string {
	return []string{"id", "enabled_clients", "provisioning_ticket_url"} // the clients are of the other tenant
}

// MarshalJSON writes what is set.
func (c Connection) MarshalJSON() ([]byte, error) { return writeTyped(&c) }

// UnmarshalJSON reads a connection as the tenant writes it.
func (c *Connection) UnmarshalJSON(b []byte) error { return readTyped(c, bytes.Clone(b)) }

// Connections are the calls about connections.
type Connections struct{ c *Client }

// Connections gives the calls about connections.
func (c *Client) Connections() Connections { return Connections{c} }

// Get reads a connection.
func (s Connections) Get(ctx context.Context, id string, opts ...CallOption) (*Connection, error) {
	return getTyped[Connection](ctx, s.c.on("connections.get", Args{"id": id}, opts))
}

// List walks all connections, or those of Args{"strategy": …} or {"name": …}.
func (s Connections) List(ctx context.Context, opts ...CallOption) iter.Seq2[*Connection, error] {
	return eachTyped[Connection](ctx, s.c.on("connections.all", nil, opts))
}

// Create makes a connection; Name and Strategy must be set.
func (s Connections) Create(ctx context.Context, connection *Connection, opts ...CallOption) (*Connection, error) {
	return createTyped(ctx, s.c.on("connections.create", nil, opts), connection)
}

// Update changes a connection; see [Origin] for what is sent.
func (s Connections) Update(ctx context.Context, id string, connection *Connection, opts ...CallOption) (*Connection, error) {
	return updateTyped(ctx, s.c.on("connections.update", Args{"id": id}, opts), connection)
}

// Delete deletes a connection with all its users.
func (s Connections) Delete(ctx context.Context, id string, opts ...CallOption) error {
	return s.c.act(ctx, "connections.delete", Args{"id": id}, opts)
}

// Clients walks the ids of the applications that may use a connection.
func (s Connections) Clients(ctx context.Context, id string, opts ...CallOption) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for app, err := range eachTyped[Application](ctx, s.c.on("connections.clients.get", Args{"id": id}, opts)) {
			if err != nil {
				yield("", err)
				return
			}
			if !yield(app.ClientID, nil) {
				return
			}
		}
	}
}

// EnableClients lets applications use a connection, DisableClients no more.
// Others stay as they are.
func (s Connections) EnableClients(ctx context.Context, id string, clients []string, opts ...CallOption) error {
	return s.switchClients(ctx, id, clients, true, opts)
}

// DisableClients takes a connection from applications.
func (s Connections) DisableClients(ctx context.Context, id string, clients []string, opts ...CallOption) error {
	return s.switchClients(ctx, id, clients, false, opts)
}

func (s Connections) switchClients(ctx context.Context, id string, clients []string, on bool, opts []CallOption) error { //nolint:revive // the two callers have names
	body := make([]map[string]any, len(clients))
	for i, client := range clients {
		body[i] = map[string]any{"client_id": client, "status": on}
	}
	return s.c.act(ctx, "connections.clients.update", Args{"id": id, "body": body}, opts)
}
