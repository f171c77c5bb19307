package client

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func readAllRows(t interface{ Helper() }, text, name, format string) (rows []UserRow, err error) {
	t.Helper()
	for row, err := range ReadUsers(strings.NewReader(text), name, format) {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func showRows(rows []UserRow) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%d@%d ", r.Row, r.Line)
		if r.Problem != "" {
			fmt.Fprintf(&b, "%s: %s\n", r.Code, r.Problem)
			continue
		}
		fmt.Fprintf(&b, "%s", r.User)
		if r.Left != nil {
			fmt.Fprintf(&b, " without %v", r.Left)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestReadUsers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ name, text, rows, err string }{
		"array":          {"u.json", "[\n {\"email\": \"a@x.y\"},\n {\"email\": \"b@x.y\"} ]\n", "1@2 {\"email\":\"a@x.y\"}\n2@3 {\"email\":\"b@x.y\"}\n", ""},
		"empty array":    {"u.json", " [ ] ", "", ""},
		"byte order":     {"u.json", "\uFEFF[{}]", "1@1 {}\n", ""},
		"as exported":    {"u.ndjson", `{"user_id":"auth0|a","created_at":"x","name":null,"identities":[],"email":"a@x.y"}`, "1@1 {\"user_id\":\"a\",\"email\":\"a@x.y\"} without [created_at identities]\n", ""},
		"social":         {"u.ndjson", `{"user_id":"google-oauth2|1"}`, "1@1 not_a_database_user: user_id google-oauth2|1 is a user of the provider google-oauth2, and an import fills a database connection\n", ""},
		"twice":          {"u.ndjson", `{"email":"a","email":"b"}`, "1@1 invalid_row: the field email is there twice\n", ""},
		"no object":      {"u.json", `[7, "x", null, [1]]`, "1@1 invalid_row: want an object\n2@1 invalid_row: want an object\n3@1 invalid_row: want an object\n4@1 invalid_row: want an object\n", ""},
		"empty":          {"u.json", "", "", "u.json: the file is empty"},
		"blank":          {"u.json", "\uFEFF \r\n", "", "u.json: the file is empty"},
		"wrapped":        {"u.json", "{\n\"users\": []}", "", "u.json:1:1: the file is neither a JSON array nor a JSON object a line"},
		"a text":         {"u.json", "hello", "", `u.json:1:1: the file holds no list of users: it begins with "h"`},
		"broken inside":  {"u.json", "[{\"a\":1},\n {\"b\":1,\n  c:2}]", "1@1 {\"a\":1}\n", "u.json:3:3: row 2 is no JSON: invalid character 'c' looking for beginning of object key string"},
		"no comma":       {"u.json", "[{}\n{}]", "1@1 {}\n", `u.json:2:1: after row 1: "{" where , or ] is expected`},
		"comma at end":   {"u.json", "[{},\n]", "1@1 {}\n", `u.json:2:1: row 2 begins with "]", which is no JSON`},
		"cut off":        {"u.json", "[{},\n{\"a\"", "1@1 {}\n", "u.json:2:4: the file ends in the midst of its list, after row 1"},
		"never closed":   {"u.json", "[{},{}", "1@1 {}\n2@1 {}\n", "u.json:1:6: the file ends in the midst of its list, after row 2"},
		"behind it":      {"u.json", "[{}]\n{}", "1@1 {}\n", `u.json:2:1: after the list: "{" where the file should end`},
		"brackets":       {"u.json", `[{"a":"]}\"","b":[{"c":"\\"}]}]`, "1@1 {\"a\":\"]}\\\"\",\"b\":[{\"c\":\"\\\\\"}]}\n", ""},
		"lines":          {"u.ndjson", "{\"a\":1}\r\n\r\n{\"b\":2\n{\"c\":3}", "1@1 {\"a\":1}\n2@3 invalid_json: the line is no JSON: unexpected end of JSON input (column 6)\n3@4 {\"c\":3}\n", ""},
		"by its text":    {"users", "{\"a\":1}\n{\"b\":2}\n", "1@1 {\"a\":1}\n2@2 {\"b\":2}\n", ""},
		"UTF-16":         {"u.csv", "\xff\xfee\x00", "", "u.csv:1:1: the text is UTF-16, and only UTF-8 is read"},
		"csv":            {"u.csv", "\uFEFFemail,app_metadata.plan,email_verified,user_metadata.n:number\r\na@x.y,gold,TRUE,007\r\nb@x.y,,false,7\r\n", "1@2 invalid_row: column user_metadata.n: the value is no number\n2@3 {\"email\":\"b@x.y\",\"email_verified\":false,\"user_metadata\":{\"n\":7}}\n", ""},
		"csv texts":      {"u.csv", "email,user_metadata.zip,user_metadata.a.b:json\n\"a,\"\"x\"\"@x.y\",01234,\"[1,{\"\"c\"\":2}]\"\n", "1@2 {\"email\":\"a,\\\"x\\\"@x.y\",\"user_metadata\":{\"zip\":\"01234\",\"a\":{\"b\":[1,{\"c\":2}]}}}\n", ""},
		"csv lines":      {"u.csv", "email,name\na,\"two\nlines\"\nb\nc,d,e\nf,g\n", "1@2 {\"email\":\"a\",\"name\":\"two\\nlines\"}\n2@4 invalid_row: the row has 1 fields, the head has 2\n3@5 invalid_row: the row has 3 fields, the head has 2\n4@6 {\"email\":\"f\",\"name\":\"g\"}\n", ""},
		"csv quotes":     {"u.csv", "email,name\na,x\"y\nb,z\n", "1@2 invalid_row: bare \" in non-quoted-field (line 2, column 4)\n2@3 {\"email\":\"b\",\"name\":\"z\"}\n", ""},
		"csv of Auth0":   {"u.csv", "\"user_id\",\"name\"\n\"'auth0|a\",\"'=1+1\"\n\"'auth0|b\",\"''x\"\n", "1@2 {\"user_id\":\"a\",\"name\":\"=1+1\"}\n2@3 {\"user_id\":\"b\",\"name\":\"'x\"}\n", ""},
		"csv head twice": {"u.csv", "email,name,email\n", "", `u.csv:1: column 3, "email": the column is there twice`},
		"csv head both":  {"u.csv", "app_metadata,app_metadata.x\n", "", `u.csv:1: column 2, "app_metadata.x": the column app_metadata holds the same field`},
		"csv head type":  {"u.csv", "a:int\n", "", `u.csv:1: column 1, "a:int": the type int is none of text, number, boolean and json`},
		"csv head blank": {"u.csv", "a,,b\n", "", `u.csv:1: column 2, "": the name is empty, or a part of it`},
		"csv empty":      {"u.csv", "", "", "u.csv: the file is empty"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := readAllRows(t, tc.text, tc.name, "")
			if got := showRows(rows); got != tc.rows {
				t.Errorf("got\n%swant\n%s", got, tc.rows)
			}
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || err.Error() != tc.err) {
				t.Errorf("got the error %v, want %s", err, tc.err)
			}
		})
	}
}

