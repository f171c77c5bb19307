package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"a0run/client/catalog"
)

// importsAtOnce is how many import jobs a tenant runs beside each other.
const importsAtOnce = 2

// ImportOptions say how users are imported.
type ImportOptions struct {
	// ConnectionID is the database connection.
	ConnectionID string
	// Upsert changes users that are there already; without it they fail.
	Upsert bool
	// SendCompletionEmail mails the tenant's owners at the end of each part's
	// job; nil leaves it to the tenant, which sends one.
	SendCompletionEmail *bool
	// ExternalID is a name of your own for the jobs.
	ExternalID string
	// Name and Format are the file's (ReadUsers).
	Name, Format string
	// PartBytes is the size of a part; 0 means MaxPart, which is also the most.
	PartBytes int
}

// args are the arguments of a part's upload, without its file.
func (o ImportOptions) args() Args {
	args := Args{"connection_id": o.ConnectionID, "upsert": o.Upsert}
	if o.SendCompletionEmail != nil {
		args["send_completion_email"] = *o.SendCompletionEmail
	}
	if o.ExternalID != "" {
		args["external_id"] = o.ExternalID
	}
	return args
}

// ImportCounts is what became of users.
type ImportCounts struct {
	Total    int `json:"total"`
	Inserted int `json:"inserted"`
	Updated  int `json:"updated"`
	Failed   int `json:"failed"`
}

func (c *ImportCounts) add(o ImportCounts) {
	c.Total += o.Total
	c.Inserted += o.Inserted
	c.Updated += o.Updated
	c.Failed += o.Failed
}

// The states of a step of an import.
const (
	StepUploaded  = "uploaded"  // the part's job is there
	StepWaiting   = "waiting"   // other import jobs of the tenant have to end first
	StepCompleted = "completed" // the part's job has ended; Counts and Errors say how
)

// An ImportStep is how far an import has come.
type ImportStep struct {
	State string
	// Part, First and Last are the part and its rows; Job is its job.
	Part, First, Last int
	Job               string
	// Users is how many the part holds.
	Users int
	// Counts and Errors are what became of them, once the step is completed.
	Counts ImportCounts
	Errors []ImportError
	// Planned says that the job was none: Counts take for granted that every user
	// is new.
	Planned bool
	// Left names fields that no import takes and that were left out.
	Left []string
}

// A JobPort is what the walkers of jobs ask of the outside, so that a run can
// make a recorded call of each of them.
type JobPort struct {
	// Do makes one request.
	Do DoFunc
	// Upload sends one part with the arguments of jobs.import_users beside it;
	// nil means by Do.
	Upload func(ctx context.Context, part *UserPart, args Args) (*Response, error)
	// Sleep waits; nil means in real time.
	Sleep func(ctx context.Context, d time.Duration) error
}

func (p JobPort) sleep(ctx context.Context, d time.Duration) error {
	if p.Sleep == nil {
		return sleep(ctx, d)
	}
	return p.Sleep(ctx, d)
}

func (p JobPort) do(ctx context.Context, operation string, args Args) (*Response, error) {
	op, err := lookup(operation)
	if err != nil {
		return nil, err
	}
	return p.Do(ctx, op, args)
}

// upload sends a part.
func (p JobPort) upload(ctx context.Context, part *UserPart, args Args) (*Response, error) {
	if p.Upload != nil {
		return p.Upload(ctx, part, args)
	}
	args["users"] = FileArg{Name: fmt.Sprintf("users-%d.json", part.Number), Data: bytes.NewReader(part.Body)}
	return p.do(ctx, opImport, args)
}

const (
	opImport = "jobs.import_users"
	opExport = "jobs.export_users"
	opJob    = "jobs.get"
	opErrors = "jobs.get_failed_job"
)

// Import sends parts, at most two at once, waits for their jobs and yields each
// step. An error ends it: jobs under way go on at the tenant, and the steps that
// were yielded stand.
func Import(ctx context.Context, parts iter.Seq2[*UserPart, error], o ImportOptions, port JobPort) iter.Seq2[ImportStep, error] {
	return func(yield func(ImportStep, error) bool) {
		im := &importing{ctx: ctx, o: o, port: port, yield: yield}
		if err := im.run(parts); err != nil && !errors.Is(err, errEnough) {
			yield(ImportStep{}, err)
		}
	}
}

// importing is one import under way.
type importing struct {
	ctx    context.Context //nolint:containedctx // an import is one call: it lives no longer than its loop
	o      ImportOptions
	port   JobPort
	yield  func(ImportStep, error) bool
	active []*importJob
}

