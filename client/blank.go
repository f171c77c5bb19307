package client

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
)

// blank takes the secrets of a request out of a text: a tenant, or a proxy
// before it, may echo what it was sent. It is made only when there is an error
// to clean.
type blank struct{ replace *strings.Replacer }

// shortSecret is the length below which a secret is blanked only where it
// stands as a whole JSON string: taking every "abc" away would spoil the text.
const shortSecret = 6

// blanks collects what was secret in the call.
func (k *call) blanks() blank {
	secrets := []string{k.bearer, k.cfg.Token, k.cfg.ClientSecret, k.cfg.SigningKey}
	if k.request.auth != nil {
		secrets = append(secrets, k.request.auth.secret, strings.TrimPrefix(k.basic(), "Basic "))
	}
	for _, g := range k.given {
		if !g.arg.Secret {
			continue
		}
		if text, err := plain(g.value); err == nil {
			secrets = append(secrets, text)
		}
	}
	for _, path := range k.op.Secrets {
		secrets = gather(secrets, k.sentBody(), strings.Split(strings.ReplaceAll(path, "[]", ".[]"), "."))
	}
	var pairs []string
	for _, s := range secrets {
		if s == "" {
			continue
		}
		quoted, err := encode(s)
		if err != nil {
			continue
		}
		pairs = append(pairs, string(quoted), `"`+hidden+`"`)
		if len(s) < shortSecret {
			continue
		}
		inner := string(quoted[1 : len(quoted)-1])
		// A body that was echoed inside a JSON string is escaped twice.
		twice := strings.NewReplacer("\\", "\\\\", "\"", "\\\"").Replace(inner)
		for _, form := range []string{twice, inner, s, url.QueryEscape(s), url.PathEscape(s)} {
			pairs = append(pairs, form, hidden)
		}
	}
	return blank{strings.NewReplacer(pairs...)}
}

// sentBody is the JSON of what the caller put in the body.
func (k *call) sentBody() json.RawMessage {
	if k.whole != nil {
		return k.whole
	}
	return k.parts.object()
}

// gather adds the strings at a path of a JSON text; a list on the way is
// entered whether or not the path says so.
func gather(to []string, raw json.RawMessage, path []string) []string {
	for len(path) > 0 && (path[0] == "" || path[0] == "[]") {
		path = path[1:]
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for _, item := range list {
			to = gather(to, item, path)
		}
		return to
	}
	var object map[string]json.RawMessage
	if len(path) > 0 {
		if json.Unmarshal(raw, &object) == nil {
			to = gather(to, object[path[0]], path[1:])
		}
		return to
	}
	if json.Unmarshal(raw, &object) == nil {
		for _, v := range object { // all of a secret object is secret
			to = gather(to, v, nil)
		}
		return to
	}
	if text, err := plainJSON(raw); err == nil {
		to = append(to, text)
	}
	return to
}

func (b blank) text(s string) string { return b.replace.Replace(s) }

func (b blank) bytes(s []byte) []byte {
	if s == nil {
		return nil
	}
	return []byte(b.replace.Replace(string(s)))
}

// blanked cleans the text of a fault; its kind stays visible to errors.Is and
// errors.As.
func (k *call) blanked(err error) error {
	e, ok := errors.AsType[*NetworkError](err)
	if !ok || e.Err == nil {
		return err
	}
	text := k.blanks().text(e.Err.Error())
	if text != e.Err.Error() {
		e.Err = &saidError{text, e.Err}
	}
	return err
}

// saidError is an error in other words.
type saidError struct {
	text string
	err  error
}

func (e *saidError) Error() string { return e.text }

// Is keeps errors.Is working without showing the old words.
func (e *saidError) Is(target error) bool { return errors.Is(e.err, target) }
