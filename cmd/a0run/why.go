package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/journal"
)

const whyLong = `Show every change that the runs of the journal made to one object, the oldest
first: when, which run, where in the playbook, for which item, by whom, each
field with what it was and what it became, what the run had read of it before,
and how to undo it. Values that are secret are shown as (hidden).

The object is KIND/ID, with a resource's name as KIND (users, connections,
clients, roles, files …); the ID alone is enough where only one kind has it. Of
what a tenant has one only the KIND is enough (branding, tenants.settings). An ID
alone that no run has read or changed is exit code 2; KIND/ID that nothing has
changed is none.

A relation is found with both its sides: roles that a user was given, from the
user's side and from the role's.`

const whyExample = `  a0run why 'users/auth0|123'
  a0run why 'auth0|123' --since 7d
  a0run why connections/con_1 --tenant production --json
  a0run why tenants.settings`

// whyFlags are the flags of `a0run why`.
type whyFlags struct {
	journal, since, tenant string
	json                   bool
}

func whyCommand(w *world) *cobra.Command {
	f := &whyFlags{}
	cmd := &cobra.Command{
		Use: "why KIND/ID", Short: "Show every change that runs made to an object",
		Long: whyLong + "\n\n" + historyCodes, Example: whyExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return &usageError{fmt.Sprintf("why needs one object, got %d", len(args)), "a0run why 'users/auth0|123'"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return failedWith(why(cmd.Context(), w, args[0], f)) },
	}
	flags := cmd.Flags()
	journalFlag(flags, &f.journal)
	flags.StringVar(&f.since, "since", "", "only changes since then: how long ago (7d, 12h), or a `TIME`")
	flags.StringVar(&f.tenant, "tenant", "", "only in this tenant: its name, role or domain")
	flags.BoolVar(&f.json, "json", false, "print one JSON object a change")
	return cmd
}

func why(ctx context.Context, w *world, object string, f *whyFlags) error {
	var since time.Time
	if f.since != "" {
		var err error
		if since, err = w.sinceTime("--since", f.since); err != nil {
			return err
		}
	}
	kind, id, unknown := objectName(object)
	if unknown != nil && kind != "" {
		return unknown
	}
	h, err := readHistory(ctx, w, f.journal)
	if err != nil {
		return err
	}
	defer h.close()
	defer h.sayKey()
	q := &inquiry{h: h, f: f, id: id, since: since, kinds: map[string]bool{}, read: map[string]*engine.CallRecord{}}
	if err := q.ask(ctx, kind, id); err != nil {
		return err
	}
	if len(q.kinds) == 0 && unknown != nil {
		return unknown
	}
	if len(q.kinds) > 1 {
		var names []string
		for name := range q.kinds {
			names = append(names, "a0run why "+shellWord(name+"/"+id))
		}
		slices.Sort(names)
		return &usageError{fmt.Sprintf("%s is the id of objects of %d kinds", printable(id), len(names)), strings.Join(names, ", or ")}
	}
	if err := q.print(object); err != nil || len(q.kinds) > 0 || kind != "" && kind != "users" {
		return err
	}
	q.suggest(ctx)
	if kind == "" && q.reads == 0 && f.since == "" && f.tenant == "" {
		// A typing mistake as likely as an object that nobody has touched: a script
		// must not take it for the latter.
		return exitError(engine.ExitUsage)
	}
	return nil
}

// identityProviders are what ids of users begin with, but for those of
// enterprise connections, which also name the connection.
func identityProviders() []string {
	return []string{
		"auth0", "google-oauth2", "email", "sms", "facebook", "github", "apple", "windowslive", "linkedin", "twitter",
		"oauth2", "oidc", "samlp", "waad", "adfs", "ad", "okta", "google-apps",
	}
}

