package catalog

// ticketsTable are the operations of this file, sorted by ID.
var ticketsTable = []Operation{ //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to
	{
		ID:      "tickets.create_email_verification",
		Aliases: []string{"tickets.verify_email"},
		API:     Management,
		Verb:    "POST",
		Path:    "/tickets/email-verification",
		Summary: "Makes a link by which a user verifies an e-mail address; nothing is mailed.",
		Args: []Arg{
			{Name: "body", In: InBody, Type: Object, Required: true},
			{Name: "auth0_custom_domain", Wire: "auth0-custom-domain", In: InHeader, Type: String, Summary: "the custom domain that links and mails name"},
		},
		Body:         JSONBody,
		BodyRequired: true,
		Auth:         ManagementToken,
		Answer:       JSONAnswer,
		Status:       201,
		Scopes:       []string{"create:user_tickets"},
		Effect:       Act,
		Subject:      Subject{Kind: "tickets", Also: []Touched{{Kind: "users", From: "args.body.user_id"}}},
		// source: the API document: no operation takes it back
		Inverse:       Inverse{None: "the link has been given out; it runs out by itself"},
		Buckets:       []string{"management", "management.other"},
		SecretAnswers: []string{"ticket"},
		Doc:           "management/v2",
	},
	{
		ID:      "tickets.create_pswd_change",
		Aliases: []string{"tickets.change_password"},
		API:     Management,
		Verb:    "POST",
		Path:    "/tickets/password-change",
		Summary: "Makes a link by which a user sets a new password; nothing is mailed.",
		Args: []Arg{
			{Name: "body", In: InBody, Type: Object, Required: true},
			{Name: "auth0_custom_domain", Wire: "auth0-custom-domain", In: InHeader, Type: String, Summary: "the custom domain that links and mails name"},
		},
		Body:         JSONBody,
		BodyRequired: true,
		Auth:         ManagementToken,
		Answer:       JSONAnswer,
		Status:       201,
		Scopes:       []string{"create:user_tickets"},
		Effect:       Act,
		Subject:      Subject{Kind: "tickets", Also: []Touched{{Kind: "users", From: "args.body.user_id"}}},
		// source: the API document: no operation takes it back
		Inverse:       Inverse{None: "the link has been given out; it runs out by itself"},
		Buckets:       []string{"management", "management.other"},
		SecretAnswers: []string{"ticket"},
		Doc:           "management/v2",
	},
}
