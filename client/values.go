package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// encode gives the JSON of a value. What is JSON already goes out byte for
// byte; the rest as json.Marshal has it, but without escaping <, > and &.
func encode(v any) (json.RawMessage, error) {
	switch v := v.(type) {
	case json.RawMessage:
		if !json.Valid(v) {
			return nil, errors.New("the given text is not JSON")
		}
		return v, nil
	case Secret:
		return encode(v.Reveal())
	case typedObject:
		return fieldsOfTyped(v, true).object(), nil
	case json.Marshaler:
		if o := typedOf(v); o != nil {
			return fieldsOfTyped(o, true).object(), nil
		}
		text, err := v.MarshalJSON()
		if err == nil && !json.Valid(text) {
			err = errors.New("its MarshalJSON gives no JSON")
		}
		return text, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(revealedTree(v)); err != nil {
		return nil, fmt.Errorf("the value cannot be written as JSON: %w", err)
	}
	// encoding/json writes a Secret in a struct of the caller by its MarshalText.
	// A tenant that takes "[secret]" for a password is found out much later.
	if bytes.Contains(b.Bytes(), []byte(`"`+hidden+`"`)) {
		return nil, fmt.Errorf("%T would go out with the text %q where a secret belongs: give the secret in client.Args, or its text by Reveal", v, hidden)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// typedOf is a typed object that was given by value.
func typedOf(v any) typedObject {
	if reflect.TypeOf(v).Kind() != reflect.Struct {
		return nil
	}
	p := reflect.New(reflect.TypeOf(v))
	p.Elem().Set(reflect.ValueOf(v))
	o, _ := p.Interface().(typedObject)
	return o
}

// revealedTree puts the texts of the Secrets in a tree of maps and lists in their
// places: written by encoding/json they would go out as "[secret]".
func revealedTree(v any) any {
	switch v := v.(type) {
	case Secret:
		return v.Reveal()
	case typedObject:
		return json.RawMessage(fieldsOfTyped(v, true).object())
	case Object:
		return revealedMap(v)
	case Args:
		return revealedMap(v)
	case map[string]any:
		return revealedMap(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = revealedTree(v[i])
		}
		return out
	default:
		return v
	}
}

func revealedMap(m map[string]any) any {
	if m == nil {
		return nil
	}
	out := make(map[string]any, len(m))
	for name, value := range m {
		out[name] = revealedTree(value)
	}
	return out
}

// plain gives the text of a value in a path, a query, a header or a form: a
// string as it is, numbers and booleans as JSON has them, lists joined by
// commas. An object has no such text.
func plain(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case Secret:
		return v.Reveal(), nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case []string:
		return strings.Join(v, ","), nil
	}
	raw, err := encode(v)
	if err != nil {
		return "", err
	}
	return plainJSON(raw)
}

// plainList is plain of each element of a list; of anything else it is a list of
// one.
func plainList(v any) ([]string, error) {
	switch v := v.(type) {
	case []string:
		return v, nil
	case string, Secret, bool, int, int64, float64:
		text, err := plain(v)
		return []string{text}, err
	}
	raw, err := encode(v)
	if err != nil {
		return nil, err
	}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '[' {
		text, err := plainJSON(raw)
		return []string{text}, err
	}
	return textsOf(raw)
}

// textsOf reads a JSON list.
func textsOf(raw json.RawMessage) ([]string, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	texts := make([]string, len(items))
	for i, item := range items {
		text, err := plainJSON(item)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

// plainJSON is plain of a JSON text.
func plainJSON(raw json.RawMessage) (string, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return "", errors.New("the value is empty")
	case raw[0] == '"':
		if s, ok := stringOf(raw); ok {
			return s, nil
		}
		return "", errors.New("the text is not JSON")
	case raw[0] == '{':
		return "", errors.New("an object cannot be written there; want a string, a number, a boolean or a list of them")
	case raw[0] == '[':
		texts, err := textsOf(raw)
		return strings.Join(texts, ","), err
	default: // a number, true, false, null
		return string(raw), nil
	}
}

// absent reports whether a value stands for an argument not given.
func absent(v any) bool {
	if v == nil {
		return true
	}
	raw, ok := v.(json.RawMessage)
	return ok && raw == nil
}

// isNull reports whether a value is JSON's null, which a path or query does not
// know: there it is an argument not given.
func isNull(v any) bool {
	raw, ok := v.(json.RawMessage)
	return ok && string(bytes.TrimSpace(raw)) == "null"
}

// field is one member of a body; fields keep their order.
type field struct {
	name  string
	value json.RawMessage
}

type fields []field

func (f fields) has(name string) bool {
	for i := range f {
		if f[i].name == name {
			return true
		}
	}
	return false
}

// find gives a member, nil where there is none.
func (f fields) find(name string) json.RawMessage {
	for i := range f {
		if f[i].name == name {
			return f[i].value
		}
	}
	return nil
}

// addText adds a member with a string value.
func (f fields) addText(name, value string) fields {
	raw, err := encode(value)
	if err != nil { // a string can always be encoded
		return f
	}
	return append(f, field{name, raw})
}

// object writes the fields as a JSON object.
func (f fields) object() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, one := range f {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := encode(one.name)
		if err != nil {
			continue
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(one.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// fieldsOf reads a JSON object, keeping the order of its members.
func fieldsOf(raw json.RawMessage) (fields, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	start, err := d.Token()
	if err != nil {
		return nil, err
	}
	if start != json.Delim('{') {
		return nil, errors.New("want an object")
	}
	var out fields
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		text, _ := name.(string)
		out = append(out, field{text, value})
	}
	return out, nil
}
