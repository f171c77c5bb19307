package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
)

// somethingOf is a random value of the types that answers are made of, and of some
// that they are not.
func somethingOf(rng *rand.Rand, depth int) any {
	n := rng.IntN(17)
	if depth == 0 {
		n = rng.IntN(12)
	}
	switch n {
	case 0:
		return nil
	case 1:
		return rng.IntN(2) == 0
	case 2:
		return rng.IntN(1000) - 500
	case 3:
		return rng.Int64() - 1<<62
	case 4:
		return rng.NormFloat64() * 1e10
	case 5:
		return json.Number([]string{"", "0", "-0", "-7", "12345678901234567890", "1.50", "-2e-7"}[rng.IntN(7)])
	case 6, 7, 8:
		return oddText(rng)
	case 9:
		return []string{oddText(rng), "<&>"}
	case 10:
		return map[string]string{"b": oddText(rng), "a": "x"}
	case 11:
		return []any{[]any(nil), object(nil), []string(nil), []object(nil), []any{}, []object{}, uint8(3)}[rng.IntN(7)]
	case 12:
		return []object{{"a": somethingOf(rng, depth-1)}, nil}
	case 13, 14:
		list := make([]any, rng.IntN(4))
		for i := range list {
			list[i] = somethingOf(rng, depth-1)
		}
		return list
	}
	o := object{}
	for range rng.IntN(30) {
		o[oddText(rng)] = somethingOf(rng, depth-1)
	}
	return o
}

func oddText(rng *rand.Rand) string {
	if rng.IntN(3) == 0 {
		return fmt.Sprint("name_", rng.IntN(50))
	}
	var b []byte
	for range rng.IntN(12) {
		switch rng.IntN(4) {
		case 0:
			b = append(b, byte(rng.IntN(256)))
		case 1:
			b = append(b, []string{"é", "\u2028", "\u2029", "\ufffd", "😀", "<", "&", "\\", "\"", "\x7f"}[rng.IntN(10)]...)
		default:
			b = append(b, byte(rng.IntN(128)))
		}
	}
	return string(b)
}

// TestEncode: what is written is what encoding/json writes.
func TestEncode(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(21, 22))
	for i := range 20_000 {
		v := somethingOf(rng, 3)
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		if got := encode(v); string(got)+"\n" != want.String() {
			t.Fatalf("%d: got\n%s\nwant\n%s", i, got, want.String())
		}
	}
}
