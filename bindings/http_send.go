package bindings

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"a0run/client/egress"
	"a0run/client/hosts"
	"a0run/client/pace"
	"a0run/engine"
)

// An httpCall is one request that a playbook makes, ready to be sent.
type httpCall struct {
	table   *table
	args    *bound
	request *egress.Request
	accept  []int64
	// once says that the server is told when it sees the request again.
	once bool
	// shown are the arguments as the journal and the events have them.
	shown *engine.Object
	// digested is the argument that stands in shown by its digest; may be "".
	digested string
}

// do sends the call through the run's one path.
func (h *httpCall) do() (any, error) {
	task := h.args.call.Task
	if task == nil || h.table.cfg.HTTP == nil {
		return nil, notHere(h.args.call)
	}
	repeatable, _ := h.args.values.Get(repeatableParam)
	a := &engine.Action{
		Name: httpAction, Effect: effectOf(h.request.Method), Args: h.shown, Where: h.args.call.Where,
		Kind: engine.KindHosts, Object: hosts.Name(h.request.URL), Repeatable: h.once || repeatable == true,
		Perform: h.perform,
	}
	if h.digested != "" {
		a.Payload, a.PayloadArg = string(h.request.Body), h.digested
	}
	out := task.Do(a)
	if out.Err != nil {
		return nil, out.Err
	}
	return withJSON(out.Value), nil
}

// perform sends it once.
func (h *httpCall) perform(ctx context.Context, at *engine.Attempt) engine.Outcome {
	r := *h.request
	if h.once && r.Header.Get(idempotencyHeader) == "" {
		r.Header = r.Header.Clone()
		r.Header.Set(idempotencyHeader, h.table.onceKey(at.Key))
	}
	if err := at.BeforeSend(ctx); err != nil {
		return engine.Outcome{Err: engine.AsError(err), Fault: pace.NotSent}
	}
	resp, err := h.table.cfg.HTTP.Do(ctx, &r)
	if err != nil {
		return h.failed(err)
	}
	h.table.learnResponse(resp)
	if h.isError(resp) {
		return h.refused(resp)
	}
	return engine.Outcome{Status: resp.Status, Value: answerText(resp)}
}

// isError reports whether an answer is none that the call accepts. An action
// that is sent elsewhere was not done.
func (h *httpCall) isError(resp *egress.Response) bool {
	least := http.StatusBadRequest
	if !egress.Reads(h.request.Method) {
		least = http.StatusMultipleChoices
	}
	return resp.Status >= least && !slices.Contains(h.accept, int64(resp.Status))
}

// idempotencyHeader is the header by which a server knows a request that it has
// seen (draft-ietf-httpapi-idempotency-key-header).
const idempotencyHeader = "Idempotency-Key"

// onceKey is the same for a call of a run however often it is sent, and another
// for every other call and run.
func (t *table) onceKey(call string) string {
	sum := sha256.Sum256([]byte(t.cfg.Run.ID() + "\x00" + call))
	return hex.EncodeToString(sum[:16])
}

// failed is the outcome of a request that was not answered, or not wholly.
func (h *httpCall) failed(err error) engine.Outcome {
	e := &engine.Error{Name: engine.NameNetworkError, Operation: h.args.call.Func.Name, Message: err.Error(), ResetAt: -1, Cause: err}
	out := engine.Outcome{Err: e, Fault: pace.NotSent}
	fault, ok := errors.AsType[*egress.Error](err)
	if !ok {
		return out
	}
	e.StatusCode, e.Headers, e.HintText, out.Status = fault.Status, fault.Header, fault.Hint(), fault.Status
	if fault.Refusal != nil {
		e.HintText = h.table.hostHint(fault.Refusal)
	}
	if fault.Sent {
		out.Fault = pace.Uncertain
	}
	switch fault.Kind {
	case egress.Refused:
		e.Name, e.ErrorCode, out.Fault = engine.NameHTTPError, "refused", pace.Final
	case egress.Redirected:
		e.Name, e.ErrorCode, out.Fault = engine.NameHTTPError, "redirect", pace.Final
	case egress.TooLong:
		e.Name, e.ErrorCode, out.Fault = engine.NameHTTPError, "too_long", pace.Final
		// The request was answered, but with what cannot be said.
		e.InDoubt = effectOf(h.request.Method).Mutates() && fault.Status < http.StatusBadRequest
	case egress.Untrusted:
		out.Fault = pace.Final
	case egress.Network:
	case egress.Timeout:
		e.Name = engine.NameTimeoutError
	}
	return out
}

