package catalog

// statsTable are the operations of this file, sorted by ID.
var statsTable = []Operation{ //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to
	{
		ID:            "stats.active_users",
		Aliases:       []string{"stats.get_active_users_count"},
		API:           Management,
		Verb:          "GET",
		Path:          "/stats/active-users",
		Summary:       "Reads active users count of the stats.",
		Auth:          ManagementToken,
		Answer:        JSONAnswer,
		Status:        200,
		Scopes:        []string{"read:stats"},
		Effect:        Read,
		Subject:       Subject{Kind: "stats", Field: "id"},
		Buckets:       []string{"management", "management.other"},
		SecretAnswers: []string{},
		Doc:           "management/v2/stats",
	},
	{
		ID:      "stats.daily_stats",
		Aliases: []string{"stats.get_daily"},
		API:     Management,
		Verb:    "GET",
		Path:    "/stats/daily",
		Summary: "Reads daily of the stats.",
		Args: []Arg{
			{Name: "from", Python: "from_date", In: InQuery, Type: String},
			{Name: "to", Python: "to_date", In: InQuery, Type: String},
		},
		Auth:          ManagementToken,
		Answer:        JSONAnswer,
		Status:        200,
		Scopes:        []string{"read:stats"},
		Paging:        Paging{Style: Whole},
		Effect:        Read,
		Subject:       Subject{Kind: "stats", Field: "id"},
		Buckets:       []string{"management", "management.other"},
		SecretAnswers: []string{},
		Doc:           "management/v2/stats",
	},
}
