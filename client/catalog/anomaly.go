package catalog

// anomalyTable are the operations of this file, sorted by ID.
var anomalyTable = []Operation{ //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to
	{
		ID:      "anomaly.blocks.check_ip",
		API:     Management,
		Verb:    "GET",
		Path:    "/anomaly/blocks/ips/{id}",
		Summary: "Tells whether an IP address is blocked for suspicious logins.",
		Args: []Arg{
			{Name: "id", In: InPath, Type: String, Required: true},
		},
		Auth:    ManagementToken,
		Answer:  EmptyAnswer,
		Status:  200,
		Scopes:  []string{"read:anomaly_blocks"},
		Effect:  Read,
		Subject: Subject{Kind: "anomaly.blocks", ID: "id"},
		Buckets: []string{"management", "management.other"},
		Doc:     "management/v2",
	},
	{
		ID:      "anomaly.blocks.unblock_ip",
		API:     Management,
		Verb:    "DELETE",
		Path:    "/anomaly/blocks/ips/{id}",
		Summary: "Lifts the block of an IP address.",
		Args: []Arg{
			{Name: "id", In: InPath, Type: String, Required: true},
		},
		Auth:    ManagementToken,
		Answer:  EmptyAnswer,
		Status:  204,
		Scopes:  []string{"delete:anomaly_blocks"},
		Effect:  Delete,
		Subject: Subject{Kind: "anomaly.blocks", ID: "id"},
		// source: the API document: nothing makes it anew; nothing hangs on it: behaviour of the API, not documented
		TakesWithIt: TakesWithIt{None: "nothing"},
		Inverse:     Inverse{None: "a block cannot be set by hand"},
		Buckets:     []string{"management", "management.other"},
		Doc:         "management/v2",
	},
}
