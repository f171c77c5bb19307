package lua

import (
	"fmt"
	"strings"

	"a0run/engine"
)

// final is an error as the run ends with it: with the line of the source that
// it speaks of, and for a parallel call with what its first failed item says.
func (vm *VM) final(err error) error {
	if err == nil {
		return nil
	}
	e := *engine.AsError(err)
	var trace []string
	if len(e.Items) > 0 && e.Items[0].Err != nil {
		first := e.Items[0].Err
		trace = append(vm.sourceLine(first.Where), first.Trace...)
	} else {
		trace = vm.sourceLine(e.Where)
	}
	e.Trace = append(trace, e.Trace...)
	return &e
}

// sourceLine is a line of a source as messages show it.
func (vm *VM) sourceLine(at engine.Position) []string {
	lines := vm.sources[at.File]
	if at.Line < 1 || at.Line > len(lines) {
		return nil
	}
	return []string{fmt.Sprintf("%5d | %s", at.Line, strings.TrimRight(lines[at.Line-1], " \t\r"))}
}
