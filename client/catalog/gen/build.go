package main

import (
	"sort"
	"strconv"
	"strings"

	"a0run/client/catalog"
)

// index finds operations by verb and path.
type index map[string]string

func indexPaths(src *source, names map[string]naming) index {
	x := index{}
	for i := range src.ops {
		op := &src.ops[i]
		x[op.Verb+" "+shape(op.Path)] = names[op.ID+op.Verb+op.Path].id
	}
	return x
}

// shape is a path without its parameters' names.
func shape(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = "{}"
		}
	}
	return strings.Join(parts, "/")
}

// A builder makes one catalogue entry of one operation of the document.
type builder struct {
	src   *source
	api   *apiOp
	names map[string]naming
	index index
}

func (b *builder) operation() catalog.Operation {
	api := b.api
	n := b.names[api.ID+api.Verb+api.Path]
	op := catalog.Operation{
		ID: n.id, Aliases: n.aliases, API: catalog.Management, Verb: api.Verb, Path: api.Path,
		Auth: catalog.ManagementToken, Scopes: api.Scopes, Removed: api.removed,
	}
	op.Args = b.args()
	b.body(&op)
	op.Status, op.Answer = b.status()
	op.Paging = b.paging()
	op.Effect = effectOf(api)
	op.Merge = mergeOf(api.ID)
	op.Subject = b.subject(op.Effect)
	op.Buckets = buckets(api.Verb, api.Path)
	op.SecretAnswers = b.secretAnswers()
	op.Lifecycle = map[string]string{"EA": "early_access", "beta": "beta"}[api.Lifecycle]
	if api.Deprecated {
		op.Deprecated = "Auth0 marks this operation as deprecated."
	}
	op.Doc = docOf(api)
	op.Summary = summaryOf(api)
	b.undo(&op)
	return op
}

// args are the Python method's parameters, then what the API knows beside.
func (b *builder) args() []catalog.Arg {
	var args []catalog.Arg
	have := map[string]bool{}
	add := func(a catalog.Arg) {
		if a.Name == "" || have[string(a.In)+a.WireName()] {
			return
		}
		have[string(a.In)+a.WireName()] = true
		args = append(args, a)
	}
	if len(b.api.Python) > 0 {
		m := b.src.python[b.api.Python[0]]
		for _, p := range m.params {
			add(b.pythonArg(m, p))
		}
	}
	for _, place := range []string{"path", "body", "required", "query", "header"} {
		if place == "body" {
			if a := b.bodyArg(args); a.Name != "" {
				add(a)
			}
			continue
		}
		for _, p := range b.pathOrder() {
			if (place == "required" && p.In == "query" && p.Required) || place == p.In {
				add(b.apiArg(p))
			}
		}
	}
	sort.SliceStable(args, func(i, j int) bool { return args[i].Required && !args[j].Required })
	return args
}

// pathOrder sorts path parameters as they stand in the path.
func (b *builder) pathOrder() []apiParam {
	params := append([]apiParam(nil), b.api.Params...)
	sort.SliceStable(params, func(i, j int) bool {
		if params[i].In != "path" || params[j].In != "path" {
			return false
		}
		return strings.Index(b.api.Path, "{"+params[i].Name+"}") < strings.Index(b.api.Path, "{"+params[j].Name+"}")
	})
	return params
}

func (b *builder) apiArg(p apiParam) catalog.Arg {
	v := b.src.schemas.of(p.Schema)
	a := catalog.Arg{Name: snake(p.Name), In: catalog.Place(p.In), Type: catalog.String, Required: p.Required}
	if a.Name != p.Name {
		a.Wire = p.Name
	}
	if p.In != "path" {
		a.Summary = b.argSummary(p.Name)
	}
	if p.Name == "fields" {
		a.Type = catalog.Strings
		return a
	}
	if v != nil {
		a.Type, a.Enum = b.src.schemas.typeOf(v), b.src.schemas.enumOf(v)
		if a.Type == catalog.Any {
			a.Type = catalog.String
		}
		a.Repeat = a.Type == catalog.Strings && p.In == "query"
	}
	return a
}

