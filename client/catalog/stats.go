package catalog

// statsTable are the operations of this file, sorted by ID.
var statsTable = []Operation{ //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to
	{
		ID:      "stats.active_users",
		Aliases: []string{"stats.get_active_users_count"},
		API:     Management,
		Verb:    "GET",
		Path:    "/stats/active-users",
		Summary: "Counts the users who logged in during the last 30 days.",
		Auth:    ManagementToken,
		Answer:  JSONAnswer,
		Status:  200,
		Scopes:  []string{"read:stats"},
		Effect:  Read,
		Subject: Subject{Kind: "stats"},
		Buckets: []string{"management", "management.other"},
		Doc:     "management/v2",
	},
	{
		ID:      "stats.daily_stats",
		Aliases: []string{"stats.get_daily"},
		API:     Management,
		Verb:    "GET",
		Path:    "/stats/daily",
		Summary: "Lists logins, sign-ups and leaked passwords by day.",
		Args: []Arg{
			{Name: "from", Python: "from_date", In: InQuery, Type: String, Summary: "the first day, as YYYYMMDD"},
			{Name: "to", Python: "to_date", In: InQuery, Type: String, Summary: "the last day, as YYYYMMDD"},
		},
		Auth:    ManagementToken,
		Answer:  JSONAnswer,
		Status:  200,
		Scopes:  []string{"read:stats"},
		Paging:  Paging{Style: Whole},
		Effect:  Read,
		Subject: Subject{Kind: "stats"},
		Buckets: []string{"management", "management.other"},
		Doc:     "management/v2",
	},
}
