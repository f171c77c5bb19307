package main

import "testing"

// TestGarbageShare: a small tenant has room, a large one no more than a fifth.
func TestGarbageShare(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 24 << 20: 200, 48 << 20: 100, 96 << 20: 50, 239 << 20: 20, 240 << 20: 20, 1 << 40: 20} {
		if got := garbageShare(live); got != want {
			t.Errorf("%d MB live: %d, want %d", live>>20, got, want)
		}
	}
}
