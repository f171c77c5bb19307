package durable_test

import (
	"testing"
	"testing/synctest"
)

// bubble runs a test on a clock of its own.
func bubble(t *testing.T, fn func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, fn)
}
