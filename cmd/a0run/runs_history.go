package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/seal"
)

// The commands that show what the journal has share what stands here. Nothing
// that is sealed is opened: whoever may read the journal need not see a secret.

// hiddenText stands for what is sealed.
const hiddenText = "(hidden)"

// historyCodes are the exit codes of the commands that read the journal.
const historyCodes = `Exit codes:
  0 all went well    1 the journal could not be read or written
  2 wrong usage, or a run that is not in the journal`

// history is an open journal as these commands use it.
type history struct {
	w     *world
	db    *journal.DB
	path  string
	given string // --journal, as it was given

	box    *seal.Box // of a journal that is encrypted as a whole
	keyErr error
	asked  bool // box and keyErr are known
}

// journalFlag names the journal.
func journalFlag(flags *pflag.FlagSet, into *string) {
	flags.StringVar(into, "journal", "", "the journal's `FILE`; ~/.local/state/a0run/journal.db unless told")
}

// readHistory opens a journal to read it.
func readHistory(ctx context.Context, w *world, given string) (*history, error) {
	h, err := placeHistory(w, given)
	if err != nil {
		return nil, err
	}
	h.db, err = journal.OpenReader(ctx, journal.Options{Path: h.path, Now: w.now})
	return h, err
}

// writeHistory opens a journal to change it; it makes none.
func writeHistory(ctx context.Context, w *world, given string) (*history, error) {
	h, err := placeHistory(w, given)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(h.path); errors.Is(err, fs.ErrNotExist) {
		return nil, &journal.MissingError{Path: h.path}
	}
	h.db, err = journal.Open(ctx, journal.Options{Path: h.path, Now: w.now})
	return h, err
}

func placeHistory(w *world, given string) (*history, error) {
	if given == noJournal {
		return nil, &usageError{"there is no history without a journal", "leave --journal none out"}
	}
	path, err := w.journalPath(given)
	return &history{w: w, path: path, given: given}, err
}

func (h *history) close() { _ = h.db.Close() } // a reader has nothing to lose, a writer has waited

// flag is what the next command needs to find the journal.
func (h *history) flag() string {
	if h.given == "" {
		return ""
	}
	return " --journal " + shellWord(h.given)
}

// shellWord quotes what a shell would take apart.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("_-./:@%+,=#", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 && text[0] != '#' {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// run finds a run by the beginning of its id.
func (h *history) run(ctx context.Context, id string) (*engine.RunRecord, error) {
	rec, err := h.db.Run(ctx, id)
	if errors.Is(err, engine.ErrNoRun) {
		if rest, more := strings.CutPrefix(err.Error(), engine.ErrNoRun.Error()+" of that name alone: "); more {
			return nil, &usageError{"more than one run is meant: " + rest, "give more of its id"}
		}
		return nil, &usageError{"there is no run " + printable(id) + " in the journal " + h.path, "a0run runs" + h.flag() + " lists them"}
	}
	return rec, err
}

// chosenRun is the run that is named, or, with last, the newest that suits.
func (h *history) chosenRun(ctx context.Context, args []string, last bool, suits func(*engine.RunRecord) bool) (*engine.RunRecord, error) {
	if !last {
		return h.run(ctx, args[0])
	}
	runs, err := h.db.Runs(ctx, journal.RunFilter{})
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, &usageError{"there are no runs yet in the journal " + h.path, "a0run run FILE makes one"}
	}
	chosen := runs[0]
	if i := slices.IndexFunc(runs, suits); i >= 0 {
		chosen = runs[i]
	}
	return h.db.Run(ctx, chosen.ID)
}

// oneRun checks the arguments of a command that wants RUN or --last.
func oneRun(last *bool) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if *last && len(args) > 0 || !*last && len(args) != 1 {
			return &usageError{
				fmt.Sprintf("%s needs one run, got %d", cmd.Name(), len(args)),
				cmd.CommandPath() + " RUN, or " + cmd.CommandPath() + " --last; a0run runs lists them",
			}
		}
		return nil
	}
}

// tree is a text of a record with nothing secret in it.
func (h *history) tree(text json.RawMessage) any {
	if len(text) == 0 {
		return nil
	}
	tree, err := engine.ParseJSON(h.unwrapped(text))
	if err != nil {
		return hiddenText // no JSON: nothing tells what is secret in it
	}
	return hideSealed(tree)
}

