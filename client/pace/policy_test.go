package pace

import (
	"net/http"
	"testing"
	"time"
)

func TestPolicy(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return now.Add(d) }
	tests := []struct {
		name   string
		policy Policy
		a      Attempt
		retry  bool
		wait   time.Duration
		reason string
	}{
		{"final", Policy{}, Attempt{Number: 1, Fault: Final, Repeatable: true}, false, 0, "the answer is final"},
		{"limited, known reset", Policy{}, Attempt{Number: 1, Fault: RateLimited, ResetAt: at(time.Minute)}, true, 0, ""},
		{"limited, for the ninth time", Policy{}, Attempt{Number: 9, Fault: RateLimited, ResetAt: at(time.Minute)}, true, 0, ""},
		{"limited, beyond the patience", Policy{}, Attempt{Number: 1, Fault: RateLimited, ResetAt: at(11 * time.Minute)}, false, 0, "the reset lies beyond the patience"},
		{"limited, beyond what is left", Policy{}, Attempt{Number: 1, Fault: RateLimited, ResetAt: at(2 * time.Minute), Started: at(-9 * time.Minute)}, false, 0, "the reset lies beyond the patience"},
		{"limited, own patience", Policy{Patience: time.Hour}, Attempt{Number: 1, Fault: RateLimited, ResetAt: at(11 * time.Minute)}, true, 0, ""},
		{"limited, unknown reset", Policy{}, Attempt{Number: 1, Fault: RateLimited}, true, 125 * time.Millisecond, ""},
		{"limited, reset in the past", Policy{}, Attempt{Number: 1, Fault: RateLimited, ResetAt: at(-time.Minute)}, true, 125 * time.Millisecond, ""},
		{"not sent", Policy{}, Attempt{Number: 1, Fault: NotSent}, true, 125 * time.Millisecond, ""},
		{"not sent, third time", Policy{}, Attempt{Number: 3, Fault: NotSent}, true, 500 * time.Millisecond, ""},
		{"not sent, all luck", Policy{}, Attempt{Number: 3, Fault: NotSent, Random: 0.5}, true, 750 * time.Millisecond, ""},
		{"not sent, too often", Policy{}, Attempt{Number: 4, Fault: NotSent}, false, 0, "tried often enough"},
		{"not sent, own number", Policy{Transient: 9}, Attempt{Number: 8, Fault: NotSent}, true, 15 * time.Second, ""},
		{"capped", Policy{Transient: 99, Cap: time.Second}, Attempt{Number: 50, Fault: NotSent}, true, 500 * time.Millisecond, ""},
		{"uncertain, repeatable", Policy{}, Attempt{Number: 1, Fault: Uncertain, Repeatable: true}, true, 125 * time.Millisecond, ""},
		{"uncertain, not repeatable", Policy{}, Attempt{Number: 1, Fault: Uncertain}, false, 0, "the outcome is unknown and the operation is not repeatable"},
		{"uncertain, told when", Policy{}, Attempt{Number: 1, Fault: Uncertain, Repeatable: true, ResetAt: at(9 * time.Second)}, true, 9 * time.Second, ""},
		{"patience over", Policy{}, Attempt{Number: 1, Fault: NotSent, Started: at(-10 * time.Minute)}, false, 0, "patience is over"},
		{"patience over while waiting", Policy{}, Attempt{Number: 1, Fault: NotSent, Started: at(-10*time.Minute + 50*time.Millisecond)}, false, 0, "patience is over"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.a.Now = now
			if tt.a.Started.IsZero() {
				tt.a.Started = now
			}
			got := tt.policy.Decide(tt.a)
			if want := (Verdict{tt.retry, tt.wait, tt.reason}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		header http.Header
		want   notice
	}{
		{"none", http.Header{}, notice{remaining: -1}},
		{"all", http.Header{"X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Remaining": {"3"}, "X-Ratelimit-Reset": {"1767268805"}}, notice{limit: 10, remaining: 3, reset: now.Add(5 * time.Second)}},
		{"nonsense", http.Header{"X-Ratelimit-Limit": {"many"}, "X-Ratelimit-Remaining": {"-1"}, "X-Ratelimit-Reset": {"soon"}, "Retry-After": {"later"}}, notice{remaining: -1}},
		{"retry-after", http.Header{"Retry-After": {"7"}}, notice{remaining: -1, after: now.Add(7 * time.Second)}},
		{"retry-after as a date", http.Header{"Retry-After": {"Thu, 01 Jan 2026 12:00:30 GMT"}}, notice{remaining: -1, after: now.Add(30 * time.Second)}},
		{"quota", http.Header{"Auth0-Client-Quota-Limit": {"b=per_hour;q=10;r=0;t=3540,b=per_day;q=50;r=47;t=43200"}}, notice{remaining: -1, reset: now.Add(3540 * time.Second)}},
		{"quota not used up", http.Header{"Auth0-Organization-Quota-Limit": {"b=per_hour;q=10;r=7;t=3540"}}, notice{remaining: -1}},
		{"another clock", http.Header{"X-Ratelimit-Reset": {"1767268805"}, "Date": {"Thu, 01 Jan 2026 11:50:00 GMT"}}, notice{remaining: -1, reset: now.Add(10*time.Minute + 5*time.Second)}},
		{"from a cache", http.Header{"Age": {"12"}, "X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Remaining": {"3"}}, notice{remaining: -1}},
		{"a date of another clock", http.Header{"Retry-After": {"Thu, 01 Jan 2026 11:50:30 GMT"}, "Date": {"Thu, 01 Jan 2026 11:50:00 GMT"}}, notice{remaining: -1, after: now.Add(30 * time.Second)}},
		{"much the same clock", http.Header{"X-Ratelimit-Reset": {"1767268805"}, "Date": {"Thu, 01 Jan 2026 11:59:59 GMT"}}, notice{remaining: -1, reset: now.Add(5 * time.Second)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := read(tt.header, now)
			if got.limit != tt.want.limit || got.remaining != tt.want.remaining || !got.reset.Equal(tt.want.reset) || !got.after.Equal(tt.want.after) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