func TestReadUsersPacked(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("{\"a\":1}\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	rows, err := readAllRows(t, packed.String(), "u.json.gz", "")
	if err != nil || showRows(rows) != "1@1 {\"a\":1}\n" {
		t.Errorf("got %s, %v", showRows(rows), err)
	}
}

// What never ends its first row is not read into memory.
func TestReadUsersBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxRow+1<<17)
	for name, text := range map[string]string{"u.json": `[{"a":"` + long, "u.ndjson": `{"a":"` + long, "u.csv": "a\n\"" + long} {
		_, err := readAllRows(t, text, name, "")
		if _, ok := errors.AsType[*FileError](err); !ok || !strings.Contains(err.Error(), "row 1 does not end within 16 MB") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Whatever the rows are, the parts hold all of them in their order, none is too
// long, and each row stands in the place that the part says.
func TestCutUsers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(20, 200).Draw(t, "size")
		var text strings.Builder
		var want []string
		bad := map[int]bool{}
		n := rapid.IntRange(0, 40).Draw(t, "rows")
		for i := 1; i <= n; i++ {
			user := fmt.Sprintf(`{"email":"%d%s"}`, i, strings.Repeat("x", rapid.IntRange(0, 60).Draw(t, "long")))
			switch {
			case rapid.IntRange(0, 9).Draw(t, "bad") == 0:
				user, bad[i] = `{"email":`, true
			case len(user)+2 > size:
				bad[i] = true
			default:
				want = append(want, fmt.Sprintf("%d %s", i, user))
			}
			text.WriteString(user + "\n")
		}
		var got []string
		number, badRows := 0, 0
		for part, err := range CutUsers(ReadUsers(strings.NewReader(text.String()), "u.ndjson", ""), size) {
			if err != nil {
				t.Fatal(err)
			}
			number++
			if part.Number != number || len(part.Body) > size || part.Users != len(part.rows) {
				t.Fatalf("part %d is %d, of %d bytes", part.Number, number, len(part.Body))
			}
			for _, r := range part.rows {
				got = append(got, fmt.Sprintf("%d %s", r.row, part.Body[r.from:r.to]))
			}
			rows := strings.Split(strings.Trim(string(part.Body), "[]"), "},{")
			if part.Users > 0 && len(rows) != part.Users {
				t.Fatalf("the body %s has %d users", part.Body, part.Users)
			}
			for _, b := range part.Bad {
				badRows++
				if !bad[b.Row] {
					t.Fatalf("row %d is called bad: %s", b.Row, b.Message)
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || badRows != len(bad) {
			t.Fatalf("got %v and %d bad ones, want %v and %d", got, badRows, want, len(bad))
		}
	})
}

// A user that the tenant names is found among the rows by its names; of equal
// ones the later rows are meant.
func TestExplain(t *testing.T) {
	t.Parallel()
	text := `{"email":"a@x.y","user_id":"1"}
{"email":"b@x.y"}
{"email":"b@x.y"}
{"email":"B@x.y","user_id":"2"}
{"given_name":"nobody"}
`
	for part, err := range CutUsers(ReadUsers(strings.NewReader(text), "u.ndjson", ""), 0) {
		if err != nil {
			t.Fatal(err)
		}
		got, err := part.explain([]byte(`[
			{"user":{"given_name":"nobody"},"errors":[{"code":"A","message":"no mail","path":"email"}]},
			{"user":{"email":"b@x.y"},"errors":[{"code":"B","message":"there"}]},
			{"user":{"email":"b@x.y","user_id":"2"},"errors":[{"code":"C","message":"there"}]},
			{"user":{"email":"A@x.y"},"errors":[]},
			{"user":{"email":"stranger@x.y"},"errors":[{"code":"D","message":"?"}]}]`))
		if err != nil {
			t.Fatal(err)
		}
		var shown []string
		for _, e := range got {
			shown = append(shown, fmt.Sprintf("%d@%d:%s:%s", e.Row, e.Line, e.Code, e.ID))
		}
		if want := "[0@0:D: 1@1:: 3@3:B: 4@4:C:auth0|2 5@5:A:]"; fmt.Sprint(shown) != want {
			t.Errorf("got %v, want %s", shown, want)
		}
	}
}
