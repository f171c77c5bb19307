package sim_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"a0run/client/sim"
)

// ask sends a request ("GET https://…") to a tenant of many and gives the status
// and the text.
func ask(t *testing.T, client *http.Client, what string, sent ...string) (int, string) {
	t.Helper()
	method, url, _ := strings.Cut(what, " ")
	token, body := sent[0], sent[1]
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// TestManyTenants: host names tell tenants of one process apart: their state,
// issuers, tokens, limits, faults and control tokens are their own, and one
// certificate covers all names.
func TestManyTenants(t *testing.T) {
	all, client := sim.StartAll(t, map[string]sim.Options{
		"acme.localhost": {Seed: []byte("users: [{email: ann@acme.example}]")},
		"Beta.localhost": {Limits: sim.Limits{Rate: 0.001, Burst: 1}},
	})
	acme, beta := all["acme.localhost"], all["Beta.localhost"]
	if acme.Domain() == beta.Domain() || !strings.HasPrefix(acme.Issuer(), "https://acme.localhost:") {
		t.Fatalf("issuers %s and %s", acme.Issuer(), beta.Issuer())
	}
	tokens := map[*sim.Tenant]string{}
	for _, one := range all {
		c := one.Credentials()
		status, text := ask(t, client, "POST "+c.BaseURL+"/oauth/token", "", `{"grant_type":"client_credentials","client_id":"`+c.ClientID+`","client_secret":"`+c.ClientSecret+`","audience":"https://`+c.Domain+`/api/v2/"}`)
		var got struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
			t.Fatalf("%s: %d %s", c.BaseURL, status, text)
		}
		tokens[one] = got.Token
	}
	for i, c := range []struct {
		at, of *sim.Tenant
		status int
		text   string
	}{
		{acme, acme, 200, "ann@acme.example"}, {acme, beta, 401, "issuer"}, {beta, beta, 200, "[]"}, {beta, beta, 429, "Global limit"}, {acme, acme, 200, "ann"},
	} {
		status, text := ask(t, client, "GET "+c.at.BaseURL()+users, tokens[c.of], "")
		if status != c.status || !strings.Contains(text, c.text) {
			t.Errorf("%d: got %d %s, want %d with %q", i, status, text, c.status, c.text)
		}
	}
	if status, _ := ask(t, client, "GET "+acme.BaseURL()+"/__a0run/clock", beta.Credentials().ControlToken, ""); status != 401 {
		t.Errorf("the control token of one opens the other: %d", status)
	}
	if status, text := ask(t, client, "GET "+acme.BaseURL()+"/.well-known/openid-configuration", "", ""); status != 200 || !strings.Contains(text, `"issuer":"`+acme.Issuer()+`"`) {
		t.Errorf("discovery: %d %s", status, text)
	}
	acme.Inject(sim.Fault{Status: 503})
	if status, _ := ask(t, client, "GET "+acme.BaseURL()+users, tokens[acme], ""); status != 503 || len(beta.Requests()) != 3 {
		t.Errorf("faults or logs are shared: %d, %d requests", status, len(beta.Requests()))
	}
}

