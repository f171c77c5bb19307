//go:build !race

package image_test

// underRace says that everything takes ten times as long.
const underRace = false
