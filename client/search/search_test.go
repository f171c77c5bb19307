package search

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const person = `{
  "user_id": "auth0|a1", "email": "Ann.Lee@Example.com", "name": "Ann Lee", "nickname": "ann", "username": "AnnL",
  "email_verified": true, "blocked": false, "logins_count": 7, "created_at": "2024-01-31T10:20:30.456Z",
  "last_login": "2024-06-01T00:00:00.000Z", "empty": "", "nothing": null, "none": {},
  "identities": [{"connection": "db", "provider": "auth0"}, {"connection": "google-oauth2", "provider": "google-oauth2"}],
  "app_metadata": {"plan": "Gold", "level": -3, "subscription": {"plan": "gold"}, "a.b": "dotted", "roles": ["admin", "dev"]},
  "user_metadata": {"city": "Paris", "addresses": [{"city": "Rome"}, {"city": "Oslo"}], "age": 41}
}`

func object(t *testing.T) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(person), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		query string
		want  bool
	}{
		{``, true},
		{`*`, true},
		{`*:*`, true},
		// Equality, and where case counts.
		{`email:"ann.lee@example.com"`, true},
		{`email:ANN.LEE@EXAMPLE.COM`, true},
		{`name:"ann lee"`, true},
		{`name:"ann"`, false},
		{`username:annl`, false},
		{`username:AnnL`, true},
		{`user_id:"auth0|a1"`, true},
		{`user_id:auth0|a1`, true},
		{`email.domain:"example.com"`, true},
		{`email.domain:"other.com"`, false},
		{`blocked:false`, true},
		{`blocked:true`, false},
		{`email_verified:true`, true},
		{`logins_count:7`, true},
		{`logins_count:7.0`, true},
		{`logins_count:"8"`, false},
		{`nosuch:1`, false},
		// Paths, arrays, metadata.
		{`app_metadata.plan:"Gold"`, true},
		{`app_metadata.plan:"gold"`, false},
		{`app_metadata.subscription.plan:gold`, true},
		{`app_metadata.roles:admin`, true},
		{`app_metadata.roles:"ops"`, false},
		{`app_metadata.a.b:dotted`, true},
		{`identities.connection:"google-oauth2"`, true},
		{`user_metadata.addresses.city:"Oslo"`, true},
		{`user_metadata.city:Par*`, false},
		{`user_metadata.age:[1 TO 99]`, false},
		{`user_metadata.age:41`, true},
		// Wildcards.
		{`name:ann*`, true},
		{`name:ANN*`, true},
		{`name:*lee`, true},
		{`name:a*e`, true},
		{`name:*nnx*`, false},
		{`name:*ann*ee`, true},
		{`email:*@example.com`, true},
		{`username:ann*`, false},
		{`name:an? lee`, true},
		{`nickname:an?`, true},
		{`nickname:a?`, false},
		{`nickname:ann?`, false},
		{`name:lee*`, false},
		{`user_id:auth0|*`, true},
		// Existence; empty and null values are not indexed.
		{`_exists_:email`, true},
		{`_exists_:phone_number`, false},
		{`_exists_:empty`, false},
		{`_exists_:nothing`, false},
		{`_exists_:none`, false},
		{`_exists_:app_metadata`, true},
		{`_exists_:user_metadata.city`, true},
		{`NOT _exists_:phone_number`, true},
		{`name:*`, true},
		{`phone_number:*`, false},
		// Ranges.
		{`logins_count:[7 TO 9]`, true},
		{`logins_count:{7 TO 9}`, false},
		{`logins_count:{6 TO 7]`, true},
		{`logins_count:[* TO 6]`, false},
		{`logins_count:[1 TO *]`, true},
		{`logins_count:>=7`, true},
		{`logins_count:>7`, false},
		{`logins_count:<8`, true},
		{`logins_count:[100 TO 9]`, false},
		{`app_metadata.level:[-5 TO -1]`, true},
		{`app_metadata.level:-3`, true},
		{`app_metadata.level:>=-3`, true},
		{`app_metadata.level:>-3`, false},
		{`app_metadata.level:<-2 AND -blocked:true`, true},
		{`created_at:[2024-01-31 TO 2024-01-31]`, true},
		{`created_at:[2024-01-31T10:20:30.456Z TO *]`, true},
		{`created_at:{2024-01-31T10:20:30.456Z TO *]`, false},
		{`created_at:[2024-01-31T11:20:30.456+01:00 TO *]`, true},
		{`created_at:[* TO 2024-01-30]`, false},
		{`created_at:{2024-01-31 TO *]`, false},
		{`created_at:[2024 TO 2025}`, true},
		{`created_at:[2024-01 TO 2024-02}`, true},
		{`created_at:"2024-01-31"`, true},
		{`created_at:2024-01-31T10:20:30.456Z`, true},
		{`created_at:>2024-01-31T10:20:30Z`, true},
		{`last_login:[* TO 2024-06-01}`, false},
		{`name:[a TO b]`, true},
		{`username:[a TO z]`, false},
		// Operators.
		{`blocked:false AND email_verified:true`, true},
		{`blocked:true AND email_verified:true`, false},
		{`blocked:true OR email_verified:true`, true},
		{`blocked:true email_verified:true`, true},
		{`blocked:true OR email_verified:true AND logins_count:8`, false},
		{`(blocked:true OR email_verified:true) AND logins_count:7`, true},
		{`NOT blocked:true`, true},
		{`-blocked:true`, true},
		{`email_verified:true -blocked:false`, false},
		{`email_verified:true NOT blocked:false`, false},
		{`email_verified:true AND NOT blocked:true`, true},
		{`NOT (blocked:false AND logins_count:7)`, false},
		{`NOT NOT blocked:false`, true},
		{`+blocked:false`, true},
		{`blocked:false && !logins_count:8`, true},
		{`blocked:true || logins_count:7`, true},
		{`logins_count:(6 OR 7)`, true},
		{`logins_count:(6 OR 8)`, false},
		{`name:("Bob" OR ann*)`, true},
		{`name:(NOT "Bob")`, true},
		// Terms without a field.
		{`ann`, true},
		{`"ann lee"`, true},
		{`"lee ann"`, false},
		{`paris`, false},
		{`gold`, true},
		{`exa*`, true},
		{`oslo OR rome`, false},
		// Escapes.
		{`user_id:auth0\|a1`, true},
		{`name:"Ann \"Lee"`, false},
		{`nickname:\a\n\n`, true},
		{`nickname:an\*`, false},
	} {
		q, err := Parse(c.query)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if got := q.Match(object(t)); got != c.want {
			t.Errorf("%s: got %v, want %v", c.query, got, c.want)
		}
	}
}

