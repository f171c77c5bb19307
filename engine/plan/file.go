package plan

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"a0run/engine"
)

// A Keeper seals what a plan's file holds that is secret.
type Keeper struct {
	// Seal seals a whole JSON text as one JSON string, Open undoes it
	// (seal.Box.All and Open). Without Seal a file holds no secret at all, and
	// apply asks for them anew.
	Seal func(json.RawMessage) json.RawMessage
	Open func(json.RawMessage) (json.RawMessage, error)
	// Key is the key of the run's call keys (Options.Key): a file made under
	// another one is refused, and so is one that was edited.
	Key []byte
	// Redactor knows further secrets, which are sealed wherever they stand.
	Redactor *engine.Redactor
}

// document is the form of a file: the plan, and a sum over it.
type document struct {
	Version int             `json:"a0run_plan"`
	Key     string          `json:"key"`
	Sum     string          `json:"sum"`
	Plan    json.RawMessage `json:"plan"`
}

// A FileError says why a file is no plan that can be applied.
type FileError struct {
	Path, Problem, Next string
}

func (e *FileError) Error() string { return e.Path + ": " + e.Problem }

// Hint is what to do next.
func (e *FileError) Hint() string { return e.Next }

// ExitCode is that of a usage error.
func (e *FileError) ExitCode() int { return engine.ExitUsage }

// Fits reports why a plan cannot be written to a path, before it is made: its
// folder is not there, or something stands there that is no plan (a playbook
// whose name stood behind -o was overwritten once).
func Fits(path string) error {
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return &FileError{Path: path, Problem: "the plan cannot be kept there: there is no folder " + dir, Next: "make the folder, or name another file"}
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	refused := &FileError{Path: path, Problem: "something stands there that is no plan, and is not overwritten", Next: "name another file, or remove that one"}
	if err != nil {
		return refused
	}
	defer f.Close() //nolint:errcheck // only read from
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return refused
	}
	head := make([]byte, len(planHead))
	switch n, err := io.ReadFull(f, head); {
	case n == 0 && errors.Is(err, io.EOF), string(head) == planHead:
		return nil
	}
	return refused
}

// planHead is what every plan's file begins with.
const planHead = `{"a0run_plan"`