// suggest names the users whose ids are the one that was asked for with a
// provider before it: nobody is 17, but somebody auth0|17.
func (q *inquiry) suggest(ctx context.Context) {
	if q.id == "" || strings.Contains(q.id, "|") {
		return
	}
	var found []string
	for _, provider := range identityProviders() {
		id := provider + "|" + q.id
		for t, err := range q.h.db.Object(ctx, "users", id) {
			if err != nil {
				return // a hint is not worth an error
			}
			if t.Call.Mutates && t.Call.State != engine.StateRefused {
				found = append(found, shellWord("users/"+id))
				break
			}
		}
	}
	if len(found) > 0 {
		fmt.Fprintln(q.h.w.stderr, "hint: did you mean "+strings.Join(found, " or ")+"?")
	}
}

// kindsOf are the kinds of objects that calls touch.
func kindsOf() map[string]bool {
	kinds := map[string]bool{engine.KindFiles: true, engine.KindHosts: true}
	for _, op := range catalog.Default().All() {
		if op.Subject.Kind != "" {
			kinds[op.Subject.Kind] = true
		}
	}
	return kinds
}

// isSingle reports whether a tenant has one object of a kind only, which has no
// id: something sets it, and no operation takes an id of it.
func isSingle(kind string) bool {
	set := false
	for _, op := range catalog.Default().All() {
		if op.Subject.Kind != kind || op.API != catalog.Management {
			continue
		}
		if op.Subject.ID != "" {
			return false
		}
		set = set || op.Effect == catalog.Patch || op.Effect == catalog.Replace
	}
	return set
}

// objectName takes KIND/ID apart. What stands before the first slash may also
// belong to an id that has slashes: then the kind is "" and unknown says what
// is wrong if nothing bears that id.
func objectName(object string) (kind, id string, unknown error) {
	before, after, slashed := strings.Cut(object, "/")
	known := kindsOf()
	if !slashed {
		if isSingle(object) {
			return object, "", nil
		}
		if known[object] {
			return object, "", &usageError{object + " is a kind and no object", "a0run why '" + object + "/ID'"}
		}
		return "", object, nil
	}
	if known[before] {
		if after == "" {
			return before, "", &usageError{object + " names no object", "a0run why '" + object + "ID'"}
		}
		return before, after, nil
	}
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	hint := "a kind is a resource's name, as users, connections, clients; `a0run ops` lists them"
	if near := engine.Nearest(before, names); near != "" {
		hint = "did you mean " + near + "/" + after + "?"
	}
	return "", object, &usageError{"there is no kind of objects called " + printable(before), hint}
}

// An inquiry collects the changes of one object.
type inquiry struct {
	h      *history
	f      *whyFlags
	id     string
	since  time.Time
	runs   map[string]*engine.RunRecord
	short  map[string]string
	kinds  map[string]bool
	read   map[string]*engine.CallRecord // by run and tenant: the last read so far
	events []*changeEvent
	reads  int
}

// A changeEvent is one change of the object.
type changeEvent struct {
	touch   *journal.Touch
	run     *engine.RunRecord // nil where it was deleted meanwhile
	read    *engine.CallRecord
	changes []change
	note    string
}

// ask reads what touched the object.
func (q *inquiry) ask(ctx context.Context, kind, id string) error {
	runs, err := q.h.db.Runs(ctx, journal.RunFilter{})
	if err != nil {
		return err
	}
	q.short, q.runs = shortIDs(idsOf(runs)), make(map[string]*engine.RunRecord, len(runs))
	for _, r := range runs {
		q.runs[r.ID] = r
	}
	for t, err := range q.h.db.Object(ctx, kind, id) {
		if err != nil {
			return err
		}
		q.touch(t)
	}
	return nil
}