// unwrapped is the text inside one that was encrypted as a whole (encrypt:
// all), which wraps it into a list. What is a secret by itself stays sealed, in
// it and alone.
func (h *history) unwrapped(text json.RawMessage) json.RawMessage {
	if !strings.HasPrefix(string(text), `"`+seal.Prefix) {
		return text
	}
	if !h.asked {
		h.asked = true
		h.box, h.keyErr = h.w.journalKey(h.path, false)
	}
	if h.keyErr != nil {
		return text
	}
	plain, err := h.box.Open(text)
	if err != nil {
		h.keyErr = err
		return text
	}
	if json.Valid(plain) && plain[0] == '[' {
		return plain[1 : len(plain)-1]
	}
	return text
}

// text is what somebody said, an error or a reason: sealed where everything is.
func (h *history) text(said string) string {
	if !strings.HasPrefix(said, seal.Prefix) {
		return said
	}
	plain, ok := h.tree(json.RawMessage(`"` + said + `"`)).(string)
	if !ok {
		return hiddenText // never: only strings are sealed so
	}
	return plain
}

// sayKey says once, at the end, what could not be read.
func (h *history) sayKey() {
	if h.keyErr != nil {
		fmt.Fprintln(h.w.stderr, "note: what is encrypted as a whole is shown as "+hiddenText+": "+h.keyErr.Error())
	}
}

// hideSealed puts (hidden) in the place of everything sealed.
func hideSealed(v any) any {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, seal.Prefix) {
			return hiddenText
		}
	case *engine.Object:
		out := engine.NewObject(v.Len())
		for key, item := range v.All() {
			name, _ := hideSealed(key).(string)
			out.Set(name, hideSealed(item))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = hideSealed(item)
		}
		return out
	}
	return v
}

// compact writes a tree on one line.
func compact(tree any) string {
	text, err := engine.FormatJSON(tree)
	if err != nil {
		return "(cannot be written)"
	}
	return string(text)
}

// raw is a tree for encoding/json, which knows nothing of ordered objects.
func raw(tree any) json.RawMessage {
	if tree == nil {
		return nil
	}
	text, err := engine.FormatJSON(tree)
	if err != nil {
		return nil
	}
	return text
}

