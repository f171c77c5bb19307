package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"a0run/bindings"
	"a0run/engine"
	"a0run/engine/cron"
	"a0run/engine/project"
	"a0run/engine/serve"
)

// The bounds of what is looked at for playbooks, and how often.
const (
	mostPlaybooks = 2000
	lookEvery     = 2 * time.Second
)

// A loader reads a0run.yaml and the playbooks around it for the service. It
// keeps the versions that were good last.
type loader struct {
	w    *world
	file string // of a0run.yaml

	project *project.Project
	text    string               // of the project that is in use
	good    map[string]*goodFile // by path
	since   map[string]time.Time // of problems
	stamps  map[string]fileStamp
	looked  time.Time
	// newest is project, for others than the service that loads.
	newest atomic.Pointer[project.Project]
}

// A goodFile is a playbook whose version could be used.
type goodFile struct {
	view    serve.PlaybookView
	head    engine.Head
	sources map[string]string // its texts by path, modules and includes among them
	plots   []*cron.Schedule
}

type fileStamp struct {
	size    int64
	changed time.Time
}

// newLoader finds the project: an a0run.yaml or its folder, else what is found
// from here upwards.
func newLoader(w *world, given string) (*loader, error) {
	l := &loader{w: w, good: map[string]*goodFile{}, since: map[string]time.Time{}}
	switch {
	case given == "":
		for at := w.dir; ; at = filepath.Dir(at) {
			if name := filepath.Join(at, project.FileName); isFile(name) {
				l.file = name
				return l, nil
			}
			if at == filepath.Dir(at) {
				return nil, &usageError{"there is no " + project.FileName + " here or above", "write one with tenants: and schedules:, or say where it is"}
			}
		}
	case isFolder(w.path(given)):
		l.file = filepath.Join(w.path(given), project.FileName)
	default:
		l.file = w.path(given)
	}
	if !isFile(l.file) {
		return nil, &usageError{"cannot read " + w.near(l.file) + ": there is no such file", ""}
	}
	return l, nil
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.IsDir()
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// dir is the folder of a0run.yaml.
func (l *loader) dir() string { return filepath.Dir(l.file) }

// id is a path as the service shows it: from the folder of a0run.yaml.
func (l *loader) id(path string) string {
	if rel, err := filepath.Rel(l.dir(), path); err == nil {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(path)
}

// Changed implements serve.Loader.
func (l *loader) Changed() bool {
	now := l.w.now()
	if since := now.Sub(l.looked); since >= 0 && since < lookEvery {
		return false
	}
	l.looked = now
	return !maps.Equal(l.stamps, l.stampsNow())
}

// stampsNow are the stamps of all files that are read or would be.
func (l *loader) stampsNow() map[string]fileStamp {
	stamps := map[string]fileStamp{}
	add := func(path string) {
		if info, err := os.Stat(path); err == nil {
			stamps[path] = fileStamp{info.Size(), info.ModTime()}
		} else {
			stamps[path] = fileStamp{size: -1}
		}
	}
	add(l.file)
	for _, path := range l.candidates() {
		add(path)
	}
	for _, g := range l.good {
		for path := range g.sources {
			add(path)
		}
	}
	return stamps
}

// Load implements serve.Loader.
func (l *loader) Load(before *serve.Setup) (*serve.Setup, error) {
	setup := &serve.Setup{Project: l.file, Overlay: map[string]string{}}
	if err := l.loadProject(before, setup); err != nil {
		return nil, err
	}
	p := l.project
	setup.Drain, setup.Limits = p.Serve.Drain, serve.Limits{Runs: p.Serve.Runs, PerTenant: p.Serve.RunsPerTenant, Tenants: p.Serve.Tenants}
	if setup.Drain == 0 {
		setup.Drain = project.DefaultDrain
	}
	if setup.Limits.Runs == 0 {
		setup.Limits.Runs = project.DefaultRuns
	}
	if setup.Keep = p.Journal.Keep; setup.Keep == 0 {
		setup.Keep = keepRuns
	}
	for _, t := range p.Tenants {
		setup.Tenants = append(setup.Tenants, serve.TenantView{Name: t.Name, Domain: l.domain(t), Production: t.Production, Remaining: -1, Budget: -1})
	}
	paths := l.candidates()
	for _, path := range paths {
		l.loadPlaybook(path, setup)
	}
	maps.DeleteFunc(l.good, func(path string, _ *goodFile) bool { return !slices.Contains(paths, path) })
	l.plotAll(before, setup)
	l.forgetSolved(setup)
	l.stamps, l.looked = l.stampsNow(), l.w.now()
	return setup, nil
}

// domain is a tenant's, where no command has to be asked.
func (l *loader) domain(t project.Tenant) string {
	if t.Domain.Env != "" {
		v, _ := l.w.getenv(t.Domain.Env)
		return v
	}
	return t.Domain.Value
}

// loadProject reads a0run.yaml, or keeps the version before.
func (l *loader) loadProject(before *serve.Setup, setup *serve.Setup) error {
	text, err := l.w.readFile(l.file)
	var p *project.Project
	if err == nil {
		p, err = project.Parse(l.w.near(l.file), text)
	}
	if err == nil {
		p.File = l.file
		l.project, l.text = p, string(text)
		l.newest.Store(p)
		return nil
	}
	if before == nil || l.project == nil {
		return err
	}
	l.problem(setup, l.file, err.Error(), true)
	setup.Overlay[l.file] = l.text
	return nil
}

// problem notes a file that cannot be used, with since when.
func (l *loader) problem(setup *serve.Setup, file, text string, kept bool) {
	key := file + "\x00" + text
	if _, known := l.since[key]; !known {
		l.since[key] = l.w.now()
	}
	setup.Problems = append(setup.Problems, serve.FileProblem{File: file, Text: text, Since: l.since[key], Kept: kept})
}

// forgetSolved forgets since when a problem was, once it is not.
func (l *loader) forgetSolved(setup *serve.Setup) {
	still := map[string]bool{}
	for _, p := range setup.Problems {
		still[p.File+"\x00"+p.Text] = true
	}
	maps.DeleteFunc(l.since, func(key string, _ time.Time) bool { return !still[key] })
}

var (
	luaHead   = regexp.MustCompile(`(?m)^\s*playbook\s*[({]`)
	yamlSteps = regexp.MustCompile(`(?m)^["']?steps["']?\s*:`)
)

// candidates are the paths of the playbooks: those that serve.playbooks names,
// else all in the folder of a0run.yaml and below it that say that they are, and
// those that schedules name.
func (l *loader) candidates() []string {
	seen := map[string]bool{}
	if l.project != nil {
		for _, s := range l.project.Schedules {
			seen[l.project.Path(s.Playbook)] = true
		}
		for _, pattern := range l.project.Serve.Playbooks {
			l.match(l.project.Path(pattern), seen)
		}
	}
	if l.project == nil || l.project.Serve.Playbooks == nil {
		l.walk(l.dir(), seen)
	}
	return slices.Sorted(maps.Keys(seen))
}

func (l *loader) match(pattern string, seen map[string]bool) {
	if isFolder(pattern) {
		l.walk(pattern, seen)
		return
	}
	names, _ := filepath.Glob(pattern) // a pattern that is none matches nothing
	for _, name := range names {
		if isFolder(name) {
			l.walk(name, seen)
		} else if saysPlaybook(l.w, name, true) {
			seen[name] = true
		}
	}
}

func (l *loader) walk(dir string, seen map[string]bool) {
	_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // a folder that cannot be read has no playbooks
		case d.IsDir() && name != dir && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		case len(seen) >= mostPlaybooks:
			return filepath.SkipAll
		case name != l.file && saysPlaybook(l.w, name, false):
			seen[name] = true
		}
		return nil
	})
}

