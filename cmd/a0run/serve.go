package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"a0run/engine"
	"a0run/engine/serve"
)

const serveLong = `Run schedules, and the runs that people queue, until SIGTERM; show them in the
control room, a web page (docs/control-room.md). Schedules stand in
a0run.yaml under schedules:, and in the heads of playbooks under schedule:
(docs/schedules.md). a0run.yaml is the one found from here upwards, or FILE.

What is due is written into the journal before anything begins, once for each due
time, and what a crash has left is resumed: a service that was killed, and its
machine that slept, go on where they were. A run that was being executed in two
crashes is set aside and not resumed a third time.

Changed files are read again; where one is broken, the version before stays in use
and that is said. SIGHUP reads them at once. SIGTERM and Ctrl-C drain: nothing
begins any more, what runs has serve.drain (30s) to end, and is stopped then so that
the next a0run serve resumes it; a second one stops it at once. One process serves
a journal; with --standby a second one waits, and takes over. While it waits it
answers /healthz at the control room's address, and is not ready by /readyz; where
that address is taken, as on the machine of the one that serves, it does not.`

const serveExample = `  a0run serve
  a0run serve --check                         for CI: are the files right?
  a0run serve /srv/auth0/a0run.yaml --standby --log json`

// serveFlags are the flags of `a0run serve`.
type serveFlags struct {
	journal        string
	check, standby bool
	log, listen    string
}

func serveCommand(w *world) *cobra.Command {
	f := &serveFlags{}
	cmd := &cobra.Command{
		Use: "serve [FILE]", Short: "Run schedules and queued runs", Long: serveLong, Example: serveExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{fmt.Sprintf("serve takes one a0run.yaml, got %d", len(args)), "a0run serve [FILE]"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return serveProject(cmd.Context(), w, args, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.journal, "journal", "", "the journal's `FILE`; that of a0run.yaml, or ~/.local/state/a0run/journal.db unless told")
	flags.BoolVar(&f.check, "check", false, "look whether all files are right, and stop; exit code 2 where one is not")
	flags.BoolVar(&f.standby, "standby", false, "wait where another process serves the journal, and take over when it ends")
	flags.StringVar(&f.listen, "listen", "", "the `ADDRESS` of the control room, or none; room.listen of a0run.yaml, or "+roomListen+" unless told")
	flags.StringVar(&f.log, "log", "text", "the form of the log on stderr: text or json")
	return cmd
}

func serveProject(ctx context.Context, w *world, args []string, f *serveFlags) error {
	file := ""
	if len(args) == 1 {
		file = args[0]
	}
	l, err := newLoader(w, file)
	if err != nil {
		return err
	}
	if f.check {
		return checkService(w, l)
	}
	log, err := f.logger(w)
	if err != nil {
		return err
	}
	j, err := openService(ctx, w, l, f.journal)
	if err != nil {
		return failedWith(err)
	}
	defer j.close()
	service, err := newService(w, l, j, log)
	if err != nil {
		return err
	}
	for _, p := range service.Problems() {
		log.Error("a file cannot be used", "file", w.near(p.File), "problem", p.Text)
	}
	return runService(ctx, w, served{service, roomSetup{control: service, project: l.project, newest: l.newest.Load, box: j.box, listen: f.listen, log: log}}, f)
}

// served is a service with what its control room is made of.
type served struct {
	*serve.Service
	room roomSetup
}

// openService opens the journal as a0run.yaml says.
func openService(ctx context.Context, w *world, l *loader, given string) (*openJournal, error) {
	if given == noJournal {
		return nil, &usageError{"serve needs a journal", "leave --journal none out"}
	}
	if given != "" {
		given = w.path(given)
	}
	at, err := w.journalSettings(given, l.dir())
	if err != nil {
		return nil, err
	}
	s := &session{world: w, flags: &runFlags{journal: given}, redactor: &engine.Redactor{Off: w.shown}}
	return s.openAt(ctx, at)
}

func newService(w *world, l *loader, j *openJournal, log *slog.Logger) (*serve.Service, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	return serve.New(serve.Options{
		Journal: j.db, Box: j.box, SealAll: j.settings.all, Loader: l,
		Runner: &children{w: w, dir: l.dir(), program: path, journal: j.db.Path(), box: j.box},
		Plans:  filepath.Join(filepath.Dir(j.db.Path()), "plans"),
		Name:   w.process, Host: w.host, Version: buildVersion(), Log: log, Now: w.now,
	})
}

// runService serves until a signal.
func runService(ctx context.Context, w *world, service served, f *serveFlags) error {
	log := service.room.log
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	kill := make(chan struct{})
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	ended := make(chan struct{})
	defer close(ended)
	go obey(w, service.Service, orderly{stop: stop, kill: kill, hangup: hangup, ended: ended})
	release, err := acquire(ctx, w, service, f.standby)
	if err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while it stood by
		}
		return err
	}
	defer release()
	// Not before: who stands by leaves the address to who serves.
	room, err := openRoom(ctx, w, service.room)
	if err != nil {
		return err
	}
	defer room.close()
	if err := service.Run(ctx, kill); err != nil {
		return failedWith(err)
	}
	log.Info("stopped")
	return nil
}

