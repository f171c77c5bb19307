package schema

import (
	"encoding/json"
	"iter"
	"slices"
	"sort"
	"strconv"
	"strings"

	"a0run/client/catalog"
)

// A Mistake is one thing that is wrong with a body.
type Mistake struct {
	// Path is the place: "options.brute_force_protection", "sinks[2].name" (lists
	// count from 1); "" is the body itself.
	Path  string
	Fault Fault
	// Problem says what was got and what is wanted; it holds no secret.
	Problem string
	// Hint is the nearest right name, or what else is to try; may be empty.
	Hint string
}

// String is the mistake in one line.
func (m Mistake) String() string {
	s := m.Problem
	if m.Path != "" {
		s = m.Path + ": " + s
	}
	if m.Hint != "" {
		s += " (" + m.Hint + ")"
	}
	return s
}

// Field is the path without the places in lists: one field is one field in all
// items.
func (m Mistake) Field() string {
	if !strings.Contains(m.Path, "[") {
		return m.Path
	}
	parts := strings.Split(m.Path, "[")
	for i, part := range parts[1:] {
		_, rest, _ := strings.Cut(part, "]")
		parts[i+1] = rest
	}
	return strings.Join(parts, "[]")
}

// Also lists further mistakes, as many as are read; "" where there are none.
func Also(rest []Mistake) string {
	const most = 8
	if len(rest) == 0 {
		return ""
	}
	lines := make([]string, 0, most+1)
	for i, m := range rest {
		if i == most {
			lines = append(lines, "and "+strconv.Itoa(len(rest)-most)+" more")
			break
		}
		lines = append(lines, m.String())
	}
	return "also wrong: " + strings.Join(lines, "; ")
}

// A Fault is the kind of a mistake.
type Fault uint8

// The kinds of mistakes.
const (
	// WrongType is a value of a type that the place does not take.
	WrongType Fault = iota + 1
	// Missing is a required field that is not there.
	Missing
	// OutsideEnum is a text that is none of the few that a place takes.
	OutsideEnum
	// WrongForm is a text that is no e-mail address or no https address.
	WrongForm
	// UnknownField is a field that the API is not known to have: it may have
	// learned it since.
	UnknownField
	// NotListed is a text outside an enum so long that it grows with the API.
	NotListed
	// NullUnsaid is null where the API is not known to take it; it often does.
	NullUnsaid
	// Lookalike is a field of an object that takes any, whose name is all but
	// that of one it is known to have.
	Lookalike
)

// A Mode says what is done about mistakes.
type Mode uint8

// The modes.
const (
	// Off looks for none.
	Off Mode = iota
	// Usual refuses what is certainly wrong (types, missing fields, values
	// outside a short enum) and tells of the rest.
	Usual
	// Warn refuses nothing and tells of everything.
	Warn
	// Strict refuses everything but lookalikes, which are a guess.
	Strict
)

// Refuses reports whether a mode makes an error of a mistake.
func (m Mode) Refuses(f Fault) bool {
	switch m {
	case Usual:
		return f <= WrongForm
	case Strict:
		return f != Lookalike
	default:
		return false
	}
}

// Split parts mistakes into those that a mode refuses and those that it tells
// of.
func (m Mode) Split(all []Mistake) (refused, told []Mistake) {
	if m == Off {
		return nil, nil
	}
	for _, x := range all {
		if m.Refuses(x.Fault) {
			refused = append(refused, x)
		} else {
			told = append(told, x)
		}
	}
	return refused, told
}

// longEnum is the size beyond which an enum is a list that grows with the API
// (strategies, event types): its values are told and not refused.
const longEnum = 24

func (c *checker) say(f Fault, problem, hint string) {
	if len(c.found) < maxMistakes {
		c.found = append(c.found, Mistake{Path: c.where(), Fault: f, Problem: problem, Hint: hint})
	}
}

func (c *checker) passes(v any) bool {
	text, ok := v.(string)
	return ok && c.words.Passes != nil && c.words.Passes(text)
}

func (c *checker) mistyped(s *shape, k kinds, v any) {
	if c.passes(v) {
		return
	}
	fault := WrongType
	if k == isNull {
		fault = NullUnsaid
	}
	c.say(fault, "got "+gotten(k, v)+", want "+s.wanted(), typeHint(s, v))
}

// gotten is what a value is called; a text is never shown where another type is
// wanted, since it may be a password.
func gotten(k kinds, v any) string {
	switch k {
	case isWhole, isNumber:
		switch x := v.(type) {
		case json.Number:
			return "the number " + x.String()
		case float64:
			return "the number " + strconv.FormatFloat(x, 'g', -1, 64)
		case int64:
			return "the number " + strconv.FormatInt(x, 10)
		}
		return "a number"
	case isBool:
		return "a boolean"
	case isNull:
		return "null"
	case isObject:
		return "an object"
	case isArray:
		return "a list"
	default:
		return "a string"
	}
}

