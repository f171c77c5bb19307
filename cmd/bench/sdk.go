package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"time"

	"a0run/client"
	"a0run/client/catalog"
)

// plainUser is a user as one would write it for encoding/json alone.
type plainUser struct {
	UserID        string          `json:"user_id,omitempty"`
	Email         string          `json:"email,omitempty"`
	EmailVerified bool            `json:"email_verified,omitempty"`
	Name          string          `json:"name,omitempty"`
	Nickname      string          `json:"nickname,omitempty"`
	GivenName     string          `json:"given_name,omitempty"`
	FamilyName    string          `json:"family_name,omitempty"`
	Picture       string          `json:"picture,omitempty"`
	Blocked       bool            `json:"blocked,omitempty"`
	UserMetadata  map[string]any  `json:"user_metadata,omitempty"`
	AppMetadata   map[string]any  `json:"app_metadata,omitempty"`
	Identities    []plainIdentity `json:"identities,omitempty"`
	CreatedAt     time.Time       `json:"created_at"`
	UpdatedAt     time.Time       `json:"updated_at"`
	LastLogin     time.Time       `json:"last_login"`
	LastIP        string          `json:"last_ip,omitempty"`
	LoginsCount   int64           `json:"logins_count,omitempty"`
}

type plainIdentity struct {
	Connection string `json:"connection"`
	UserID     string `json:"user_id"`
	Provider   string `json:"provider"`
	IsSocial   bool   `json:"isSocial"`
}

// usersPage is a page as the tenant answers it.
func usersPage(n int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"start":0,"limit":%d,"length":%d,"total":%d,"users":[`, n, n, n)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"user_id":"auth0|63d17c4a8869daf88ed7%04d","email":"user%d@example.com","email_verified":true,"name":"Given Family %d","nickname":"user%d",`+
			`"given_name":"Given","family_name":"Family","picture":"https://s.gravatar.com/avatar/%032d?s=480&r=pg","created_at":"2024-01-01T00:00:00.000Z",`+
			`"updated_at":"2026-02-03T04:05:06.789Z","last_login":"2026-02-03T04:05:06.789Z","last_ip":"192.0.2.7","logins_count":%d,`+
			`"identities":[{"connection":"Username-Password-Authentication","user_id":"63d17c4a8869daf88ed7%04d","provider":"auth0","isSocial":false}],`+
			`"user_metadata":{"theme":"dark","address":{"city":"Oslo","zip":"0150"}},"app_metadata":{"plan":"pro","seats":%d,"flags":["a","b","c"]}}`,
			i, i, i, i, i, i, i, i%40)
	}
	b.WriteString("]}")
	return b.Bytes()
}

// sdk compares the Go client with encoding/json and with a bare net/http.
func (b *bench) sdk() error {
	fmt.Println()
	if err := b.pages(); err != nil {
		return err
	}
	return b.overhead()
}

// pages decodes and encodes a page of 100 users.
func (b *bench) pages() error {
	text := usersPage(100)
	op, _ := catalog.Default().Lookup("users.list")
	do := func(context.Context, *catalog.Operation, client.Args) (*client.Response, error) {
		return &client.Response{Status: http.StatusOK, Body: text}, nil
	}
	var users []*client.User
	ours := func() error {
		users = users[:0]
		for item, err := range client.Walk(context.Background(), op, nil, do) { // the pages of Users().List
			if err != nil {
				return err
			}
			u := new(client.User)
			if err := u.UnmarshalJSON(item); err != nil {
				return err
			}
			users = append(users, u)
		}
		return nil
	}
	var plain struct{ Users []*plainUser }
	structs := func() error { plain.Users = nil; return json.Unmarshal(text, &plain) }
	anything := func() error { var v any; return json.Unmarshal(text, &v) }
	if err := ours(); err != nil || len(users) != 100 || users[7].LoginsCount.Value() != 7 {
		return fmt.Errorf("%d users, %w", len(users), err)
	}
	if err := structs(); err != nil {
		return err
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return err
	}
	encode := func(v any) func() error { return func() error { _, err := json.Marshal(v); return err } }
	each := func() error { // as the client writes what it sends; json.Marshal reads that once more
		b := make([]byte, 0, len(text))
		for _, u := range users {
			one, err := u.MarshalJSON()
			if err != nil {
				return err
			}
			b = append(append(b, ','), one...)
		}
		if len(b) < len(text)/2 {
			return fmt.Errorf("only %d bytes were written", len(b))
		}
		return nil
	}
	for _, c := range []struct {
		name         string
		mine, theirs func() error
	}{
		{"decode a page, encoding/json to structs", ours, structs},
		{"decode a page, encoding/json to any", ours, anything},
		{"encode a page, encoding/json of structs", each, encode(plain.Users)},
		{"encode a page, encoding/json of maps", each, encode(tree)},
		{"… ours through json.Marshal, of structs", encode(users), encode(plain.Users)},
	} {
		mine, theirs, ratio, err := b.against(50, c.mine, c.theirs)
		if err != nil {
			return err
		}
		fmt.Printf("%-42s %6.0f µs, ours %6.0f µs, ratio %.2f (goal 1.30)\n", c.name, theirs, mine, ratio)
	}
	return nil
}

