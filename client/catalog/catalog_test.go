package catalog

import (
	"bufio"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryOperationIsThere(t *testing.T) {
	count := map[API]int{}
	removed, grants := 0, 0
	for _, op := range Default().All() {
		count[op.API]++
		if op.Removed != "" {
			removed++
		}
		if op.Path == "/oauth/token" {
			grants++
		}
	}
	// 452 of the current document and the 4 that only the Python SDK has; 31 of
	// the Authentication API, of which /oauth/token stands once a grant and
	// /passwordless/start once a channel; the old delegation and login modules
	// are among the 31.
	if count[Management] != 456 || removed != 4 {
		t.Errorf("%d operations of the Management API, %d of them removed; want 456 and 4", count[Management], removed)
	}
	if count[Authentication] != 45 || grants != 14 {
		t.Errorf("%d operations of the Authentication API, %d of them grants; want 45 and 14", count[Authentication], grants)
	}
}

func TestNamesAreUniqueAndSorted(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
	all := Default().All()
	owner := map[string]string{}
	for i, op := range all {
		if i > 0 && all[i-1].ID >= op.ID {
			t.Errorf("%s stands before %s", all[i-1].ID, op.ID)
		}
		for _, name := range append([]string{op.ID}, op.Aliases...) {
			if !valid.MatchString(name) {
				t.Errorf("%s: the name %q is not snake_case with a group", op.ID, name)
			}
			if other := owner[name]; other != "" {
				t.Errorf("%q means both %s and %s", name, other, op.ID)
			}
			owner[name] = op.ID
			if found, ok := Default().Lookup(name); !ok || found != op {
				t.Errorf("Lookup(%q) does not find %s", name, op.ID)
			}
		}
	}
	for _, ops := range tables() {
		if !slices.IsSortedFunc(ops, func(a, b Operation) int { return strings.Compare(a.ID, b.ID) }) {
			t.Errorf("the file that begins with %s is not sorted by ID", ops[0].ID)
		}
	}
}

// TestPythonNames holds the promise that every method of the Python SDK 4.13
// can be called by its name, with its parameters in its order.
func TestPythonNames(t *testing.T) {
	methods := pythonMethods(t)
	if len(methods) != 225 {
		t.Fatalf("%d methods in the list, want 225", len(methods))
	}
	for _, m := range methods {
		op, ok := Default().Lookup(m.name)
		if !ok {
			t.Errorf("%s: no such operation", m.name)
			continue
		}
		if op.ID != m.name && !slices.Contains(op.Aliases, m.name) {
			t.Errorf("%s: found as %s", m.name, op.ID)
		}
		positional := op.Positional()
		for i, want := range m.required {
			if i >= len(positional) || !isParameter(positional[i], want) {
				t.Errorf("%s: parameter %d is not %s: %v", m.name, i+1, want, positional)
				break
			}
		}
		if len(positional) > len(m.required) && !requiredOnlyByUs(m.name) {
			t.Errorf("%s: %v is required beyond Python's %v", m.name, positional, m.required)
		}
		for _, want := range m.optional {
			if _, ok := op.Arg(want); !ok && want != "extra_params" && want != "grant_type" {
				t.Errorf("%s: no argument %s", m.name, want)
			}
		}
	}
}

// TestCurrentNames holds the other half: the names of the current SDKs, each
// for the very request they stand for.
func TestCurrentNames(t *testing.T) {
	text, err := os.ReadFile("testdata/management_v2.txt")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(text)) {
		var name, verb, path string
		if f := strings.Fields(line); len(f) == 3 && f[0] != "#" {
			name, verb, path = f[0], f[1], f[2]
		} else {
			continue
		}
		count++
		op, ok := Default().Lookup(name)
		switch {
		case name == "network_acls.update": // means the PUT in the Python SDK, which wins
			op, ok = Default().Lookup("network_acls.update_partial")
		case !ok:
			t.Errorf("%s: no such operation", name)
			continue
		}
		if !ok || op.Verb != verb || op.Path != path || op.Removed != "" {
			t.Errorf("%s is %s %s, want %s %s", name, op.Verb, op.Path, verb, path)
		}
	}
	if count != 452 {
		t.Errorf("%d operations in the list, want 452", count)
	}
}

// requiredOnlyByUs are methods whose path parameter has a default in Python
// that could never work.
func requiredOnlyByUs(name string) bool {
	return name == "organizations.get_organization_by_name"
}

func isParameter(a Arg, python string) bool {
	if a.Python != "" {
		return a.Python == python
	}
	// The one body that Python wraps into a field of another name.
	return a.Name == python || (a.Name == "template" && python == "body")
}

