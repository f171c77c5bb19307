package project

import (
	"context"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"a0run/engine"
	"a0run/engine/notify"
)

// A Notify is what notify: says: who is told what became of runs.
type Notify struct {
	// Group is how long notices are gathered into one message; 0 means the
	// default, less than 0 that each is sent by itself.
	Group time.Duration
	To    []NotifyTo
	Where engine.Position
}

// A NotifyTo is one receiver.
type NotifyTo struct {
	Name string
	// URL is where the address comes from, in shoutrrr's form.
	URL Source
	// On are the kinds of notices that are told; empty means all.
	On       []string
	Template *notify.Template
	Where    engine.Position
}

// Receivers are the receivers with their addresses, all or those of some names.
// Its error is engine.Problems, which show no address.
func (p *Project) Receivers(ctx context.Context, out Outside, names ...string) ([]notify.Receiver, error) {
	r := &resolver{project: p, out: out}
	var to []notify.Receiver
	for _, t := range p.Notify.To {
		if len(names) > 0 && !slices.Contains(names, t.Name) {
			continue
		}
		what := "notify.to." + t.Name + ".url"
		address := r.value(ctx, what, t.URL)
		if address == "" {
			continue
		}
		if err := notify.CheckURL(address); err != nil {
			r.wrong(field{what, t.URL}, "slack://…, teams://…, discord://…, smtp://…, generic://…: see docs/control-room.md", "%v", err)
			continue
		}
		to = append(to, notify.Receiver{Name: t.Name, URL: engine.Secret(address), On: t.On, Template: t.Template})
	}
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return to, nil
}

// notify reads {group, title, text, to}.
func (d *document) notify(n *yaml.Node) Notify {
	out := Notify{Where: d.at(n)}
	if !d.mapping(n, "notify") {
		return out
	}
	var title, text *yaml.Node
	var to *yaml.Node
	fields(n, func(key, value *yaml.Node) {
		switch key.Value {
		case "group":
			out.Group = d.pause(value, "notify.group")
		case "title":
			title = value
		case "text":
			text = value
		case "to":
			to = value
		default:
			d.unknown(key, "notify", []string{"group", "title", "text", "to"})
		}
	})
	common := d.template("notify", title, text, nil)
	switch {
	case to == nil:
		d.wrong(n, "to: {ops: {url: {env: SLACK_URL}}}", "notify: to is missing")
	case d.mapping(to, "notify.to"):
		fields(to, func(key, value *yaml.Node) { out.To = append(out.To, d.notifyTo(key, value, common)) })
	}
	return out
}

func (d *document) notifyTo(key, n *yaml.Node, common *notify.Template) NotifyTo {
	to := NotifyTo{Name: key.Value, Where: d.at(key), Template: common}
	what := "notify.to." + to.Name
	if !d.mapping(n, what) {
		return to
	}
	var title, text *yaml.Node
	fields(n, func(key, value *yaml.Node) {
		switch key.Value {
		case "url":
			to.URL = d.source(value, what+".url")
			if to.URL.Value != "" {
				d.warn(to.URL.Where, "take it from {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]}", "%s.url stands in the file in the clear, and whoever has it can write there", what)
			}
		case "on":
			to.On = d.words(value, what+".on", notify.Kinds())
		case "title":
			title = value
		case "text":
			text = value
		default:
			d.unknown(key, what, []string{"url", "on", "title", "text"})
		}
	})
	if to.URL.IsZero() {
		d.wrong(key, "url: {env: SLACK_URL}", "%s: url is missing", what)
	}
	to.Template = d.template(what, title, text, common)
	return to
}

// template reads a title and a text; without both it is the one that holds
// for all.
func (d *document) template(what string, title, text *yaml.Node, common *notify.Template) *notify.Template {
	if title == nil && text == nil {
		return common
	}
	read := func(n *yaml.Node, name string) string {
		if n == nil {
			return ""
		}
		return d.text(n, what+"."+name)
	}
	t, err := notify.ParseTemplate(read(title, "title"), read(text, "text"))
	if err != nil {
		at := text
		if at == nil || strings.HasPrefix(err.Error(), "template: title:") && title != nil {
			at = title
		}
		d.wrong(at, "{{range .Notices}}{{line .}}{{end}}; see docs/control-room.md", "%s: %v", what, strings.TrimPrefix(err.Error(), "template: "))
	}
	return t
}

// words takes one word or a list of words that are known.
func (d *document) words(n *yaml.Node, what string, known []string) []string {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	var all []string
	for _, item := range nodes {
		if item.Kind == yaml.ScalarNode && slices.Contains(known, item.Value) {
			all = append(all, item.Value)
			continue
		}
		hint := "known: " + strings.Join(known, ", ")
		if near := engine.Nearest(item.Value, known); near != "" {
			hint = "did you mean " + near + "?"
		}
		d.wrong(item, hint, "%s: got %s, want one of %s", what, shown(item), strings.Join(known, ", "))
	}
	if len(all) == 0 && len(nodes) == 0 {
		d.wrong(n, "leave it out for all", "%s is empty", what)
	}
	return all
}

// pause takes a duration with a unit; 0s is less than 0: no pause at all.
func (d *document) pause(n *yaml.Node, what string) time.Duration {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" && strings.ContainsAny(n.Value, "dhms") {
		if t, ok := engine.ParseDuration(n.Value); ok && t >= 0 && t <= time.Hour {
			if t == 0 {
				return -1
			}
			return t
		}
	}
	d.wrong(n, what[strings.LastIndexByte(what, '.')+1:]+": 1m, or 0s to send each by itself", "%s: got %s, want a time of at most 1h", what, shown(n))
	return 0
}