// An importJob is a part whose job has not ended.
type importJob struct {
	id   string
	part *UserPart
}

func (im *importing) run(parts iter.Seq2[*UserPart, error]) error {
	for part, err := range parts {
		if err != nil {
			return err
		}
		if part.Users == 0 {
			if err := im.bad(part); err != nil {
				return err
			}
			continue
		}
		for len(im.active) >= importsAtOnce {
			if err := im.await(); err != nil {
				return err
			}
		}
		if err := im.send(part); err != nil {
			return err
		}
	}
	for len(im.active) > 0 {
		if err := im.await(); err != nil {
			return err
		}
	}
	return nil
}

// bad is a part of rows of which none can be imported.
func (im *importing) bad(part *UserPart) error {
	step := stepOf(part, StepCompleted, "")
	step.badRows(part)
	return im.tell(step)
}

func stepOf(part *UserPart, state, job string) ImportStep {
	return ImportStep{State: state, Part: part.Number, First: part.First, Last: part.Last, Users: part.Users, Job: job, Left: part.Left}
}

func (s *ImportStep) badRows(part *UserPart) {
	s.Counts.Total += len(part.Bad)
	s.Counts.Failed += len(part.Bad)
	s.Errors = append(s.Errors, part.Bad...)
	slices.SortStableFunc(s.Errors, func(a, b ImportError) int { return a.Row - b.Row })
}

func (im *importing) tell(step ImportStep) error {
	if !im.yield(step, nil) {
		return errEnough
	}
	return nil
}

// othersWait is how long an import waits for jobs of others before it asks for
// a place again.
const othersWait = 15 * time.Second

// send uploads a part. While other import jobs of the tenant take the places, an
// own one is waited for, or time passes.
func (im *importing) send(part *UserPart) error {
	for {
		resp, err := im.port.upload(im.ctx, part, im.o.args())
		if err == nil {
			id := idOf(resp.Body, "id")
			if id == "" {
				return &Auth0Error{StatusCode: resp.Status, ErrorCode: unknownCode, Operation: opImport, Header: resp.Header, Body: resp.Body, Message: "the answer names no job"}
			}
			im.active = append(im.active, &importJob{id: id, part: part})
			return im.tell(stepOf(part, StepUploaded, id))
		}
		if !importsBusy(err) {
			return err
		}
		if err := im.tell(stepOf(part, StepWaiting, "")); err != nil {
			return err
		}
		if len(im.active) > 0 {
			err = im.await()
		} else {
			err = im.port.sleep(im.ctx, othersWait)
		}
		if err != nil {
			return err
		}
	}
}

// importsBusy reports whether an error says that the tenant runs as many import
// jobs as it will: that is said with 429 and is no rate limit.
func importsBusy(err error) bool {
	if e, ok := errors.AsType[*Auth0Error](err); ok {
		return busyImports(e.StatusCode, e.Message)
	}
	e, ok := errors.AsType[interface {
		error
		Status() int
	}](err)
	return ok && busyImports(e.Status(), e.Error())
}

func busyImports(status int, message string) bool {
	return status == 429 && strings.Contains(message, "active import users jobs")
}

// await waits until one job has ended, and tells what came of it.
func (im *importing) await() error {
	for tries := 0; ; tries++ {
		if err := im.port.sleep(im.ctx, pollAfter(tries)); err != nil {
			return err
		}
		for i, job := range im.active {
			state, err := im.state(job)
			if err != nil {
				return err
			}
			if state.Status != "completed" && state.Status != "failed" {
				continue
			}
			im.active = slices.Delete(slices.Clone(im.active), i, i+1)
			return im.ended(job, state)
		}
	}
}

// pollAfter is how long to wait before a job is asked about, for the how-manyth
// time since the last one ended: a small job is done within a second, a part of
// many users takes minutes.
func pollAfter(tries int) time.Duration {
	steps := []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 10 * time.Second}
	return steps[min(tries, len(steps)-1)]
}

// jobState is what the tenant says of a job.
type jobState struct {
	ID       string        `json:"id"`
	Status   string        `json:"status"`
	Details  string        `json:"status_details"`
	Location string        `json:"location"`
	Summary  *ImportCounts `json:"summary"`
}

