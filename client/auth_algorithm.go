package client

import "slices"

// A family is a type of keys together with the algorithms that use it.
type family int

const (
	familyNone family = iota
	familyHMAC
	familyRSA
	familyEC
	familyEd25519
)

// String names a key of the family with its article, for error texts.
func (f family) String() string {
	switch f {
	case familyHMAC:
		return "a shared"
	case familyRSA:
		return "an RSA"
	case familyEC:
		return "an EC"
	case familyEd25519:
		return "an Ed25519"
	default:
		return "an unknown"
	}
}

// algorithms lists the family's algorithms by their JWS names.
func (f family) algorithms() []string {
	switch f {
	case familyHMAC:
		return []string{"HS256", "HS384", "HS512"}
	case familyRSA:
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case familyEC:
		return []string{"ES256", "ES384", "ES512"}
	case familyEd25519:
		return []string{"EdDSA"}
	default:
		return nil
	}
}

// algorithms lists all that sign; "none" is not one of them.
func algorithms() []string {
	return slices.Concat(familyRSA.algorithms(), familyEC.algorithms(), familyEd25519.algorithms(), familyHMAC.algorithms())
}

// familyOf finds the family of an algorithm by its exact name, familyNone where
// there is none.
func familyOf(alg string) family {
	switch alg {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		return familyRSA
	case "ES256", "ES384", "ES512":
		return familyEC
	case "EdDSA":
		return familyEd25519
	case "HS256", "HS384", "HS512":
		return familyHMAC
	}
	return familyNone
}
