package bindings

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"a0run/engine"
)

// Times are texts as Auth0 writes them, RFC 3339 in UTC with milliseconds:
// they compare with <, stand in a search query, and go into JSON as they are.
const timeLayout = "2006-01-02T15:04:05.000Z"

func formatTime(at time.Time) string { return at.UTC().Format(timeLayout) }

// timeNamespace is time.*.
func (t *table) timeNamespace() *engine.Namespace {
	ns := engine.NewNamespace("time")
	now := &engine.Function{
		Name: "time.now", Summary: "The present time.", Returns: "text such as 2026-03-01T12:00:00.000Z",
	}
	now.Call = func(c *engine.HostCall) (any, error) {
		if _, err := bind(c); err != nil {
			return nil, err
		}
		if c.Task == nil {
			return nil, notHere(c)
		}
		at, err := c.Task.Now(c.Where)
		return formatTime(at), err
	}
	ns.Set("now", now)
	ns.Set("parse", pure("time.parse", pureFunc{
		summary: "Read a time: RFC 3339, a date, UNIX seconds, or a format of %Y %m %d %H %M %S.",
		returns: "the time as text",
		params: []engine.Param{
			{Name: "text", Type: "any", Positional: true, Required: true},
			{Name: "format", Type: "string", Positional: true},
		},
		call: func(args *bound) (any, error) {
			at, err := args.time("text", args.text("format"))
			if err != nil {
				return nil, err
			}
			return formatTime(at), nil
		},
	}))
	ns.Set("format", pure("time.format", pureFunc{
		summary: "Write a time in a format of %Y %m %d %H %M %S %j %a %b %A %B %z %%.",
		returns: "text",
		params:  []engine.Param{{Name: "time", Type: "any", Positional: true, Required: true}, textParam("format")},
		call: func(args *bound) (any, error) {
			at, err := args.time("time", "")
			if err != nil {
				return nil, err
			}
			layout, err := args.layout(args.text("format"))
			if err != nil {
				return nil, err
			}
			return at.UTC().Format(layout), nil
		},
	}))
	ns.Set("add", pure("time.add", pureFunc{
		summary: `Add a duration to a time: "90d", "-1h30m", or seconds.`,
		returns: "the time as text",
		params: []engine.Param{
			{Name: "time", Type: "any", Positional: true, Required: true},
			{Name: "duration", Type: "any", Positional: true, Required: true},
		},
		call: func(args *bound) (any, error) {
			at, err := args.time("time", "")
			if err != nil {
				return nil, err
			}
			d, err := args.duration("duration")
			if err != nil {
				return nil, err
			}
			return formatTime(at.Add(d)), nil
		},
	}))
	ns.Set("unix", pure("time.unix", pureFunc{
		summary: "A time as UNIX seconds.", returns: "a number",
		params: []engine.Param{{Name: "time", Type: "any", Positional: true, Required: true}},
		call: func(args *bound) (any, error) {
			at, err := args.time("time", "")
			if err != nil {
				return nil, err
			}
			return float64(at.UnixMilli()) / 1000, nil
		},
	}))
	waiting(ns)
	return ns
}

// waiting are the functions that wait; their deadline is the action's argument,
// so that a resumed run waits only for what is left.
func waiting(ns *engine.Namespace) {
	sleep := &engine.Function{
		Name: "time.sleep", Summary: `Wait: "30s", "5m", or seconds.`, Returns: "nothing",
		Params: []engine.Param{{Name: "duration", Type: "any", Positional: true, Required: true}},
	}
	sleep.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		d, err := args.duration("duration")
		if err != nil {
			return nil, err
		}
		if c.Task == nil {
			return nil, notHere(c)
		}
		return nil, c.Task.Sleep(d, c.Where)
	}
	ns.Set("sleep", sleep)
	until := &engine.Function{
		Name: "time.wait_until", Summary: "Wait until a time has come.", Returns: "nothing",
		Params: []engine.Param{{Name: "time", Type: "any", Positional: true, Required: true}},
	}
	until.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		at, err := args.time("time", "")
		if err != nil {
			return nil, err
		}
		if c.Task == nil {
			return nil, notHere(c)
		}
		return nil, c.Task.SleepUntil(at, c.Where)
	}
	ns.Set("wait_until", until)
}

