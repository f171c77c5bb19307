package serve

import (
	"fmt"
	"slices"
	"time"
)

// A candidate is a job as admission sees it.
type candidate struct {
	run      string
	tenants  []string
	schedule string // "" where it waits for nobody of its kind
	parallel bool
	running  bool
	// notBefore is until when it waits in any case, free when the schedule's
	// blackout window ends; zero is now.
	notBefore, free time.Time
}

// admit says which of the jobs begin now, and why each of the others waits. It
// is a pure function. The jobs come in the order of their turn: a job that
// cannot begin holds up nobody but its own schedule.
func admit(jobs []candidate, limits Limits, now time.Time) (start []string, waits map[string]string) {
	waits = map[string]string{}
	total, byTenant, bySchedule := 0, map[string]int{}, map[string]bool{}
	take := func(c candidate) {
		total++
		for _, tenant := range c.tenants {
			byTenant[tenant]++
		}
		if !c.parallel && c.schedule != "" {
			bySchedule[c.schedule] = true
		}
	}
	for _, c := range jobs {
		if c.running {
			take(c)
		}
	}
	for _, c := range jobs {
		if c.running {
			continue
		}
		why := ""
		switch full := fullTenant(c, limits, byTenant); {
		case c.notBefore.After(now):
			why = "until " + c.notBefore.Format("2006-01-02 15:04:05 MST")
		case !c.parallel && bySchedule[c.schedule]:
			why = "for the run before it"
		case c.free.After(now):
			why = "for the end of the blackout window, " + c.free.Format("2006-01-02 15:04 MST")
		case limits.Runs > 0 && total >= limits.Runs:
			why = fmt.Sprintf("%d of %d runs go on", total, limits.Runs)
		case full != "":
			why = full
		}
		if why == "" {
			take(c)
			start = append(start, c.run)
			continue
		}
		waits[c.run] = why
		if !c.parallel && c.schedule != "" {
			bySchedule[c.schedule] = true // those behind it must not overtake it
		}
	}
	return start, waits
}

// fullTenant says which of a job's tenants has no room; "" where all have.
func fullTenant(c candidate, limits Limits, running map[string]int) string {
	for _, tenant := range c.tenants {
		if limit := limits.tenant(tenant); limit > 0 && running[tenant] >= limit {
			return fmt.Sprintf("the tenant %s runs %d of %d", tenant, running[tenant], limit)
		}
	}
	return ""
}

// tenantsOf are the names of a run's tenants, each once.
func tenantsOf(byRole map[string]string) []string {
	var names []string
	for _, name := range byRole {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
