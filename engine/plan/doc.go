// Package plan lets a playbook run to its end without changing anything, keeps
// what it would have changed as a document, and lets a later run change exactly
// that.
//
// # Planning
//
// A Planner is one stage of a run (Planner.Stage). Reads go to the tenant, and
// their answers are corrected by what the plan has changed so far; mutating
// calls are not sent: they are recorded, and answered as the tenant would
// answer. So a playbook sees its own writes: a created object has a placeholder
// id (IsPlaceholder) under which it can be read, listed, searched, patched and
// deleted; a deleted one is gone, with what goes with it; a name that is taken
// is refused with 409. What the plan cannot know (what an action does, a filter
// it cannot evaluate, a fetched token) is marked with its place in the playbook.
//
// Time passes as it would: time.sleep takes none, and time.now is later
// afterwards.
//
// # Applying
//
// An Apply holds a saved Plan against the tenant. First the playbook is planned
// again, with the recorded time, randomness and environment (Options.Inputs),
// and the two plans are compared (Compare): whatever differs is a reason to
// write nothing. Then it runs for real under two stages: Apply.Inputs answers
// what the plan recorded, and Apply.Gate lets a mutating call through only if
// the plan holds it and what stands there is what the plan saw.
//
// A plan made before anything stands there, and applied by a run whose calls
// have other ids, still fits: call keys refer to what a run's own calls have
// made (see engine), so that a placeholder and the real id give the same key.
package plan
