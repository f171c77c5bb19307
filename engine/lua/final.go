package lua

import (
	"fmt"
	"strings"

	"a0run/engine"
)

// final is an error as the run ends with it: with the line of the source that
// it speaks of.
func (vm *VM) final(err error) error {
	if err == nil {
		return nil
	}
	e := *engine.AsError(err)
	lines := vm.sources[e.Where.File]
	if n := e.Where.Line; n >= 1 && n <= len(lines) {
		line := fmt.Sprintf("%5d | %s", n, strings.TrimRight(lines[n-1], " \t\r"))
		e.Trace = append([]string{line}, e.Trace...)
	}
	return &e
}
