package undo_test

import (
	"flag"
	"testing"
)

// TestMain makes the random tests as long as a few seconds allow, unless
// -rapid.checks says otherwise.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	checks := "30"
	if underRace {
		checks = "4"
	}
	if !asked {
		_ = flag.Set("rapid.checks", checks) // a flag of rapid's, which takes numbers
	}
	m.Run()
}
