//go:build race

package undo_test

// underRace says that everything takes ten times as long.
const underRace = true
