package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"a0run/bindings"
	"a0run/engine"
	"a0run/engine/journal"
	"a0run/engine/lua"
	"a0run/engine/undo"
)

const undoLong = `Put back what a run has changed, newest first. Each write of the run has kept
what it replaced; what changed since is shown and left alone. The undo is a run of
its own: paced, journaled, resumed by a0run resume, undone by a0run undo.

Before anything is sent it says what will be put back, what has changed since, what
comes back under another id, and what cannot be undone (mails, passwords, rotated
secrets). On a terminal it asks; --plan stops there. Where something is not as before
the exit code is 4.`

const undoExample = `  a0run undo --last --plan
  a0run undo 36317e4e --plan                      what would be put back
  a0run undo 36317e4e
  a0run undo 36317e4e --only 'roles.*'            only these writes
  a0run undo 36317e4e --force 'users/auth0|17'    also though it has changed since`

// undoFlags are the flags of `a0run undo`.
type undoFlags struct {
	runFlags
	plan, last  bool
	only, force []string
}

func undoCommand(w *world) *cobra.Command {
	f := &undoFlags{}
	cmd := &cobra.Command{
		Use: "undo RUN|--last", Short: "Put back what a run has changed",
		Long: undoLong + "\n\n" + exitCodes, Example: undoExample, Args: oneRun(&f.last),
		RunE: func(cmd *cobra.Command, args []string) error {
			return undoRun(cmd.Context(), w, strings.Join(args, ""), f)
		},
	}
	flags := cmd.Flags()
	f.showNeeded(flags)
	flags.BoolVar(&f.yes, "yes", false, "ask nothing, and go ahead where a guard asks for a person")
	flags.BoolVar(&f.plan, "plan", false, "say what would be put back, and stop")
	flags.BoolVar(&f.last, "last", false, "the newest run that has written something; undos are not counted")
	flags.BoolVar(&f.full, "full", false, "print every write, also where many are alike")
	flags.StringArrayVar(&f.only, "only", nil, "only the writes of an operation, a step or an object, `NAME`; * stands for any text; may be repeated")
	flags.StringArrayVar(&f.force, "force", nil, "put an `OBJECT` back although it has changed since; may be repeated")
	flags.IntVar(&f.concurrency, "concurrency", engine.DefaultConcurrency, "the most requests in flight at a time")
	f.weightFlag(flags)
	return cmd
}

func undoRun(ctx context.Context, w *world, id string, f *undoFlags) error {
	s := &session{world: w, flags: &f.runFlags, redactor: &engine.Redactor{Off: w.shown}}
	if err := s.needJournal(ctx, "undo"); err != nil {
		return err
	}
	defer s.close()
	var err error
	if f.last {
		if id, err = s.journal.lastWriter(ctx); err != nil {
			return err
		}
	}
	rec, err := s.journal.run(ctx, id)
	if err != nil {
		return err
	}
	if rec.Live {
		return &usageError{"run " + rec.ID + " is being executed", "a0run runs cancel " + rec.ID + " stops it; undo it then"}
	}
	if err := s.recordedOptions(rec); err != nil {
		return err
	}
	s.recorded.Only, s.recorded.Force = f.only, f.force
	if err := s.openFor(ctx, rec); err != nil {
		return err
	}
	u, err := s.loadUndo(ctx, rec)
	if err != nil {
		return err
	}
	preview, err := s.previewUndo(ctx, u)
	if err != nil {
		return err
	}
	if f.plan {
		return s.showPreview(preview, f.json)
	}
	if err := s.agree(ctx, preview); err != nil {
		return err
	}
	s.guard(f.yes, false)
	if err := s.begin(ctx, engine.KindUndo, rec.ID); err != nil {
		return err
	}
	return s.undo(ctx, u)
}

// needJournal opens the journal of a command that makes no sense without one.
func (s *session) needJournal(ctx context.Context, command string) error {
	if s.flags.journal == noJournal {
		return &usageError{command + " needs a journal", "leave --journal none out"}
	}
	s.goesOn = command != "apply" // which may be made elsewhere, under a key that is brought along
	var err error
	s.journal, err = s.openJournal(ctx)
	return err
}

// recordedOptions reads what a run's record keeps of its command line.
func (s *session) recordedOptions(rec *engine.RunRecord) error {
	if len(rec.Options) == 0 {
		return nil
	}
	if err := json.Unmarshal(rec.Options, &s.recorded); err != nil {
		return fmt.Errorf("the options of run %s cannot be read: %w", rec.ID, err)
	}
	return nil
}

// openFor opens the tenants of a recorded run for what is made of its records,
// without its playbook, which may be another by now.
func (s *session) openFor(ctx context.Context, rec *engine.RunRecord) error {
	if err := notLocal(rec, "undone"); err != nil {
		return err
	}
	head := engine.Head{Name: "undo of " + rec.ID, Files: s.recorded.Files}
	for _, t := range rec.Tenants {
		head.Tenants = append(head.Tenants, engine.TenantDecl{Role: t.Role})
		s.flags.tenants = append(s.flags.tenants, t.Role+"="+t.Name)
	}
	s.playbook = &playbook{name: "undo", fixed: &head, path: rec.Playbook}
	if rec.Playbook != "" {
		s.playbook.dir = filepath.Dir(rec.Playbook)
	}
	s.params = engine.NewObject(0)
	if err := s.open(ctx); err != nil {
		return err
	}
	return s.sameTenants(rec)
}

