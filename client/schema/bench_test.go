package schema

import (
	"testing"

	"a0run/client/catalog"
)

// BenchmarkCheck is what a call pays for its body: the body of a usual
// users.update, and one with a list of 100 entries.
func BenchmarkCheck(b *testing.B) {
	clients := make([]any, 100)
	for i := range clients {
		clients[i] = pairs{{"client_id", "x"}, {"status", true}}
	}
	for _, bb := range []struct {
		op   string
		body any
	}{
		{"users.update", pairs{{"blocked", true}, {"email", "ada@example.com"}, {"name", "Ada"}, {"user_metadata", pairs{{"color", "red"}, {"size", 3.0}}}, {"app_metadata", pairs{{"plan", "gold"}}}}},
		{"connections.update", pairs{{"options", pairs{{"brute_force_protection", true}, {"passwordPolicy", "good"}, {"mfa", pairs{{"active", true}}}}}}},
		{"connections.clients.update", clients},
	} {
		op, _ := catalog.Default().Lookup(bb.op)
		b.Run(bb.op, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if found := Of(op).Check(bb.body, Words{}); found != nil {
					b.Fatal(found)
				}
			}
		})
	}
}

// pairs is an object as the engine has it: keys in their order.
type pairs []struct {
	key   string
	value any
}

func (p pairs) Len() int { return len(p) }

func (p pairs) Get(key string) (any, bool) {
	for _, x := range p {
		if x.key == key {
			return x.value, true
		}
	}
	return nil, false
}

func (p pairs) All() func(yield func(string, any) bool) {
	return func(yield func(string, any) bool) {
		for _, x := range p {
			if !yield(x.key, x.value) {
				return
			}
		}
	}
}