// time reads an argument as a time.
func (b *bound) time(name, format string) (time.Time, error) {
	v, _ := b.values.Get(name)
	switch x := v.(type) {
	case float64:
		return time.UnixMilli(int64(math.Round(x * 1000))), nil
	case int64:
		return time.Unix(x, 0), nil
	case string:
		return b.parseTime(name, x, format)
	}
	return time.Time{}, b.wrong(fmt.Sprintf("parameter %s: got %s, want a time", name, kind(v)), "")
}

func (b *bound) parseTime(name, text, format string) (time.Time, error) {
	if format != "" {
		layout, err := b.layout(format)
		if err != nil {
			return time.Time{}, err
		}
		at, err := time.Parse(layout, text)
		if err != nil {
			return time.Time{}, b.wrong(fmt.Sprintf("parameter %s: %q is not of the format %q", name, text, format), "")
		}
		return at, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", "2006-01-02"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(n) < 1e12 {
		return time.UnixMilli(int64(math.Round(n * 1000))), nil
	}
	return time.Time{}, b.wrong(fmt.Sprintf("parameter %s: %q is not a time", name, text),
		"write 2026-03-01, 2026-03-01T12:00:00Z, or give a format")
}

// layout turns strftime's letters into Go's layout.
func (b *bound) layout(format string) (string, error) {
	letters := map[byte]string{
		'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'j': "002",
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'z': "-0700", 'Z': "MST", 'p': "PM", 'I': "03",
		'e': "_2", 'F': "2006-01-02", 'T': "15:04:05", '%': "%",
	}
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		i++
		l, ok := letters[format[i]]
		if !ok {
			return "", b.wrong(fmt.Sprintf("parameter format: %%%c is not known", format[i]), "known are %Y %m %d %H %M %S %F %T %j %a %b %z")
		}
		out.WriteString(l)
	}
	return out.String(), nil
}

var durationPart = regexp.MustCompile(`^(\d+(?:\.\d+)?)(ms|w|d|h|m|s)`)

// duration reads an argument as a duration: seconds, or a text of numbers with
// w, d, h, m, s or ms.
func (b *bound) duration(name string) (time.Duration, error) {
	v, _ := b.values.Get(name)
	switch x := v.(type) {
	case float64:
		return time.Duration(x * float64(time.Second)), nil
	case int64:
		return time.Duration(x) * time.Second, nil
	case string:
		if d, ok := parseDuration(x); ok {
			return d, nil
		}
		return 0, b.wrong(fmt.Sprintf("parameter %s: %q is not a duration", name, x), `write "90d", "1h30m", "45s" or seconds`)
	}
	return 0, b.wrong(fmt.Sprintf("parameter %s: got %s, want a duration", name, kind(v)), "")
}

func parseDuration(text string) (time.Duration, bool) {
	units := map[string]time.Duration{
		"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second, "ms": time.Millisecond,
	}
	rest, negative := strings.CutPrefix(strings.TrimSpace(text), "-")
	rest = strings.TrimPrefix(rest, "+")
	if n, err := strconv.ParseFloat(rest, 64); err == nil {
		rest = strconv.FormatFloat(n, 'f', -1, 64) + "s"
	}
	var sum time.Duration
	for rest != "" {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, false
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return 0, false
		}
		sum += time.Duration(n * float64(units[m[2]]))
		rest = rest[len(m[0]):]
	}
	if text == "" {
		return 0, false
	}
	if negative {
		sum = -sum
	}
	return sum, true
}
