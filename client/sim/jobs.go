package sim

import (
	"net/http"
	"strconv"
	"time"

	"a0run/client/sim/store"
)

// Jobs run on the tenant's clock: an import or export is pending, then
// processing, and what it does is there when it is completed, not before. The
// tenant's requests drive them (Tenant.runJobs): whoever asks later than a job's
// end finds its work done.

// maxImport is the longest request of an import, with all that a form adds to
// its file.
const maxImport = 512_000

// atOnce is how many import jobs run beside each other.
const atOnce = 2

// jobLife is how long a job can be asked for, linkLife how long the address of
// an export's file is good.
const (
	jobLife  = 24 * time.Hour
	linkLife = time.Minute
)

// DefaultJobTime is how long a job takes where Options do not say.
const DefaultJobTime = 300 * time.Millisecond

// The states of a job.
const (
	jobPending    = "pending"
	jobProcessing = "processing"
	jobCompleted  = "completed"
	jobFailed     = "failed"
)

func jobHandlers() map[string]handler {
	return map[string]handler{
		"POST /jobs/users-exports":      exportUsers,
		"POST /jobs/users-imports":      importUsers,
		"POST /jobs/verification-email": verificationEmail,
		"GET /jobs/{}":                  getJob,
		"GET /jobs/{}/errors":           jobErrors,
		"auth GET " + exportRoot + "{}": exportFile,
	}
}

// jobWorkKey holds what the jobs that are under way have to do.
func jobWorkKey() store.Key { return store.Key{Kind: "job-work"} }

// exportFileKey holds the files of exports.
func exportFileKey() store.Key { return store.Key{Kind: "export-files"} }

// newJob makes a job that is pending; work is what it will need.
func (c *call) newJob(kind string, extra, work object) object {
	o := object{"id": c.t.ids.id("/jobs", kind), "type": kind, "status": jobPending, "created_at": stamp(c.now)}
	merge(o, extra, nil)
	id := str(o, "id")
	due := c.now.Add(c.t.jobTime())
	work["id"], work["due"], work["began"] = id, due, c.now
	c.tx.Put(jobsKey(), id, store.Clone(o))
	c.tx.Put(jobWorkKey(), id, work)
	c.t.jobsDue(due)
	return o
}

func (t *Tenant) jobTime() time.Duration {
	if t.o.JobTime > 0 {
		return t.o.JobTime
	}
	return DefaultJobTime
}

// jobsDue notes when the next job ends.
func (t *Tenant) jobsDue(at time.Time) {
	for {
		was := t.jobDue.Load()
		if was != 0 && was <= at.UnixNano() || t.jobDue.CompareAndSwap(was, at.UnixNano()) {
			return
		}
	}
}

// runJobs does the work of the jobs whose time has come.
func (t *Tenant) runJobs(now time.Time) {
	due := t.jobDue.Load()
	if due == 0 || now.UnixNano() < due {
		return
	}
	t.state.Update(func(tx *store.Tx) {
		t.jobDue.Store(0)
		for _, work := range tx.All(jobWorkKey()) { // in the order in which they were begun
			id := str(work, "id")
			if at, _ := work["due"].(time.Time); now.Before(at) {
				t.jobsDue(at)
				continue
			}
			tx.Delete(jobWorkKey(), id)
			w := &jobWork{t: t, tx: tx, job: store.Clone(tx.Get(jobsKey(), id)), work: work}
			w.run()
			tx.Put(jobsKey(), id, w.job)
		}
	})
}

// jobWork is one job that comes to its end.
type jobWork struct {
	t    *Tenant
	tx   *store.Tx
	job  object
	work object
}

func (w *jobWork) run() {
	w.job["status"] = jobCompleted
	switch str(w.job, "type") {
	case "users_import":
		w.importUsers()
	case "users_export":
		w.exportUsers()
	}
	if w.job["status"] == jobCompleted {
		w.job["percentage_done"], w.job["time_left_seconds"] = 100, 0
	}
}

// at is when the job came to its end, as the users that it made show it.
func (w *jobWork) at() string {
	due, _ := w.work["due"].(time.Time)
	return stamp(due)
}

// job is a job that can still be asked for; nil where there is none.
func (c *call) job(id string) object {
	o := c.tx.Get(jobsKey(), id)
	began, err := time.Parse(time.RFC3339, str(o, "created_at"))
	if o == nil || err == nil && c.now.After(began.Add(jobLife)) {
		return nil
	}
	return o
}

func getJob(c *call) reply {
	o := c.job(c.params[0])
	if o == nil {
		return absent("/jobs")
	}
	o = store.Clone(o)
	if work := c.tx.Get(jobWorkKey(), c.params[0]); work != nil {
		c.progress(o, work)
	}
	if c.tx.Has(exportFileKey(), c.params[0]) {
		o["location"] = c.exportLink(c.params[0])
	}
	return c.ok(o)
}

// progress is how far a job has come: the first half of its time it waits.
func (c *call) progress(o, work object) {
	due, _ := work["due"].(time.Time)
	began, _ := work["began"].(time.Time)
	whole, left := due.Sub(began), due.Sub(c.now)
	if left > whole/2 {
		return
	}
	o["status"] = jobProcessing
	o["percentage_done"] = int(100 - 100*left/whole)
	o["time_left_seconds"] = int(left.Seconds()) + 1
}

func jobErrors(c *call) reply {
	o := c.job(c.params[0])
	switch list := c.tx.Get(jobErrorsKey(), c.params[0]); {
	case o == nil:
		return absent("/jobs")
	case o["status"] == jobFailed:
		return c.ok(o)
	case list != nil:
		return c.ok(list["errors"])
	}
	return empty()
}

func verificationEmail(c *call) reply {
	if !c.tx.Has(usersKey(), str(c.body, "user_id")) {
		return absent(usersKind)
	}
	if u := c.tx.Get(usersKey(), str(c.body, "user_id")); str(u, "email") != "" {
		c.sendVerification(u, c.tx.Get(clientsKey(), str(c.body, "client_id")))
	}
	return c.ok(c.newJob("verification_email", object{}, object{}))
}

// tooManyImports refuses an import while two are under way.
func tooManyImports(n int) reply {
	return failure(http.StatusTooManyRequests,
		"There are "+strconv.Itoa(n)+" active import users jobs, please wait until some of them are finished and try again", "too_many_requests")
}
