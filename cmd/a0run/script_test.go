package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"a0run/client/sim"
)

// The words that a script has beside testscript's own:
//
//	tenant [-tls] [-rate N/s] [SEED]
//	                         starts a local tenant on a loopback socket in the
//	                         test's process; sets BASE_URL, DOMAIN, CLIENT_ID,
//	                         CLIENT_SECRET, PK_CLIENT_ID and writes key.pem and,
//	                         with -tls, ca.pem
//	project [ca.pem]         writes an a0run.yaml for that tenant, named local
//	requests METHOD PREFIX N fails unless N requests of that method and path
//	                         prefix reached the tenant ("*" is any method)
//	onwire TEXT              fails unless TEXT stood in a request's body or
//	                         headers

// tenantKey finds the script's tenant.
type tenantKey struct{}

func startTenant(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("! tenant means nothing")
	}
	tls := len(args) > 0 && args[0] == "-tls"
	if tls {
		args = args[1:]
	}
	server := httptest.NewUnstartedServer(nil)
	o := sim.Options{BaseURL: "http://" + server.Listener.Addr().String()}
	if tls {
		o.BaseURL = "https://" + server.Listener.Addr().String()
	}
	if len(args) > 1 && args[0] == "-rate" {
		limits, err := limitsOf(args[1], 0, "token")
		ts.Check(err)
		o.Limits, args = limits, args[2:]
	}
	if len(args) == 1 {
		o.Seed, o.SeedName = []byte(ts.ReadFile(args[0])), args[0]
	}
	o.Domain = server.Listener.Addr().String()
	tenant, err := sim.New(o)
	ts.Check(err)
	server.Config.Handler = tenant
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a refused certificate is what a script wants
	if tls {
		server.StartTLS()
		der := server.Certificate().Raw
		ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	} else {
		server.Start()
	}
	ts.Defer(server.Close)
	cred := tenant.Credentials()
	ts.Setenv("BASE_URL", o.BaseURL)
	ts.Setenv("DOMAIN", o.Domain)
	ts.Setenv("CLIENT_ID", cred.ClientID)
	ts.Setenv("CLIENT_SECRET", cred.ClientSecret)
	ts.Setenv("PK_CLIENT_ID", cred.PrivateKeyClientID)
	ts.Check(os.WriteFile(ts.MkAbs("key.pem"), []byte(cred.PrivateKey), 0o600))
	holder, ok := ts.Value(tenantKey{}).(**sim.Tenant)
	if !ok {
		ts.Fatalf("the script has no place for a tenant")
	}
	*holder = tenant
}

func scriptTenant(ts *testscript.TestScript) *sim.Tenant {
	holder, ok := ts.Value(tenantKey{}).(**sim.Tenant)
	if !ok || *holder == nil {
		ts.Fatalf("no tenant was started")
	}
	return *holder
}

func writeProject(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("! project means nothing")
	}
	text := fmt.Sprintf("default: local\ntenants:\n  local:\n    domain: %s\n    client_id: %s\n    client_secret: {env: CLIENT_SECRET}\n",
		ts.Getenv("BASE_URL"), ts.Getenv("CLIENT_ID"))
	if len(args) == 1 {
		text += "    ca_file: " + args[0] + "\n"
	}
	ts.Check(os.WriteFile(ts.MkAbs("a0run.yaml"), []byte(text), 0o600))
}

func countRequests(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: requests METHOD PREFIX N")
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	got := 0
	for _, r := range scriptTenant(ts).Requests() {
		if (args[0] == "*" || r.Method == args[0]) && strings.HasPrefix(r.Path, args[1]) {
			got++
		}
	}
	if (got == want) == neg {
		ts.Fatalf("%d requests %s %s, want %d (not: %v)", got, args[0], args[1], want, neg)
	}
}

func seenOnWire(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: onwire TEXT")
	}
	seen := false
	for _, r := range scriptTenant(ts).Requests() {
		seen = seen || strings.Contains(string(r.Body), args[0])
		for _, values := range r.Header {
			seen = seen || strings.Contains(strings.Join(values, "\n"), args[0])
		}
	}
	if seen == neg {
		ts.Fatalf("on the wire: %v", seen)
	}
}