func TestNumbersAsWritten(t *testing.T) {
	q, err := Parse(`n:[1 TO 3]`)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{json.Number("2"), 2, int64(2), 2.0} {
		if !q.Match(map[string]any{"n": v}) {
			t.Errorf("%T is not seen as a number", v)
		}
	}
	if q.Match(map[string]any{"n": "x"}) {
		t.Error("a text lies in a range of numbers")
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		query  string
		column int
		says   string
	}{
		{`name:`, 6, "no value"},
		{`name:"abc`, 6, "never closed"},
		{`(name:a`, 1, "never closed"},
		{`name:a)`, 7, "no opening"},
		{`AND name:a`, 1, "term is expected"},
		{`name:a AND`, 11, "term is expected"},
		{`name:a OR OR name:b`, 11, "term is expected"},
		{`:a`, 1, "field name"},
		{`()`, 2, "empty"},
		{`NOT`, 4, "term is expected"},
		{`name:[a b]`, 9, "TO is expected"},
		{`name:[a TO b`, 6, "never closed"},
		{`name:[ TO b]`, 11, "TO is expected"},
		{`[a TO b]`, 1, "needs a field"},
		{`>5`, 1, "needs a field"},
		{`name:*sa`, 6, "at least 3"},
		{`_exists_:`, 10, "field name"},
		{`name:a\`, 7, "backslash"},
		{`é:a AND`, 8, "term is expected"},
		{strings.Repeat("(", 300), 201, "nested"},
	} {
		_, err := Parse(c.query)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: no error", c.query)
			continue
		}
		if e.Column != c.column || !strings.Contains(e.Reason, c.says) {
			t.Errorf("%s: got %v, want column %d and %q", c.query, e, c.column, c.says)
		}
	}
}

// FuzzParse asks that no text makes the parser or the evaluation fall over,
// and that negation negates.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`name:"a b" AND (x:[1 TO *} OR NOT y:*abc*)`, `a:>=5 -b +c`, `_exists_:a.b`, `"`, `a:\`, `((((`, `a:[b TO`, "a:\x00", `a:?*?`, `é`,
	} {
		f.Add(s)
	}
	var o map[string]any
	if err := json.Unmarshal([]byte(person), &o); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := Parse(s)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Column < 1 || e.Column > len([]rune(s))+1 {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		got := q.Match(o)
		n, err := Parse("NOT (" + s + ")")
		if strings.TrimSpace(s) != "" && err == nil && n.Match(o) == got {
			t.Fatalf("%q and its negation agree", s)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	q, err := Parse(`email_verified:true AND created_at:[2024-01-01 TO 2024-12-31] AND NOT blocked:true`)
	if err != nil {
		b.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal([]byte(person), &o); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		q.Match(o)
	}
}
