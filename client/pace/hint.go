package pace

import "time"

// A Hint is what is known of one bucket before the tenant was asked: from the
// plan that it is on, or from numbers that somebody wrote down.
type Hint struct {
	Bucket string  // "management", "users.write", …
	Burst  int     // its size
	Rate   float64 // requests a second at which it fills
}

// hint makes gates of the hints that concern a desk.
func (s *state) hint(d *desk, now time.Time) {
	for _, h := range s.cfg.hints {
		if h.Bucket != d.general && h.Bucket != d.specific || h.Burst <= 0 {
			continue
		}
		key := gateKey{bucket: h.Bucket, limit: h.Burst}
		if s.gates[key] == nil {
			g := s.newGate(key, d.general)
			g.known, g.hinted, g.unproven = true, true, true
			g.tokens, g.at = float64(h.Burst), now
			g.rate, g.sure = h.Rate, h.Rate > 0
			s.gates[key] = g
			s.members[key] = map[string]bool{}
		}
		s.members[key][d.specific] = true
		d.add(key)
	}
}

// Plans are the names of Auth0's plans that HintsOf knows.
func Plans() []string {
	return []string{"free", "essentials", "professional", "enterprise", "enterprise-dev"}
}

// HintsOf are the published limits of a plan (auth0.com/docs, "Rate Limit
// Configurations"), of the buckets that bulk work meets; ok is false where the
// plan is not known.
func HintsOf(plan string) (hints []Hint, ok bool) {
	minute := func(bucket string, burst int, n float64) Hint {
		return Hint{Bucket: bucket, Burst: burst, Rate: n / 60}
	}
	switch plan {
	case "free":
		return []Hint{{"management", 2, 2}, minute("authentication", 300, 300)}, true
	case "essentials", "professional":
		return []Hint{
			{"authentication", 25, 25},
			minute("users.read", 40, 500), minute("users.write", 20, 200), minute("logs.read", 10, 100),
			minute("clients.read", 5, 100), minute("connections.read", 5, 50),
			minute("organizations.read", 5, 50), minute("organizations.write", 5, 25),
			minute("organizations.members.read", 40, 500), minute("organizations.members.write", 20, 200),
			minute("organizations.member_roles.read", 20, 200), minute("organizations.member_roles.write", 20, 200),
			minute("organizations.connections.read", 5, 50), minute("organizations.connections.write", 5, 25),
			minute("device_credentials.write", 5, 100), minute("management.other", 10, 150),
		}, true
	case "enterprise":
		return []Hint{{"management", 50, 16}, {"authentication", 100, 100}}, true
	case "enterprise-dev":
		return []Hint{{"management", 10, 2}, {"authentication", 100, 100}}, true
	}
	return nil, false
}
