package catalog

// eventsTable are the operations of this file, sorted by ID.
var eventsTable = []Operation{ //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to
	{
		ID:      "events.subscribe",
		API:     Management,
		Verb:    "GET",
		Path:    "/events",
		Summary: "Streams the tenant's events as they happen.",
		Args: []Arg{
			{Name: "from", In: InQuery, Type: String, Summary: "the event to go on behind"},
			{Name: "from_timestamp", In: InQuery, Type: String},
			{Name: "event_type", In: InQuery, Type: Strings, Repeat: true},
		},
		Auth:    ManagementToken,
		Answer:  TextAnswer,
		Status:  200,
		Scopes:  []string{"read:events"},
		Effect:  Read,
		Subject: Subject{Kind: "events"},
		Buckets: []string{"management", "management.other"},
		Doc:     "management/v2/events/get-events",
	},
}