// Write writes a plan to a file that only its owner can read: whole, or not at
// all.
func Write(path string, p *Plan, k Keeper) error {
	b, err := Marshal(p, k)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// Marshal writes a plan as Write does.
func Marshal(p *Plan, k Keeper) ([]byte, error) {
	body, err := json.Marshal(p.sealed(k))
	if err != nil {
		return nil, err
	}
	return json.Marshal(document{Version: Version, Key: checkOf(k.Key), Sum: sumOf(k.Key, body), Plan: body})
}

// Read reads a plan's file.
func Read(path string, k Keeper) (*Plan, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	return Unmarshal(path, b, k)
}

// Unmarshal reads what Marshal wrote; path names it in errors, which are
// *FileError.
func Unmarshal(path string, b []byte, k Keeper) (*Plan, error) {
	again := "make the plan again: a0run plan PLAYBOOK -o " + path
	wrong := func(next, format string, args ...any) error {
		return &FileError{Path: path, Problem: fmt.Sprintf(format, args...), Next: next}
	}
	var d document
	switch err := json.Unmarshal(b, &d); {
	case len(bytes.TrimSpace(b)) == 0:
		return nil, wrong(again, "the file is empty")
	case err != nil && bytes.HasPrefix(bytes.TrimSpace(b), []byte(planHead)):
		return nil, wrong(again, "the plan is cut off or damaged after %d bytes", len(b))
	case err != nil, d.Version == 0:
		return nil, wrong("a plan is what `a0run plan PLAYBOOK -o FILE` writes", "this is no plan")
	case d.Version > Version:
		return nil, wrong("update a0run, or make the plan again with this one",
			"the plan is of version %d, and this a0run reads up to version %d", d.Version, Version)
	case d.Key != checkOf(k.Key):
		return nil, wrong("use the key under which it was made (the one of the journal there), or make the plan again here",
			"the plan was made under another key")
	case !hmac.Equal([]byte(d.Sum), []byte(sumOf(k.Key, d.Plan))):
		return nil, wrong(again, "the plan was changed after it was made")
	}
	plain, err := opened(d.Plan, k)
	if err != nil {
		return nil, wrong(again, "the plan's secrets cannot be opened: %v", err)
	}
	p := &Plan{secrets: map[string]bool{}}
	dec := json.NewDecoder(bytes.NewReader(plain))
	dec.DisallowUnknownFields()
	if err := dec.Decode(p); err != nil {
		return nil, wrong(again, "the plan cannot be read: %v", err)
	}
	return p, nil
}

// checkOf tells keys apart and nothing else.
func checkOf(key []byte) string { return sumOf(key, []byte("a0run plan key check v1"))[:16] }

func sumOf(key, body []byte) string {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write(body) // a hash's Write never fails
	return base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}

// sealMark is the only field of the object that stands for something sealed.
const sealMark = "$sealed"

// sealed is the plan as a file holds it.
func (p *Plan) sealed(k Keeper) *Plan {
	out := *p
	s := sealer{k, p.secrets}
	out.Params = s.text(p.Params)
	out.Inputs = make([]Input, len(p.Inputs))
	for i, in := range p.Inputs {
		out.Inputs[i] = s.input(in)
	}
	out.Changes = make([]*Change, len(p.Changes))
	for i, c := range p.Changes {
		kept := *c
		kept.Args = s.text(c.Args)
		kept.Fields = make([]Field, len(c.Fields))
		for j, f := range c.Fields {
			f.Old, f.New = s.text(f.Old), s.text(f.New)
			kept.Fields[j] = f
		}
		kept.Summary, kept.Name, kept.Object = s.shown(c.Summary), s.shown(c.Name), s.shown(c.Object)
		out.Changes[i] = &kept
	}
	return &out
}

type sealer struct {
	Keeper
	secrets map[string]bool
}

func (s sealer) shown(t string) string {
	if s.Redactor == nil {
		return t
	}
	return s.Redactor.Redact(t)
}

// isSecret reports whether a text is, or holds, a secret.
func (s sealer) isSecret(t string) bool {
	return t != "" && s.secrets[t] || s.shown(t) != t
}

// text seals the secret texts of a JSON text.
func (s sealer) text(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	tree, err := engine.ParseJSON(raw)
	if err != nil || !holds(tree, s.isSecret) {
		return raw
	}
	return text(s.tree(tree))
}

func (s sealer) tree(v any) any {
	switch x := v.(type) {
	case string:
		if s.isSecret(x) {
			return s.seal(text(x))
		}
	case *engine.Object:
		out := engine.NewObject(x.Len())
		for name, item := range x.All() {
			if s.isSecret(name) {
				return s.seal(text(v))
			}
			out.Set(name, s.tree(item))
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = s.tree(item)
		}
		return out
	}
	return v
}

// seal is what stands in a file for a secret.
func (s sealer) seal(raw json.RawMessage) any {
	if s.Seal == nil {
		return hiddenText
	}
	out := engine.NewObject(1)
	out.Set(sealMark, plain(s.Seal(raw)))
	return out
}

// input seals what a playbook got. Of random texts it is not known what they
// become: a part of a password, perhaps; they are sealed all.
func (s sealer) input(in Input) Input {
	private := in.Name == "secret" || in.Name == "env" || in.Name == "uuid" || strings.HasPrefix(in.Name, "random.")
	if len(in.Value) == 0 || string(in.Value) == "null" || !private && !holds(plain(in.Value), s.isSecret) {
		return in
	}
	if s.Seal == nil {
		in.Digest, in.Value = digestOf(s.Key, textOf(plain(in.Value))), nil
		return in
	}
	in.Value = text(s.seal(in.Value))
	return in
}

// opened puts back what is sealed.
func opened(raw json.RawMessage, k Keeper) (json.RawMessage, error) {
	if k.Open == nil || !bytes.Contains(raw, []byte(`"`+sealMark+`"`)) {
		return raw, nil
	}
	tree, err := engine.ParseJSON(raw)
	if err != nil {
		return nil, err
	}
	var failed error
	out := openTree(tree, func(sealed json.RawMessage) any {
		b, err := k.Open(sealed)
		if err != nil {
			failed = err
			return nil
		}
		return plain(b)
	})
	return text(out), failed
}

func openTree(v any, open func(json.RawMessage) any) any {
	switch x := v.(type) {
	case *engine.Object:
		if sealed, ok := x.Get(sealMark); ok && x.Len() == 1 {
			return open(text(sealed))
		}
		out := engine.NewObject(x.Len())
		for name, item := range x.All() {
			out.Set(name, openTree(item, open))
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = openTree(item, open)
		}
		return out
	}
	return v
}