// notLocal refuses what needs the tenant of a local run.
func notLocal(rec *engine.RunRecord, what string) error {
	for _, t := range rec.Tenants {
		if t.Local {
			return &usageError{fmt.Sprintf("run %s cannot be %s: it ran with --local, and its tenant was gone with its process", rec.ID, what), "a0run sim serves a local tenant that stays"}
		}
	}
	return nil
}

// loadUndo makes the undo of a run of its records.
func (s *session) loadUndo(ctx context.Context, rec *engine.RunRecord) (*undo.Undo, error) {
	earlier, err := s.earlierUndos(ctx, rec)
	if err != nil {
		return nil, err
	}
	o := undo.Options{
		Journal: s.journal.db, Run: rec.ID, Earlier: earlier, Open: s.journal.opener(s.redactor),
		API: bindings.API(s.globals), Redactor: s.redactor, Only: s.recorded.Only, Force: s.recorded.Force,
	}
	if s.playbook.dir != "" {
		o.Files = bindings.NewFiles(s.globals)
	}
	u, err := undo.Load(ctx, o)
	return u, failedWith(err)
}

// earlierUndos are the undos of a run, the oldest first.
func (s *session) earlierUndos(ctx context.Context, rec *engine.RunRecord) ([]string, error) {
	runs, err := s.journal.db.Runs(ctx, journal.RunFilter{Kind: engine.KindUndo})
	if err != nil {
		return nil, failedWith(err)
	}
	var earlier []string
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].Of == rec.ID && (s.durable == nil || runs[i].ID != s.durable.Run().ID) {
			earlier = append(earlier, runs[i].ID)
		}
	}
	return earlier, nil
}

// previewUndo finds out what an undo would do, in a run that may only read and
// leaves no trace.
func (s *session) previewUndo(ctx context.Context, u *undo.Undo) (preview *undo.Preview, err error) {
	run := engine.NewRun(engine.Config{
		Concurrency: s.flags.concurrency, Weight: s.weight(), Redactor: s.redactor, Now: s.world.now, API: bindings.API(s.globals),
		Stages: []engine.Stage{readsOnly},
	})
	ended := make(chan struct{})
	signalled := watch(s.world, run, func(string) {}, ended)
	err = run.Main(ctx, func(t *engine.Task) (err error) {
		preview, err = u.Preview(t)
		return err
	})
	close(ended)
	<-signalled
	return preview, failedWith(err)
}

// readsOnly lets nothing through that changes something.
func readsOnly(next engine.Doer) engine.Doer {
	return engine.DoerFunc(func(ctx context.Context, c *engine.Call) engine.Outcome {
		if c.Mutates() {
			return engine.Outcome{Err: &engine.Error{Name: engine.NameInternalError, ResetAt: -1, Message: "a preview was about to send " + c.Name}}
		}
		return next.Do(ctx, c)
	})
}

func (s *session) showPreview(p *undo.Preview, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(s.world.stdout)
		e.SetEscapeHTML(false)
		return e.Encode(p)
	}
	return p.WriteText(s.world.stdout, s.undoText())
}

func (s *session) undoText() undo.TextOptions { return undo.TextOptions{Full: s.flags.full} }

// agree shows what will happen and asks, where there is somebody to ask; a yes
// is one for the guards, too.
func (s *session) agree(ctx context.Context, p *undo.Preview) error {
	if !s.flags.json && !s.flags.quiet {
		if err := p.WriteText(s.world.stderr, s.undoText()); err != nil {
			return err
		}
	}
	if s.flags.yes || !s.world.asks || p.Counts[undo.PutBack] == 0 {
		return nil
	}
	if err := s.world.ask(ctx, "put this back?"); err != nil {
		return err
	}
	s.flags.yes = true
	return nil
}

// ask asks a person; anything but yes is no, and so is Ctrl-C.
func (w *world) ask(ctx context.Context, question string) error {
	fmt.Fprint(w.stderr, question+" Only yes is taken: ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(w.stdin).ReadString('\n') // what came before an error counts
		answer <- strings.TrimSpace(line)
	}()
	code := engine.ExitFailed
	select {
	case line := <-answer:
		if !w.asks {
			fmt.Fprintln(w.stderr) // a terminal shows the line end that was typed
		}
		if line == "yes" {
			return nil
		}
	case sig := <-w.signals:
		fmt.Fprintln(w.stderr)
		code = signalCode(sig)
	case <-ctx.Done():
	}
	fmt.Fprintln(w.stderr, "nothing was written")
	return exitError(code)
}

// undo executes an undo as the playbook of a run.
func (s *session) undo(ctx context.Context, u *undo.Undo) error {
	s.stages = append(s.stages, u.Gate)
	s.undoing = true
	s.verdict = func() int {
		if c := u.Result().Counts; c[undo.Left]+c[undo.Unknown]+c[undo.Failed]+c[undo.Impossible] > 0 {
			return engine.ExitItems
		}
		return engine.ExitOK
	}
	failed := s.executeMain(ctx, func(*engine.Namespace, *lua.VM) func(*engine.Task) error {
		return func(t *engine.Task) error {
			if err := s.guards.Begin(t); err != nil {
				return err
			}
			return u.Run(t)
		}
	})
	if s.flags.json || failed != nil && len(u.Result().Counts) == 0 {
		return failed
	}
	if err := u.Result().WriteText(s.world.stdout, s.undoText()); err != nil {
		return err
	}
	return failed
}
