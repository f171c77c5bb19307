package cron

import (
	"fmt"
	"strconv"
	"strings"
)

// Words says the timing in words, where there are short ones: "every day at
// 03:00 Europe/Berlin", "every 15m"; else as it is written.
func (s *Schedule) Words() string {
	l, ok := s.timing.(*line)
	if !ok {
		return s.timing.String()
	}
	fields := strings.Fields(l.text)
	if len(fields) == 1 {
		fields = strings.Fields(macros()[strings.ToLower(fields[0])])
	}
	if len(fields) != 5 || fields[3] != "*" {
		return s.Spec() + " " + s.Zone.String()
	}
	minute, err := strconv.Atoi(fields[0])
	hour, err2 := strconv.Atoi(fields[1])
	when := ""
	switch {
	case err == nil && err2 == nil:
		when = fmt.Sprintf("at %02d:%02d", hour, minute)
	case err == nil && fields[1] == "*" && fields[2] == "*" && fields[4] == "*":
		return fmt.Sprintf("every hour at minute %d", minute)
	case strings.HasPrefix(fields[0], "*/") && fields[1] == "*" && fields[2] == "*" && fields[4] == "*":
		return "every " + strings.TrimPrefix(fields[0], "*/") + " minutes"
	default:
		return s.Spec() + " " + s.Zone.String()
	}
	day := ""
	switch _, notNumber := strconv.Atoi(fields[2]); {
	case fields[2] == "*" && fields[4] == "*":
		day = "every day"
	case fields[2] == "*" && !strings.ContainsAny(fields[4], "0123456789"):
		day = "every " + strings.ToLower(fields[4])
	case fields[2] == "L" && fields[4] == "*":
		day = "on the last day of the month"
	case notNumber == nil && fields[4] == "*":
		day = "on day " + fields[2] + " of the month"
	default:
		return s.Spec() + " " + s.Zone.String()
	}
	return day + " " + when + " " + s.Zone.String()
}
