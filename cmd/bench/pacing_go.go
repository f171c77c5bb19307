package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// paceGo is what a Go programmer writes who knows the tenant's limits: net/http, 16
// goroutines and a fixed limiter for each. A refusal loses the user.
func paceGo(ctx context.Context, j paceJob) error {
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}
	token, err := plainToken(c, []string{j.ready.BaseURL, j.ready.ClientID, j.ready.ClientSecret})
	if err != nil {
		return err
	}
	limiters := map[string]*rate.Limiter{}
	for name, l := range j.limits {
		// One less than there is: two clocks that tick a little apart cost a refusal,
		// and one at the listing all that comes after it.
		limiters[name] = rate.NewLimiter(rate.Limit(l.rate), l.burst-1)
	}
	p := &goJob{client: c, base: j.base, token: token, limiters: limiters}
	work := make(chan string, 100)
	var wg sync.WaitGroup
	var lost atomic.Int64
	for range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for id := range work {
				if _, err := p.send(ctx, http.MethodPatch, "users/"+url.PathEscape(id), `{"user_metadata":{"seen":true}}`); err != nil {
					lost.Add(1)
				}
			}
		}()
	}
	err = p.list(ctx, j.users, work)
	close(work)
	wg.Wait()
	if n := lost.Load(); err == nil && n > 0 {
		err = fmt.Errorf("%d users were given up", n)
	}
	return err
}

type goJob struct {
	client      *http.Client
	base, token string
	limiters    map[string]*rate.Limiter
}

// list reads the pages that the API gives, and names the other users by itself; a
// page each as for those.
func (p *goJob) list(ctx context.Context, users int, work chan<- string) error {
	n := 0
	for page := 0; n < users; page++ {
		text, err := p.send(ctx, http.MethodGet, fmt.Sprintf("users?per_page=100&page=%d", page%10), "")
		if err != nil {
			return err
		}
		var got []struct {
			ID string `json:"user_id"`
		}
		if err := json.Unmarshal(text, &got); err != nil {
			return err
		}
		for _, u := range got {
			id := u.ID
			if page >= 10 {
				id = fmt.Sprintf("auth0|u%d", n)
			}
			work <- id
			n++
		}
	}
	return nil
}

func (p *goJob) send(ctx context.Context, method, path, body string) ([]byte, error) {
	group := "users.write"
	if method == http.MethodGet {
		group = "users.read"
	}
	for _, name := range []string{"", group} {
		if l := p.limiters[name]; l != nil {
			if err := l.Wait(ctx); err != nil {
				return nil, err
			}
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+"/api/v2/"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return text, err
}