// TestManyTenantsServed: the ready file has each, a host that is none's is told
// which there are, and each keeps its state in a file of its own.
func TestManyTenantsServed(t *testing.T) {
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready.json")
	life := func(check func(client *http.Client, at map[string]sim.Credentials)) {
		var list []*sim.Tenant
		for _, name := range []string{"a.localhost", "b.localhost:7777"} {
			one, err := sim.New(sim.Options{Domain: name, Data: filepath.Join(dir, strings.ReplaceAll(name, ":", "_")+".db")})
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, one)
		}
		ctx, stop := context.WithCancel(t.Context())
		up, ended := make(chan struct{}, 2), make(chan error, 1)
		go func() {
			ended <- sim.ServeAll(ctx, list, sim.ServeOptions{ReadyFile: ready, Ready: func(sim.Credentials) { up <- struct{}{} }})
		}()
		<-up
		<-up
		var file struct {
			Tenants map[string]sim.Credentials `json:"tenants"`
		}
		text, err := os.ReadFile(ready)
		if err != nil || json.Unmarshal(text, &file) != nil || len(file.Tenants) != 2 {
			t.Fatalf("%v: %s", err, text)
		}
		check(http.DefaultClient, file.Tenants)
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		for _, one := range list {
			if err := one.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The names need not be resolved: the Host header says which.
	send := func(host, method, url, token, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewBufferString(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	life(func(_ *http.Client, at map[string]sim.Credentials) {
		a, b := at["a.localhost"], at["b.localhost"]
		if !strings.HasPrefix(a.BaseURL, "http://a.localhost:") || b.Domain != "b.localhost:7777" || a.ControlToken == b.ControlToken {
			t.Fatalf("%+v", at)
		}
		address := "http://127.0.0.1:" + a.BaseURL[strings.LastIndexByte(a.BaseURL, ':')+1:]
		if status, text := send("a.localhos", "GET", address+"/api/v2/users", "", ""); status != 421 || !strings.Contains(text, `did you mean \"a.localhost\"`) {
			t.Errorf("an unknown host: %d %s", status, text)
		}
		if status, text := send("127.0.0.1", "GET", address+"/", "", ""); status != 200 || !strings.Contains(text, `href="`+a.BaseURL+`/"`) {
			t.Errorf("the page of all: %d %s", status, text)
		}
		if status, text := send("A.localhost.", "PUT", address+"/__a0run/snapshots/x", a.ControlToken, ""); status != 404 {
			t.Errorf("the control API of one: %d %s", status, text)
		}
		status, text := send("a.localhost", "POST", address+"/oauth/token", "", `{"grant_type":"client_credentials","client_id":"`+a.ClientID+`","client_secret":"`+a.ClientSecret+`","audience":"https://`+a.Domain+`/api/v2/"}`)
		var got struct {
			Token string `json:"access_token"`
		}
		if status != 200 || json.Unmarshal([]byte(text), &got) != nil {
			t.Fatalf("%d %s", status, text)
		}
		if status, text := send("a.localhost", "POST", address+"/api/v2/roles", got.Token, `{"name":"kept"}`); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	})
	life(func(_ *http.Client, at map[string]sim.Credentials) {
		address := "http://127.0.0.1:" + at["a.localhost"].BaseURL[strings.LastIndexByte(at["a.localhost"].BaseURL, ':')+1:]
		for host, want := range map[string]string{"a.localhost": "roles</td><td class=\"n\">1", "b.localhost": "roles</td><td class=\"n\">0"} {
			if _, text := send(host, "GET", address+"/", "", ""); !strings.Contains(text, want) {
				t.Errorf("%s does not show %q", host, want)
			}
		}
	})
}

// TestTenantsThatCannotBeTold: two of one name, and one of none.
func TestTenantsThatCannotBeTold(t *testing.T) {
	one, other, none := must(sim.New(sim.Options{Domain: "a.localhost"})), must(sim.New(sim.Options{Domain: "A.localhost:80"})), must(sim.New(sim.Options{}))
	for _, list := range [][]*sim.Tenant{{one, other}, {none}, nil} {
		if err := sim.ServeAll(t.Context(), list, sim.ServeOptions{}); err == nil {
			t.Errorf("%d tenants are served", len(list))
		}
	}
}

// TestPageEscapes: what a tenant holds cannot become markup, and the page has no
// script.
func TestPageEscapes(t *testing.T) {
	const evil = `<script>alert(1)</script>"'`
	seed, err := json.Marshal(map[string]any{
		"connections": []any{map[string]any{"name": "db", "strategy": "auth0"}, map[string]any{"name": evil, "strategy": evil}},
		"users":       []any{map[string]any{"user_id": "auth0|" + evil, "email": "a@example.com", "connection": "db"}, map[string]any{"user_id": "auth0|2", "username": evil, "connection": "db"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tenant := must(sim.New(sim.Options{Seed: seed, Limits: must(sim.PlanLimits("enterprise"))}))
	tenant.Inject(sim.Fault{Operation: "users.list", Body: evil, Status: 500})
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		tenant.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "http://tenant.local"+path, nil))
		return w
	}
	get("/api/v2/roles/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
	w := get("/")
	text := w.Body.String()
	if strings.Contains(text, "<script") || !strings.Contains(text, "&lt;script&gt;alert(1)") {
		t.Error("markup gets through")
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src") {
		t.Errorf("the policy is %q", csp)
	}
	for _, want := range []string{"the Management API", "16/s", "users.organizations.read", "users.list", "GET /api/v2/roles/", "db"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
}

// TestCustomDomainsOfMany: a tenant's verified custom domain leads to it, by the
// name in the handshake and in the request, for as long as it has it.
func TestCustomDomainsOfMany(t *testing.T) {
	all, client := sim.StartAll(t, map[string]sim.Options{
		"acme.localhost": {},
		"beta.localhost": {Seed: []byte("custom_domains: [{custom_domain_id: cd_beta, domain: Login.Beta.example, type: auth0_managed_certs, status: ready}]")},
	})
	acme, beta := all["acme.localhost"], all["beta.localhost"]
	port := acme.BaseURL()[strings.LastIndexByte(acme.BaseURL(), ':'):]
	token := must(acme.Token())
	issuer := func(host string) string {
		t.Helper()
		status, text := ask(t, client, "GET https://"+host+port+"/.well-known/openid-configuration", "", "")
		var doc struct {
			Issuer string `json:"issuer"`
		}
		if err := json.Unmarshal([]byte(text), &doc); err != nil || status != 200 {
			t.Fatalf("%s: %d %s", host, status, text)
		}
		return doc.Issuer
	}
	if got := issuer("login.beta.example"); got != "https://login.beta.example"+port+"/" || len(beta.Requests()) != 1 {
		t.Errorf("the issuer of a domain in the seed is %s", got)
	}
	create := func() (id string) {
		status, text := ask(t, client, "POST "+acme.BaseURL()+"/api/v2/custom-domains", token, `{"domain":"login.acme.example","type":"auth0_managed_certs"}`)
		var made map[string]any
		if status != 201 || json.Unmarshal([]byte(text), &made) != nil {
			t.Fatalf("%d %s", status, text)
		}
		return made["custom_domain_id"].(string)
	}
	id := create()
	// By its address, so that nothing must resolve the name.
	at := func(host string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", acme.BaseURL()+"/.well-known/openid-configuration", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		text, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(text)
	}
	if status, text := at("login.acme.example"); status != 421 || !strings.Contains(text, "login.beta.example") {
		t.Errorf("before it is verified: %d %s", status, text)
	}
	if status, text := ask(t, client, "POST "+acme.BaseURL()+"/api/v2/custom-domains/"+id+"/verify", token, ""); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	if got := issuer("LOGIN.acme.example"); !strings.EqualFold(got, "https://login.acme.example"+port+"/") {
		t.Errorf("the issuer is %s", got)
	}
	c := acme.Credentials()
	status, text := ask(t, client, "POST https://login.acme.example"+port+"/oauth/token", "", `{"grant_type":"client_credentials","client_id":"`+c.ClientID+`","client_secret":"`+c.ClientSecret+`","audience":"https://`+c.Domain+`/api/v2/"}`)
	if status != 200 || !strings.Contains(text, "access_token") {
		t.Errorf("a token by the custom domain: %d %s", status, text)
	}
	if status, text := ask(t, client, "DELETE "+acme.BaseURL()+"/api/v2/custom-domains/"+id, token, ""); status != 204 {
		t.Fatalf("%d %s", status, text)
	}
	if status, _ := at("login.acme.example"); status != 421 {
		t.Errorf("after it is gone: %d", status)
	}
}

// TestCustomDomainOverTLS: one tenant by itself has a certificate for its custom
// domain too, and none for a name that is not its.
func TestCustomDomainOverTLS(t *testing.T) {
	tenant, client := sim.Start(t, sim.Options{Seed: []byte("custom_domains: [{domain: login.acme.example, type: auth0_managed_certs, status: ready}]")})
	address := strings.TrimPrefix(tenant.BaseURL(), "https://")
	for name, known := range map[string]bool{"login.acme.example": true, "other.acme.example": false} {
		config := client.Transport.(*http.Transport).TLSClientConfig.Clone()
		config.ServerName = name
		conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		if (err == nil) != known {
			t.Errorf("%s: %v", name, err)
		}
	}
}
