//go:build !race

package lua

// blockedLimit is what 10,000 blocked tasks may take.
const blockedLimit = 200 << 20
