package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// FuzzErrorBody: whatever a tenant, or a proxy, answers with, a call gives a
// value or one of the package's errors, with what came kept, and never the
// secret that the request held.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		`{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}`,
		`{"error":"invalid_grant","error_description":"Wrong email or password."}`,
		`{"code":"invalid_password","description":{"rules":[]},"name":"PasswordStrengthError"}`,
		`{"error":"mfa_required","mfa_token":"x"}`, `["a"]`, `"no"`, `7`, `null`, `true`, ``, `no healthy upstream`, `<html>`,
		`{"error":`, `{"error":{"error":[]}}`, "\xff\xfe", `{"message":"` + canary + `"}`, `{"errorCode":null,"error":null}`,
		`{"error":"slow_down"}`,
	} {
		f.Add(400, "application/json", body, "1")
		f.Add(429, "text/html", body, "soon")
		f.Add(200, "", body, "")
	}
	f.Fuzz(func(t *testing.T, status int, kind, body, reset string) {
		if status < 200 || status > 599 {
			return
		}
		cfg := mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
			resp := respond(r, status, body)
			resp.Header = http.Header{"Content-Type": {kind}, "X-Ratelimit-Reset": {reset}, "X-Request-Id": {"req-1"}}
			return resp, nil
		}))
		cfg.NoRetry, cfg.Token = true, canary
		c := must(open(cfg))
		for _, call := range []func() (*Response, error){
			func() (*Response, error) { return c.Do(context.Background(), "users.get", Args{"id": "x"}) },
			func() (*Response, error) {
				return c.Do(context.Background(), "get_token.device_code", Args{"device_code": canary})
			},
			func() (*Response, error) {
				return c.Do(context.Background(), "authentication.database.change_password", Args{"email": "e", "connection": "c"})
			},
		} {
			resp, err := call()
			if err == nil {
				if resp == nil || resp.Body != nil && !json.Valid(resp.Body) {
					t.Errorf("a good answer is no JSON: %v", resp)
				}
				continue
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the secret is in %v", err)
			}
			_, api := errors.AsType[*Auth0Error](err)
			_, network := errors.AsType[*NetworkError](err)
			if !api && !network {
				t.Errorf("a foreign error %T: %v", err, err)
			}
			_, _, _ = Classify(err), ResetTime(err), InDoubt(err)
			if e, ok := errors.AsType[*Auth0Error](err); ok {
				if strings.Contains(string(e.Body), canary) || e.Content != nil && !json.Valid(e.Content) || e.RequestID != "req-1" || e.StatusCode != status {
					t.Errorf("%+v", e)
				}
				_, _, _ = e.Hint(), e.Code(), e.Error()
			}
		}
	})
}

// FuzzPage: whatever stands in the pages of a listing, walking it ends, gives
// JSON, and asks no more often than there is something to ask for.
func FuzzPage(f *testing.F) {
	for _, page := range []string{
		`[]`, `{}`, `null`, `7`, `"x"`, ``, `[{"user_id":"a"}]`, `{"users":[{"user_id":"a"}],"total":1,"start":0,"limit":50,"length":1}`,
		`{"users":[],"total":1e99}`, `{"users":{},"total":-1}`, `{"users":[1,"x",null,[]],"total":"4"}`, `{"clients":[{}],"next":"n"}`,
		`{"clients":[{}],"next":""}`, `{"clients":null,"next":5}`, `{"logs":[{"log_id":"1"}]}`, `[{"log_id":"1"},{"log_id":null}]`,
		`{"users":[{"user_id":"a","created_at":"2020-01-01T00:00:00.000Z"}],"total":2000}`, `{"total":9,"start":8,"limit":1,"connections":[{"id":"c"}]}`,
	} {
		f.Add(page, page)
		f.Add(page, `[]`)
	}
	f.Fuzz(func(t *testing.T, first, later string) {
		for _, op := range []string{"users.list", "clients.list", "logs.list", "connections.list", "organizations.list", "device_credentials.list", "custom_domains.list"} {
			asked := 0
			ctx, cancel := context.WithCancel(context.Background())
			cfg := mintConfig(transportFunc(func(r *http.Request) (*http.Response, error) {
				asked++
				if asked > 5000 { // more than any walk of such pages has to ask
					cancel()
					t.Errorf("%s asks without end", op)
				}
				body := later
				if asked == 1 {
					body = first
				}
				return respond(r, 200, body), nil
			}))
			cfg.NoRetry, cfg.Token, cfg.Now = true, "t", time.Now
			c := must(open(cfg))
			items := 0
			for item, err := range c.Each(ctx, op, nil) {
				if err != nil {
					break
				}
				if !json.Valid(item) {
					t.Errorf("%s gives an item that is no JSON: %q", op, item)
				}
				if items++; items > 2000 {
					break
				}
			}
			cancel()
		}
	})
}