type pythonMethod struct {
	name               string
	required, optional []string
}

func pythonMethods(t *testing.T) []pythonMethod {
	t.Helper()
	f, err := os.Open("testdata/python_4_13.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	line := regexp.MustCompile(`^(\S+) \((.*)\) \{(.*)\}$`)
	list := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
	}
	var methods []pythonMethod
	for s := bufio.NewScanner(f); s.Scan(); {
		if m := line.FindStringSubmatch(s.Text()); m != nil {
			methods = append(methods, pythonMethod{m[1], list(m[2]), list(m[3])})
		}
	}
	return methods
}

func TestArguments(t *testing.T) {
	for _, op := range Default().All() {
		seen := map[string]bool{}
		optional := false
		for _, a := range op.Args {
			if a.Required && optional {
				t.Errorf("%s: the required %s stands behind an optional argument", op.ID, a.Name)
			}
			optional = optional || !a.Required
			if seen[a.Name] {
				t.Errorf("%s: two arguments are called %s", op.ID, a.Name)
			}
			seen[a.Name] = true
			checkArg(t, op, a)
		}
		for _, a := range op.Args {
			for _, name := range []string{a.Python, a.Wire} {
				if found, ok := op.Arg(name); name != "" && (!ok || (found.Name != a.Name && found.Name != name)) {
					t.Errorf("%s: Arg(%q) is not %s", op.ID, name, a.Name)
				}
			}
		}
	}
}

func checkArg(t *testing.T, op *Operation, a Arg) {
	t.Helper()
	if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(a.Name) {
		t.Errorf("%s: the argument %q is not snake_case", op.ID, a.Name)
	}
	if a.Wire == a.Name || a.Python == a.Name {
		t.Errorf("%s: %s repeats its own name", op.ID, a.Name)
	}
	if !slices.Contains([]Place{InPath, InQuery, InHeader, InBody, InField, InFile, InClient}, a.In) {
		t.Errorf("%s: %s travels nowhere: %q", op.ID, a.Name, a.In)
	}
	if !slices.Contains([]Type{String, Integer, Number, Boolean, Object, Array, Strings, Any, File}, a.Type) {
		t.Errorf("%s: %s has no type: %q", op.ID, a.Name, a.Type)
	}
	if (a.In == InPath) && (!a.Required || a.Type != String) {
		t.Errorf("%s: the path parameter %s is not a required string", op.ID, a.Name)
	}
	if len(a.Enum) > 0 && (a.Type != String || slices.Contains(a.Enum, "")) {
		t.Errorf("%s: the values of %s are no list of strings", op.ID, a.Name)
	}
	if a.Repeat && (a.In != InQuery || a.Type != Strings) {
		t.Errorf("%s: %s is repeated and no list of a query", op.ID, a.Name)
	}
	if (a.In == InFile) != (a.Type == File) {
		t.Errorf("%s: %s is a file in one of place and type only", op.ID, a.Name)
	}
	neverSent := op.ID == "authentication.database.change_password" && a.Name == "password" // 4.13 takes it and ignores it
	if a.In == InClient && !neverSent && !slices.Contains([]string{"client_id", "client_secret", "client_assertion_signing_key", "client_assertion_signing_alg", "client_assertion_signing_kid", "token_endpoint_auth_method", "domain"}, a.Name) {
		t.Errorf("%s: a client has no setting %s", op.ID, a.Name)
	}
}

func TestPathParametersMatch(t *testing.T) {
	brace := regexp.MustCompile(`\{([^}]*)\}`)
	for _, op := range Default().All() {
		inPath := map[string]bool{}
		for _, m := range brace.FindAllStringSubmatch(op.Path, -1) {
			inPath[m[1]] = true
		}
		for _, a := range op.Args {
			if a.In == InPath && !inPath[a.WireName()] {
				t.Errorf("%s: %s is not in %s", op.ID, a.WireName(), op.Path)
			}
			if a.In == InPath {
				delete(inPath, a.WireName())
			}
		}
		if op.Auth == ClientID {
			delete(inPath, "client_id")
		}
		for name := range inPath {
			t.Errorf("%s: nothing fills {%s} of %s", op.ID, name, op.Path)
		}
	}
}

