// Command gen wrote the first version of the catalogue's tables from three
// public data files: the operations and schemas of the Management API's OpenAPI
// document and the list of the Python SDK 4.13's methods.
//
// It is run by hand and never by the build. What it wrote is source that people
// edit: running it again into the same directory overwrites their work, so
// write to another one (-out) and compare.
//
//	go run ./client/catalog/gen -operations management.json -schemas schemas.json -python python4_methods.tsv -out /tmp/catalog
//
// Some files nobody edits: the table of the fields that bodies accept is
// written anew when Auth0's document changes:
//
//	go run ./client/catalog/gen -operations management.json -schemas schemas.json -fields client/catalog/body_fields_table.go
//
// So is what package client/schema knows of bodies:
//
//	go run ./client/catalog/gen -operations management.json -schemas schemas.json -shapes client/schema
//
// And what the local tenant holds requests against:
//
//	go run ./client/catalog/gen -operations management.json -schemas schemas.json -rules client/sim/rules
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"a0run/client/catalog"
)

// source is what the data files hold.
type source struct {
	ops     []apiOp
	schemas schemas
	python  map[string]method // by "attribute.method"
}

// An apiOp is one operation of the OpenAPI document.
type apiOp struct {
	ID         string                     `json:"id"`
	Python     []string                   `json:"python4"`
	Verb       string                     `json:"verb"`
	Path       string                     `json:"path"`
	Scopes     []string                   `json:"scopes"`
	Params     []apiParam                 `json:"params"`
	Body       *apiBody                   `json:"body"`
	Responses  map[string]json.RawMessage `json:"responses"`
	Lifecycle  string                     `json:"lifecycle"`
	Deprecated bool                       `json:"deprecated"`
	removed    string
}

type apiParam struct {
	Name     string          `json:"name"`
	In       string          `json:"in"`
	Required bool            `json:"required"`
	Schema   json.RawMessage `json:"schema"`
}

type apiBody struct {
	Type   string          `json:"type"`
	Schema json.RawMessage `json:"schema"`
}

func main() {
	var files struct{ ops, schemas, python, out, fields, shapes, rules string }
	flag.StringVar(&files.ops, "operations", "", "JSON list of the Management API's operations")
	flag.StringVar(&files.schemas, "schemas", "", "JSON object of the component schemas")
	flag.StringVar(&files.python, "python", "", "tab-separated list of the Python SDK's methods")
	flag.StringVar(&files.out, "out", "", "directory to write the Go files to")
	flag.StringVar(&files.fields, "fields", "", "file to write the table of body fields to, and nothing else")
	flag.StringVar(&files.shapes, "shapes", "", "directory to write the tables of package client/schema to, and nothing else")
	flag.StringVar(&files.rules, "rules", "", "directory to write the table of package client/sim/rules to, and nothing else")
	flag.Parse()
	for path, write := range map[string]func(string, *source) error{
		files.fields: writeFields, files.shapes: writeShapes, files.rules: writeRules,
	} {
		if path == "" {
			continue
		}
		src := &source{}
		if err := errors.Join(readJSON(files.ops, &src.ops), readJSON(files.schemas, &src.schemas)); err != nil {
			log.Fatal(err)
		}
		if err := write(path, src); err != nil {
			log.Fatal(err)
		}
	}
	if files.fields+files.shapes+files.rules != "" {
		return
	}
	if files.ops == "" || files.schemas == "" || files.python == "" || files.out == "" {
		log.Fatal("gen: -operations, -schemas, -python and -out are all needed")
	}
	src, err := read(files.ops, files.schemas, files.python)
	if err != nil {
		log.Fatal(err)
	}
	if err := write(files.out, build(src)); err != nil {
		log.Fatal(err)
	}
}

