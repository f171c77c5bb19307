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
// should be held up by nothing but that.
func (b *bench) unlimited() error {
	const latency, tasks, calls = 40 * time.Millisecond, 64, 6400
	stop, err := b.tenantWith(10, `{"operation":"users.get","delay":"40ms","count":-1}`)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Println()
	if err := os.WriteFile(filepath.Join(b.dir, "unlimited.lua"), []byte(unlimitedLua), 0o600); err != nil {
		return err
	}
	ideal := latency.Seconds() * calls / tasks
	var took, cpu []float64
	for range 3 {
		began := time.Now()
		u, err := b.process(b.program, "run", "unlimited.lua", "--quiet", "--concurrency", "64", "-p", fmt.Sprintf("calls=%d", calls))
		if err != nil {
			return err
		}
		took = append(took, time.Since(began).Seconds()/ideal)
		cpu = append(cpu, u.cpu/calls*1e6)
	}
	fmt.Printf("no limit, 40 ms an answer, 64 tasks: %.3f of the ideal %.1f s (goal 1.15), CPU a call %.1f µs\n", median(took), ideal, median(cpu))
	return nil
}
