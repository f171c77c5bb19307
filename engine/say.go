package engine

import (
	"context"

	"a0run/client/catalog"
)

// What a playbook prints and logs takes the one path too: a resumed run does
// not say again what was said, and a run's history has its lines.

// Print shows a line of the playbook, unless an earlier execution of the run
// has shown it.
func (t *Task) Print(text string, where Position, show func(text string)) {
	args := NewObject(1)
	args.Set("text", text)
	t.say("print", args, where, func() { show(text) })
}

// Log emits a line of the playbook's log, likewise; its Kind is EventLog.
func (t *Task) Log(e Event, where Position) {
	args := NewObject(2)
	args.Set("text", e.Text)
	if len(e.Fields) > 0 {
		args.Set("fields", e.Fields)
	}
	e.Kind, e.Task, e.Where = EventLog, t.path, where.String()
	t.say("log."+e.Level, args, where, func() { t.run.Emit(e) })
}

func (t *Task) say(name string, args *Object, where Position, show func()) {
	t.Do(&Action{
		Name: name, Effect: catalog.Read, Args: args, Where: where, Instant: true, Quiet: true,
		Perform: func(context.Context, *Attempt) Outcome {
			show()
			return Outcome{}
		},
	})
}
