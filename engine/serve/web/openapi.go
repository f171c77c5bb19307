package web

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// openAPI is the OpenAPI 3.1 document of the API, written from its table.
func (r *Room) openAPI() map[string]any {
	schemas := map[string]any{"Error": errorSchema()}
	paths := map[string]any{}
	for _, a := range r.apiRoutes() {
		item, _ := paths[apiRoot+a.path].(map[string]any)
		if item == nil {
			item = map[string]any{}
			paths[apiRoot+a.path] = item
		}
		item[strings.ToLower(a.method)] = a.operation(schemas)
	}
	return map[string]any{
		"openapi": "3.1.0",
		"info":    map[string]any{"title": "a0run", "version": r.o.Version, "description": "What the control room shows and does."},
		"paths":   paths,
		"components": map[string]any{
			"schemas": schemas,
			"securitySchemes": map[string]any{
				"token":   map[string]any{"type": "http", "scheme": "bearer"},
				"session": map[string]any{"type": "apiKey", "in": "cookie", "name": r.sessions.Cookie.Name},
			},
		},
		"security": []any{map[string]any{"token": []any{}}, map[string]any{"session": []any{}}},
	}
}

var pathParam = regexp.MustCompile(`\{(\w+)\}`)

func (a apiRoute) operation(schemas map[string]any) map[string]any {
	var params []any
	for _, m := range pathParam.FindAllStringSubmatch(a.path, -1) {
		params = append(params, map[string]any{"name": m[1], "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
	}
	for _, q := range a.query {
		params = append(params, map[string]any{"name": q.name, "in": "query", "description": q.doc, "schema": q.schema()})
	}
	answer := map[string]any{"description": "well"}
	switch {
	case a.stream != nil:
		answer["content"] = map[string]any{"text/event-stream": map[string]any{"schema": map[string]any{"type": "string"}}}
	default:
		answer["content"] = map[string]any{"application/json": map[string]any{"schema": schemaOf(reflect.TypeOf(a.result), schemas)}}
	}
	op := map[string]any{
		"operationId": a.id, "summary": a.summary, "description": "Needs the role " + a.role + ".",
		"responses": map[string]any{
			"200":     answer,
			"default": map[string]any{"description": "refused, or failed", "content": map[string]any{"application/json": map[string]any{"schema": ref("Error")}}},
		},
	}
	if len(params) > 0 {
		op["parameters"] = params
	}
	if a.body != nil {
		op["requestBody"] = map[string]any{"content": map[string]any{"application/json": map[string]any{"schema": schemaOf(reflect.TypeOf(a.body), schemas)}}}
	}
	return op
}

func ref(name string) map[string]any { return map[string]any{"$ref": "#/components/schemas/" + name} }

func errorSchema() map[string]any {
	text := map[string]any{"type": "string"}
	return map[string]any{"type": "object", "required": []string{"error"}, "properties": map[string]any{"error": map[string]any{
		"type": "object", "required": []string{"kind", "message"}, "properties": map[string]any{
			"kind": text, "message": text, "hint": text, "fields": map[string]any{"type": "object", "additionalProperties": text},
		},
	}}}
}

// schemaOf is the JSON Schema of a Go type as encoding/json writes it; structs
// go among the document's schemas.
func schemaOf(t reflect.Type, schemas map[string]any) map[string]any {
	switch t {
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return map[string]any{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), schemas)
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Int32:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem(), schemas)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem(), schemas)}
	case reflect.Struct:
		return structSchema(t, schemas)
	default: // interfaces: any value
		return map[string]any{}
	}
}

func structSchema(t reflect.Type, schemas map[string]any) map[string]any {
	name := strings.ToUpper(t.Name()[:1]) + strings.TrimSuffix(t.Name()[1:], "JSON")
	if _, known := schemas[name]; known {
		return ref(name)
	}
	schemas[name] = nil // a type may hold itself
	properties, required := map[string]any{}, []string{}
	for field := range t.Fields() {
		tag, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if tag == "-" || tag == "" {
			continue
		}
		properties[tag] = schemaOf(field.Type, schemas)
		if !strings.Contains(options, "omit") {
			required = append(required, tag)
		}
	}
	schema := map[string]any{"type": "object", "properties": properties}
	if len(required) > 0 {
		schema["required"] = required
	}
	schemas[name] = schema
	return ref(name)
}