func (p JobPort) state(ctx context.Context, id string) (jobState, error) {
	resp, err := p.do(ctx, opJob, Args{"id": id})
	if err != nil {
		return jobState{}, err
	}
	var s jobState
	if err := json.Unmarshal(resp.Body, &s); err != nil || s.Status == "" {
		return s, &Auth0Error{StatusCode: resp.Status, ErrorCode: unknownCode, Operation: opJob, Header: resp.Header, Body: resp.Body, Message: "the answer tells no state of the job"}
	}
	return s, nil
}

func (im *importing) state(job *importJob) (jobState, error) { return im.port.state(im.ctx, job.id) }

// ended reads what came of a job.
func (im *importing) ended(job *importJob, state jobState) error {
	step := stepOf(job.part, StepCompleted, job.id)
	switch {
	case state.Status == "failed":
		step.Counts = ImportCounts{Total: job.part.Users, Failed: job.part.Users}
		flaw := ImportFlaw{Code: "job_failed", Message: "the job failed: " + state.why()}
		step.Errors = []ImportError{{
			Row: job.part.First, LastRow: job.part.Last, Part: job.part.Number, Code: flaw.Code, Message: flaw.Message, Errors: []ImportFlaw{flaw},
		}}
	case state.Summary == nil: // a plan's job: what it would do is not known
		step.Counts, step.Planned = ImportCounts{Total: job.part.Users, Inserted: job.part.Users}, true
	default:
		step.Counts = *state.Summary
	}
	if state.Status == "completed" && step.Counts.Failed > 0 {
		resp, err := im.port.do(im.ctx, opErrors, Args{"id": job.id})
		if err != nil {
			return err
		}
		if step.Errors, err = job.part.explain(resp.Body); err != nil {
			return err
		}
	}
	step.badRows(job.part)
	return im.tell(step)
}

func (s jobState) why() string {
	if s.Details == "" {
		return "the tenant does not say why"
	}
	return s.Details
}

// mostErrors bounds the errors that a summary keeps.
const mostErrors = 10_000

// An ImportSummary is what an import did as a whole.
type ImportSummary struct {
	ImportCounts
	// Parts is how many jobs there were.
	Parts int `json:"parts"`
	// Errors name each user that failed, in the order of the rows; ErrorsLeftOut
	// counts those beyond the first 10,000.
	Errors        []ImportError `json:"errors"`
	ErrorsLeftOut int           `json:"errors_left_out,omitempty"`
	// LeftOut names the fields that no import takes and that were left out.
	LeftOut []string `json:"left_out,omitempty"`
}

// Add takes a step of Import into the summary.
func (s *ImportSummary) Add(step ImportStep) {
	if step.State != StepCompleted {
		return
	}
	s.add(step.Counts)
	if step.Job != "" {
		s.Parts++
	}
	s.LeftOut = append(s.LeftOut, step.Left...)
	room := max(mostErrors-len(s.Errors), 0)
	kept := step.Errors[:min(room, len(step.Errors))]
	s.ErrorsLeftOut += len(step.Errors) - len(kept)
	s.Errors = append(s.Errors, kept...)
	slices.SortStableFunc(s.Errors, func(a, b ImportError) int { return a.Row - b.Row })
}

// ImportUsers imports a file of users (ReadUsers) of any size into a database
// connection. The file is read as it is sent, in parts; nothing is sent when it
// cannot be read to its end, so r is read twice. Users that fail are in the
// summary, each with its row; the error is for what ended the import.
//
// progress is told of every step; it may be nil.
func (c *Client) ImportUsers(ctx context.Context, r io.ReadSeeker, o ImportOptions, progress func(ImportStep)) (*ImportSummary, error) {
	for _, err := range ReadUsers(r, o.Name, o.Format) {
		if err != nil {
			return nil, err
		}
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("the file cannot be read again: %w", err)
	}
	sum := &ImportSummary{Errors: []ImportError{}}
	for step, err := range c.ImportSteps(ctx, ReadUsers(r, o.Name, o.Format), o) {
		if err != nil {
			return sum, err
		}
		sum.Add(step)
		if progress != nil {
			progress(step)
		}
	}
	return sum, nil
}

// ImportSteps imports rows and yields each step, see [Import].
func (c *Client) ImportSteps(ctx context.Context, rows iter.Seq2[UserRow, error], o ImportOptions) iter.Seq2[ImportStep, error] {
	return Import(ctx, CutUsers(rows, o.PartBytes), o, c.jobPort(callOptions{}))
}

func (c *Client) jobPort(opts callOptions) JobPort {
	return JobPort{Do: func(ctx context.Context, op *catalog.Operation, args Args) (*Response, error) {
		return c.perform(ctx, op, args, opts)
	}}
}
