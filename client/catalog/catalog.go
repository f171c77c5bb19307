// Package catalog is the one table of Auth0's operations: the Management API
// v2 and the Authentication API, one entry an operation and, for /oauth/token,
// one entry a grant.
//
// Everything else interprets this table at run time: the Go client builds its
// requests from it, the bindings make auth0.* and authentication.* of it, the
// local tenant routes by it, `a0run ops` and the reference print it. A new
// operation of Auth0 is one more literal in the file of its resource.
//
// The package imports nothing of the project.
package catalog

// An Operation is one entry of the table.
type Operation struct {
	// ID is the name under which a playbook calls the operation, snake_case
	// and dotted: the name in the Python SDK 4.13 where it has one
	// ("users.list_roles"), else the current SDKs' name ("users.roles.list").
	ID string
	// Aliases are further names of the same operation, the current SDKs' name
	// first where ID is the one of 4.13. A name that would mean two operations
	// is left out of the later one.
	Aliases []string
	// API tells which of Auth0's two APIs the operation belongs to.
	API API
	// Verb is the HTTP method.
	Verb string
	// Path is relative to the API's root (/api/v2 for Management, / for
	// Authentication), with its parameters in braces by their wire names:
	// "/users/{id}/roles". A parameter that no argument InPath fills is the
	// client's own client_id ("/samlp/metadata/{client_id}").
	Path string
	// Summary is one sentence in our own words.
	Summary string
	// Args are the parameters in the order a playbook gives them by position:
	// those of 4.13 in 4.13's order, then what the API knows beside them.
	Args []Arg
	// Body is how the request body is encoded; NoBody when there is none.
	// Where the body is made of arguments InField, a caller may instead give
	// the whole of it by the name "body", but not both.
	Body BodyKind
	// BodyRequired says that a call without a body is wrong.
	BodyRequired bool
	// Fixed are body fields that the operation always sends (grant_type). An
	// argument of the same name replaces the value where the operation has one.
	Fixed []Field
	// Auth is how the request is authorised.
	Auth Auth
	// Answer is what a successful response carries.
	Answer Answer
	// Status is the documented status of success, as real tenants send it.
	Status int
	// Scopes are the scopes of which the token needs at least one.
	Scopes []string
	// Paging is how a listing is walked; the zero value means: no listing.
	Paging Paging
	// Effect is what the operation does to the tenant.
	Effect Effect
	// Merge names body fields that a patch merges one level deep instead of
	// replacing them (user_metadata, app_metadata): a key that is null goes, a
	// field that is {} is emptied.
	Merge []string
	// Subject is the object the operation touches.
	Subject Subject
	// NaturalKey tells how to find a created object again after an unknown
	// outcome.
	NaturalKey NaturalKey
	// TakesWithIt names what a delete destroys beside the object.
	TakesWithIt TakesWithIt
	// Inverse tells how to undo the operation, or why that cannot be done.
	Inverse Inverse
	// Buckets are the rate-limit buckets the call draws on, the general one
	// first: "management", "users.write"; "authentication", "oauth.token".
	Buckets []string
	// Secrets are the paths of secret fields in the request body, dotted, with
	// [] for the elements of an array and * for every key of an object:
	// "password", "options.client_secret", "secrets[].value",
	// "options.configuration.*". "" is the whole body.
	Secrets []string
	// SecretAnswers are the paths of secret fields in the answer, likewise.
	SecretAnswers []string
	// Lifecycle is "" for generally available, else "early_access" or "beta".
	Lifecycle string
	// Deprecated says why an operation should not be used any more.
	Deprecated string
	// Removed says that the current API document has lost the operation; it is
	// still called, with this message as a warning.
	Removed string
	// Doc is the path of Auth0's own page, below https://auth0.com/docs/api.
	Doc string
}

// API names one of Auth0's two APIs.
type API string

// The two APIs.
const (
	Management     API = "management"     // below https://DOMAIN/api/v2
	Authentication API = "authentication" // below https://DOMAIN
)

// BodyKind is the encoding of a request body.
type BodyKind string

// The encodings of a request body.
const (
	NoBody    BodyKind = ""
	JSONBody  BodyKind = "json"
	FormBody  BodyKind = "form"      // application/x-www-form-urlencoded
	MultiBody BodyKind = "multipart" // multipart/form-data
)

// Auth is the way in which a request is authorised.
type Auth string

// The ways in which a request is authorised.
const (
	NoAuth          Auth = "none"         // nothing is sent
	ManagementToken Auth = "management"   // the client's own Management API token
	ClientAuth      Auth = "client"       // client_id with a secret or an assertion, in the body
	ClientID        Auth = "client_id"    // client_id alone (public flows of 4.13): in the path where it is named there, in the query of a GET, else in the body
	AccessToken     Auth = "access_token" // the caller's access token as Bearer, from the argument access_token (InHeader, wire name Authorization)
)

// Answer is the kind of a successful response.
type Answer string

