package sim

import (
	"slices"
	"strings"
)

// The body of PATCH /users/{id} is open in the API's document; the API refuses
// what it does not know: what a GET returned cannot be sent back as it is.

// onlyKnown refuses a body with fields that the API does not take.
func onlyKnown(b object, known []string) *reply {
	var extra []string
	for _, k := range sortedKeys(b) {
		if !slices.Contains(known, k) {
			extra = append(extra, k)
		}
	}
	if extra != nil {
		rep := invalidBody("Additional properties not allowed: %s", strings.Join(extra, ","))
		return &rep
	}
	return nil
}

func userFields() []string {
	return []string{
		"connection", "email", "email_verified", "phone_number", "phone_verified", "username", "password", "verify_email",
		"user_metadata", "app_metadata", "blocked", "name", "given_name", "family_name", "nickname", "picture",
	}
}
