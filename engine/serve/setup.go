package serve

import (
	"encoding/json"
	"time"

	"a0run/engine/cron"
)

// A Setup is what the files say: a0run.yaml and the playbooks around it.
type Setup struct {
	// Project is the path of a0run.yaml.
	Project   string
	Schedules []*Plotted
	Playbooks []PlaybookView
	Tenants   []TenantView
	Limits    Limits
	// Drain is how long runs may go on after SIGTERM before they are stopped.
	Drain time.Duration
	// Keep is how long the journal keeps runs; 0 is for good.
	Keep time.Duration
	// Problems are files that cannot be used in their newest version. Where
	// there is a version before, the setup has that, and its texts are in
	// Overlay, by path.
	Problems []FileProblem
	Overlay  map[string]string
}

// A Plotted is a schedule with what it starts.
type Plotted struct {
	*cron.Schedule
	// Playbook is a PlaybookView.ID, Path its absolute path.
	Playbook, Path string
	// Shown are the params with secrets hidden; Job is what a due time starts.
	Shown json.RawMessage
	Job   Spec
}

// Limits are how many runs may go on at a time.
type Limits struct {
	// Runs is for all together, PerTenant for each tenant that Tenants does not
	// name. 0 is no limit.
	Runs, PerTenant int
	Tenants         map[string]int
}

// tenant is the limit of one.
func (l Limits) tenant(name string) int {
	if n, ok := l.Tenants[name]; ok {
		return n
	}
	return l.PerTenant
}

// A Loader reads the files. It is given the setup before, whose versions stay in
// use where the newest is broken; nil at the start. Its error says that there is
// no setup at all, also no version before.
type Loader interface {
	Load(before *Setup) (*Setup, error)
	// Changed says whether any of the files has changed since the last Load.
	Changed() bool
}
