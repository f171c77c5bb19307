package sim

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// LogIn walks through the pages of a log-in as a browser does, and gives the
// address to which the browser is sent back, with code or error: address is
// that of /authorize, as the application makes it. It accepts what the
// application asks for, and takes codes out of the mailbox; whoever wants to see
// the pages uses a browser.
func (t *Tenant) LogIn(address, name, password string) (*url.URL, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(t.BaseURL())
	if err != nil {
		return nil, err
	}
	client := &http.Client{Jar: jar, Transport: t.Transport(), CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Host != base.Host || len(via) > 20 {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := client.Get(address) //nolint:noctx // in memory: nothing to wait for
	for range 10 {
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			return nil, err
		}
		if to := res.Header.Get("Location"); to != "" {
			return url.Parse(to)
		}
		form := t.filled(res.Request.URL, name, password)
		if form == nil || res.StatusCode >= http.StatusBadRequest {
			return nil, fmt.Errorf("the log-in ends at %s with %d: %s", res.Request.URL.Path, res.StatusCode, alerted(string(text)))
		}
		res, err = client.PostForm(res.Request.URL.String(), form) //nolint:noctx // in memory: nothing to wait for
		if err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the log-in goes round in circles")
}

// filled is the form of a page, filled in.
func (t *Tenant) filled(page *url.URL, name, password string) url.Values {
	switch page.Path {
	case "/u/login":
		return url.Values{"username": {name}, "password": {password}}
	case "/u/consent":
		return url.Values{"action": {"accept"}}
	case "/u/identity":
		return url.Values{"email": {name}}
	case "/u/login-passwordless":
		if code := t.lastCode(); code != "" {
			return url.Values{"username": {name}, "code": {code}}
		}
		return url.Values{"username": {name}}
	case "/u/mfa":
		return url.Values{"code": {t.lastCode()}}
	}
	return nil
}

func (t *Tenant) lastCode() string {
	code := ""
	for _, m := range t.Mail() {
		code = firstOf(m.Code, code)
	}
	return code
}

// alerted is what a page says is wrong.
func alerted(page string) string {
	if m := regexp.MustCompile(`role="alert">([^<]*)<`).FindStringSubmatch(page); m != nil {
		return m[1]
	}
	if m := regexp.MustCompile(`<title>([^<]*)</title>`).FindStringSubmatch(page); m != nil {
		return m[1]
	}
	return strings.TrimSpace(page[:min(len(page), 200)])
}
