package schema

// A shape is what one place of a body may hold: all alternatives of Auth0's
// schema in one.
type shape struct {
	kinds kinds
	// enum are the only texts allowed; nil means any.
	enum []string
	// format is "email" or "https", where a text of another form is certainly
	// refused; else "".
	format string
	// must and may are the fields of an object, each sorted by name.
	must, may []member
	// open objects take any field beside these; rest is the shape of the fields
	// without a name where there is one.
	open bool
	rest shapeID
	// items is the shape of an array's items.
	items shapeID
	// by is the field whose value selects one of the variants, which are
	// objects and sorted by that value; an object with variants has no fields
	// of its own.
	by       string
	variants []member
}

// A shapeID is the place of a shape in the table.
type shapeID uint16

// A member is a field of an object, or a variant by its value.
type member struct {
	name string
	id   shapeID
}

// A body is the shape of an operation's whole body.
type body struct {
	id   string
	root shapeID
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

	isAny = isText | isWhole | isNumber | isBool | isNull | isObject | isArray
)

// find is the member of a name in a sorted list.
func find(list []member, name string) (shapeID, bool) {
	low, high := 0, len(list)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if list[mid].name < name {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low < len(list) && list[low].name == name {
		return list[low].id, true
	}
	return 0, false
}