// refused is the outcome of an answer that is an error.
func (h *httpCall) refused(resp *egress.Response) engine.Outcome {
	e := &engine.Error{
		Name: engine.NameHTTPError, Operation: h.args.call.Func.Name, StatusCode: resp.Status, ResetAt: -1,
		Headers: resp.Header, RequestID: resp.Header.Get("X-Request-Id"),
	}
	if utf8.Valid(resp.Body) {
		e.Body = string(resp.Body)
	}
	if isJSON(resp) {
		e.Content = json.RawMessage(resp.Body)
	}
	code, reason := reasonOf(resp)
	if to := resp.Header.Get("Location"); resp.Status < http.StatusBadRequest {
		code, reason = "redirect", "it sends a "+h.request.Method+" elsewhere, and an action is not sent on"
		e.HintText = "ask the right address, which it names in the header location"
		if u, err := resp.URL.Parse(to); err == nil && to != "" {
			reason = "it sends a " + h.request.Method + " on to " + hosts.Name(u) + ", and an action is not sent on"
		}
	}
	e.ErrorCode, e.Message = code, hosts.Name(resp.URL)+": "+reason
	out := engine.Outcome{Err: e, Status: resp.Status, Fault: pace.Final, ResetAt: pace.RetryAt(resp.Header, time.Now())}
	switch resp.Status {
	case http.StatusTooManyRequests:
		out.Fault = pace.RateLimited
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		out.Fault = pace.Uncertain
	}
	return out
}

// reasonOf is what an answer says of itself: the usual fields of a JSON object,
// a short text, or the words of its status.
func reasonOf(resp *egress.Response) (code, reason string) {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(resp.Body, &fields)
	field := func(names ...string) string {
		for _, name := range names {
			var text string
			if json.Unmarshal(fields[name], &text) == nil && text != "" {
				return text
			}
		}
		return ""
	}
	code = field("error_code", "errorCode", "code", "error")
	if reason = field("error_description", "message", "detail", "description", "title", "error"); reason != "" {
		return code, cutText(reason)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") && len(resp.Body) > 0 && utf8.Valid(resp.Body) {
		return code, cutText(strings.TrimSpace(string(resp.Body)))
	}
	if reason = http.StatusText(resp.Status); reason == "" {
		reason = "it says no more"
	}
	return code, reason
}

// cutText is the first line of a text, and no more of it than fits a message.
func cutText(text string) string {
	const most = 300
	line, _, more := strings.Cut(text, "\n")
	if len(line) > most {
		line, more = strings.ToValidUTF8(line[:most], ""), true
	}
	if more {
		line += " …"
	}
	return line
}

// answerText is an answer as it is recorded, its headers in one order.
func answerText(resp *egress.Response) json.RawMessage {
	headers := engine.NewObject(len(resp.Header))
	for _, name := range sortedKeys(resp.Header) {
		headers.Set(strings.ToLower(name), strings.ToValidUTF8(strings.Join(resp.Header[name], ", "), "\uFFFD"))
	}
	out := engine.NewObject(3)
	out.Set("status", int64(resp.Status))
	out.Set("headers", headers)
	if utf8.Valid(resp.Body) {
		out.Set("body", string(resp.Body))
	} else {
		out.Set("base64", base64.StdEncoding.EncodeToString(resp.Body))
	}
	text, err := engine.FormatJSON(out)
	if err != nil {
		return json.RawMessage(`{"status":` + strconv.Itoa(resp.Status) + `}`) // texts always have a form
	}
	return text
}

// withJSON adds what a JSON body says to a recorded answer: it is not written
// down a second time.
func withJSON(value any) any {
	raw, ok := value.(json.RawMessage)
	var answer struct {
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
		JSON    json.RawMessage   `json:"json"`
	}
	if !ok || json.Unmarshal(raw, &answer) != nil || answer.JSON != nil || !saysJSON(answer.Headers["content-type"], []byte(answer.Body)) {
		return value
	}
	out := append(bytes.Clone(raw[:len(raw)-1]), `,"json":`...)
	return json.RawMessage(append(append(out, answer.Body...), '}'))
}

func isJSON(resp *egress.Response) bool {
	return saysJSON(resp.Header.Get("Content-Type"), resp.Body)
}

// saysJSON reports whether a body is JSON: it is called so, or looks like an
// object or a list, and can be read.
func saysJSON(kind string, body []byte) bool {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || !strings.Contains(kind, "json") && body[0] != '{' && body[0] != '[' {
		return false
	}
	_, err := engine.ParseJSON(body)
	return err == nil
}