// against runs two things turn by turn, n times each, and gives the medians of
// their CPU time, in µs, and that of the ratios of the turns. Other processes take
// time of the clock, but none of this.
func (b *bench) against(n int, mine, theirs func() error) (ours, others, ratio float64, err error) {
	var a, c, r []float64
	for range 3 * b.pairs {
		whole, err := cpuOf(n, mine)
		if err != nil {
			return 0, 0, 0, err
		}
		bare, err := cpuOf(n, theirs)
		if err != nil {
			return 0, 0, 0, err
		}
		a = append(a, float64(whole.Nanoseconds())/1000/float64(n))
		c = append(c, float64(bare.Nanoseconds())/1000/float64(n))
		r = append(r, float64(whole)/float64(bare))
	}
	return median(a), median(c), median(r), nil
}

// cpuOf is the CPU time of this process while it does something n times.
func cpuOf(n int, do func() error) (time.Duration, error) {
	began, err := cpu()
	if err != nil {
		return 0, err
	}
	for range n {
		if err := do(); err != nil {
			return 0, err
		}
	}
	ended, err := cpu()
	return ended - began, err
}

func cpu() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// overhead is a call of one user beside the same request by net/http, to the same
// server of this process.
func (b *bench) overhead() error {
	page := usersPage(1)
	user := page[bytes.IndexByte(page, '[')+1 : len(page)-2]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h := w.Header()
		h["Content-Type"] = []string{"application/json; charset=utf-8"}
		h["X-Ratelimit-Limit"], h["X-Ratelimit-Remaining"], h["X-Ratelimit-Reset"] = []string{"1000000"}, []string{"999999"}, []string{"4102444800"}
		_, _ = w.Write(user)
	}))
	defer server.Close()
	c, err := client.New(server.URL, client.WithToken("t"))
	if err != nil {
		return err
	}
	defer c.CloseIdleConnections()
	ctx := context.Background()
	plain := &http.Client{Transport: &http.Transport{}}
	defer plain.CloseIdleConnections()
	bare := func(method, body string) func() error {
		return func() error {
			return plainCall(plain, method, server.URL+"/api/v2/users/auth0%7C1", body)
		}
	}
	for _, call := range []struct {
		name         string
		mine, theirs func() error
	}{
		{"read a user", func() error { _, err := c.Users().Get(ctx, "auth0|1"); return err }, bare(http.MethodGet, "")},
		{"patch a user", func() error {
			_, err := c.Users().Update(ctx, "auth0|1", &client.User{Blocked: client.Set(true)})
			return err
		}, bare(http.MethodPatch, `{"blocked":true}`)},
	} {
		mine, theirs, ratio, err := b.against(200, call.mine, call.theirs)
		if err != nil {
			return err
		}
		fmt.Printf("%-42s %6.0f µs, ours %6.0f µs, ratio %.2f\n", call.name+", net/http", theirs, mine, ratio)
	}
	return nil
}

// plainCall sends and decodes without any of what a client does.
func plainCall(c *http.Client, method, address, body string) error {
	var reader io.Reader
	if body != "" {
		reader = bytes.NewReader([]byte(body))
	}
	req, err := http.NewRequestWithContext(context.Background(), method, address, reader)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer t")
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var user plainUser
	return json.Unmarshal(text, &user)
}
