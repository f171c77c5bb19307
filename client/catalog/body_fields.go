package catalog

import (
	"sort"
	"strings"
)

// A BodyField is a top-level field that the body of an operation accepts.
type BodyField struct {
	// Name is the field's name.
	Name string
	// Type is the type of its value.
	Type Type
	// Null says that null is accepted, which takes the field's value away.
	Null bool
}

// BodyFields lists the fields that the body of an operation accepts, sorted by
// name; nil where it takes no body, a list, or an object with any keys. What
// undo writes back is restricted to them, since the answer of a read holds more
// than the tenant takes.
func BodyFields(op *Operation) []BodyField {
	i := sort.Search(len(bodyFields), func(i int) bool { return bodyFields[i].id >= op.ID })
	if i < len(bodyFields) && bodyFields[i].id == op.ID {
		return parseFields(bodyFields[i].fields)
	}
	var fields []BodyField
	for i := range op.Args {
		if a := &op.Args[i]; a.In == InField {
			fields = append(fields, BodyField{Name: a.WireName(), Type: a.Type})
		}
	}
	sort.Slice(fields, func(i, j int) bool { return fields[i].Name < fields[j].Name })
	return fields
}

// parseFields reads a row of the table: "name:type", with ? behind the type
// where null is accepted.
func parseFields(row string) []BodyField {
	words := strings.Fields(row)
	fields := make([]BodyField, len(words))
	for i, word := range words {
		name, kind, _ := strings.Cut(word, ":")
		bare, null := strings.CutSuffix(kind, "?")
		fields[i] = BodyField{Name: name, Type: Type(bare), Null: null}
	}
	return fields
}

// A fieldRow are the fields that the whole body of one operation accepts.
type fieldRow struct{ id, fields string }
