// Package rules holds requests of the Management API against Auth0's public API
// document, as the API itself does: bodies, and parameters of the path, the
// query and the header. Its table is generated, with nothing merged or widened,
// and is not the client's: a local tenant that knew requests only through the
// table by which its client makes them would agree with every mistake in it.
package rules

// A rule is one schema. Its zero value takes everything.
type rule struct {
	// never takes nothing.
	never bool
	kinds kinds // 0 means all
	// enum are the only texts (or "true", "false") allowed; null passes where
	// its kind does.
	enum           []string
	format         string
	pattern        string
	minLen, maxLen int // of a text in characters; 0 means no bound
	low, high      float64
	hasLow         bool
	hasHigh        bool
	// minItems, maxItems and minProps: 0 means no bound; maxProps is one more
	// than the bound, so that a bound of 0 can be said.
	minItems, maxItems int
	minProps, maxProps int
	fields             []member // of an object, sorted by name
	rest               ruleID   // what other fields must be: 0 anything, 1 there are none
	items              ruleID
	one                []ruleID // at least one of these holds
	all                []ruleID // all of these hold
}

// A ruleID is the place of a rule in the table.
type ruleID uint16

const (
	anything ruleID = iota
	nothing
)

// A member is a field or a parameter.
type member struct {
	name string
	rule ruleID
	must bool
}

// A request is what an operation takes.
type request struct {
	at            string // verb and path with nameless parameters
	body          ruleID // 0 where it takes none, or anything
	path          []ruleID
	query, header []member
	answer        ruleID // what a success shows, 0 where nothing can be left out
}

// kinds are the JSON types that a place may hold.
type kinds uint8

// The kinds.
const (
	isText kinds = 1 << iota
	isWhole
	isNumber
	isBool
	isNull
	isObject
	isArray
)

// find is a member of a sorted list.
func find(list []member, name string) *member {
	low, high := 0, len(list)
	for low < high {
		if mid := int(uint(low+high) >> 1); list[mid].name < name {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low < len(list) && list[low].name == name {
		return &list[low]
	}
	return nil
}
