package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"a0run/client/catalog"
	"a0run/client/pace"
)

// unknownCode is the error code of an answer that has none, as the Python SDK
// names it.
const unknownCode = "a0.sdk.internal.unknown"

// maxShown bounds how much of a strange answer an error shows.
const maxShown = 300

// interpret makes a response, or an error, of what came.
func (k *call) interpret(a *answer) (*Response, error) {
	if a.status >= http.StatusMultipleChoices {
		return nil, k.refusal(a)
	}
	resp := &Response{Status: a.status, Header: a.header}
	text := bytes.TrimSpace(a.body)
	if a.status == http.StatusNoContent || len(text) == 0 {
		return resp, nil
	}
	if validJSON(text) {
		resp.Body = text
		if k.op.Answer == catalog.TextAnswer && !jsonType(a.header) {
			return resp, quote(resp, a.body)
		}
		return resp, nil
	}
	switch k.op.Answer {
	case catalog.TextAnswer:
		return resp, quote(resp, a.body)
	case catalog.EmptyAnswer:
		return resp, nil
	default:
		return nil, k.notJSON(a, text)
	}
}

// quote makes a text answer a JSON string.
func quote(resp *Response, text []byte) error {
	raw, err := encode(string(text))
	resp.Body = raw
	return err
}

func jsonType(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

// notJSON is the error of a successful answer that should be JSON and is not.
func (k *call) notJSON(a *answer, text []byte) error {
	inDoubt := !k.repeatable()
	var v any
	err := json.Unmarshal(text, &v)
	if jsonLike(a.header, text) && err != nil && strings.Contains(err.Error(), "unexpected end") {
		return k.blanked(k.cutOff(&NetworkError{
			Operation: k.op.ID, Phase: "receive", Sent: true, InDoubt: inDoubt,
			Err: &cutOffError{len(a.body), errors.New("its JSON does not end")},
		}, a))
	}
	kind := a.header.Get("Content-Type")
	if kind == "" {
		kind = "no content type"
	}
	blank := k.blanks()
	what := "the answer is not JSON but " + kind
	if jsonType(a.header) {
		what = "the answer's JSON is broken or nested too deep"
	}
	e := &Auth0Error{
		StatusCode: a.status, ErrorCode: unknownCode, Operation: k.op.ID, Header: a.header, RequestID: requestID(a.header),
		Message: blank.text(what + ": " + shorten(text)),
		Body:    blank.bytes(a.body), InDoubt: inDoubt,
	}
	if k.tells(a) {
		e.Message, e.Body = fmt.Sprintf("%s; its %d bytes are not shown, they may hold a secret", what, len(a.body)), nil
	}
	return e
}

func jsonLike(h http.Header, text []byte) bool {
	return text[0] == '{' || text[0] == '[' || jsonType(h)
}

// shorten is the beginning of a text, on one line.
func shorten(text []byte) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(text[:min(len(text), 4*maxShown)]), "\uFFFD")), " ")
	if len(s) > maxShown {
		return strings.ToValidUTF8(s[:maxShown], "") + " …"
	}
	return s
}

// refusal is the error of an answer of status 300 and above.
func (k *call) refusal(a *answer) error {
	blank := k.blanks()
	e := &Auth0Error{
		StatusCode: a.status, ErrorCode: unknownCode, Operation: k.op.ID, Header: a.header, RequestID: requestID(a.header),
		Body: blank.bytes(a.body),
	}
	e.fill(bytes.TrimSpace(e.Body))
	e.Message, e.ErrorCode = blank.text(e.Message), blank.text(e.ErrorCode)
	switch {
	case a.status == http.StatusForbidden && k.op.Auth == catalog.ManagementToken && strings.Contains(strings.ToLower(e.ErrorCode+e.Message), "scope"):
		e.MissingScopes = slices.Clone(k.op.Scopes) // other 403s speak of plans and features
	case a.status == http.StatusNotFound:
		e.looksEncoded = k.looksEncoded
	case a.status == http.StatusTooManyRequests:
		return &RateLimitError{Auth0Error: e, ResetAt: resetAt(a.header)}
	case a.status < http.StatusBadRequest:
		e.Message = "the tenant sends the request elsewhere, and it is not followed there: " + blank.text(withoutQuery(a.header.Get("Location")))
	}
	e.InDoubt = Classify(e) == pace.Uncertain && !k.repeatable()
	return e
}

func withoutQuery(location string) string {
	before, _, _ := strings.Cut(location, "?")
	return before
}

// resetAt is a header's reset as UNIX seconds, -1 where there is none that can
// be read.
func resetAt(h http.Header) int64 {
	if v, err := strconv.ParseInt(strings.TrimSpace(h.Get("X-Ratelimit-Reset")), 10, 64); err == nil && v >= 0 {
		return v
	}
	if t := pace.RetryAt(h, time.Now()); !t.IsZero() {
		return (t.UnixNano() + int64(time.Second) - 1) / int64(time.Second)
	}
	return -1
}

func requestID(h http.Header) string {
	for _, name := range []string{"X-Auth0-Requestid", "X-Request-Id", "Cf-Ray"} {
		if v := h.Get(name); v != "" {
			return v
		}
	}
	return ""
}

// fill reads code and message from a body, whatever it is.
func (e *Auth0Error) fill(text []byte) {
	if len(text) == 0 {
		e.Message = http.StatusText(e.StatusCode)
		return
	}
	if !validJSON(text) {
		e.Message = shorten(text)
		if text[0] == '<' || strings.Contains(e.Header.Get("Content-Type"), "html") {
			e.Message = "the answer is a page of HTML, of a proxy or of another site perhaps: " + e.Message
		}
		return
	}
	e.Content = text
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil || members == nil {
		if e.Message = said(text); e.Message == "" {
			e.Message = http.StatusText(e.StatusCode)
		}
		return
	}
	for _, name := range []string{"errorCode", "error", "code"} {
		if v, ok := members[name]; ok {
			e.ErrorCode = said(v)
			break
		}
	}
	for _, name := range []string{"error_description", "message", "description", "error"} {
		if v := said(members[name]); v != "" {
			e.Message = v
			return
		}
	}
	e.Message = http.StatusText(e.StatusCode)
}

// said is the text of a member: a string's own, another value's JSON.
func said(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s // null gives ""
	}
	return shorten(raw)
}