// saysPlaybook tells playbooks from modules and other files: Lua has a head,
// YAML has steps. named is for a file that was named itself.
func saysPlaybook(w *world, name string, named bool) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".lua":
		if named {
			return true
		}
		text, err := w.readFile(name)
		return err == nil && luaHead.Match(text)
	case ".yaml", ".yml":
		text, err := w.readFile(name)
		return err == nil && yamlSteps.Match(text)
	}
	return false
}

// loadPlaybook reads one playbook, or keeps the version before.
func (l *loader) loadPlaybook(path string, setup *serve.Setup) {
	g, err := l.readPlaybook(path)
	if err == nil {
		l.good[path] = g
		setup.Playbooks = append(setup.Playbooks, g.view)
		return
	}
	text := err.Error()
	old, kept := l.good[path]
	l.problem(setup, path, text, kept)
	view := serve.PlaybookView{ID: l.id(path), Path: path, Broken: text}
	if kept {
		view = old.view
		view.Broken = text
		maps.Copy(setup.Overlay, old.sources)
	}
	setup.Playbooks = append(setup.Playbooks, view)
}

func (l *loader) readPlaybook(path string) (*goodFile, error) {
	p, err := loadPlaybook(l.w, l.w.near(path))
	if err != nil {
		return nil, err
	}
	head := p.head()
	if head.Validate == "" && l.project != nil {
		head.Validate = l.project.Validate
	}
	var wrong engine.Problems
	for _, problem := range p.check(bindings.Offline(head)) {
		if !problem.Warning {
			wrong = append(wrong, problem)
		}
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	g := &goodFile{head: head, sources: map[string]string{path: string(p.text)}}
	for name := range p.sources.read() {
		inner := filepath.Join(p.dir, filepath.FromSlash(name))
		if text, err := l.w.readFile(inner); err == nil {
			g.sources[inner] = string(text)
		}
	}
	g.plots, _ = cron.OfHead(head, l.id(path)) // its mistakes were found above
	g.view = serve.PlaybookView{
		ID: l.id(path), Name: head.Name, Description: head.Description, Path: path, Language: language(path, p.text),
		Params: head.Params, Schema: serve.ParamsSchema(head.Params), Source: string(p.text),
	}
	chosen, _ := l.project.Choose(project.Choice{Head: head, Getenv: l.w.getenv}) // a role may have none
	for _, role := range rolesOf(head) {
		r := serve.RoleView{Role: role, Tenant: chosen[role]}
		for _, d := range head.Tenants {
			if d.Role == role {
				r.Description = d.Description
				if r.Tenant == "" {
					r.Tenant = d.Tenant
				}
			}
		}
		g.view.Roles = append(g.view.Roles, r)
	}
	return g, nil
}

// plotAll makes the schedules: those of a0run.yaml, and those of the heads.
func (l *loader) plotAll(before *serve.Setup, setup *serve.Setup) {
	ids := map[string]bool{}
	add := func(s *cron.Schedule, path, file string) {
		p, err := l.plot(s, path)
		if ids[s.ID] {
			err = engine.Problems{{Where: s.Where, Message: "two schedules are called " + s.ID}}
		}
		if err == nil {
			ids[s.ID] = true
			setup.Schedules = append(setup.Schedules, p)
			return
		}
		old := plotBefore(before, s.ID)
		kept := old != nil && !ids[s.ID]
		l.problem(setup, file, err.Error(), kept)
		if kept {
			ids[s.ID] = true
			setup.Schedules = append(setup.Schedules, old)
		}
	}
	for _, s := range l.project.Schedules {
		add(s, l.project.Path(s.Playbook), l.file)
	}
	for _, path := range slices.Sorted(maps.Keys(l.good)) {
		for _, s := range l.good[path].plots {
			add(s, path, path)
		}
	}
}

func plotBefore(before *serve.Setup, id string) *serve.Plotted {
	if before == nil {
		return nil
	}
	for _, p := range before.Schedules {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// plot holds a schedule against its playbook: the params, the tenants.
func (l *loader) plot(s *cron.Schedule, path string) (*serve.Plotted, error) {
	g := l.good[path]
	if g == nil {
		wrong := engine.Problem{Where: s.At("playbook"), Message: fmt.Sprintf("schedule %s: the playbook %s is broken", s.ID, l.id(path))}
		if !isFile(path) {
			wrong.Message, wrong.Hint = fmt.Sprintf("schedule %s: there is no playbook %s", s.ID, l.id(path)), nearFiles(l.w, l.w.near(path))
		}
		return nil, engine.Problems{wrong}
	}
	values, problems := g.head.ParseParams(nil, s.Params)
	if len(problems) > 0 {
		return nil, l.atKey(s, "params", problems)
	}
	var flags []string
	for _, role := range slices.Sorted(maps.Keys(s.Tenants)) {
		flag := s.Tenants[role]
		if role != "" {
			flag = role + "=" + flag
		}
		flags = append(flags, flag)
	}
	tenants, err := l.project.Choose(project.Choice{Head: g.head, Flags: flags, Getenv: l.w.getenv})
	if err != nil {
		var problems engine.Problems
		errors.As(err, &problems)
		return nil, l.atKey(s, "tenant", problems)
	}
	job := serve.Spec{
		Kind: engine.KindRun, Playbook: path, Tenants: tenants, Yes: s.Yes, Parallel: s.Overlap == cron.OverlapParallel,
		Timeout: s.Timeout, Retries: s.Retries, RetryDelay: s.RetryDelay,
	}
	if s.Approve {
		job.Kind, job.Lapse = engine.KindPlan, s.Lapse
	}
	if job.Params, err = engine.FormatJSON(values); err != nil {
		return nil, err
	}
	shown, err := json.Marshal(hideParams(g.head, values))
	if err != nil {
		return nil, err
	}
	return &serve.Plotted{Schedule: s, Playbook: l.id(path), Path: path, Shown: shown, Job: job}, nil
}

// atKey are problems of a schedule's params or tenants, at their place.
func (l *loader) atKey(s *cron.Schedule, key string, problems engine.Problems) engine.Problems {
	out := make(engine.Problems, len(problems))
	for i, p := range problems {
		p.Message = "schedule " + s.ID + ": " + strings.TrimPrefix(p.Message, "--params: ")
		p.Hint = strings.ReplaceAll(p.Hint, "--tenant ", "tenant: ")
		p.Hint = strings.ReplaceAll(p.Hint, "give it with -p ", "give it under params: ")
		p.Where = s.At(key)
		out[i] = p
	}
	return out
}

// hideParams are the values by name, secrets hidden.
func hideParams(h engine.Head, values *engine.Object) map[string]any {
	shown := map[string]any{}
	for _, d := range h.Params {
		v, ok := values.Get(d.Name)
		switch {
		case !ok:
		case d.Type == "secret":
			shown[d.Name] = "[secret]"
		default:
			if text, err := engine.FormatJSON(v); err == nil {
				shown[d.Name] = json.RawMessage(text)
			}
		}
	}
	return shown
}
