package search

import (
	"fmt"
	"testing"
)

// TestMembers: a query looks at the members that it names, and at those only.
func TestMembers(t *testing.T) {
	t.Parallel()
	for q, want := range map[string]string{
		"":                                   "[] true",
		"email:a@b.example":                  "[email] true",
		"email.domain:b.example AND name:x*": "[email name] true",
		"NOT app_metadata.plan:gold":         "[app_metadata app_metadata.plan] true",
		"created_at:[2024 TO *] AND (_exists_:phone_number OR identities.connection:x)": "[created_at identities identities.connection phone_number] true",
		"user_id:a AND NOT user_id:b* AND NOT user_id:c*":                               "[user_id] true",
		"ann":               "[] false",
		"name:x OR ann*":    "[name] false",
		"NOT (a:1 AND ann)": "[a] false",
	} {
		query, err := Parse(q)
		if err != nil {
			t.Fatal(err)
		}
		names, some := query.Members()
		if got := fmt.Sprint(names, some); got != want {
			t.Errorf("%s: got %s, want %s", q, got, want)
		}
	}
}
