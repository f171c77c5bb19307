package undo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"a0run/client/catalog"
	"a0run/engine"
	"a0run/engine/image"
)

// The host functions that write files, as records name them. The second is
// undo's own, for what stood nowhere before.
const (
	fileWrite  = "file.write"
	fileRemove = "file.remove"
)

// digest is how a record names the text of a file.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("sha256:%s (%d bytes)", hex.EncodeToString(sum[:]), len(text))
}

// judgeFile decides about a write of a file, and puts the old text back.
func (p *pass) judgeFile(t *engine.Task, w *work, item *Item, act actor) error {
	c := w.c
	if c.name != fileWrite && c.name != fileRemove {
		reason := "nothing undoes " + c.name
		if c.kind == engine.KindHosts {
			reason = "what another host did is not taken back"
		}
		p.tell(w, impossible(reason), item)
		return nil
	}
	if w.before == nil {
		p.tell(w, impossible(notKept), item)
		return nil
	}
	if reason := p.blockedFile(c); reason != "" && !p.u.forced(c) {
		p.tell(w, left(reason), item)
		return nil
	}
	now, err := p.fileNow(t, c)
	if err != nil {
		return unreadable(err)
	}
	wrote, _ := image.Text(image.Field(w.args, "text"))
	text, _ := image.Text(w.stood)
	before := ""
	if w.before.Found {
		before = digest(text)
	}
	switch {
	case now == before:
		p.tell(w, already(asBefore), item)
		return nil
	case now != wrote && !p.u.forced(c):
		p.tell(w, left(changedSince, Diff{Field: "text", Now: now, Then: wrote}), item)
		return nil
	}
	item.Verdict, item.Changes = PutBack, []Diff{{Field: "text", Now: now, Then: before}}
	item.With = fileWrite
	if !w.before.Found {
		item.With = fileRemove
	}
	if p.known != nil {
		return act(w, decision{verdict: PutBack, after: &image.Image{Found: w.before.Found, Value: []byte(before)}}, &look{}, item)
	}
	if out := t.Do(w.fileAction(text)); out.Err != nil {
		return out.Err
	}
	item.Verdict = Undone
	return nil
}

func (p *pass) blockedFile(c *change) string {
	for _, h := range c.writes {
		if by := p.leftWrites[h]; by != "" {
			return "a later write of the same file is left: " + by
		}
	}
	return ""
}

// fileNow is the digest of a file's text; "" where there is none.
func (p *pass) fileNow(t *engine.Task, c *change) (string, error) {
	if a, ok := p.known[c.ref()]; ok {
		return string(a.Value), nil
	}
	files := p.u.o.Files
	if files == nil {
		return "", errNoFiles
	}
	args := engine.NewObject(1)
	args.Set("path", c.object)
	out := t.Do(&engine.Action{
		Name: "file.digest", Effect: catalog.Read, Kind: engine.KindFiles, Object: c.object, Args: args, Where: position(c.where),
		Perform: func(context.Context, *engine.Attempt) engine.Outcome {
			text, found, err := files.Read(c.object)
			if err != nil || !found {
				return engine.Outcome{Value: "", Err: engine.AsError(err)}
			}
			return engine.Outcome{Value: digest(text)}
		},
	})
	if out.Err != nil {
		return "", out.Err
	}
	now, _ := out.Value.(string)
	return now, nil
}

// fileAction puts a file's text back, or takes the file away; it keeps what it
// replaces, as the playbook's own writes do.
func (w *work) fileAction(text string) *engine.Action {
	files, path, found := w.u.o.Files, w.c.object, w.before.Found
	args := engine.NewObject(2)
	args.Set("path", path)
	a := &engine.Action{
		Name: fileRemove, Effect: catalog.Delete, Kind: engine.KindFiles, Object: path, Args: args, Where: position(w.c.where),
		Image: func() (any, error) {
			there, ok, err := files.Read(path)
			if err != nil || !ok {
				return nil, err
			}
			return there, nil
		},
		Perform: func(context.Context, *engine.Attempt) engine.Outcome {
			return engine.Outcome{Err: engine.AsError(files.Remove(path))}
		},
	}
	if found {
		args.Set("text", digest(text))
		a.Name, a.Effect, a.Payload, a.PayloadArg = fileWrite, catalog.Replace, text, "text"
		a.Perform = func(context.Context, *engine.Attempt) engine.Outcome {
			return engine.Outcome{Err: engine.AsError(files.Write(path, text))}
		}
	}
	return a
}
