package pace

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// bucket is a tenant's token bucket, the model that the gates are tested
// against. It shares nothing with the gates.
type bucket struct {
	rate  float64
	burst int
	full  bool          // what reset means
	every time.Duration // tokens come back in steps of that length; 0: all the time

	tokens float64
	at     time.Time
	begun  bool
}

// take answers one request.
func (b *bucket) take(now time.Time) (status int, h http.Header) {
	b.refill(now)
	status = http.StatusTooManyRequests
	if b.tokens >= 1-1e-9 {
		b.tokens--
		status = http.StatusOK
	}
	missing := math.Floor(b.tokens+1e-9) + 1 - b.tokens
	if b.full {
		missing = float64(b.burst) - b.tokens
	}
	return status, http.Header{
		"X-Ratelimit-Limit":     {strconv.Itoa(b.burst)},
		"X-Ratelimit-Remaining": {strconv.Itoa(int(math.Floor(b.tokens + 1e-9)))},
		"X-Ratelimit-Reset":     {strconv.FormatInt(int64(math.Ceil(float64(b.at.UnixNano())/1e9+missing/b.rate)), 10)},
	}
}

func (b *bucket) refill(now time.Time) {
	if b.every > 0 {
		now = now.Truncate(b.every)
	}
	if !b.begun {
		b.tokens, b.at, b.begun = float64(b.burst), now, true
	}
	if now.After(b.at) {
		b.tokens = min(float64(b.burst), b.tokens+now.Sub(b.at).Seconds()*b.rate)
		b.at = now
	}
}