// The kinds of a successful response.
const (
	JSONAnswer     Answer = "json"
	TextAnswer     Answer = "text"     // metadata XML, change_password's sentence
	RedirectAnswer Answer = "redirect" // the URL that a browser would be sent to
	EmptyAnswer    Answer = "empty"    // 204, or a body that says nothing
)

// Place is where an argument travels.
type Place string

// The places where an argument travels.
const (
	InPath   Place = "path"
	InQuery  Place = "query"
	InHeader Place = "header"
	InBody   Place = "body"   // the argument is the whole body
	InField  Place = "field"  // one field of the body
	InFile   Place = "file"   // a file part of a multipart body
	InClient Place = "client" // replaces a setting of the client (client_id, client_secret, domain, …); never sent as such
)

// Type is the type of an argument's value.
type Type string

// The types of values.
const (
	String  Type = "string"
	Integer Type = "integer"
	Number  Type = "number"
	Boolean Type = "boolean"
	Object  Type = "object"
	Array   Type = "array"
	Strings Type = "string[]" // in a query: joined by commas unless Repeat; a single string stands for a list of one
	Any     Type = "any"
	File    Type = "file" // bytes with a name
)

// An Arg is one parameter of an operation.
type Arg struct {
	// Name is the name under which a playbook gives it: the API's, which is
	// also the name on the wire unless Wire differs ("trigger_id" for
	// triggerId).
	Name string
	// Wire is the name on the wire where it differs from Name.
	Wire string
	// Python is the parameter's name in 4.13 where it differs from Name and is
	// accepted too ("from_param" for from).
	Python string
	// In is the place where it travels.
	In Place
	// Type is the type of its value.
	Type Type
	// Repeat says that a list in the query is sent as one parameter an element
	// (strategy=auth0&strategy=samlp) and not joined by commas.
	Repeat bool
	// Enum lists the only values allowed, where the API has such a list.
	Enum []string
	// Required arguments are given by position, in order.
	Required bool
	// Secret values are known to the redactor and never printed.
	Secret bool
	// Summary is a few words of our own; may be empty where the name says it.
	Summary string
}

// WireName is the argument's name on the wire.
func (a Arg) WireName() string {
	if a.Wire != "" {
		return a.Wire
	}
	return a.Name
}

// A Field is a body field with a fixed value.
type Field struct{ Name, Value string }

// Paging is how a listing is walked.
type Paging struct {
	// Style is the way from one page to the next.
	Style PagingStyle
	// Items is the key of the array in an answer that wraps it; "" where the
	// answer is always a bare array.
	Items string
	// MaxPerPage is the largest per_page or take; 0 means 100.
	MaxPerPage int
	// Sliced marks a listing that ends at 1,000 results and is sliced by
	// created_at beyond them (users.list).
	Sliced bool
}

// PagingStyle is the way from one page to the next.
type PagingStyle string

// The ways from one page to the next.
const (
	NoPaging   PagingStyle = ""
	Whole      PagingStyle = "whole"      // one answer holds everything
	Offset     PagingStyle = "offset"     // page, per_page, include_totals
	Checkpoint PagingStyle = "checkpoint" // from, take; the answer's next
	Both       PagingStyle = "both"       // checkpoint is preferred, offset is accepted
	LogPaging  PagingStyle = "logs"       // from = the last log's id, take; a bare array
)

// Effect is what an operation does to the tenant, and with that what may be
// done about an unknown outcome.
type Effect string

// The effects.
const (
	Read    Effect = "read"    // changes nothing; repeated freely
	Create  Effect = "create"  // makes an object; never repeated blindly
	Patch   Effect = "patch"   // changes fields of an object; repeated freely
	Replace Effect = "replace" // sets the whole; repeated freely
	Delete  Effect = "delete"  // removes an object; repeated, 404 then means done
	Add     Effect = "add"     // adds a relation; repeated freely
	Remove  Effect = "remove"  // removes a relation; repeated freely
	Act     Effect = "action"  // does something in the world (sends a mail, rotates a secret); never repeated
)

// Mutates reports whether an operation of this effect changes the tenant.
func (e Effect) Mutates() bool { return e != Read }

// Repeatable reports whether sending the same request again is harmless when
// the outcome of the first is unknown.
func (e Effect) Repeatable() bool { return e != Create && e != Act }

// Subject is the object that an operation touches.
type Subject struct {
	// Kind is the resource's name in the catalogue ("users", "connections").
	Kind string
	// ID is the name of the path argument that identifies the object, or ""
	// for creates, listings and singletons.
	ID string
	// Field is the field of the object in an answer that holds its id
	// ("user_id", "client_id", "id").
	Field string
	// Also are the further objects that a mutating operation touches: the one
	// above it ("organizations" of a member's roles) and the other side of a
	// relation ("users" of roles.add_users).
	Also []Touched
}

// Touched are objects that an operation touches beside its subject.
type Touched struct {
	// Kind is the resource's name in the catalogue.
	Kind string
	// From is the place of their id, or list of ids, in the call (a Source
	// below args): "args.users", "args.body[].client_id".
	From string
}
