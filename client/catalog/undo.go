package catalog

import (
	"fmt"
	"strconv"
	"strings"
)

// Natural key, takes_with_it and inverse of an entry stand under a comment that
// names their source. In these, "the API document" is Auth0's OpenAPI document
// of the Management API v2 (June 2026), "page" a page of Auth0's documentation,
// "seen in tenants" a recording of real requests published with one of Auth0's
// SDKs. "Behaviour of the API, not documented" is common knowledge that no page
// confirms: doubt it first.

// NaturalKey tells how to find a created object again.
type NaturalKey struct {
	// Fields are the body fields that together name the object ("name";
	// "connection" and "email"), dotted inside objects. A field that the body
	// leaves out does not narrow the search. No fields beside a Find: every
	// object that Find gives is a candidate.
	Fields []string
	// Paths are the places of the fields in the found object, in their order,
	// where these differ from the fields ("identities[].connection").
	Paths []string
	// Unique says that the tenant refuses a second object of the same key.
	// Without it, what stood there before the call is discounted, and exactly
	// one new object is ours. False where it is not sure costs a read and no
	// mistake; true where it is wrong would adopt somebody else's object.
	Unique bool
	// Find is the operation that looks an object up by these fields, never by
	// the eventually consistent search. Its arguments are the create's of the
	// same name, then the fields of the same name; a required one that is
	// still open and is no field takes the first field. One whose field the body
	// leaves out (a user without an e-mail address) cannot be asked: in doubt.
	// What it finds is compared by Fields, since its filters may be wider
	// ("name_filter").
	Find string
	// None is the reason why there is no natural key.
	None string
}

// TakesWithIt is what a delete destroys beside the object itself.
type TakesWithIt struct {
	// Kinds are the catalogue's names of what goes too ("users",
	// "client_grants").
	Kinds []string
	// None is "nothing" where a delete takes only the object.
	None string
}

// Inverse tells how to undo an operation: which operation does it, and where
// each part of its request comes from, so that no code needs to know the
// operation.
//
// An argument of With is, in this order: what Args says; the call's own
// argument of the same name, in path, query or header; for With.Subject.ID, the
// answer's Subject.Field (what a create made). The body is what Body says, and
// then what Args says of single fields.
type Inverse struct {
	// With is the operation that undoes this one; "" when None has a reason.
	With string
	// Before is the read whose answer, taken before the call, is the
	// before-image; "" where the call's own answer or arguments are enough. A
	// listing is read to its end and is the list of its items. Its arguments
	// are the call's of the same name, and BeforeArgs.
	Before string
	// BeforeArgs are the arguments of Before that the call has under another
	// name. From "item": Before is asked once for each element of Elements.In,
	// which costs what was sent and not what the tenant holds.
	BeforeArgs []ArgFrom
	// BeforeItem names the one item of a listing that is the before-image: the
	// item whose field Name has the value From.
	BeforeItem []ArgFrom
	// Body tells what the body of With is made of.
	Body BodyFrom
	// Args are the arguments and body fields of With ("id", "body.connection")
	// whose value is neither the call's argument of the same name nor what Body
	// says; they win over both. Where the source has nothing, an argument
	// or field that With does not require is left out, and without a required
	// one there is nothing to undo.
	Args []ArgFrom
	// Elements tells of the elements of a relation or list, for SomeElements.
	Elements Elements
	// Unwritable are fields of With's body, dotted inside objects, that cannot
	// be put back: their value is never shown, or what is shown is not taken.
	// They are left out of what Body says (Args may still name them), and said
	// to the user where the call wrote them.
	Unwritable []string
	// Superseded are lists of fields of With's body that are read together and
	// taken one at a time: where the first of a list stands, the others are left
	// out, and nothing is lost.
	Superseded [][]string
	// Deep are fields, beside the Merge of With, that a patch writes one level
	// deep: of these only the keys that were sent are put back.
	Deep []string
	// Absent is the operation that undoes the call where Before found nothing
	// (404, or no such item): what was set where nothing stood is taken away.
	// Its arguments are the call's of the same name.
	Absent string
	// Note says what the inverse cannot bring back ("under a new id").
	Note string
	// None is the reason why there is no inverse.
	None string
}

