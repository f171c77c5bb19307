package catalog

// supplementalSignalsTable are the operations of this file, sorted by ID.
var supplementalSignalsTable = []Operation{ //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to
	{
		ID:        "supplemental_signals.get",
		API:       Management,
		Verb:      "GET",
		Path:      "/supplemental-signals",
		Summary:   "Reads how the tenant takes signals from Akamai.",
		Auth:      ManagementToken,
		Answer:    JSONAnswer,
		Status:    200,
		Scopes:    []string{"read:attack_protection"},
		Effect:    Read,
		Subject:   Subject{Kind: "supplemental_signals"},
		Buckets:   []string{"management", "management.other"},
		Lifecycle: "early_access",
		Doc:       "management/v2/supplemental-signals/get-supplemental-signals",
	},
	{
		ID:      "supplemental_signals.patch",
		API:     Management,
		Verb:    "PATCH",
		Path:    "/supplemental-signals",
		Summary: "Changes how the tenant takes signals from Akamai.",
		Args: []Arg{
			{Name: "body", In: InBody, Type: Object, Required: true},
		},
		Body:         JSONBody,
		BodyRequired: true,
		Auth:         ManagementToken,
		Answer:       JSONAnswer,
		Status:       200,
		Scopes:       []string{"update:attack_protection"},
		Effect:       Patch,
		Subject:      Subject{Kind: "supplemental_signals"},
		// source: the API document: what supplemental_signals.patch takes stands in the answer of supplemental_signals.get
		Inverse:   Inverse{With: "supplemental_signals.patch", Before: "supplemental_signals.get", Body: SentFields},
		Buckets:   []string{"management", "management.other"},
		Lifecycle: "early_access",
		Doc:       "management/v2/supplemental-signals/patch-supplemental-signals",
	},
}
