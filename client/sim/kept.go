package sim

import (
	"strconv"

	"a0run/client/sim/store"
)

// What a tenant whose state is kept in a file remembers of itself: under which
// issuer it stood, and how often it was started, so that ids made in one life do
// not come again in the next.

func metaKey() store.Key { return store.Key{Kind: "tenant"} }

// open fills the state from the file of Options.Data. empty says that there was
// nothing in it.
func (t *Tenant) open() (empty bool, err error) {
	if t.o.Data == "" {
		return true, nil
	}
	empty, err = t.state.Open(t.o.Data)
	if err != nil {
		return false, err
	}
	var was string
	t.state.Update(func(tx *store.Tx) {
		meta := store.Clone(tx.Get(metaKey(), "self"))
		lives, _ := number(meta["lives"])
		was = str(meta, "issuer")
		meta["lives"], meta["issuer"] = lives+1, t.Issuer()
		tx.Put(metaKey(), "self", meta)
		if lives > 0 {
			t.ids.salt += "\x00" + strconv.FormatInt(lives, 10)
		}
	})
	if was != "" {
		t.moved(was+"api/v2/", t.Issuer()+"api/v2/")
	}
	return empty, nil
}

// Close lets go of what the tenant holds: the file in which its state is kept.
func (t *Tenant) Close() error { return t.state.Close() }
