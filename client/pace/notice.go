package pace

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// notice is what the headers of an answer say of a bucket.
type notice struct {
	limit     int       // x-ratelimit-limit, 0 without one
	remaining int       // x-ratelimit-remaining, -1 without one
	reset     time.Time // x-ratelimit-reset, zero without one
	after     time.Time // retry-after, zero without one
}

// hint is how long the tenant asks to wait: retry-after where there is one,
// the reset otherwise.
func (n notice) hint(now time.Time) (time.Duration, bool) {
	at := n.after
	if at.IsZero() {
		at = n.reset
	}
	if !at.After(now) {
		return 0, false
	}
	return at.Sub(now), true
}

// read takes a notice from headers. A reset is an instant of the tenant's clock:
// where its Date header shows that this is not ours, the reset is taken by the
// distance between the two. An answer from a cache (Age) tells what was once, and
// is not listened to.
func read(h http.Header, now time.Time) notice {
	n := notice{remaining: -1}
	if age, ok := count(h, "Age"); ok && age > 0 {
		return n
	}
	if v, ok := count(h, "X-Ratelimit-Limit"); ok && v > 0 {
		n.limit = v
	}
	if v, ok := count(h, "X-Ratelimit-Remaining"); ok && v >= 0 {
		n.remaining = v
	}
	n.reset = ResetAt(h, now)
	n.after = retryAfter(h, now)
	if n.reset.IsZero() && n.after.IsZero() {
		return n
	}
	off := skew(h, now)
	if !n.reset.IsZero() {
		n.reset = n.reset.Add(off)
	}
	if after := h.Get("Retry-After"); after != "" {
		if _, err := http.ParseTime(after); err == nil {
			n.after = n.after.Add(off)
		}
	}
	return n
}

// count is a header that holds a number. Most answers lack one or another, and an
// error for each was a hundredth of a call.
func count(h http.Header, name string) (int, bool) {
	text := h.Get(name)
	if text == "" {
		return 0, false
	}
	v, err := strconv.Atoi(text)
	return v, err == nil
}

// skew is by how much our clock is ahead of the tenant's, as far as its Date
// header, which has no fractions of a second, can tell.
func skew(h http.Header, now time.Time) time.Duration {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	if off := now.Sub(date); off > 2*time.Second || off < -2*time.Second {
		return off
	}
	return 0
}

// ResetAt is when headers say that the bucket opens: x-ratelimit-reset (UNIX
// seconds), or the end of an exhausted application or organization quota. It
// is zero where they do not say, or say what cannot be read.
func ResetAt(h http.Header, now time.Time) time.Time {
	if text := strings.TrimSpace(h.Get("X-Ratelimit-Reset")); text != "" {
		if v, err := strconv.ParseInt(text, 10, 64); err == nil && v > 0 {
			return time.Unix(v, 0)
		}
	}
	var at time.Time
	for _, name := range []string{"Auth0-Client-Quota-Limit", "Auth0-Organization-Quota-Limit"} {
		if t := quotaEnd(h.Get(name), now); t.After(at) {
			at = t
		}
	}
	return at
}

// RetryAt is when headers ask to come again: retry-after, in seconds or as a
// date, else ResetAt.
func RetryAt(h http.Header, now time.Time) time.Time {
	if t := retryAfter(h, now); !t.IsZero() {
		return t
	}
	return ResetAt(h, now)
}

func retryAfter(h http.Header, now time.Time) time.Time {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return time.Time{}
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 {
		return now.Add(seconds(s))
	}
	if t, err := http.ParseTime(v); err == nil {
		return t
	}
	return time.Time{}
}

// quotaEnd reads "b=per_hour;q=10;r=0;t=3540,b=per_day;…" and gives the end of
// the longest quota that is used up.
func quotaEnd(v string, now time.Time) time.Time {
	var at time.Time
	if v == "" {
		return at
	}
	for quota := range strings.SplitSeq(v, ",") {
		left, ends := -1, -1
		for part := range strings.SplitSeq(quota, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			n, err := strconv.Atoi(value)
			if err != nil {
				continue
			}
			switch name {
			case "r":
				left = n
			case "t":
				ends = n
			}
		}
		if left != 0 || ends < 0 {
			continue
		}
		if t := now.Add(time.Duration(ends) * time.Second); t.After(at) {
			at = t
		}
	}
	return at
}