// acquire makes this process the one that serves. Where another one does, it stands
// by, and answers those who ask whether it is up.
func acquire(ctx context.Context, w *world, service served, standby bool) (release func(), err error) {
	release, err = service.Acquire(ctx, false)
	var other *serve.ErrServed
	if !standby || !errors.As(err, &other) {
		return release, err
	}
	server, err := openStandby(ctx, w, service.room)
	if err != nil {
		return nil, err
	}
	release, err = service.Acquire(ctx, true)
	if server != nil { // the room takes its address
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Stop(ctx) // who is still connected is let go
	}
	return release, err
}

// orderly is what signals do to a service.
type orderly struct {
	stop   context.CancelCauseFunc
	kill   chan struct{}
	hangup <-chan os.Signal
	ended  <-chan struct{}
}

func obey(w *world, service *serve.Service, o orderly) {
	var last time.Time
	for got := 0; ; {
		select {
		case <-w.signals:
			if now := time.Now(); now.Sub(last) < time.Second {
				continue // one that was sent to the process and to its group
			} else {
				last = now
			}
			switch got++; got {
			case 1:
				o.stop(errInterrupted)
			case 2:
				close(o.kill)
			default:
				w.exit(engine.ExitInterrupted)
			}
		case <-o.hangup:
			_, _ = service.Reload(context.Background(), serve.Actor{Name: "SIGHUP", Role: "admin"}) // what is wrong is in the log
		case <-o.ended:
			return
		}
	}
}

// logger writes the service's log to stderr.
func (f *serveFlags) logger(w *world) (*slog.Logger, error) {
	switch f.log {
	case "text":
		return slog.New(slog.NewTextHandler(w.stderr, nil)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w.stderr, nil)), nil
	}
	return nil, &usageError{"--log " + printable(f.log) + " is unknown", "known: text, json"}
}

// checkService says all that is wrong with the files of a service.
func checkService(w *world, l *loader) error {
	setup, err := l.Load(nil)
	var wrong engine.Problems
	if errors.As(err, &wrong) {
		for _, p := range wrong {
			fmt.Fprintln(w.stdout, printable(p.String()))
		}
		return exitError(engine.ExitUsage)
	}
	if err != nil {
		return err
	}
	for _, warning := range l.project.Warnings {
		fmt.Fprintln(w.stdout, "warning: "+warning.String())
	}
	for _, p := range setup.Problems {
		fmt.Fprintln(w.stdout, printable(p.Text))
	}
	if len(setup.Problems) > 0 {
		return exitError(engine.ExitUsage)
	}
	fmt.Fprintf(w.stderr, "%s: ok, %s, %s\n", w.near(l.file), count(len(setup.Schedules), "schedule"), count(len(setup.Playbooks), "playbook"))
	return nil
}
