package undo

import "a0run/engine"

// A Preview is what an undo would do, found with reads only.
type Preview struct {
	// Run is the run that would be undone.
	Run string `json:"run"`
	// Items are its writes, in the order in which they would be undone.
	Items []Item `json:"items"`
	// Counts are how many writes there are of each verdict.
	Counts map[Verdict]int `json:"counts"`
	// Requests is how many requests the undo takes.
	Requests int `json:"requests"`
}

// Preview says what Run would do. It is called by the main task of a run that
// has no journal and may read only; several writes of one object are followed
// in thought.
func (u *Undo) Preview(t *engine.Task) (*Preview, error) {
	preview := &Preview{Run: u.o.Run, Counts: map[Verdict]int{}}
	p := u.newPass(true)
	index := map[*change]int{}
	items := make([]Item, len(u.changes))
	for _, level := range u.levels {
		for _, c := range level {
			index[c] = len(index)
		}
	}
	err := p.run(t, func(t *engine.Task, c *change) error {
		item, err := p.visitQuietly(t, c)
		items[index[c]] = item
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		preview.Items = append(preview.Items, item)
		preview.Counts[item.Verdict]++
		preview.Requests += item.Requests
	}
	return preview, nil
}

// visitQuietly is visit for a preview: what cannot be read is an item of the
// preview and no failure of the run that makes it.
func (p *pass) visitQuietly(t *engine.Task, c *change) (Item, error) {
	item, err := p.visit(t, c, func(w *work, d decision, l *look, _ *Item) error {
		if w.op == nil {
			p.known[c.ref()] = answerOf(d.after)
			return nil
		}
		l.put(c.tenant, d.after, p.known)
		return nil
	})
	if e := engine.AsError(err); e != nil && e.Uncatchable() {
		return item, e
	}
	return item, nil
}