func (b *builder) pythonArg(m method, p pyParam) catalog.Arg {
	if p.name == "extra_params" {
		return catalog.Arg{}
	}
	if wire := b.pathWire(m, p.name); wire != "" {
		return renamed(b.apiArg(b.param(wire, "path")), p)
	}
	if p.name == "body" {
		return b.pythonBody(p)
	}
	if p.name == "file_obj" {
		return catalog.Arg{Name: "users", Python: p.name, In: catalog.InFile, Type: catalog.File, Required: true, Summary: "the file, a JSON array of users"}
	}
	if strings.Contains(m.body, `"`+p.name+`"`) {
		return b.fieldArg(p)
	}
	wire := map[string]string{
		"from_param": "from", "from_date": "from", "to_date": "to", "trigger_id": "triggerId", "action_name": "actionName",
	}[p.name]
	if wire == "" {
		wire = p.name
	}
	a := b.apiArg(b.queryParam(wire, p))
	if a.Summary == "" && b.param(wire, "query").Schema == nil {
		a.Summary = "of the Python SDK; today's API document does not have it"
	}
	return renamed(a, p)
}

func renamed(a catalog.Arg, p pyParam) catalog.Arg {
	a.Required = p.required || a.In == catalog.InPath
	if a.Name != p.name {
		a.Python = p.name
	}
	return a
}

// pathWire is the wire name of the path parameter that the Python method calls name.
func (b *builder) pathWire(m method, name string) string {
	theirs := strings.Split(strings.TrimPrefix(m.path, "/api/v2"), "/")
	ours := strings.Split(b.api.Path, "/")
	for i, part := range theirs {
		if part == "{"+name+"}" && i < len(ours) {
			return strings.Trim(ours[i], "{}")
		}
	}
	return ""
}

func (b *builder) param(name, in string) apiParam {
	for _, p := range b.api.Params {
		if p.Name == name && p.In == in {
			return p
		}
	}
	return apiParam{Name: name, In: in, Required: in == "path"}
}

// queryParam is the API's parameter, or one that only the Python SDK still sends.
func (b *builder) queryParam(name string, p pyParam) apiParam {
	q := b.param(name, "query")
	if q.Schema == nil {
		// Old parameters that the document lost; a tenant may ignore them.
		text := `{"type":"string"}`
		switch {
		case strings.HasPrefix(p.kind, "int"):
			text = `{"type":"integer"}`
		case strings.HasPrefix(p.kind, "bool"):
			text = `{"type":"boolean"}`
		case strings.HasPrefix(strings.ToLower(p.kind), "list"):
			text = `{"type":"array","items":{"type":"string"}}`
		}
		q.Schema = []byte(text)
	}
	return q
}

func (b *builder) bodySchema() *schema {
	if b.api.Body == nil {
		return nil
	}
	return b.src.schemas.of(b.api.Body.Schema)
}

func (b *builder) pythonBody(p pyParam) catalog.Arg {
	if b.api.ID == "branding.templates.updateUniversalLogin" {
		return catalog.Arg{Name: "template", In: catalog.InField, Type: catalog.String, Required: true}
	}
	return catalog.Arg{Name: "body", In: catalog.InBody, Type: b.bodyType(), Required: p.required}
}

func (b *builder) bodyType() catalog.Type {
	if t := b.src.schemas.typeOf(b.bodySchema()); t != catalog.Any {
		return t
	}
	return catalog.Object
}

func (b *builder) fieldArg(p pyParam) catalog.Arg {
	a := catalog.Arg{Name: p.name, In: catalog.InField, Type: catalog.String, Required: p.required}
	for _, alt := range b.src.schemas.alternatives(b.bodySchema()) {
		if prop, ok := alt.Properties[p.name]; ok {
			a.Type = b.src.schemas.typeOf(prop)
			a.Secret = secretName.MatchString(p.name)
		}
	}
	a.Summary = fieldSummaries()[p.name]
	switch p.name {
	case "upsert", "send_completion_email":
		a.Type = catalog.Boolean
	case "value":
		a.Secret = true
	}
	return a
}

// bodyArg is the whole body where the Python method does not name its fields.
func (b *builder) bodyArg(have []catalog.Arg) catalog.Arg {
	if b.api.Body == nil {
		return catalog.Arg{}
	}
	for _, a := range have {
		if a.In == catalog.InField || a.In == catalog.InFile {
			return catalog.Arg{}
		}
	}
	return catalog.Arg{Name: "body", In: catalog.InBody, Type: b.bodyType(), Required: b.bodyRequired()}
}

