package sim

import (
	"a0run/client/sim/store"
)

// How the screens of prompts are shown: one by one at a path of its own, or all
// that were ever set in a list.

func renderings() store.Key { return singleKey("/prompts/{}/screen/{}/rendering") }

// render changes how one screen is shown.
func (c *call) render(prompt, screen string, patch object) object {
	k, id := renderings(), joined([]string{prompt, screen})
	o := store.Clone(c.tx.Get(k, id))
	merge(o, patch, nil)
	o["tenant"], o["prompt"], o["screen"] = "local", prompt, screen
	c.tx.Put(k, id, o)
	return o
}

func setRendering(c *call) reply {
	return c.ok(without(without(without(c.render(c.params[0], c.params[1], c.body), "tenant"), "prompt"), "screen"))
}

func setRenderings(c *call) reply {
	set := []object{}
	for _, v := range items(c.body, "configs") {
		o, _ := v.(object)
		set = append(set, without(c.render(str(o, "prompt"), str(o, "screen"), o), "tenant"))
	}
	return c.ok(object{"configs": set})
}
