package image

import (
	"encoding/json"
	"testing"
	"time"
)

// TestText sees that an image is written as encoding/json writes it, but for what
// that would escape.
func TestText(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("", 3600))
	for _, i := range []Image{
		{Found: true, Value: json.RawMessage(`{"a":"b","n":[1,null]}`), Read: "users.get", At: at, Reused: true},
		{Found: true, Value: json.RawMessage(`[]`), Read: "users.list_roles", At: at},
		{Read: "users.get", At: at},
		{Found: true, Value: json.RawMessage(`"text"`), At: at},
		{Found: true, Read: "users.get", At: at},
		{Found: true, Read: `users"get`, Value: json.RawMessage(`{}`), At: at},
		{Found: true, Read: "roles.get", At: at, Each: []Element{{Item: json.RawMessage(`"x"`), Found: true, Value: json.RawMessage(`{"b":1}`)}}},
	} {
		want, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := i.text(); err != nil || string(got) != string(want) {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
	link := Image{Found: true, Value: json.RawMessage(`{"picture":"https://x/?a=1&b=2"}`), Read: "users.get", At: at}
	got, err := link.text()
	if back, failed := Parse(got); err != nil || failed != nil || string(back.Value) != string(link.Value) || !back.At.Equal(at) {
		t.Errorf("%s, %v, %v", got, err, failed)
	}
	if _, err := (&Image{Found: true, Read: "users.get", Value: json.RawMessage(`{"a":`)}).text(); err == nil {
		t.Error("half an object was written")
	}
}
