package sim

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"a0run/client/catalog"
)

// A reply is what a handler says.
type reply struct {
	status int
	body   any    // encoded as JSON
	text   string // or sent as it is
	kind   string // of the content, where it is not JSON
	header map[string]string
	// late makes the body after the state's lock is free.
	late func() (any, error)
	// redo makes the whole reply then.
	redo func() (reply, error)
}

type object = map[string]any

// ok is the operation's documented success with a body.
func (c *call) ok(body any) reply { return reply{status: c.status(http.StatusOK), body: body} }

// status is the operation's documented success.
func (c *call) status(otherwise int) int {
	if c.op.Status != 0 {
		return c.op.Status
	}
	return otherwise
}

func sent(status int, body any) reply { return reply{status: status, body: body} }

func empty() reply { return reply{status: http.StatusNoContent} }

// failure is an error of the Management API; code may be "".
func failure(status int, message, code string) reply {
	body := object{"statusCode": status, "error": http.StatusText(status), "message": message}
	if code != "" {
		body["errorCode"] = code
	}
	return reply{status: status, body: body}
}

func missing(message, code string) reply { return failure(http.StatusNotFound, message, code) }

func invalidBody(format string, args ...any) reply {
	return failure(http.StatusBadRequest, "Payload validation error: "+quoted(fmt.Sprintf(format, args...)), "invalid_body")
}

func invalidQuery(format string, args ...any) reply {
	return failure(http.StatusBadRequest, "Query validation error: "+quoted(fmt.Sprintf(format, args...)), "invalid_query_string")
}

// quoted closes the quotation where the API does: before the property, where
// a text names one.
func quoted(text string) string {
	if strings.Contains(text, "' on property ") {
		return "'" + text + "."
	}
	return "'" + text + "'."
}

func conflict(message, code string) reply { return failure(http.StatusConflict, message, code) }

// denied is an error of the Authentication API.
func denied(status int, code, description string) reply {
	return reply{status: status, body: object{"error": code, "error_description": description}}
}

func badBody(c *call, message string) *reply {
	rep := failure(http.StatusBadRequest, message, "invalid_body")
	if c.rt.api == catalog.Authentication {
		rep = denied(http.StatusBadRequest, "invalid_request", "The body cannot be read.")
	}
	return &rep
}

// tooMany refuses a call by a limit: that of its whole API, or one of its own.
func tooMany(c *call, d draw) reply {
	text := limitText(d)
	rep := failure(http.StatusTooManyRequests, text, "too_many_requests")
	if c.op.API == catalog.Authentication {
		rep = denied(http.StatusTooManyRequests, "too_many_requests", text)
	}
	rep = rep.withLimit(d)
	wait := d.again.Sub(c.now)
	rep.header["Retry-After"] = strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()-1e-6))))
	return rep
}

func (r reply) withLimit(d draw) reply {
	header := map[string]string{
		"X-Ratelimit-Limit":     strconv.Itoa(d.limit),
		"X-Ratelimit-Remaining": strconv.Itoa(d.remaining),
		"X-Ratelimit-Reset":     strconv.FormatInt(d.reset, 10),
	}
	for k, v := range r.header {
		header[k] = v
	}
	r.header = header
	return r
}

func (f *Fault) reply() reply {
	rep := reply{status: f.Status, header: f.Headers}
	switch {
	case f.Body != "":
		rep.text = f.Body
	case f.Status >= http.StatusBadRequest:
		rep.body = object{"statusCode": f.Status, "error": http.StatusText(f.Status), "message": http.StatusText(f.Status)}
	}
	return rep
}

// stamp writes a time as the API does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		if _, err := v.Int64(); err == nil {
			return "integer"
		}
		return "number"
	case float64, int, int64:
		return "number"
	case []any, []string:
		return "array"
	}
	return "object"
}

// Small readers of decoded JSON.

func str(o object, key string) string {
	s, _ := o[key].(string)
	return s
}

func truth(o object, key string) bool {
	b, _ := o[key].(bool)
	return b
}

func sub(o object, key string) object {
	m, _ := o[key].(object)
	return m
}

func items(o object, key string) []any {
	l, _ := o[key].([]any)
	return l
}

// texts are the strings of an array.
func texts(o object, key string) []string {
	var out []string
	for _, v := range items(o, key) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
