package catalog

// anomalyTable are the operations of this file, sorted by ID.
var anomalyTable = []Operation{ //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to
	{
		ID:      "anomaly.blocks.check_ip",
		API:     Management,
		Verb:    "GET",
		Path:    "/anomaly/blocks/ips/{id}",
		Summary: "Checks ip of the anomaly blocks.",
		Args: []Arg{
			{Name: "id", In: InPath, Type: String, Required: true},
		},
		Auth:          ManagementToken,
		Answer:        EmptyAnswer,
		Status:        200,
		Scopes:        []string{"read:anomaly_blocks"},
		Effect:        Read,
		Subject:       Subject{Kind: "anomaly.blocks", ID: "id", Field: "id"},
		Buckets:       []string{"management", "management.other"},
		SecretAnswers: []string{},
		Doc:           "management/v2/anomaly",
	},
	{
		ID:      "anomaly.blocks.unblock_ip",
		API:     Management,
		Verb:    "DELETE",
		Path:    "/anomaly/blocks/ips/{id}",
		Summary: "Unblocks ip of the anomaly blocks.",
		Args: []Arg{
			{Name: "id", In: InPath, Type: String, Required: true},
		},
		Auth:          ManagementToken,
		Answer:        EmptyAnswer,
		Status:        204,
		Scopes:        []string{"delete:anomaly_blocks"},
		Effect:        Delete,
		Subject:       Subject{Kind: "anomaly.blocks", ID: "id", Field: "id"},
		TakesWithIt:   TakesWithIt{None: Unknown},
		Inverse:       Inverse{None: Unknown},
		Buckets:       []string{"management", "management.other"},
		SecretAnswers: []string{},
		Doc:           "management/v2/anomaly",
	},
}
