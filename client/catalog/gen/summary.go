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
