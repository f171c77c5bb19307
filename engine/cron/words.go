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
	words, zoned := lineWords(fields)
	switch {
	case words == "":
		return s.Spec() + " " + s.Zone.String()
	case zoned:
		return words + " " + s.Zone.String()
	}
	return words
}

// lineWords are the words of a line's fields, "" where there are no short ones,
// and whether the zone belongs to them.
func lineWords(fields []string) (words string, zoned bool) {
	if len(fields) != 5 || fields[3] != "*" {
		return "", false
	}
	anyDay := fields[2] == "*" && fields[4] == "*"
	minute, err := strconv.Atoi(fields[0])
	hour, err2 := strconv.Atoi(fields[1])
	switch {
	case err == nil && err2 == nil:
		if day := dayWords(fields[2], fields[4]); day != "" {
			return fmt.Sprintf("%s at %02d:%02d", day, hour, minute), true
		}
	case err == nil && fields[1] == "*" && anyDay:
		return fmt.Sprintf("every hour at minute %d", minute), false
	case strings.HasPrefix(fields[0], "*/") && fields[1] == "*" && anyDay:
		return "every " + strings.TrimPrefix(fields[0], "*/") + " minutes", false
	}
	return "", false
}

func dayWords(ofMonth, ofWeek string) string {
	_, err := strconv.Atoi(ofMonth)
	switch {
	case ofMonth == "*" && ofWeek == "*":
		return "every day"
	case ofMonth == "*" && !strings.ContainsAny(ofWeek, "0123456789"):
		return "every " + strings.ToLower(ofWeek)
	case ofMonth == "L" && ofWeek == "*":
		return "on the last day of the month"
	case err == nil && ofWeek == "*":
		return "on day " + ofMonth + " of the month"
	}
	return ""
}
