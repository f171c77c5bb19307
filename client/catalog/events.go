package catalog

// eventsTable are the operations of this file, sorted by ID.
var eventsTable = []Operation{ //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to
	{
		ID:      "events.subscribe",
		API:     Management,
		Verb:    "GET",
		Path:    "/events",
		Summary: "Streams the events.",
		Args: []Arg{
			{Name: "from", In: InQuery, Type: String},
			{Name: "from_timestamp", In: InQuery, Type: String},
			{Name: "event_type", In: InQuery, Type: Strings},
		},
		Auth:          ManagementToken,
		Answer:        TextAnswer,
		Status:        200,
		Scopes:        []string{"read:events"},
		Effect:        Read,
		Subject:       Subject{Kind: "events", Field: "id"},
		Buckets:       []string{"management", "management.other"},
		SecretAnswers: []string{},
		Doc:           "management/v2/events",
	},
}
