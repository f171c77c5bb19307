package engine

// A Bulk is what an action writes beside its own object and carries in a file:
// the users of an import. Guards count them, and a plan says how many they are.
type Bulk struct {
	// Kind is theirs ("users"), Count how many there are.
	Kind  string
	Count int
	// Changes says that objects which are there already are changed; else all of
	// them are new.
	Changes bool
}

// Tolerate notes items that failed and whose errors stand in a result, as
// on_error = "continue" does: the run goes on and ends with exit code 4.
func (t *Task) Tolerate(failed []ItemError) { t.run.itemsFailed(failed) }

// FailedItems is the error of items of which at least one has failed.
func FailedItems(where Position, failed []ItemError) *Error { return parallelError(where, failed) }
