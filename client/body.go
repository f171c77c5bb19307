package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"a0run/client/catalog"
)

// bodyArg puts an argument that travels in the body.
func (r *request) bodyArg(g given) error {
	switch g.arg.In {
	case catalog.InFile:
		file, err := fileOf(g)
		if err != nil {
			return err
		}
		r.files = append(r.files, filePart{g.arg.WireName(), file})
	case catalog.InField:
		if token := r.op.Auth == catalog.AccessToken && g.arg.Name == accessTokenArg; token {
			return nil
		}
		raw, err := encode(g.value)
		if err != nil {
			return err
		}
		r.parts = append(r.parts, field{g.arg.WireName(), raw})
	case catalog.InBody:
		raw, err := encode(g.value)
		if err != nil {
			return err
		}
		r.whole = raw
	default: // another place's
	}
	return nil
}

// checkBody joins what was given as a whole with the fixed fields, and refuses
// a body that cannot be sent.
func (r *request) checkBody() error {
	if r.whole != nil && len(r.parts) > 0 {
		return &ArgumentError{
			Operation: r.op.ID, Argument: "body", Problem: "is given beside " + r.parts[0].name,
			Next: "give the whole body, or its fields by name",
		}
	}
	if !r.op.TakesBody() {
		return nil
	}
	if r.whole != nil && r.reshaped() {
		parts, err := fieldsOf(r.whole)
		if err != nil {
			return &ArgumentError{Operation: r.op.ID, Argument: "body", Problem: "is not an object"}
		}
		r.whole, r.parts = nil, parts
	}
	for _, f := range r.op.Fixed {
		if !r.parts.has(f.Name) {
			r.parts = r.parts.addText(f.Name, f.Value)
		}
	}
	if r.op.BodyRequired && r.whole == nil && len(r.parts)+len(r.files) == 0 && !r.authenticated() {
		return &ArgumentError{Operation: r.op.ID, Argument: "body", Problem: "is required and not given"}
	}
	return nil
}

// reshaped reports whether a whole body must be taken apart: to add fields, or
// to write it in another form than JSON.
func (r *request) reshaped() bool {
	return r.op.Body != catalog.JSONBody || len(r.op.Fixed) > 0 || r.authenticated()
}

// authenticated reports whether the body names the application.
func (r *request) authenticated() bool {
	return r.op.TakesBody() && (r.op.Auth == catalog.ClientAuth || r.op.Auth == catalog.ClientID)
}

// payload is the body of one attempt: a text, or what open gives.
type payload struct {
	kind   string // the content type
	length int64
	text   []byte
	open   func() io.Reader
}

// attach gives a request its body. A text goes as net/http likes it best, in
// one write with the head; a file is watched, and revoked when the attempt ends.
func (p *payload) attach(req *http.Request, w *watch, files *revocable) {
	if p == nil {
		return
	}
	req.ContentLength = p.length
	if p.open != nil {
		files.from = watched{p.open(), w}
		req.Body = files
		return
	}
	req.GetBody = func() (io.ReadCloser, error) {
		if len(p.text) < 1<<16 {
			return io.NopCloser(bytes.NewReader(p.text)), nil
		}
		return io.NopCloser(watched{bytes.NewReader(p.text), w}), nil
	}
	req.Body, _ = req.GetBody()
}

// payload builds the body of one attempt: an assertion is good for one only.
func (r *request) payload(now time.Time) (*payload, error) {
	if !r.op.TakesBody() {
		return nil, nil
	}
	if r.whole != nil {
		return bytesPayload("application/json", r.whole), nil
	}
	parts, err := r.signed(now)
	if err != nil {
		return nil, err
	}
	if len(parts)+len(r.files) == 0 && !r.op.BodyRequired {
		return nil, nil
	}
	switch r.op.Body {
	case catalog.FormBody:
		text, err := form(parts)
		return bytesPayload("application/x-www-form-urlencoded", []byte(text)), err
	case catalog.MultiBody:
		return multi(parts, r.files)
	default:
		return bytesPayload("application/json", parts.object()), nil
	}
}

// signed adds the application's id and its proof.
func (r *request) signed(now time.Time) (fields, error) {
	parts := r.parts
	if !r.authenticated() {
		return parts, nil
	}
	out := make(fields, 0, len(parts)+3)
	if r.auth.clientID != "" && !parts.has("client_id") && r.basic() == "" {
		out = out.addText("client_id", r.auth.clientID)
	}
	out = append(out, parts...)
	if r.op.Auth != catalog.ClientAuth || parts.has("client_secret") || parts.has("client_assertion") {
		return out, nil
	}
	proof, err := r.auth.fields(now)
	if err != nil {
		return nil, err
	}
	for _, f := range proof {
		out = out.addText(f.Name, f.Value)
	}
	return out, nil
}

func bytesPayload(kind string, text []byte) *payload {
	return &payload{kind: kind, length: int64(len(text)), text: text}
}

// form writes fields as a form; what is no text goes as its JSON
// (authorization_details).
func form(parts fields) (string, error) {
	texts := make([]string, 0, len(parts))
	for _, f := range parts {
		text, err := formText(f.value)
		if err != nil {
			return "", err
		}
		texts = append(texts, url.QueryEscape(f.name)+"="+url.QueryEscape(text))
	}
	return strings.Join(texts, "&"), nil
}

func formText(raw json.RawMessage) (string, error) {
	if len(raw) > 0 && raw[0] != '"' {
		return string(raw), nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("a form field is not JSON: %w", err)
	}
	return s, nil
}

// fileOf reads a file argument.
func fileOf(g given) (FileArg, error) {
	name := g.arg.WireName()
	switch v := g.value.(type) {
	case FileArg:
		if v.Data == nil {
			return v, errors.New("the file has no data")
		}
		if v.Name == "" {
			v.Name = name
		}
		return v, nil
	case *FileArg:
		return fileOf(given{g.arg, *v})
	case []byte:
		return FileArg{Name: name, Data: bytes.NewReader(v)}, nil
	case string:
		return FileArg{Name: name, Data: strings.NewReader(v)}, nil
	case json.RawMessage:
		// The text of a file is given as a JSON string, or as JSON itself.
		if text, err := plainJSON(v); err == nil && len(v) > 0 && v[0] == '"' {
			return FileArg{Name: name, Data: strings.NewReader(text)}, nil
		}
		return FileArg{Name: name, Data: bytes.NewReader(v)}, nil
	default:
		return FileArg{}, fmt.Errorf("want a file (client.FileArg, bytes or a string), got %T", v)
	}
}
