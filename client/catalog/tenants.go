package catalog

// tenantsTable are the operations of this file, sorted by ID.
var tenantsTable = []Operation{ //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to
	{
		ID:      "tenants.get",
		Aliases: []string{"tenants.settings.get"},
		API:     Management,
		Verb:    "GET",
		Path:    "/tenants/settings",
		Summary: "Reads the tenant's settings.",
		Args: []Arg{
			{Name: "fields", In: InQuery, Type: Strings, Summary: "the fields wanted, or not wanted"},
			{Name: "include_fields", In: InQuery, Type: Boolean, Summary: "false leaves fields out instead"},
		},
		Auth:    ManagementToken,
		Answer:  JSONAnswer,
		Status:  200,
		Scopes:  []string{"read:tenant_settings"},
		Effect:  Read,
		Subject: Subject{Kind: "tenants.settings"},
		Buckets: []string{"management", "management.other"},
		Doc:     "management/v2",
	},
	{
		ID:      "tenants.update",
		Aliases: []string{"tenants.settings.update"},
		API:     Management,
		Verb:    "PATCH",
		Path:    "/tenants/settings",
		Summary: "Changes the tenant's settings.",
		Args: []Arg{
			{Name: "body", In: InBody, Type: Object, Required: true},
		},
		Body:         JSONBody,
		BodyRequired: true,
		Auth:         ManagementToken,
		Answer:       JSONAnswer,
		Status:       200,
		Scopes:       []string{"update:tenant_settings"},
		Effect:       Patch,
		Subject:      Subject{Kind: "tenants.settings"},
		// source: the API document: GET has all fields but the lifetimes in minutes; flags are set one by one: behaviour of the API, not documented
		Inverse: Inverse{
			With:       "tenants.update",
			Before:     "tenants.get",
			Body:       SentFields,
			Unwritable: []string{"ephemeral_session_lifetime_in_minutes", "idle_ephemeral_session_lifetime_in_minutes", "idle_session_lifetime_in_minutes", "session_lifetime_in_minutes"},
			Deep:       []string{"flags"},
			Note:       "lifetimes given in minutes are not shown in minutes",
		},
		Buckets: []string{"management", "management.other"},
		Doc:     "management/v2",
	},
}
