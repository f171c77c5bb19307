package main

import (
	"strings"
)

// summaryOf is a first sentence for an operation, made of its name; people
// replace it by a better one in the table.
func summaryOf(api *apiOp) string {
	parts := strings.Split(api.ID, ".")
	name := snake(parts[len(parts)-1])
	group := strings.ReplaceAll(strings.Join(mapSnake(parts[:len(parts)-1]), " "), "_", " ")
	verb, rest, _ := strings.Cut(name, "_")
	rest = strings.ReplaceAll(rest, "_", " ")
	starts := map[string]string{
		"list": "Lists", "get": "Reads", "create": "Creates", "update": "Changes", "delete": "Deletes", "set": "Replaces",
		"assign": "Assigns", "add": "Adds", "patch": "Changes", "rotate": "Rotates", "test": "Tests", "verify": "Verifies",
		"revoke": "Revokes", "deploy": "Deploys", "import": "Imports", "reset": "Resets", "link": "Links", "check": "Checks",
		"unblock": "Unblocks", "preview": "Previews", "register": "Registers", "validate": "Validates", "rekey": "Renews",
		"clear": "Clears", "regenerate": "Regenerates", "invalidate": "Invalidates", "subscribe": "Streams", "bulk": "Changes in bulk",
		"rollback": "Rolls back", "change": "Starts a change of",
	}
	start, ok := starts[verb]
	if !ok {
		start, rest = "Runs", name
	}
	what := strings.TrimSpace(rest)
	owner := ""
	if i := strings.Index(api.Path, "{"); i >= 0 && !strings.HasSuffix(api.Path, "}") {
		owner = " of one object"
	}
	if what == "" {
		return start + " the " + group + owner + "."
	}
	return start + " " + what + " of the " + group + owner + "."
}

func mapSnake(parts []string) []string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = snake(p)
	}
	return out
}

// argSummaries say what the parameters mean that many operations share.
func argSummaries() map[string]string {
	return map[string]string{
		"page":                "the page, counted from 0",
		"per_page":            "how many a page",
		"include_totals":      "wrap the list with its totals",
		"from":                "where to go on: the last answer's next",
		"take":                "how many at once",
		"fields":              "the fields wanted, or not wanted",
		"include_fields":      "false leaves fields out instead",
		"sort":                "field:1 or field:-1",
		"auth0-custom-domain": "the custom domain that links and mails name",
		"search_engine":       "v3",
		"primary_order":       "false lets the order differ from the primary one, and is faster",
		"hydrate":             "what to count or include",
		"q":                   "a query in Lucene syntax",
		"connection":          "the name of the connection",
		"strategy":            "only these strategies",
		"name_filter":         "a part of the name",
		"identifier":          "a user name, phone number or e-mail address",
		"force":               "also where it is still bound to a trigger",

		"resource_server_identifier":      "the identifier of the API",
		"consider_brute_force_enablement": "name only blocks that are in force",
	}
}

// argSummary is the meaning of one parameter in this operation.
func (b *builder) argSummary(name string) string {
	special := map[string]string{
		"stats.getDaily from":               "the first day, as YYYYMMDD",
		"stats.getDaily to":                 "the last day, as YYYYMMDD",
		"logs.list from":                    "the id of the log event to go on behind",
		"logs.list search":                  "criteria that go with all other parameters",
		"events.subscribe from":             "the event to go on behind",
		"eventStreams.deliveries.list from": "the id of the delivery to go on behind",
	}
	if text, ok := special[b.api.ID+" "+name]; ok {
		return text
	}
	return argSummaries()[name]
}

// fieldSummaries say what the fields mean that the Python SDK takes one by one.
func fieldSummaries() map[string]string {
	return map[string]string{
		"roles":                 "ids of roles",
		"users":                 "ids of users",
		"permissions":           "each with permission_name and resource_server_identifier",
		"grant_id":              "the id of the client grant",
		"connection_id":         "the id of the database connection",
		"upsert":                "change users that exist already",
		"send_completion_email": "mail the tenant's administrators at the end",
		"external_id":           "a name of your own for the job",
		"jti":                   "the id of the token",
		"aud":                   "the application that the token was made for",
	}
}
