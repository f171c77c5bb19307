package plan

import (
	"slices"

	"a0run/client/catalog"
	"a0run/engine"
)

// readable is an object without what reads of a path do not show; the object
// itself where there is nothing to leave out.
func readable(path string, o *engine.Object) *engine.Object {
	out := o
	for _, name := range catalog.Unshown(path) {
		if _, has := out.Get(name); !has {
			continue
		}
		if out == o {
			out = shallow(o)
		}
		out.Delete(name)
	}
	return out
}

// partial reports whether a listing shows less of its objects than the read of
// one does.
func partial(path string) bool {
	one := catalog.Unshown(path + "/{}")
	return slices.ContainsFunc(catalog.Unshown(path), func(name string) bool { return !slices.Contains(one, name) })
}
