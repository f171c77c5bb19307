package sim_test

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// A person is a browser at a tenant, with its cookies: it follows redirects of
// the tenant and stops where the application's address begins.
type person struct {
	*desk
	browser *http.Client
	at      *url.URL
	page    string
	status  int
	back    *url.URL // where the application was called, nil while on a page
}

func (d *desk) person() *person {
	d.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	base, err := url.Parse(d.tenant.BaseURL())
	if err != nil {
		d.t.Fatal(err)
	}
	return &person{desk: d, browser: &http.Client{
		Jar: jar, Transport: d.tenant.Transport(),
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if r.URL.Host != base.Host {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

func (p *person) came(res *http.Response, err error) *person {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	p.at, p.page, p.status, p.back = res.Request.URL, html.UnescapeString(string(text)), res.StatusCode, nil
	if to := res.Header.Get("Location"); to != "" {
		if p.back, err = url.Parse(to); err != nil {
			p.t.Fatal(err)
		}
	}
	return p
}

// open opens a path of the tenant, or an address.
func (p *person) open(path string) *person {
	p.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = p.tenant.BaseURL() + path
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	return p.came(p.browser.Do(r)) //nolint:bodyclose // came closes it
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// send fills in the page's form and sends it: pairs of names and values.
func (p *person) send(fields ...string) *person {
	p.t.Helper()
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(p.page, -1) {
		v.Set(m[1], m[2])
	}
	for i := 0; i+1 < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.at.String(), strings.NewReader(v.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html")
	return p.came(p.browser.Do(r)) //nolint:bodyclose // came closes it
}

// sees fails unless the page has a text.
func (p *person) sees(text string) *person {
	p.t.Helper()
	if p.back != nil || !strings.Contains(p.page, text) {
		p.t.Fatalf("at %s (%d) stands no %q: back to %v\n%s", p.at, p.status, text, p.back, p.page)
	}
	return p
}

// returned is the query or fragment with which the application was called.
func (p *person) returned() url.Values {
	p.t.Helper()
	if p.back == nil {
		p.t.Fatalf("the browser is still at %s (%d)\n%s", p.at, p.status, p.page)
	}
	if p.back.Fragment != "" {
		v, err := url.ParseQuery(p.back.Fragment)
		if err != nil {
			p.t.Fatal(err)
		}
		return v
	}
	return p.back.Query()
}

// authorize is the address of a log-in for the tenant's own application, by
// names and values.
func (d *desk) authorize(fields ...string) string {
	q := url.Values{
		"client_id": {d.tenant.Credentials().ClientID}, "response_type": {"code"}, "redirect_uri": {"https://app.example/callback"},
		"scope": {"openid"}, "state": {"s"},
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i+1] == "" {
			q.Del(fields[i])
		} else {
			q.Set(fields[i], fields[i+1])
		}
	}
	return "/authorize?" + q.Encode()
}

// exchange gets the tokens of the code with which the browser came back.
func (p *person) exchange(more ...string) map[string]any {
	p.t.Helper()
	fields := map[string]string{"code": p.returned().Get("code"), "redirect_uri": "https://app.example/callback"}
	for i := 0; i+1 < len(more); i += 2 {
		fields[more[i]] = more[i+1]
	}
	a := p.form("/oauth/token", p.runner("authorization_code", fields))
	if a.status != 200 {
		p.t.Fatalf("no tokens: %d %s", a.status, a.text)
	}
	return a.object(p.t)
}

// logs are the types of the tenant's log, oldest first, without those of calls
// of the Management API.
func (d *desk) logs() []string {
	d.t.Helper()
	var out []string
	for _, v := range d.want(200, "GET", "/api/v2/logs?per_page=100&sort=date:1", "").list(d.t) {
		if kind := v.(map[string]any)["type"].(string); kind != "sapi" && kind != "fapi" {
			out = append(out, kind)
		}
	}
	return out
}
