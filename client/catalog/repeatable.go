package catalog

// RepeatableWith is the boolean argument that makes sending the operation twice
// harmless; "" where there is none. An import that changes the users which it
// finds leaves the same users when it is done again.
func (op *Operation) RepeatableWith() string {
	if op.ID == "jobs.import_users" {
		return "upsert"
	}
	return ""
}