func (q *inquiry) touch(t *journal.Touch) {
	run, c := q.runs[t.Run], t.Call
	if q.f.tenant != "" && !isTenant(run, c.Tenant, q.f.tenant) {
		return
	}
	q.kinds[t.As] = true
	object := t.Run + " " + c.Tenant
	if !c.Mutates {
		q.reads++
		if c.State == engine.StateDone {
			q.read[object] = c
		}
		return
	}
	if c.State == engine.StateRefused || c.Began.Before(q.since) {
		return
	}
	e := &changeEvent{touch: t, run: run, read: q.read[object]}
	e.changes, e.note = q.h.changedObject(run, c, engine.ObjectRef{Kind: t.As, ID: q.id})
	q.events = append(q.events, e)
}

// isTenant reports whether a role of a run is the tenant of that name, role or
// domain.
func isTenant(run *engine.RunRecord, role, name string) bool {
	if run == nil {
		return role == name
	}
	for _, t := range run.Tenants {
		if t.Role == role && (name == t.Role || name == t.Name || strings.EqualFold(name, t.Domain)) {
			return true
		}
	}
	return false
}

// print shows what was found.
func (q *inquiry) print(object string) error {
	w := q.h.w
	if len(q.events) == 0 {
		text := "no run in the journal has changed " + oneLine(object)
		if q.reads > 0 {
			text += fmt.Sprintf("; it was read %s", count(q.reads, "time"))
		}
		fmt.Fprintln(w.stderr, text)
		return nil
	}
	for i, e := range q.events {
		if q.f.json {
			if err := w.encodeLine(q.info(e)); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(w.stdout)
		}
		q.show(e)
	}
	return nil
}

// mostFields is how many fields of a change are shown.
const mostFields = 20

// show prints one change.
func (q *inquiry) show(e *changeEvent) {
	w, c := q.h.w, e.touch.Call
	state := c.State
	if c.Status != 0 {
		state += fmt.Sprintf(" (%d)", c.Status)
	}
	fmt.Fprintf(w.stdout, "%s  %s  %s\n", c.Began.Local().Format(longDate), w.paint("1", describeCall(c)), w.paint(stateColor(c.State), state))
	for _, one := range e.changes[:min(len(e.changes), mostFields)] {
		fmt.Fprintf(w.stdout, "    %s\n", one.line(w))
	}
	if n := len(e.changes) - mostFields; n > 0 {
		fmt.Fprintf(w.stdout, "    and %s more: --json has all\n", count(n, "field"))
	}
	if e.note != "" {
		fmt.Fprintf(w.stdout, "    %s\n", oneLine(e.note))
	}
	short := q.short[e.touch.Run]
	kind := e.touch.Kind
	if kind == "" {
		kind = engine.KindRun
	}
	w.field(kind, oneLine(fmt.Sprintf("%s of %s by %s%s", short, playbookOf(e.touch.Name, e.touch.Playbook), e.touch.Who, q.tenant(e))))
	place := c.Where
	if c.Task != "main" {
		place += ", task " + c.Task
	}
	if c.Step != "" {
		place += ", step " + c.Step
	}
	w.field("place", oneLine(place))
	w.field("had read", oneLine(q.hadRead(e)))
	command, reason := undoing(c)
	if command != "" {
		w.field("undo", "a0run undo "+short+" --only "+command+q.h.flag())
	} else {
		w.field("undo", reason)
	}
}

func (q *inquiry) tenant(e *changeEvent) string {
	if e.run == nil {
		return ""
	}
	return tenantOf(e.run, e.touch.Call)
}

// hadRead tells what the run knew of the object when it changed it.
func (q *inquiry) hadRead(e *changeEvent) string {
	c := e.touch.Call
	if e.read == nil {
		if i := q.h.image(c); i != nil && i.Reused {
			return "it in a listing, " + took(c.Began.Sub(i.At)) + " earlier"
		}
		return ""
	}
	text := fmt.Sprintf("%s (#%d) at %s, %s earlier", e.read.Operation, e.read.Seq, e.read.Where, took(c.Began.Sub(e.read.Ended)))
	if e.touch.Beside || c.Effect == string(catalog.Add) || c.Effect == string(catalog.Remove) {
		return text // what was read is the object, what changed a relation
	}
	// What has moved between the read and the write is what one looks for.
	known, _ := q.h.tree(e.read.Value).(*engine.Object)
	for _, one := range e.changes {
		then, ok := fieldAt(known, one.path)
		if !ok {
			then = missing{}
		}
		if known != nil && compactOr(then) != compactOr(one.old) && compactOr(one.old) != compactOr(unknown{}) {
			text += fmt.Sprintf("; then %s was %s", one.path, shortened(compactOr(then), mostValue, false))
		}
	}
	return text
}

