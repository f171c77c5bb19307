package yaml

import (
	"fmt"
	"testing"

	"a0run/engine"
)

// BenchmarkForEach is the cost of one item and one call, from YAML and from
// Lua, with a function that does nothing.
func BenchmarkForEach(b *testing.B) {
	bench := func(b *testing.B, run func(b *testing.B, f *fake)) {
		b.Helper()
		f := newFake()
		f.users = b.N
		users, _ := f.globals.Find("auth0.users")
		ns, _ := users.(*engine.Namespace)
		update, _ := ns.Get("update")
		fn, _ := update.(*engine.Function)
		fast := *fn
		fast.Call = func(*engine.HostCall) (any, error) { return nil, nil }
		ns.Set("update", &fast)
		b.ReportAllocs()
		b.ResetTimer()
		run(b, f)
	}
	b.Run("yaml", func(b *testing.B) {
		bench(b, func(b *testing.B, f *fake) {
			b.Helper()
			p, err := Parse("play.yaml", []byte(`
steps:
  - for_each: {auth0.users.each: }
    auth0.users.update: {id: "${{ item.user_id }}", body: {blocked: true, app_metadata: {seen: "n${{ index }}"}}}
`), nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := f.execute(b, p); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("yaml-lua-expressions", func(b *testing.B) {
		bench(b, func(b *testing.B, f *fake) {
			b.Helper()
			p, err := Parse("play.yaml", []byte(`
steps:
  - for_each: {auth0.users.each: }
    auth0.users.update: {id: "${{ item.user_id }}", body: {blocked: "${{ not item.blocked }}", app_metadata: {seen: "${{ 'n' .. index }}"}}}
`), nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := f.execute(b, p); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("lua", func(b *testing.B) {
		bench(b, func(b *testing.B, f *fake) {
			b.Helper()
			err := f.runLua(b, `parallel.each(auth0.users.each(), {}, function(item, index)
				auth0.users.update(item.user_id, {blocked = true, app_metadata = {seen = "n" .. index}})
			end)`)
			if err != nil {
				b.Fatal(fmt.Sprint(err))
			}
		})
	})
}
