package main

import (
	"encoding/json"
	"slices"
	"testing"

	"a0run/client/catalog"
)

// TestFieldRows: types, null in both dialects, alternatives, and no row for a
// body that is made of arguments, is a list, or has any keys.
func TestFieldRows(t *testing.T) {
	src := &source{}
	for text, into := range map[string]any{
		`[
			{"verb":"POST","path":"/things","body":{"schema":"Thing"}},
			{"verb":"PATCH","path":"/things/{other_name}","body":{"schema":{"oneOf":[{"$ref":"#/components/schemas/Thing"},{"type":"object","properties":{"extra":{"type":["object","null"]}}}]}}},
			{"verb":"PUT","path":"/things/{id}/any","body":{"schema":{"type":"object","additionalProperties":true}}},
			{"verb":"POST","path":"/things/{id}/parts","body":{"schema":{"type":"object","properties":{"parts":{"type":"array"}}}}},
			{"verb":"DELETE","path":"/things/{id}"}
		]`: &src.ops,
		`{
			"Thing":{"type":"object","properties":{
				"name":{"type":"string"},"count":{"type":"integer","nullable":true},"tags":{"type":"array","items":{"$ref":"#/components/schemas/Tag"}},
				"on":{"anyOf":[{"type":"boolean"},{"type":"null"}]},"either":{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]}}},
			"Tag":{"type":"string"}
		}`: &src.schemas,
	} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	op := func(id, verb, path string, args ...catalog.Arg) *catalog.Operation {
		return &catalog.Operation{ID: id, API: catalog.Management, Verb: verb, Path: path, Args: args}
	}
	body := catalog.Arg{Name: "body", In: catalog.InBody, Type: catalog.Object}
	got := fieldRows(src, []*catalog.Operation{
		op("things.update", "PATCH", "/things/{id}", body),
		op("things.create", "POST", "/things", body),
		op("things.set_any", "PUT", "/things/{id}/any", body),
		op("things.add_parts", "POST", "/things/{id}/parts", catalog.Arg{Name: "parts", In: catalog.InField, Type: catalog.Array}),
		op("things.delete", "DELETE", "/things/{id}"),
	})
	thing := "count:integer? either:any name:string on:boolean? tags:string[]"
	want := []string{
		"things.create " + thing,
		"things.update count:integer? either:any extra:object? name:string on:boolean? tags:string[]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
}