func read(ops, schemaFile, python string) (*source, error) {
	src := &source{}
	err := errors.Join(
		readJSON(ops, &src.ops),
		readJSON(schemaFile, &src.schemas),
	)
	if err != nil {
		return nil, err
	}
	src.python, err = readPython(python)
	src.ops = append(src.ops, removedOps()...)
	return src, err
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path) //nolint:gosec // G304: the path is this tool's own argument
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// An entry is an operation with the file it goes to.
type entry struct {
	op   catalog.Operation
	file string
}

func build(src *source) []entry {
	names := nameAll(src)
	index := indexPaths(src, names)
	var all []entry
	for i := range src.ops {
		api := &src.ops[i]
		b := &builder{src: src, api: api, names: names, index: index}
		all = append(all, entry{op: b.operation(), file: fileOf(api.ID)})
	}
	for _, op := range authentication() {
		all = append(all, entry{op: op, file: authFile(op.ID)})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].op.ID < all[j].op.ID })
	return all
}

func write(dir string, all []entry) error {
	files := map[string][]catalog.Operation{}
	for _, e := range all {
		files[e.file] = append(files[e.file], e.op)
	}
	names := make([]string, 0, len(files))
	for name, ops := range files {
		names = append(names, name)
		text, err := printFile(name, ops)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+".go"), text, 0o644); err != nil { //nolint:gosec // G306: source code is for everybody
			return err
		}
	}
	sort.Strings(names)
	text, err := printIndex(names)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "tables.go"), text, 0o644) //nolint:gosec // G306: source code is for everybody
}

// removedOps are the four operations that only the Python SDK still has.
func removedOps() []apiOp {
	const gone = "Auth0's API document no longer lists this operation; a tenant may refuse it."
	path := func(name string) apiParam {
		return apiParam{Name: name, In: "path", Required: true, Schema: json.RawMessage(`{"type":"string"}`)}
	}
	object := &apiBody{Type: "application/json", Schema: json.RawMessage(`{"type":"object"}`)}
	answer := func(status, schema string) map[string]json.RawMessage {
		return map[string]json.RawMessage{status: json.RawMessage(schema)}
	}
	return []apiOp{
		{
			ID: "blacklists.list", Python: []string{"blacklists.get"}, Verb: "GET", Path: "/blacklists/tokens", removed: gone,
			Scopes: []string{"blacklist:tokens"}, Responses: answer("200", `{"type":"array","items":{"type":"object"}}`),
			Params: []apiParam{{Name: "aud", In: "query", Schema: json.RawMessage(`{"type":"string"}`)}},
		},
		{
			ID: "blacklists.create", Python: []string{"blacklists.create"}, Verb: "POST", Path: "/blacklists/tokens", removed: gone,
			Scopes: []string{"blacklist:tokens"}, Responses: answer("204", `null`), Body: object,
		},
		{
			ID: "guardian.factors.getProvider", Python: []string{"guardian.get_factor_providers"}, Verb: "GET",
			Path: "/guardian/factors/{factor_name}/providers/{name}", removed: gone, Scopes: []string{"read:guardian_factors"},
			Params: []apiParam{path("factor_name"), path("name")}, Responses: answer("200", `{"type":"object"}`),
		},
		{
			ID: "guardian.factors.setProvider", Python: []string{"guardian.update_factor_providers"}, Verb: "PUT",
			Path: "/guardian/factors/{factor_name}/providers/{name}", removed: gone, Scopes: []string{"update:guardian_factors"},
			Params: []apiParam{path("factor_name"), path("name")}, Responses: answer("200", `{"type":"object"}`), Body: object,
		},
	}
}

func fileOf(id string) string {
	parts := strings.Split(id, ".")
	top := snake(parts[0])
	if strings.HasPrefix(id, "guardian.factors.pushNotification.") {
		return "guardian_push"
	}
	sub := ""
	if len(parts) > 2 {
		sub = parts[1]
	}
	if file, ok := splitFiles()[top+"/"+sub]; ok {
		return file
	}
	if file, ok := splitFiles()[top+"/*"]; ok && sub != "" {
		return file
	}
	return top
}
