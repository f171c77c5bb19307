package client

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"time"
)

// A Job is work that the tenant does on its own time.
type Job struct {
	Origin
	ID             string    `json:"id,omitzero"`
	Type           string    `json:"type,omitzero"`   // "users_import", "users_export", "verification_email"
	Status         string    `json:"status,omitzero"` // "pending", "processing", "completed", "failed"
	CreatedAt      time.Time `json:"created_at,omitzero"`
	ConnectionID   string    `json:"connection_id,omitzero"`
	ExternalID     string    `json:"external_id,omitzero"`
	Format         string    `json:"format,omitzero"`
	Location       string    `json:"location,omitzero"` // of an export's file, good for 60 s
	PercentageDone int64     `json:"percentage_done,omitzero"`
	Summary        Object    `json:"summary,omitzero"` // of an import: total, inserted, updated, failed
	Extra          Object    `json:"-"`
}

func (j *Job) known() []member {
	return []member{
		{"id", (*text)(&j.ID)},
		{"type", (*text)(&j.Type)},
		{"status", (*text)(&j.Status)},
		{"created_at", (*moment)(&j.CreatedAt)},
		{"connection_id", (*text)(&j.ConnectionID)},
		{"external_id", (*text)(&j.ExternalID)},
		{"format", (*text)(&j.Format)},
		{"location", (*text)(&j.Location)},
		{"percentage_done", (*count)(&j.PercentageDone)},
		{"summary", &j.Summary},
	}
}

func (j *Job) others() *Object { return &j.Extra }

// MarshalJSON writes what is set.
func (j Job) MarshalJSON() ([]byte, error) { return writeTyped(&j) }

// UnmarshalJSON reads a job as the tenant writes it.
func (j *Job) UnmarshalJSON(b []byte) error { return readTyped(j, bytes.Clone(b)) }

// Done reports whether the job has ended, in whatever way.
func (j *Job) Done() bool { return j.Status == "completed" || j.Status == "failed" }

// A JobError is what went wrong with one user of an import.
type JobError struct {
	Origin
	User   Object   `json:"user,omitzero"`
	Errors []Object `json:"errors,omitzero"` // each with code, message, path
	Extra  Object   `json:"-"`
}

func (j *JobError) known() []member {
	return []member{{"user", &j.User}, {"errors", (*list[Object])(&j.Errors)}}
}

func (j *JobError) others() *Object { return &j.Extra }

// MarshalJSON writes what is set.
func (j JobError) MarshalJSON() ([]byte, error) { return writeTyped(&j) }

// UnmarshalJSON reads an error of a job as the tenant writes it.
func (j *JobError) UnmarshalJSON(b []byte) error { return readTyped(j, bytes.Clone(b)) }

// A JobFailedError says that a job ended with the status "failed". Errors tells
// of an import's users.
type JobFailedError struct{ Job *Job }

func (e *JobFailedError) Error() string {
	return fmt.Sprintf("the job %s (%s) failed", e.Job.ID, e.Job.Type)
}

// Jobs are the calls about jobs.
type Jobs struct{ c *Client }

// Jobs gives the calls about jobs.
func (c *Client) Jobs() Jobs { return Jobs{c} }

// Get reads the state of a job.
func (s Jobs) Get(ctx context.Context, id string, opts ...CallOption) (*Job, error) {
	return getTyped[Job](ctx, s.c.on("jobs.get", Args{"id": id}, opts))
}

// ImportUsers starts one import of a file, a JSON array of at most 500 KB. Args
// are upsert, send_completion_email and external_id. Two imports run at a time.
func (s Jobs) ImportUsers(ctx context.Context, connectionID string, file FileArg, opts ...CallOption) (*Job, error) {
	return getTyped[Job](ctx, s.c.on("jobs.import_users", Args{"connection_id": connectionID, "users": file}, opts))
}

// ExportUsers starts an export: connection_id, format ("json", "csv"), fields and
// limit as the API has them, all optional.
func (s Jobs) ExportUsers(ctx context.Context, what Object, opts ...CallOption) (*Job, error) {
	if what == nil {
		what = Object{}
	}
	return getTyped[Job](ctx, s.c.on("jobs.export_users", Args{"body": what}, opts))
}

// SendVerificationEmail sends a user the mail with which an address is verified.
func (s Jobs) SendVerificationEmail(ctx context.Context, userID string, opts ...CallOption) (*Job, error) {
	return getTyped[Job](ctx, s.c.on("jobs.send_verification_email", Args{"body": Object{"user_id": userID}}, opts))
}

// Wait asks for a job until it has ended, first after a second, later every ten.
// How long is the context's matter. A job that failed comes back with a
// *JobFailedError.
func (s Jobs) Wait(ctx context.Context, id string, opts ...CallOption) (*Job, error) {
	for wait := time.Second; ; wait = min(2*wait, 10*time.Second) {
		job, err := s.Get(ctx, id, opts...)
		switch {
		case err != nil:
			return nil, err
		case job.Status == "failed":
			return job, &JobFailedError{job}
		case job.Done():
			return job, nil
		}
		if err := sleep(ctx, wait); err != nil {
			return job, fmt.Errorf("the job %s is still %s: %w", id, job.Status, err)
		}
	}
}

// Errors walks what went wrong with the users of an import.
func (s Jobs) Errors(ctx context.Context, id string, opts ...CallOption) iter.Seq2[*JobError, error] {
	return eachTyped[JobError](ctx, s.c.on("jobs.get_failed_job", Args{"id": id}, opts))
}