// BodyFrom is what the body of an inverse is made of.
type BodyFrom string

// The ways to make the body of an inverse.
const (
	// ArgsOnly: With takes no body, or Args says all of it.
	ArgsOnly BodyFrom = ""
	// SentFields: each field that the call's body sent, with the value of the
	// before-image; fields of Merge and Deep one level deep. A field that the
	// before-image does not have becomes null where BodyFields says that it may
	// be, else false, [] or {} by its type; a string or number that may not be
	// null stays as it is, and that is said.
	SentFields BodyFrom = "sent"
	// WholeBefore: the fields of the before-image that BodyFields of With
	// lists and that are not null. Where it lists none, the whole of it.
	WholeBefore BodyFrom = "before"
	// SomeElements: a list at Elements.To.
	SomeElements BodyFrom = "elements"
)

// ArgFrom says where one value comes from.
type ArgFrom struct {
	// Name is the argument, body field ("body.connection") or item field.
	Name string
	// From is a Source.
	From string
	// When, if given, is the Source that must have a value for this to count,
	// or SOURCE=TEXT which it must be equal to.
	When string
}

// Elements tells which elements a call changed, and how With names them.
//
// Of a call that adds, these were changed: the elements sent that the
// before-image did not have. Of one that removes: those that it had. Of one
// that replaces, In is "" and With gets every item of the before-image. Where
// the before-image is an object and no list, it is the only item, or its keys
// are the items if Match has no Name; where nothing was found there is no item.
type Elements struct {
	// In is the place of the elements in the call (a Source below args). A
	// value that is no list is the only element; the elements of an object are
	// its keys.
	In string
	// Match are the fields by which an item of the before-image is the element:
	// Name is the item's field, "" for the item (or key) itself, From is a
	// Source (with the root item for the element sent: "item",
	// "item.permission_name").
	Match []ArgFrom
	// To is the place of the list in With's arguments ("roles", "body.users").
	To string
	// Each says that With is called once for each element, which Args names as
	// "item", instead of once with a list.
	Each bool
	// Make makes each element of the list, of "item"; without it the element is
	// passed on as it was sent. For a call that replaces, item is the
	// before-image's.
	Make []ArgFrom
	// Patch says that elements are changed in place: With gets each element
	// that the before-image has, with its values of the fields that were sent.
	Patch bool
	// Flag is the boolean field by which an element says whether it is in the
	// relation (status of connections.clients.update): With gets the elements
	// whose flag differed from the before-image, turned round.
	Flag string
}

// A Source is where a value of an inverse comes from, read from its text form:
//
//	args.NAME.FIELD     the call's argument (args.body.FIELD for a whole body)
//	answer.FIELD        the call's answer
//	before.FIELD        the before-image
//	item, item.FIELD    the element at hand
//	=JSON               this value
//	random              a long random text that nobody knows (a password)
//	[SOURCE]            a list of one
//	answer.FIELD?NAME   the query parameter NAME of the URL that stands there
//
// A step of a path is a field, [N] for an element of a list (from the end when
// negative), or [] for every element.
type Source struct {
	Root    string   // "args", "answer", "before", "item", "literal" or "random"
	Path    []string // fields and "[N]", "[]"
	Query   string   // a query parameter of the URL at the path
	List    bool     // the value is wrapped into a list
	Literal string   // JSON, for the root literal
}