func TestBodies(t *testing.T) {
	for _, op := range Default().All() {
		whole, fields, files := 0, 0, 0
		for _, a := range op.Args {
			switch a.In {
			case InBody:
				whole++
			case InField:
				fields++
			case InFile:
				files++
			default: // not in the body
			}
		}
		if whole > 1 || (whole == 1 && fields+files > 0) {
			t.Errorf("%s: the body is given twice", op.ID)
		}
		if has := whole+fields+files+len(op.Fixed) > 0; has != op.TakesBody() {
			t.Errorf("%s: body %q with %d whole, %d fields, %d files, %d fixed", op.ID, op.Body, whole, fields, files, len(op.Fixed))
		}
		if (files > 0) != (op.Body == MultiBody) {
			t.Errorf("%s: files need multipart, and multipart needs files", op.ID)
		}
		if op.BodyRequired && !op.TakesBody() {
			t.Errorf("%s: requires a body that it does not take", op.ID)
		}
		if len(op.Secrets) > 0 && !op.TakesBody() {
			t.Errorf("%s: secrets in a body that it does not take", op.ID)
		}
		if op.Verb == "GET" && op.TakesBody() {
			t.Errorf("%s: a GET with a body", op.ID)
		}
	}
}

func TestEveryOperationIsDescribed(t *testing.T) {
	said := map[string]string{}
	for _, op := range Default().All() {
		if !strings.HasSuffix(op.Summary, ".") || len(op.Summary) < 15 || strings.Contains(op.Summary, ". ") {
			t.Errorf("%s: %q is not one sentence", op.ID, op.Summary)
		}
		if other := said[op.Summary]; other != "" {
			t.Errorf("%s and %s say the same: %s", op.ID, other, op.Summary)
		}
		said[op.Summary] = op.ID
		if !strings.HasPrefix(op.Doc, "management/v2") && !strings.HasPrefix(op.Doc, "authentication/") {
			t.Errorf("%s: no page of Auth0's: %q", op.ID, op.Doc)
		}
		general := map[API]string{Management: "management", Authentication: "authentication"}[op.API]
		if len(op.Buckets) == 0 || op.Buckets[0] != general {
			t.Errorf("%s: its first bucket is not %q: %v", op.ID, general, op.Buckets)
		}
		if op.API == Management && (len(op.Scopes) == 0 || op.Auth != ManagementToken || len(op.Buckets) < 2) {
			t.Errorf("%s: scopes %v, auth %q, buckets %v", op.ID, op.Scopes, op.Auth, op.Buckets)
		}
		if op.Subject.Kind == "" {
			t.Errorf("%s: touches no kind of object", op.ID)
		}
		if a, ok := op.Arg(op.Subject.ID); op.Subject.ID != "" && (!ok || a.In != InPath) {
			t.Errorf("%s: its subject is named by %s, which is no path parameter", op.ID, op.Subject.ID)
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, op := range Default().All() {
		redirects := op.Status >= 300 || op.Answer == RedirectAnswer
		if op.Status < 200 || op.Status > 302 || (redirects && op.Answer != RedirectAnswer) {
			t.Errorf("%s: status %d with %q", op.ID, op.Status, op.Answer)
		}
		if op.Status == 204 && op.Answer != EmptyAnswer {
			t.Errorf("%s: 204 with an answer", op.ID)
		}
		if !slices.Contains([]Answer{JSONAnswer, TextAnswer, RedirectAnswer, EmptyAnswer}, op.Answer) {
			t.Errorf("%s: answer %q", op.ID, op.Answer)
		}
		if op.Answer == EmptyAnswer && len(op.SecretAnswers) > 0 {
			t.Errorf("%s: secrets in an empty answer", op.ID)
		}
	}
}

func TestPaging(t *testing.T) {
	// Listings whose answer is a bare array whatever is asked.
	bare := []string{
		"authentication.mfa.authenticators", "blacklists.get", "client_credentials.all", "connections.keys.get",
		"connections.scim_configuration.tokens.get", "event_streams.deliveries.list", "guardian.all_factors", "guardian.policies.list",
		"jobs.get_failed_job", "keys.signing.list", "log_streams.list", "rules_configs.all", "stats.daily_stats",
		"users.get_guardian_enrollments", "users.list_tokensets", "users_by_email.search_users_by_email",
	}
	for _, op := range Default().All() {
		p := op.Paging
		if !op.IsListing() {
			if p != (Paging{}) {
				t.Errorf("%s: paging facts without a style: %+v", op.ID, p)
			}
			continue
		}
		if (p.Items == "") != slices.Contains(bare, op.ID) {
			t.Errorf("%s: items %q, known as bare array: %v", op.ID, p.Items, slices.Contains(bare, op.ID))
		}
		if op.Effect != Read || op.Answer != JSONAnswer {
			t.Errorf("%s: a listing that is %s and answers %s", op.ID, op.Effect, op.Answer)
		}
		_, page := op.Arg("page")
		_, take := op.Arg("take")
		switch p.Style {
		case Offset:
			if !page || take {
				t.Errorf("%s: offset paging with page=%v take=%v", op.ID, page, take)
			}
		case Checkpoint, LogPaging:
			if _, from := op.Arg("from"); !take || !from {
				t.Errorf("%s: %s paging without from and take", op.ID, p.Style)
			}
		case Both:
			if !page || !take {
				t.Errorf("%s: both pagings with page=%v take=%v", op.ID, page, take)
			}
		case Whole:
			if take {
				t.Errorf("%s: whole, but it has take", op.ID)
			}
		default:
			t.Errorf("%s: paging style %q", op.ID, p.Style)
		}
	}
}

func TestEffects(t *testing.T) {
	verbs := map[Effect][]string{
		Read: {"GET", "POST"}, Create: {"POST"}, Patch: {"PATCH", "POST"}, Replace: {"PUT", "PATCH"},
		Delete: {"DELETE", "POST"}, Add: {"POST"}, Remove: {"DELETE"}, Act: {"POST", "PUT"},
	}
	for _, op := range Default().All() {
		if !slices.Contains(verbs[op.Effect], op.Verb) {
			t.Errorf("%s: %s by %s", op.ID, op.Effect, op.Verb)
		}
		if op.Verb == "GET" && op.Effect.Mutates() {
			t.Errorf("%s: a GET that changes something", op.ID)
		}
		if (op.Effect == Create) != (op.NaturalKey.Find != "" || op.NaturalKey.None != "") {
			t.Errorf("%s: %s with natural key %+v", op.ID, op.Effect, op.NaturalKey)
		}
		if (op.Effect == Delete) != (len(op.TakesWithIt.Kinds) > 0 || op.TakesWithIt.None != "") {
			t.Errorf("%s: %s that takes %+v with it", op.ID, op.Effect, op.TakesWithIt)
		}
		if op.Effect.Mutates() != (op.Inverse.With != "" || op.Inverse.None != "") {
			t.Errorf("%s: %s with inverse %+v", op.ID, op.Effect, op.Inverse)
		}
		if len(op.Merge) > 0 && op.Effect != Patch {
			t.Errorf("%s: %s does not merge", op.ID, op.Effect)
		}
	}
}

func TestFactsNameRealOperations(t *testing.T) {
	kinds := map[string]bool{}
	for _, op := range Default().All() {
		kinds[op.Subject.Kind] = true
	}
	for _, op := range Default().All() {
		for fact, name := range map[string]string{"inverse": op.Inverse.With, "absent": op.Inverse.Absent, "before": op.Inverse.Before, "find": op.NaturalKey.Find} {
			other, ok := Default().Lookup(name)
			switch {
			case name == "":
			case !ok || other.ID != name:
				t.Errorf("%s: its %s %q is no ID", op.ID, fact, name)
			case (fact == "inverse" || fact == "absent") != other.Effect.Mutates():
				t.Errorf("%s: its %s %s is %s", op.ID, fact, name, other.Effect)
			}
		}
		if op.Inverse.With != "" && op.Inverse.None != "" || op.NaturalKey.Find != "" && op.NaturalKey.None != "" {
			t.Errorf("%s: a fact and the reason why there is none", op.ID)
		}
		for _, kind := range op.TakesWithIt.Kinds {
			if !kinds[kind] {
				t.Errorf("%s: takes %q with it, which no operation touches", op.ID, kind)
			}
		}
		if n, f := len(op.NaturalKey.Paths), len(op.NaturalKey.Fields); n != 0 && n != f {
			t.Errorf("%s: %d paths for %d fields of the natural key", op.ID, n, f)
		}
	}
}

// TestFindsCanBeAsked: what looks a created object up gets its required
// arguments from the create's, from the natural key's fields, and one from its
// first field.
func TestFindsCanBeAsked(t *testing.T) {
	for _, op := range Default().All() {
		find, ok := Default().Lookup(op.NaturalKey.Find)
		if !ok {
			continue
		}
		open := 0
		for _, a := range find.Positional() {
			if _, ok := op.Arg(a.Name); !ok && !slices.Contains(op.NaturalKey.Fields, a.Name) {
				open++
			}
		}
		if open > 1 || (open == 1 && len(op.NaturalKey.Fields) == 0) {
			t.Errorf("%s: %s needs more than %v gives", op.ID, find.ID, op.NaturalKey.Fields)
		}
	}
}