// undoing is what a0run undo is told to put a change back, or why that cannot
// be done.
func undoing(c *engine.CallRecord) (only, reason string) {
	if c.State != engine.StateDone && c.State != engine.StateResolved {
		return "", ""
	}
	op, ok := catalog.Default().Lookup(c.Operation)
	switch {
	case !ok || op.Inverse.With != "":
		if c.Object == "" {
			return c.Operation, ""
		}
		return "'" + c.Kind + "/" + c.Object + "'", "" // nothing but this object
	case op.Inverse.None != "":
		return "", "cannot be undone: " + op.Inverse.None
	}
	return "", "cannot be undone"
}

// changeLine is a change as --json prints it.
type changeLine struct {
	Type       string       `json:"type"` // change
	Time       time.Time    `json:"time"`
	Run        string       `json:"run"`
	RunKind    string       `json:"run_kind"`
	Playbook   string       `json:"playbook"`
	Name       string       `json:"name,omitempty"`
	Who        string       `json:"who,omitempty"`
	Tenant     string       `json:"tenant,omitempty"`
	Domain     string       `json:"domain,omitempty"`
	Kind       string       `json:"kind"`
	Object     string       `json:"object"`
	Beside     string       `json:"beside,omitempty"` // the object that was asked for, where it is another
	Operation  string       `json:"operation"`
	Effect     string       `json:"effect"`
	Where      string       `json:"where,omitempty"`
	Task       string       `json:"task"`
	Step       string       `json:"step,omitempty"`
	Seq        int64        `json:"seq,omitempty"`
	Key        string       `json:"key"`
	State      string       `json:"state"`
	Status     int          `json:"status,omitempty"`
	Changes    []changeInfo `json:"changes"`
	Note       string       `json:"note,omitempty"`
	Read       *readInfo    `json:"read,omitempty"`
	Undo       string       `json:"undo,omitempty"`
	CannotUndo string       `json:"cannot_undo,omitempty"`
}

// readInfo is what the run had read of the object before.
type readInfo struct {
	Seq       int64           `json:"seq"`
	Operation string          `json:"operation"`
	Where     string          `json:"where,omitempty"`
	Time      time.Time       `json:"time"`
	Value     json.RawMessage `json:"value,omitempty"`
}

func (q *inquiry) info(e *changeEvent) changeLine {
	c := e.touch.Call
	only, reason := undoing(c)
	line := changeLine{
		Type: "change", Time: c.Began, Run: e.touch.Run, RunKind: e.touch.Kind, Playbook: e.touch.Playbook, Name: e.touch.Name,
		Who: e.touch.Who, Tenant: c.Tenant, Domain: strings.TrimPrefix(q.tenant(e), " on "), Kind: c.Kind, Object: c.Object,
		Operation: c.Operation, Effect: c.Effect, Where: c.Where, Task: c.Task, Step: c.Step, Seq: c.Seq, Key: c.Key,
		State: c.State, Status: c.Status, Changes: changeInfos(e.changes), Note: e.note, CannotUndo: reason,
	}
	if e.touch.Beside {
		line.Beside = e.touch.As + "/" + q.id
	}
	if only != "" {
		line.Undo = "a0run undo " + e.touch.Run + " --only " + only + q.h.flag()
	}
	if e.read != nil {
		line.Read = &readInfo{e.read.Seq, e.read.Operation, e.read.Where, e.read.Began, raw(q.h.tree(e.read.Value))}
	}
	return line
}
