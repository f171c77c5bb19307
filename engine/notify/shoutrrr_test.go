package notify

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"a0run/engine"
)

// The library itself, over a socket.
func TestShoutrrr(t *testing.T) {
	t.Parallel()
	got := make(chan map[string]string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var message map[string]string
		if json.Unmarshal(body, &message) != nil || r.URL.Path != "/hooks/t0ken" {
			http.Error(w, "no", http.StatusTeapot)
			return
		}
		got <- message
	}))
	defer server.Close()
	address := "generic://" + strings.TrimPrefix(server.URL, "http://") + "/hooks/t0ken?disabletls=yes&template=json"
	errs := Test(Options{Receivers: []Receiver{
		{Name: "ok", URL: engine.Secret(address)},
		{Name: "refusing", URL: engine.Secret(strings.Replace(address, "t0ken", "s3cr3t-t0ken", 1))},
		{Name: "nobody", URL: "generic://127.0.0.1:1/s3cr3t-path?disabletls=yes"},
	}}, Notice{Kind: Failed, Playbook: "nightly", Run: "0123", At: time.Now()})
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	message := <-got
	if message["title"] != "a0run: a run failed: nightly" || !strings.Contains(message["message"], "a0run runs show 0123") {
		t.Errorf("got %v", message)
	}
	for i, want := range map[int]string{1: "418", 2: "refused"} {
		if errs[i] == nil || !strings.Contains(errs[i].Error(), want) || strings.Contains(errs[i].Error(), "s3cr3t") {
			t.Errorf("%d: %v, want %s and no token", i, errs[i], want)
		}
	}
}

// The library writes the parts of an address in another way into what it asks.
func TestHideURL(t *testing.T) {
	t.Parallel()
	const slack = "slack://hook:TAAAAAAAA-BBBBBBBBB-123456789123456789123456@webhook"
	for _, c := range []struct{ address, text, want string }{
		{
			slack, `Post "https://hooks.slack.com/services/TAAAAAAAA/BBBBBBBBB/123456789123456789123456": dial tcp: no such host`,
			`Post "https://hooks.slack.com[secret]": dial tcp: no such host`,
		},
		{slack, "123456789123456789123456 of BBBBBBBBB is revoked", "[secret] of [secret] is revoked"},
		{
			"generic://hooks.example.com/T0?template=json", `Post "https://hooks.example.com/T0?x=1": refused`,
			`Post "https://hooks.example.com[secret]": refused`,
		},
		{"generic://a.example.com/p", "see https://u:pw@b.example.com and https://c.example.com: no", "see https://b.example.com[secret] and https://c.example.com: no"},
	} {
		if got := HideURL(c.address, c.text); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// A receiver whose sender hides that nothing was sent is refused, and not offered.
func TestTelegramIsRefused(t *testing.T) {
	t.Parallel()
	err := CheckURL("telegram://123456789:AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIII@telegram?chats=@chan")
	if err == nil || !strings.Contains(err.Error(), "generic") || strings.Contains(err.Error(), "AAAABBBB") {
		t.Errorf("got %v", err)
	}
	if slices.Contains(services(), telegram) {
		t.Error("it is offered")
	}
}