// wanted names the kinds that a place takes.
func (s *shape) wanted() string {
	var words []string
	add := func(k kinds, word string) {
		if s.kinds&k != 0 {
			words = append(words, word)
		}
	}
	add(isText, "a string")
	switch {
	case s.kinds&isNumber != 0:
		words = append(words, "a number")
	case s.kinds&isWhole != 0:
		words = append(words, "a whole number")
	}
	add(isBool, "a boolean")
	add(isObject, "an object")
	if s.kinds&isArray != 0 {
		words = append(words, "a list"+shapes[s.items].ofThese())
	}
	add(isNull, "null")
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// ofThese says of what a list is, where that is one kind.
func (s *shape) ofThese() string {
	switch s.kinds {
	case isText:
		return " of strings"
	case isWhole, isWhole | isNumber:
		return " of numbers"
	case isObject:
		return " of objects"
	default:
		return ""
	}
}

// typeHint knows the usual slips.
func typeHint(s *shape, v any) string {
	text, ok := v.(string)
	switch {
	case !ok:
		return ""
	case s.kinds&isBool != 0 && (text == "true" || text == "false"):
		return "write " + text + " without quotes"
	case s.kinds&isBool != 0 && slices.Contains([]string{"yes", "no", "on", "off"}, strings.ToLower(text)):
		return "only true and false are booleans"
	case s.kinds&isWhole != 0 && isDigits(text):
		return "write it without quotes"
	}
	return ""
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// text checks a text against the few that a place takes, or its form.
func (c *checker) text(s *shape, v any) {
	text, ok := v.(string)
	if !ok {
		return // a secret is in no enum
	}
	switch {
	case s.enum != nil && !slices.Contains(s.enum, text):
		c.outside(text, s.enum)
	case s.format == "email" && !looksLikeEmail(text) && !c.passes(text):
		c.say(WrongForm, "got "+quoted(text)+", want an e-mail address", "")
	case s.format == "https" && !hasPrefixFold(text, "https://") && !c.passes(text):
		c.say(WrongForm, "got "+quoted(text)+", want an address that begins with https://", "")
	}
}

func (c *checker) outside(text string, enum []string) {
	if c.passes(text) {
		return
	}
	fault := OutsideEnum
	if len(enum) > longEnum {
		fault = NotListed
	}
	hint := ""
	if near := catalog.NearestName(text, enum); near != "" {
		hint = "did you mean " + near + "?"
	}
	c.say(fault, "got "+quoted(text)+", want "+oneOf(enum), hint)
}

func oneOf(enum []string) string {
	const shown = 12
	if len(enum) == 1 {
		return quoted(enum[0])
	}
	if len(enum) > shown {
		return "one of " + strings.Join(enum[:shown], ", ") + ", … (" + strconv.Itoa(len(enum)) + " in all)"
	}
	return "one of " + strings.Join(enum, ", ")
}

// quoted is a text as messages show it.
func quoted(text string) string {
	if r := []rune(text); len(r) > 60 {
		text = string(r[:60]) + "…"
	}
	return strconv.Quote(text)
}

// looksLikeEmail is generous: what fails it no mail server would take.
func looksLikeEmail(text string) bool {
	at := strings.LastIndexByte(text, '@')
	return at > 0 && at < len(text)-1 && !strings.ContainsAny(text, " \t\r\n")
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// unknown tells of a field that an object is not known to have.
func (c *checker) unknown(s *shape, o Object, name string) {
	if s.open {
		if near := catalog.Lookalike(name, s.absent(o)); near != "" {
			c.say(Lookalike, "the API is not known to have this field", "did you mean "+near+"?")
		}
		return
	}
	hint := ""
	switch near := catalog.NearestName(name, s.absent(o)); {
	case near != "":
		hint = "did you mean " + near + "?"
	default:
		if inner := s.inside(name); inner != "" {
			hint = "it stands in " + inner
		} else if known := s.names(); len(known) <= 12 && len(known) > 0 {
			hint = "known: " + strings.Join(known, ", ")
		}
	}
	c.say(UnknownField, "there is no such field", hint)
}

// names are the fields of an object, sorted.
func (s *shape) names() []string {
	names := append(namesOf(s.must), namesOf(s.may)...)
	sort.Strings(names)
	return names
}

// absent are the fields that are not given: a name that is given twice, once
// rightly, is no slip for itself.
func (s *shape) absent(o Object) []string {
	var names []string
	for _, name := range s.names() {
		if _, given := o.Get(name); !given {
			names = append(names, name)
		}
	}
	return names
}

// inside is the field whose object has a field of this name.
func (s *shape) inside(name string) string {
	for _, list := range [][]member{s.must, s.may} {
		for _, m := range list {
			below := &shapes[m.id]
			_, must := find(below.must, name)
			if _, may := find(below.may, name); must || may {
				return m.name
			}
		}
	}
	return ""
}

// missing tells of a required field, with the name under which it may have been
// given.
func (c *checker) missing(s *shape, o Object, name string) {
	var strange []string
	for given := range o.All() {
		if _, known := s.field(given); !known && given != s.by {
			strange = append(strange, given)
		}
	}
	hint := ""
	if near := catalog.NearestName(name, strange); near != "" {
		hint = "is it misspelt as " + near + "?"
	}
	c.say(Missing, "is required and not given", hint)
}

// object is a decoded JSON object of encoding/json, with its keys sorted: what
// is said about it must not differ from run to run.
type object map[string]any

func (o object) Len() int { return len(o) }

func (o object) Get(key string) (any, bool) {
	v, ok := o[key]
	return v, ok
}

func (o object) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		keys := make([]string, 0, len(o))
		for k := range o {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			if !yield(k, o[k]) {
				return
			}
		}
	}
}
