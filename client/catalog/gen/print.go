package main

import (
	"bytes"
	"fmt"
	"go/format"
	"reflect"
	"strconv"
	"strings"

	"a0run/client/catalog"
)

const noGlobals = " //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to"

func printFile(name string, ops []catalog.Operation) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "package catalog\n\n// %s are the operations of this file, sorted by ID.\nvar %s = []Operation{%s\n", varName(name), varName(name), noGlobals)
	for _, op := range ops {
		b.WriteString("\t{\n")
		v := reflect.ValueOf(op)
		for i := range v.NumField() {
			if empty(v.Field(i)) {
				continue
			}
			fmt.Fprintf(&b, "\t\t%s: %s,\n", v.Type().Field(i).Name, literal(v.Field(i), v.Type().Field(i).Name == "Args"))
		}
		b.WriteString("\t},\n")
	}
	b.WriteString("}\n")
	return format.Source(b.Bytes())
}

// empty reports whether a field is left out of the literal.
func empty(v reflect.Value) bool {
	return v.IsZero() || (v.Kind() == reflect.Slice && v.Len() == 0)
}

func literal(v reflect.Value, lines bool) string {
	switch v.Kind() {
	case reflect.String:
		if name := constName(v); name != "" {
			return name
		}
		return strconv.Quote(v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int:
		return strconv.Itoa(int(v.Int()))
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = literal(v.Index(i), false)
			if v.Index(i).Kind() == reflect.Struct {
				parts[i] = strings.TrimPrefix(parts[i], v.Index(i).Type().Name())
			}
		}
		if lines {
			return "[]" + v.Type().Elem().Name() + "{\n" + strings.Join(parts, ",\n") + ",\n}"
		}
		return "[]" + v.Type().Elem().Name() + "{" + wrap(parts) + "}"
	case reflect.Struct:
		var parts []string
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				parts = append(parts, v.Type().Field(i).Name+": "+literal(v.Field(i), false))
			}
		}
		return v.Type().Name() + "{" + strings.Join(parts, ", ") + "}"
	default:
		panic("gen: no literal for " + v.Kind().String())
	}
}

// constName is the name of the package's constant for a value of a named type.
func constName(v reflect.Value) string {
	if v.Type().Name() == "string" {
		return ""
	}
	name := map[string]string{
		"API.management": "Management", "API.authentication": "Authentication",
		"BodyKind.json": "JSONBody", "BodyKind.form": "FormBody", "BodyKind.multipart": "MultiBody",
		"Auth.none": "NoAuth", "Auth.management": "ManagementToken", "Auth.client": "ClientAuth", "Auth.client_id": "ClientID",
		"Auth.access_token": "AccessToken",
		"Answer.json":       "JSONAnswer", "Answer.text": "TextAnswer", "Answer.redirect": "RedirectAnswer", "Answer.empty": "EmptyAnswer",
		"Place.path": "InPath", "Place.query": "InQuery", "Place.header": "InHeader", "Place.body": "InBody", "Place.field": "InField",
		"Place.file": "InFile", "Place.client": "InClient",
		"Type.string": "String", "Type.integer": "Integer", "Type.number": "Number", "Type.boolean": "Boolean", "Type.object": "Object",
		"Type.array": "Array", "Type.string[]": "Strings", "Type.any": "Any", "Type.file": "File",
		"PagingStyle.whole": "Whole", "PagingStyle.offset": "Offset", "PagingStyle.checkpoint": "Checkpoint", "PagingStyle.both": "Both",
		"PagingStyle.logs": "LogPaging",
		"Effect.read":      "Read", "Effect.create": "Create", "Effect.patch": "Patch", "Effect.replace": "Replace", "Effect.delete": "Delete",
		"BodyFrom.sent": "SentFields", "BodyFrom.before": "WholeBefore", "BodyFrom.elements": "SomeElements",
		"Effect.add": "Add", "Effect.remove": "Remove", "Effect.action": "Act",
	}[v.Type().Name()+"."+v.String()]
	return name
}

func varName(file string) string {
	parts := strings.Split(file, "_")
	for i := range parts[1:] {
		parts[i+1] = strings.ToUpper(parts[i+1][:1]) + parts[i+1][1:]
	}
	return strings.Join(parts, "") + "Table"
}

func printIndex(files []string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("package catalog\n\n// tables are all the tables of this package, one a file.\nfunc tables() [][]Operation {\n\treturn [][]Operation{\n")
	for _, f := range files {
		fmt.Fprintf(&b, "\t\t%s,\n", varName(f))
	}
	b.WriteString("\t}\n}\n")
	return format.Source(b.Bytes())
}

// wrap joins the elements of a list, over several lines where they are many.
func wrap(parts []string) string {
	const width = 110
	if joined := strings.Join(parts, ", "); len(joined) <= width {
		return joined
	}
	var b strings.Builder
	room := 0
	for _, part := range parts {
		if len(part)+2 > room {
			b.WriteString("\n")
			room = width
		}
		b.WriteString(part + ", ")
		room -= len(part) + 2
	}
	return b.String() + "\n"
}
