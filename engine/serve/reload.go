package serve

import (
	"context"
	"strings"
)

// reloadChanged reads the files again where one of them has changed. One that
// is broken keeps the version before, and is reported.
func (s *Service) reloadChanged(ctx context.Context) {
	if !s.draining && s.o.Loader.Changed() {
		s.reload(ctx, "changed")
	}
}

// reload reads the files; why is "changed" or ReloadAsked.
func (s *Service) reload(ctx context.Context, why string) {
	setup, err := s.o.Loader.Load(s.setup)
	if err != nil { // a setup before never fails, so this is the disk
		s.log.Error("the files cannot be read again; what was read before stays", "error", err.Error())
		return
	}
	s.counters.reloads++
	known := map[string]bool{}
	for _, p := range s.problems {
		known[p.File+"\x00"+p.Text] = true
	}
	for _, p := range setup.Problems {
		if !known[p.File+"\x00"+p.Text] {
			s.log.Error("a changed file cannot be used; "+keeps(p), "file", p.File, "problem", strings.ReplaceAll(p.Text, "\n", "; "))
		}
	}
	if len(setup.Problems) == 0 {
		s.log.Info("the files were read again", "schedules", len(setup.Schedules), "playbooks", len(setup.Playbooks))
	}
	s.setup, s.problems = setup, setup.Problems
	if err := s.seeSchedules(ctx); err != nil {
		s.log.Error("the schedules cannot be written", "error", err.Error())
	}
	s.tell(Change{Kind: ChangeFiles, State: why})
}

func keeps(p FileProblem) string {
	if p.Kept {
		return "the version before stays in use"
	}
	return "there is no version before"
}

// Reload implements Commands.
func (s *Service) Reload(ctx context.Context, by Actor) ([]FileProblem, error) {
	s.mu.Lock()
	s.reload(ctx, ReloadAsked)
	problems := s.problems
	s.mu.Unlock()
	s.poke()
	return problems, s.audit(ctx, act{by: by, action: "files.reload"}, nil)
}
