package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// A local tenant's users lie in memory. With Go's default as much again may lie
// there as garbage, which makes half a gigabyte of a hundred thousand users; with
// a fixed small share a small tenant would collect all the time. So the share is
// set anew after each collection: room for some tens of megabytes, and a fifth
// of what lives once that is more.

const (
	heapRoom   = 48 << 20
	heapShare  = 20
	heapLavish = 400
)

// garbageShare is GOGC for so many bytes that live.
func garbageShare(live uint64) int {
	return int(max(heapShare, min(heapLavish, heapRoom*100/max(1, live))))
}

// tightHeap sets it after each collection from now on.
func tightHeap() {
	debug.SetGCPercent(garbageShare(heapNow("/gc/heap/live:bytes")))
	// A finalizer runs after the collection that found its object dead; one
	// without a pointer might share its memory with others and never die.
	type watch struct{ _ *watch }
	runtime.SetFinalizer(&watch{}, func(*watch) { tightHeap() })
}

func heapNow(metric string) uint64 {
	sample := []metrics.Sample{{Name: metric}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// givenBack gives what reading a large seed left behind back to the system.
func givenBack() {
	if heapNow("/memory/classes/heap/objects:bytes") > heapRoom {
		debug.FreeOSMemory()
	}
}
