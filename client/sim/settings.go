package sim

import (
	"encoding/json"
	"strings"

	"a0run/client/sim/store"
)

// patchSettings changes the tenant's settings. Durations of sessions may come
// in hours or in minutes; they are kept, and shown, in hours, which may then
// be a fraction.
func patchSettings(c *call) reply {
	k, id := c.single()
	old := c.tx.Get(k, id)
	if old == nil {
		old = preset(c.rt.path, c.t)
	}
	o := store.Clone(old)
	merge(o, c.body, c.op.Merge)
	for name := range c.body {
		hours, inMinutes := strings.CutSuffix(name, "_in_minutes")
		if !inMinutes {
			continue
		}
		delete(o, name)
		if n, ok := c.body[name].(json.Number); ok {
			minutes, _ := n.Float64()
			o[hours] = minutes / 60
		}
	}
	c.tx.Put(k, id, o)
	return c.ok(o)
}