// ParseSource reads the text form of a Source.
func ParseSource(text string) (Source, error) {
	if inner, ok := strings.CutPrefix(text, "["); ok && strings.HasSuffix(inner, "]") {
		s, err := ParseSource(inner[:len(inner)-1])
		s.List = true
		return s, err
	}
	if json, ok := strings.CutPrefix(text, "="); ok {
		return Source{Root: "literal", Literal: json}, nil
	}
	path, query, _ := strings.Cut(text, "?")
	steps := strings.Split(strings.ReplaceAll(path, "[", ".["), ".")
	s := Source{Root: steps[0], Path: steps[1:], Query: query}
	switch s.Root {
	case "args", "answer", "before", "item", "random":
	default:
		return Source{}, fmt.Errorf("source %q begins with %q, want args, answer, before, item, random or =", text, s.Root)
	}
	for _, step := range s.Path {
		if !validStep(step) {
			return Source{}, fmt.Errorf("source %q: %q is neither a field nor [N]", text, step)
		}
	}
	return s, nil
}

func validStep(step string) bool {
	inner, index := strings.CutPrefix(step, "[")
	if !index {
		return step != "" && !strings.ContainsAny(step, "] ")
	}
	inner, closed := strings.CutSuffix(inner, "]")
	_, err := strconv.Atoi(inner)
	return closed && (inner == "" || err == nil)
}

// SubjectArgs are the path arguments that together name the subject, in the
// path's order, up to Subject.ID: id and credential_id of a client's
// credential. Empty for creates, listings and singletons.
func (o *Operation) SubjectArgs() []string {
	if o.Subject.ID == "" {
		return nil
	}
	var names []string
	for path := o.Path; ; {
		_, rest, ok := strings.Cut(path, "{")
		if !ok {
			return names
		}
		var wire string
		wire, path, _ = strings.Cut(rest, "}")
		a := o.pathArg(wire)
		if a == nil {
			continue
		}
		names = append(names, a.Name)
		if a.Name == o.Subject.ID {
			return names
		}
	}
}

func (o *Operation) pathArg(wire string) *Arg {
	for i := range o.Args {
		if a := &o.Args[i]; a.In == InPath && a.WireName() == wire {
			return a
		}
	}
	return nil
}

// IDPrefix is what the ids begin with that Auth0 gives to objects of a kind
// ("con_"), or "" where it is not known or there is none. Users have it when
// they live in a database connection.
func IDPrefix(kind string) string {
	for _, p := range idPrefixes {
		if p.kind == kind {
			return p.prefix
		}
	}
	return ""
}

// source: patterns and defaults of ids in the API document, and ids that real
// tenants gave in recordings of the SDKs.
var idPrefixes = []struct{ kind, prefix string }{ //nolint:gochecknoglobals // a constant table: laid out by the linker, so that start-up costs nothing; never written to
	{"branding.phone.providers", "pro_"},
	{"branding.phone.templates", "tem_"},
	{"client_grants", "cgr_"},
	{"clients.credentials", "cred_"},
	{"connection_profiles", "cop_"},
	{"connections", "con_"},
	{"connections.scim_configuration.tokens", "tok_"},
	{"custom_domains", "cd_"},
	{"device_credentials", "dcr_"},
	{"event_streams", "est_"},
	{"experimentation.experiments", "exp_"},
	{"experimentation.feature_flags", "flg_"},
	{"experimentation.feature_flags.variations", "var_"},
	{"experimentation.segments", "seg_"},
	{"flows", "af_"},
	{"flows.vault.connections", "ac_"},
	{"forms", "ap_"},
	{"groups", "grp_"},
	{"guardian.enrollments", "dev_"},
	{"jobs", "job_"},
	{"log_streams", "lst_"},
	{"organizations", "org_"},
	{"organizations.invitations", "uinv_"},
	{"roles", "rol_"},
	{"rules", "rul_"},
	{"self_service_profiles", "ssp_"},
	{"token_exchange_profiles", "tep_"},
	{"user_attribute_profiles", "uap_"},
	{"users", "auth0|"},
	{"verifiable_credentials.verification.templates", "vct_"},
}

// passwordRules are the two ways in which a database says how passwords are
// made. Source: auth0-deploy-cli 8, which takes the older ones out before it
// writes, because a tenant refuses both.
func passwordRules() [][]string {
	return [][]string{{
		"options.password_options", "options.passwordPolicy", "options.password_complexity_options", "options.password_history",
		"options.password_no_personal_info", "options.password_dictionary",
	}}
}
