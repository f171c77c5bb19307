package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"a0run/client/catalog"
)

// TestShapes: references shared, alternatives made one, told apart by a field
// where they have one, recursion that ends, null in both dialects.
func TestShapes(t *testing.T) {
	t.Parallel()
	src := &source{}
	for text, into := range map[string]any{
		`[
			{"verb":"POST","path":"/things","body":{"schema":"Thing"}},
			{"verb":"PATCH","path":"/things/{id}","body":{"schema":{"oneOf":[{"$ref":"#/components/schemas/Cat"},{"$ref":"#/components/schemas/Dog"}]}}},
			{"verb":"PUT","path":"/things/{id}","body":{"schema":{"oneOf":[{"$ref":"#/components/schemas/ById"},{"$ref":"#/components/schemas/ByName"}]}}}
		]`: &src.ops,
		`{
			"Thing":{"type":"object","additionalProperties":false,"required":["name"],"properties":{
				"name":{"type":"string"},"size":{"type":["integer","null"]},"on":{"type":"boolean","nullable":true},
				"kind":{"type":"string","enum":["a","b"]},"mail":{"type":"string","format":"email"},
				"labels":{"type":"object","additionalProperties":{"type":"string"}},
				"parts":{"type":"array","items":{"$ref":"#/components/schemas/Thing"}},
				"either":{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]},"any":{}}},
			"Cat":{"type":"object","additionalProperties":false,"required":["type"],"properties":{"type":{"type":"string","enum":["cat"]},"lives":{"type":"integer"}}},
			"Dog":{"type":"object","additionalProperties":false,"required":["type","tail"],"properties":{"type":{"const":"dog"},"tail":{"type":"boolean"}}},
			"ById":{"type":"object","additionalProperties":false,"required":["id","x"],"properties":{"id":{"type":"string"},"x":{"type":"number"}}},
			"ByName":{"type":"object","additionalProperties":false,"required":["name","x"],"properties":{"name":{"type":"string"},"x":{"type":"string"}}}
		}`: &src.schemas,
	} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	op := func(id, verb, path string) *catalog.Operation {
		return &catalog.Operation{ID: id, API: catalog.Management, Verb: verb, Path: path, Body: catalog.JSONBody}
	}
	g := newShaper(src.schemas)
	roots := g.roots(src, []*catalog.Operation{
		op("things.create", "POST", "/things"), op("things.update", "PATCH", "/things/{id}"), op("things.set", "PUT", "/things/{id}"),
	})
	nodes, roots := share(g.nodes, roots)
	var lines []string
	for _, n := range nodes {
		lines = append(lines, n.name+": "+n.literal(nodes))
	}
	for _, r := range roots {
		lines = append(lines, fmt.Sprintf("%s = %s", r.id, nodes[r.node].name))
	}
	got := strings.Join(strings.Fields(strings.Join(lines, "\n")), " ")
	for _, want := range []string{
		`sAny: kinds: isAny, open: true`,
		`sText: kinds: isText `,
		`sWholeOrNull: kinds: isWhole|isNull `,
		`sBoolOrNull: kinds: isBool|isNull `,
		`sThing: kinds: isObject, must: []member{{"name", sText}}, may: []member{ {"any", sAny}, {"either", sThingEither}, {"kind", sThingKind},`,
		`{"labels", sObjectOfText}, {"mail", sEmailText}`, `{"parts", sThingParts}`,
		`sThingKind: kinds: isText, enum: []string{"a", "b"}`,
		`sThingEither: kinds: isText|isArray, items: sText`,
		`sThingParts: kinds: isArray, items: sThing `,
		`sObjectOfText: kinds: isObject, rest: sText`,
		`by: "type", variants: []member{{"cat", sCat}, {"dog", sDog}}`,
		// Alternatives that no field tells apart: what either takes is taken.
		`kinds: isObject, must: []member{{"x", sThingsSetX}}, may: []member{{"id", sText}, {"name", sText}}`,
		`sThingsSetX: kinds: isText|isWhole|isNumber`,
		`things.create = sThing`,
	} {
		if !strings.Contains(got+" ", want) {
			t.Errorf("no %s in\n%s", want, strings.Join(lines, "\n"))
		}
	}
}

// TestSoftShapes: of the strategies' options only names and types are kept.
func TestSoftShapes(t *testing.T) {
	t.Parallel()
	var s schemas
	if err := json.Unmarshal([]byte(`{
		"CreateConnectionRequestContentX":{"allOf":[{"type":"object","properties":{"strategy":{"const":"x"},"options":{"$ref":"#/components/schemas/Options"}}}]},
		"Options":{"type":"object","additionalProperties":false,"required":["alg"],"properties":{"alg":{"type":"string","enum":["A"]},"self":{"$ref":"#/components/schemas/Options"}}}
	}`), &s); err != nil {
		t.Fatal(err)
	}
	g := newShaper(s)
	id := g.build("options", g.atoms(g.strategies()))
	n := g.nodes[id]
	if len(n.must) > 0 || !n.open || n.kinds != isObject|isNull || len(n.may) != 2 {
		t.Fatalf("got %+v", n)
	}
	if alg := g.nodes[n.may[0].node]; alg.enum != nil || alg.kinds != isText|isNull {
		t.Errorf("alg is %+v", alg)
	}
	if n.may[1].node != id {
		t.Error("options within options are other options")
	}
}
