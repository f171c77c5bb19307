//go:build race

package lua

// blockedLimit is what 10,000 blocked tasks may take: the race detector makes
// frames larger, and a goroutine's stack doubles when one no longer fits.
const blockedLimit = 320 << 20
