package engine

import (
	"testing"

	"a0run/client/catalog"
)

// Items that are under way have made calls too. Those are not what a done item
// has needed: with 64 items of 300 under way, each after the first of its two
// calls, an estimate that counted them so was half as long again as the rest took.
func TestProgressCountsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	get, _ := catalog.Default().Lookup("users.get")
	update, _ := catalog.Default().Lookup("users.update")
	run := NewRun(Config{})
	owner := &Task{run: run}
	call := func(t *Task, op *catalog.Operation) {
		run.ended(&Call{Action: &Action{Name: op.ID, Operation: op}, Task: t})
	}
	run.enter(owner)
	owner.Expect(300)
	call(owner, get) // of who hands the items out
	for i := range 100 {
		item := &Task{run: run, parent: owner}
		run.itemBegun(owner, item)
		below := item.child(t.Context(), 1, "", Position{})
		call(below, get)
		if i < 36 {
			call(item, update)
			run.itemDone(owner, item)
		}
	}
	p := run.Progress()
	left := map[string]int{}
	for _, n := range p.Left {
		left[n.Operation] = n.Calls
	}
	if p.Done != 36 || p.Begun != 100 || left["users.get"] != 202 || left["users.update"] != 264 {
		t.Errorf("%d of %d, %d begun, left are %v; want 200 and two pages, and 264", p.Done, p.Total, p.Begun, left)
	}
	run.leave(owner)
	late := &Task{run: run, parent: owner, item: &itemLoad{of: &progress{}}}
	call(late, get) // of a call that is over
	if p := run.Progress(); p.Total != 0 {
		t.Errorf("after its end the call is %+v", p)
	}
}