func (b *builder) bodyRequired() bool {
	if b.api.Verb != "POST" {
		return true
	}
	for _, alt := range b.src.schemas.alternatives(b.bodySchema()) {
		if len(alt.Required) > 0 {
			return true
		}
	}
	return false
}

func (b *builder) body(op *catalog.Operation) {
	if b.api.Body == nil {
		return
	}
	op.Body = catalog.JSONBody
	if b.api.Body.Type == "multipart/form-data" {
		op.Body = catalog.MultiBody
	}
	for i := range op.Args {
		a := &op.Args[i]
		if a.Required && (a.In == catalog.InBody || a.In == catalog.InField || a.In == catalog.InFile) {
			op.BodyRequired = true
		}
	}
	op.Secrets = join(b.src.schemas.secretPaths(b.bodySchema()), extraSecrets()[b.api.ID])
	switch b.api.ID {
	case "hooks.secrets.create", "hooks.secrets.update":
		op.Secrets = []string{"*"}
	case "rulesConfigs.set":
		op.Secrets = []string{"value"}
	}
}

func (b *builder) success() (int, *schema) {
	best := 0
	var answer *schema
	for text, raw := range b.api.Responses {
		status, err := strconv.Atoi(text)
		if err != nil || status >= 300 || (best != 0 && status > best) {
			continue
		}
		best, answer = status, b.src.schemas.of(raw)
	}
	return best, answer
}

func (b *builder) status() (int, catalog.Answer) {
	status, answer := b.success()
	kind := catalog.JSONAnswer
	if answer == nil {
		kind = catalog.EmptyAnswer
	}
	if seen, ok := seenStatus()[b.api.Verb+" "+shape(b.api.Path)]; ok {
		status = seen
	}
	switch b.api.ID {
	case "events.subscribe":
		kind = catalog.TextAnswer
	case "networkAcls.create": // the document says nothing, tenants answer the object
		kind = catalog.JSONAnswer
	}
	return status, kind
}

func (b *builder) secretAnswers() []string {
	_, answer := b.success()
	found := b.src.schemas.secretPaths(answer)
	return join(found, extraSecretAnswers()[b.api.ID])
}

func (b *builder) paging() catalog.Paging {
	if b.api.Verb != "GET" {
		return catalog.Paging{}
	}
	p := catalog.Paging{Style: b.pagingStyle()}
	_, answer := b.success()
	bare, items := b.arrays(answer)
	last := b.api.ID[strings.LastIndex(b.api.ID, ".")+1:]
	if p.Style == catalog.NoPaging {
		if noListing()[b.api.ID] || (!bare && (!strings.HasPrefix(last, "list") || items == "")) {
			return p
		}
		p.Style = catalog.Whole
	}
	p.Items = items
	if b.api.ID == "logs.list" || b.api.ID == "eventStreams.deliveries.list" {
		p.Style = catalog.LogPaging
	}
	p.Sliced = b.api.ID == "users.list"
	p.MaxPerPage = b.maxPerPage()
	return p
}

func (b *builder) pagingStyle() catalog.PagingStyle {
	has := map[string]bool{}
	for _, p := range b.api.Params {
		has[p.Name] = p.In == "query"
	}
	switch {
	case has["page"] && has["take"]:
		return catalog.Both
	case has["page"]:
		return catalog.Offset
	case has["take"]:
		return catalog.Checkpoint
	}
	return catalog.NoPaging
}

// arrays tells whether an answer may be a bare array, and the key of the array
// in an answer that wraps it.
func (b *builder) arrays(answer *schema) (bare bool, items string) {
	for _, alt := range b.src.schemas.alternatives(answer) {
		if alt.kind() == "array" {
			bare = true
			continue
		}
		var keys []string
		for name, prop := range alt.Properties {
			if d := b.src.schemas.deref(prop); d != nil && d.kind() == "array" {
				keys = append(keys, name)
			}
		}
		sort.Strings(keys)
		if len(keys) > 0 && items == "" {
			items = keys[0]
		}
	}
	return bare, items
}

func (b *builder) maxPerPage() int {
	for _, p := range b.api.Params {
		if p.Name != "per_page" && p.Name != "take" {
			continue
		}
		if v := b.src.schemas.of(p.Schema); v != nil && v.Maximum != nil && *v.Maximum != 100 {
			return int(*v.Maximum)
		}
	}
	return 0
}
