package engine

import (
	"encoding/json"
	"strconv"
)

// ItemKey is the default key of an item: a string or number is itself, an
// object its subject's id (user_id, client_id, id, …), else "". field reads a
// field of an object in the front end's own form.
func ItemKey(item any, field func(name string) (string, bool)) string {
	switch v := item.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case int64:
		return strconv.FormatInt(v, 10)
	case int:
		return strconv.Itoa(v)
	}
	if field == nil {
		return ""
	}
	for _, name := range [...]string{"user_id", "client_id", "id", "log_id", "kid", "key"} {
		if key, ok := field(name); ok && key != "" {
			return key
		}
	}
	return ""
}

// FieldOf reads a field of a tree for ItemKey.
func FieldOf(item any) func(name string) (string, bool) {
	o, ok := item.(*Object)
	if !ok {
		return nil
	}
	return func(name string) (string, bool) {
		v, _ := o.Get(name)
		key := ItemKey(v, nil)
		return key, key != ""
	}
}