// oneLine keeps a text from ending its line and from steering the terminal.
func oneLine(text string) string {
	return printable(strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\t", " ").Replace(text))
}

// A runState is how a run stands, for people.
type runState struct {
	word  string
	color string // "" where nothing is to be seen
	next  string // the command that goes on from there, without --journal
}

// The words beside the statuses of the journal.
const (
	stateKilled = "killed" // running, and nobody executes it
	stateUndone = "undone"
	statePartly = "partly undone"
)

// stateOf says how a run stands and what to do about it.
func stateOf(r *engine.RunRecord, id string) runState {
	word := r.Status
	if r.Status == engine.RunRunning && !r.Live {
		word = stateKilled
	}
	s := runState{word: word, color: "33"}
	resume := resumeText(id, r.Playbook, r.Kind)
	switch word {
	case engine.RunDone:
		s.color = "32"
	case engine.RunQueued:
		return runState{word: word, color: "36"}
	case engine.RunSetAside:
		s.color, s.next = "31", "a0run runs show "+id
	case engine.RunRunning:
		return runState{word: word, color: "36"}
	case stateKilled, engine.RunFailed:
		s.color, s.next = "31", resume
	case engine.RunInDoubt:
		s.color, s.next = "31", "a0run runs show "+id
	case engine.RunInterrupted:
		s.next = resume
	case engine.RunItems:
		s.next = resume + " --retry-failed"
		if r.Kind == engine.KindUndo && r.Of != "" {
			s.next = "a0run undo " + r.Of[:min(8, len(r.Of))] + " --plan" // also of what was left alone
		}
	}
	if r.UndoneBy != "" {
		// Going on would do the rest of what was taken back.
		s = runState{word: stateUndone, color: "33"}
		if r.UndonePart {
			s.word, s.next = statePartly, "a0run undo "+id
		}
	}
	// A local tenant is gone with its process: there is nothing to go on with.
	if slices.ContainsFunc(r.Tenants, func(t engine.TenantRecord) bool { return t.Local }) {
		s.next = ""
	}
	return s
}

// resumeText is the command that goes on with a run. A playbook that came from
// standard input has to be given again, in a file.
func resumeText(id, playbook, kind string) string {
	if playbook == "" && kind != engine.KindUndo {
		return "a0run resume " + id + " FILE"
	}
	return "a0run resume " + id
}

// shortIDs are the shortest beginnings of ids, 8 or longer, that name one run.
func shortIDs(ids []string) map[string]string {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	short := make(map[string]string, len(ids))
	for i, id := range sorted {
		n := 8
		for _, other := range []int{i - 1, i + 1} {
			if other >= 0 && other < len(sorted) {
				n = max(n, commonLength(id, sorted[other])+1)
			}
		}
		short[id] = id[:min(n, len(id))]
	}
	return short
}

func commonLength(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// shortID is a run's short id among all of the journal.
func (h *history) shortID(ctx context.Context, id string) (string, error) {
	runs, err := h.db.Runs(ctx, journal.RunFilter{})
	if err != nil {
		return "", err
	}
	return shortIDs(idsOf(runs))[id], nil
}

func idsOf(runs []*engine.RunRecord) []string {
	ids := make([]string, len(runs))
	for i, r := range runs {
		ids[i] = r.ID
	}
	return ids
}

// playbookOf is what a run's playbook is called.
func playbookOf(name, path string) string {
	switch {
	case name != "":
		return name
	case path != "":
		return path[strings.LastIndexAny(path, `/\`)+1:]
	}
	return "(standard input)"
}

// tenantsOf names the tenants of a run; a role says something only beside
// others.
func tenantsOf(tenants []engine.TenantRecord) string {
	parts := make([]string, len(tenants))
	for i, t := range tenants {
		name := t.Name
		if name == "" {
			name = t.Domain
		}
		if t.Local {
			name = "local"
		}
		if len(tenants) > 1 {
			name = t.Role + "=" + name
		}
		parts[i] = name
	}
	return strings.Join(parts, " ")
}

// took is how long a run or call took, rounded to what a person reads.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "-"
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// runTook is how long a run took, or runs already.
func (h *history) runTook(r *engine.RunRecord) time.Duration {
	switch {
	case !r.Ended.IsZero():
		return r.Ended.Sub(r.Started)
	case r.Live:
		return h.w.now().Sub(r.Started)
	}
	return -1
}

// shortDate is a moment as ls shows it: without the year while it is this one,
// without the hour before.
func (w *world) shortDate(t time.Time) string {
	t = t.Local()
	if t.Year() == w.now().Local().Year() {
		return t.Format("Jan 02 15:04")
	}
	return t.Format("Jan 02  2006")
}

const (
	longDate = "2006-01-02 15:04:05"
	clock    = "15:04:05.000"
)

// sinceTime reads --since: how long ago, or a moment.
func (w *world) sinceTime(flag, text string) (time.Time, error) {
	if d, ok := engine.ParseDuration(text); ok && strings.ContainsAny(text, "dhms") {
		return w.now().Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", longDate, "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, &usageError{flag + " " + strconv.Quote(text) + " is neither how long ago nor a time", flag + " 7d, " + flag + " 12h, " + flag + " 2026-03-01, " + flag + " 2026-03-01T12:00:00Z"}
}

// commandFailed gives an error its exit code: what is no wrong use of the
// command is 1.
type commandFailed struct{ error }

// ExitCode is that of a failure.
func (commandFailed) ExitCode() int { return engine.ExitFailed }

// Unwrap lets the hint be found.
func (e commandFailed) Unwrap() error { return e.error }

// failedWith marks an error that has no exit code of its own.
func failedWith(err error) error {
	var coder engine.ExitCoder
	var code exitError
	if err == nil || errors.As(err, &coder) || errors.As(err, &code) {
		return err
	}
	return commandFailed{err}
}

// hinted is an error with what to do next.
type hinted struct{ message, hint string }

func (e *hinted) Error() string { return e.message }

// Hint is what to do.
func (e *hinted) Hint() string { return e.hint }

// encodeLine prints one object as a line of JSON.
func (w *world) encodeLine(v any) error {
	out := json.NewEncoder(w.stdout)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}
