package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const unlimitedLua = `
playbook { params = { calls = "integer" } }
local ids = {}
for i = 1, params.calls do ids[i] = i end
parallel.each(ids, { concurrency = 64 }, function() auth0.users.get("auth0|u1") end)
`

// unlimited measures a tenant without limits that takes 40 ms an answer: 64 tasks
// should be held up by nothing but that. Beside it stands one http.Client with 64
// goroutines. What the journal costs is in the second line.
func (b *bench) unlimited() error {
	const latency, tasks, calls = 40 * time.Millisecond, 64, 6400
	stop, err := b.tenantWith(10, `{"operation":"users.get","delay":"40ms","count":-1}`)
	if err != nil {
		return err
	}
	defer stop()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Println()
	if err := os.WriteFile(filepath.Join(b.dir, "unlimited.lua"), []byte(unlimitedLua), 0o600); err != nil {
		return err
	}
	ideal := latency.Seconds() * calls / tasks
	took, cpu := map[string][]float64{}, map[string][]float64{}
	const bare, without, journaled = "one http.Client", "no journal", "journaled"
	for range b.pairs {
		for _, p := range []struct {
			name, program string
			args          []string
		}{
			{bare, self, []string{"plain", b.ready.BaseURL, b.ready.ClientID, b.ready.ClientSecret, fmt.Sprint(calls), fmt.Sprint(tasks)}},
			{without, b.program, []string{"run", "unlimited.lua", "--quiet", "-p", fmt.Sprintf("calls=%d", calls), "--journal", "none"}},
			{journaled, b.program, append([]string{"run", "unlimited.lua", "--quiet", "-p", fmt.Sprintf("calls=%d", calls)}, b.journal()...)},
		} {
			began := time.Now()
			u, err := b.process(p.program, p.args...)
			if err != nil {
				return err
			}
			took[p.name] = append(took[p.name], time.Since(began).Seconds()/ideal)
			cpu[p.name] = append(cpu[p.name], u.cpu/calls*1e6)
		}
	}
	fmt.Printf("no limit, 40 ms an answer, 64 tasks; the ideal is %.1f s (goals: 1.15 of it, CPU 1.40 of the client's)\n", ideal)
	for _, name := range []string{bare, without, journaled} {
		c := median(cpu[name])
		fmt.Printf("  %-16s %.3f of the ideal, CPU a call %6.1f µs, ratio %.2f\n", name, median(took[name]), c, c/median(cpu[bare]))
	}
	return nil
}
