// Package guard keeps a run from doing more than it should: rules that stand in
// a0run.yaml (for all tenants, or for one) and in a playbook's head, and that
// are checked before every request, in a plan as in a run.
//
// # The keys of guards
//
//	read_only: true           nothing is written
//	allow: [users.*]          only these operations write; reads are always allowed
//	deny: [users.delete]      these operations are not called, reads too
//	limits:                   at most so many objects of a kind, in one run and tenant
//	  users: 500              short for {change: 500}
//	  clients:
//	    create: 10            objects made
//	    change: 10%           objects changed or deleted
//	    delete: 0             objects deleted
//	protect:                  these objects are neither changed nor deleted
//	  clients: [Production *, {id: aBcD1234}]
//	hours:                    nothing is written outside these hours
//	  zone: Europe/Berlin
//	  days: [mon-fri]
//	  between: ["09:00", "17:00"]
//	confirm_above: 100        more objects than this need a plan, or --yes
//
// Operations are named by the catalogue's IDs or aliases, kinds by the names of
// its resources ("users", "connections", "organizations.members"). In patterns
// * stands for any text, also with dots in it, ? for one character, and \* and
// \? for themselves; upper and lower case are the same. A protected object is
// named by its id or by one of its names (see nameFields), or by {id: …} or
// {name: …} where only one of the two is meant. All rules that stand somewhere
// hold: a playbook's head adds to a0run.yaml and takes nothing away.
//
// The tenant's own key production: true (see Production) asks for a plan, or
// --yes, before the first write.
//
// # What is counted
//
// A call writes the object that the catalogue calls its subject, and the
// further ones that it names: roles.add_users changes a role and each user.
// An object counts once, however often it is written, and counts when the call
// is let through: an attempt that fails has counted. Objects that the run itself
// has made count as created, and not once more when they are changed. The total
// behind a percentage is asked for once, by a recorded call at the run's
// beginning (Guards.Begin), so that a resumed run has the same; what earlier
// executions wrote is told by Guards.Seen.
//
// A call of which nobody can say beforehand how many objects of a limited or
// protected kind it takes (connections.delete takes its users with it) is
// refused.
//
// # What is always protected
//
// The application as which a0run itself logs in is not deleted, and its secret,
// credentials and grants are not changed: the run would saw off its branch.
//
// Operations of the Authentication API that do something (a sign-up, a mail
// that changes a password) are writes; fetching a token (get_token) is none.
// Host functions (file.write) are not the guards' business, but for requests to
// other hosts: read_only and allow hold for those that are no reads, deny for
// all, under the name http.request.
package guard
