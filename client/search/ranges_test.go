package search

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRangeIsExact holds the range of random conjunctions against Match, and
// asks that Before and Behind are monotone: a slice is found by bisection.
func TestRangeIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	start := time.Date(2024, 2, 27, 22, 0, 0, 0, time.UTC)
	stamps := make([]string, 200)
	for i := range stamps {
		stamps[i] = start.Add(time.Duration(rng.IntN(1000)) * 431 * time.Second).Format("2006-01-02T15:04:05.000Z")
	}
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = "auth0|" + strings.Repeat("é", rng.IntN(2)) + fmt.Sprintf("%x", rng.IntN(500))
	}
	slices.Sort(stamps)
	slices.Sort(ids)
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	clause := func() string {
		end := func() string {
			s := pick(stamps...)
			return pick("*", `"`+s+`"`, s[:4], s[:7], s[:10], `"`+s[:16]+`"`, `"`+s[:19]+`"`, "2024-02-30", "x", "7")
		}
		id := `"` + pick(ids...) + `"`
		text := strings.ReplaceAll(pick(ids...), "|", `\|`)
		return pick(
			"created_at:"+pick("[", "{")+end()+" TO "+end()+pick("]", "}"),
			"created_at:"+pick(">", ">=", "<", "<=")+strings.ReplaceAll(end(), "*", "2024"),
			"user_id:"+pick("[", "{")+id+" TO *"+pick("]", "}"), "user_id:{* TO "+id+"]",
			"user_id:"+text[:min(len(text), 7+rng.IntN(4))]+"*", "user_id:auth0?1*", "user_id:a*b*", "user_id:*12b",
			"blocked:true", "NOT blocked:true", "(blocked:true OR created_at:[2024-02 TO *])", "_exists_:created_at",
		)
	}
	hits := 0
	for range 4000 {
		parts := []string{clause()}
		for rng.IntN(2) == 0 {
			parts = append(parts, clause())
		}
		text := strings.Join(parts, " AND ")
		if len(parts) > 2 && rng.IntN(2) == 0 {
			text = "(" + parts[0] + " AND " + parts[1] + ") AND " + strings.Join(parts[2:], " AND ")
		}
		q, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for field, values := range map[string][]string{"created_at": stamps, "user_id": ids} {
			r, ok := q.Range(field)
			if !ok {
				continue
			}
			left := true
			for i, v := range values {
				before, behind := r.Before(v), r.Behind(v)
				if before && !left && values[i-1] != v || i > 0 && r.Behind(values[i-1]) && !behind {
					t.Fatalf("%s: %s: not monotone at %s", text, field, v)
				}
				left = left && before
				o := map[string]any{"created_at": pick(stamps...), "user_id": pick(ids...), "blocked": rng.IntN(2) == 0}
				o[field] = v
				if q.Match(o) != (!before && !behind && r.Rest.Match(o)) {
					t.Fatalf("%s: %v: matches %v, but before %v, behind %v, rest %v", text, o, q.Match(o), before, behind, r.Rest.Match(o))
				}
				if q.Match(o) {
					hits++
				}
			}
		}
	}
	if hits < 10000 {
		t.Fatalf("only %d matches: the test shows little", hits)
	}
}

func TestNoRange(t *testing.T) {
	for _, text := range []string{
		"", "*", "a", "created_at:2024", "created_at:[2024 TO *] OR a:b", "NOT created_at:[2024 TO *]", "created_at:*",
		"other:[1 TO 2]", "created_at.x:[1 TO 2]", "created_at:2?2*", "created_at:20*4", "20*",
	} {
		q, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := q.Range("created_at"); ok {
			t.Errorf("%s: a range: %v", text, r)
		}
	}
	for _, field := range []string{"email", "user_metadata.a", "email.domain"} {
		q, err := Parse(field + ":[a TO b]")
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := q.Range(field); ok {
			t.Errorf("%s is not compared as it is written, but has a range", field)
		}
	}
}

// TestGatheredPrefixes holds many negated prefixes of one conjunction against
// each of them for itself.
func TestGatheredPrefixes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		var b strings.Builder
		for range 1 + rng.IntN(n) {
			b.WriteString([]string{"a", "b", "B", "é", "ab"}[rng.IntN(5)])
		}
		return b.String()
	}
	left := 0
	for range 20000 {
		fields := []string{"user_id", "email", "tags", "user_metadata.a"}
		var clauses []string
		for range 1 + rng.IntN(6) {
			clauses = append(clauses, "NOT "+fields[rng.IntN(4)]+":"+text(3)+"*")
		}
		o := map[string]any{
			"user_id": text(4), "email": text(4), "tags": []any{text(3), text(3), 7.0},
			"user_metadata": map[string]any{"a": text(3)},
		}
		want := true
		for _, c := range clauses {
			q, err := Parse(strings.TrimPrefix(c, "NOT "))
			if err != nil {
				t.Fatal(err)
			}
			want = want && !q.Match(o)
		}
		q, err := Parse(strings.Join(clauses, " AND "))
		if err != nil {
			t.Fatal(err)
		}
		if q.Match(o) != want {
			t.Fatalf("%s: %v, want %v for %v", q, !want, want, o)
		}
		if want {
			left++
		}
	}
	if left < 2000 || left > 18000 {
		t.Fatalf("%d of 20000 match: the test shows little", left)
	}
}
