package catalog

// blacklistsTable are the operations of this file, sorted by ID.
var blacklistsTable = []Operation{ //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to
	{
		ID:      "blacklists.create",
		API:     Management,
		Verb:    "POST",
		Path:    "/blacklists/tokens",
		Summary: "Puts the id of a token on the blacklist.",
		Args: []Arg{
			{Name: "jti", In: InField, Type: String, Required: true, Summary: "the id of the token"},
			{Name: "aud", In: InField, Type: String, Summary: "the application that the token was made for"},
		},
		Body:         JSONBody,
		BodyRequired: true,
		Auth:         ManagementToken,
		Answer:       EmptyAnswer,
		Status:       204,
		Scopes:       []string{"blacklist:tokens"},
		Effect:       Add,
		Subject:      Subject{Kind: "blacklists", Field: "jti"},
		// source: the API document: no operation takes it back
		Inverse: Inverse{None: "a token cannot be taken off the blacklist"},
		Buckets: []string{"management", "management.other"},
		Removed: "Auth0's API document no longer lists this operation; a tenant may refuse it.",
		Doc:     "management/v2",
	},
	{
		ID:      "blacklists.get",
		Aliases: []string{"blacklists.list"},
		API:     Management,
		Verb:    "GET",
		Path:    "/blacklists/tokens",
		Summary: "Lists the ids of the tokens on the blacklist.",
		Args: []Arg{
			{Name: "aud", In: InQuery, Type: String},
		},
		Auth:    ManagementToken,
		Answer:  JSONAnswer,
		Status:  200,
		Scopes:  []string{"blacklist:tokens"},
		Paging:  Paging{Style: Whole},
		Effect:  Read,
		Subject: Subject{Kind: "blacklists", Field: "jti"},
		Buckets: []string{"management", "management.other"},
		Removed: "Auth0's API document no longer lists this operation; a tenant may refuse it.",
		Doc:     "management/v2",
	},
}
