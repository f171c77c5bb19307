package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// masked FILE writes what the last command printed to FILE, with everything
// that is another in every run masked: ids, keys, times, durations, the tenant,
// the machine. What is equal gets the same name.
func maskedOutput(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: masked FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(masked(ts.ReadFile("stdout"), ts.Getenv("DOMAIN"))), 0o600))
}

func masked(text, domain string) string {
	if domain != "" {
		text = strings.ReplaceAll(text, domain, "DOMAIN")
	}
	for _, mask := range []struct{ pattern, by string }{
		{`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`, "DATE"},
		{`\b[A-Z][a-z]{2} \d\d \d\d:\d\d\b`, "DATE"},
		{`\b\d\d:\d\d:\d\d(\.\d+)?\b`, "TIME"},
		{`\b\d+(\.\d+)?(µs|ms|s)\b`, "TOOK"},
		{`127\.0\.0\.1:\d+`, "HERE"},
		{`TOOK → TOOK`, "TOOK"}, // equal ones are written once
		{`\|[0-9a-f]{24}\b`, "|ID"},
		{`(?m)^  who .*$`, "  who       SOMEBODY"},
		{`by \S+( \d+)? on`, "by SOMEBODY on"},
		{`(?m)uid \d+`, "SOMEBODY"},
		{`/\S+/(\w+\.(lua|yaml))`, "DIR/$1"},
	} {
		text = regexp.MustCompile(mask.pattern).ReplaceAllString(text, mask.by)
	}
	names := map[string]string{}
	text = regexp.MustCompile(`\b[0-9a-f]{8,64}\b`).ReplaceAllStringFunc(text, func(id string) string {
		short := id[:8]
		if names[short] == "" {
			names[short] = fmt.Sprintf("ID%d", len(names)+1)
		}
		return names[short]
	})
	return regexp.MustCompile(`(?m) +$`).ReplaceAllString(regexp.MustCompile(`(\S)   *`).ReplaceAllString(text, "$1  "), "")
}

// appears FILE TEXT waits until a text stands in a file that a started command
// writes.
func appearsIn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: appears FILE TEXT")
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	over := time.After(time.Minute) // the patience with a broken test
	for !strings.Contains(ts.ReadFile(args[0]), args[1]) {
		select {
		case <-tick.C:
		case <-over:
			ts.Fatalf("%q did not appear in %s within a minute", args[1], args[0])
		}
	}
}
