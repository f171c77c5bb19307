package hosts

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"https://hooks.example.com/x": "an address is no host (write hooks.example.com)",
		"hooks.example.com/x":         "a host has no path (write hooks.example.com)",
		"ftp://example.com":           "ftp is not spoken",
		"*":                           "would allow every host",
		"*.com":                       "would allow a whole top-level domain",
		"hooks.*.com":                 "a * stands for one whole label",
		"hook*.example.com":           "a * stands for one whole label",
		"*.*.example.com":             "a * stands for one whole label",
		"bücher.example":              "write it in its ASCII form",
		"":                            "is no host",
		"a b.example.com":             "is no host",
		"a..example.com":              "is no host",
		"example.com:":                "is no host",
		"example.com:port":            "is no host",
		"user@example.com":            "is no host",
		"example.com?x":               "is no host",
		"127.1":                       "is neither a name nor an address",
		"2130706433":                  "is neither a name nor an address",
		"169.254.169.254":             "keeps the credentials of a machine is never asked",
		"[fe80::1]":                   "a link-local address is never asked",
		"0.0.0.0":                     "is never asked",
		"::ffff:169.254.169.254":      "is never asked",
		"0.0.0.0/0":                   "is no private network",
		"169.254.0.0/16":              "is no private network",
		"10.0.0.0/7":                  "is no private network",
		"::/0":                        "is no private network",
		"8.8.8.0/24":                  "is no private network",
	} {
		l, wrong := Parse([]string{entry})
		if len(wrong) != 1 {
			t.Errorf("%q: %d problems, want 1", entry, len(wrong))
			continue
		}
		if got := wrong[0].Message + " (" + wrong[0].Hint + ")"; !strings.Contains(got, want) {
			t.Errorf("%q: got %s, want %s", entry, got, want)
		}
		if len(l.entries)+len(l.networks) != 0 {
			t.Errorf("%q: a wrong entry allows something", entry)
		}
	}
}

func TestAllows(t *testing.T) {
	t.Parallel()
	list, wrong := Parse([]string{
		"hooks.example.com", "Api.Example.com:8443", "*.corp.example", "127.0.0.1:8080", "[::1]:8080", "localhost", "10.20.0.7",
	})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for address, want := range map[string]string{ // "" for what is allowed
		"https://hooks.example.com/a?b=c":      "",
		"https://HOOKS.example.com:443/":       "",
		"https://hooks.example.com./":          "",
		"https://hooks.example.com:8443/":      "another port is another host",
		"http://hooks.example.com/":            "plain http",
		"http://hooks.example.com:443/":        "another port",
		"https://api.example.com:8443/":        "",
		"https://api.example.com/":             "another port is another host",
		"https://a.corp.example/":              "",
		"https://a.b.corp.example/":            "does not exist",
		"https://corp.example/":                "does not exist",
		"https://.corp.example/":               "does not exist",
		"https://acorp.example/":               "does not exist",
		"http://127.0.0.1:8080/":               "",
		"https://127.0.0.1:8080/":              "",
		"http://127.0.0.1:8081/":               "another port",
		"http://127.0.0.2:8080/":               "does not exist",
		"http://[::1]:8080/":                   "",
		"http://[::ffff:127.0.0.1]:8080/":      "",
		"http://localhost/":                    "",
		"http://localhost:81/":                 "another port",
		"https://10.20.0.7/":                   "",
		"http://10.20.0.7/":                    "plain http",
		"https://hooks.example.com@evil.io/":   "user name or password",
		"https://evil.io#hooks.example.com":    "does not exist",
		"https://evil.io\\@hooks.example.com/": "",
		"ftp://hooks.example.com/":             "https, not by ftp",
		"hooks.example.com/x":                  "without https://",
		"https:///x":                           "names no host",
		"https://169.254.169.254/":             "credentials of a machine, which is never asked",
	} {
		u, err := url.Parse(address)
		if err != nil {
			continue // nothing is sent to what cannot be read
		}
		r := list.Allows(u)
		switch {
		case want == "" && r != nil:
			t.Errorf("%s: refused: %v", address, r)
		case want != "" && (r == nil || !strings.Contains(r.Reason+" "+r.Hint, want)):
			t.Errorf("%s: got %+v, want %q", address, r, want)
		}
	}
	var none *List
	if none.Allows(&url.URL{Scheme: "https", Host: "a.example"}) == nil {
		t.Error("no list allows a host")
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	list := Of([]string{"hooks.example.com", "127.0.0.1:8080", "localhost:8080", "in.example.com", "10.20.0.0/16"})
	for _, c := range []struct {
		url, addr  string
		redirected bool
		want       string // "" for what may be connected to
	}{
		{"https://hooks.example.com/", "93.184.216.34", false, ""},
		{"https://hooks.example.com/", "2606:2800:220:1::1", true, ""},
		{"https://hooks.example.com/", "127.0.0.1", false, "no address of the public web"},
		{"https://hooks.example.com/", "::ffff:127.0.0.1", false, "no address of the public web"},
		{"https://hooks.example.com/", "192.168.1.1", false, "no address of the public web"},
		{"https://hooks.example.com/", "100.64.0.1", false, "no address of the public web"},
		{"https://hooks.example.com/", "fd12::1", false, "no address of the public web"},
		{"https://hooks.example.com/", "64:ff9b::7f00:1", false, "no address of the public web"},
		{"https://hooks.example.com/", "2002:0a00:0001::1", false, "no address of the public web"},
		{"https://hooks.example.com/", "169.254.169.254", false, "credentials of a machine"},
		{"https://hooks.example.com/", "64:ff9b::a9fe:a9fe", false, "credentials of a machine"},
		{"https://hooks.example.com/", "fd00:ec2::254", false, "credentials of a machine"},
		{"https://hooks.example.com/", "168.63.129.16", false, "credentials of a machine"},
		{"https://hooks.example.com/", "fe80::1%eth0", false, "link-local"},
		{"https://hooks.example.com/", "0.0.0.0", false, "no host"},
		{"https://hooks.example.com/", "::", false, "no host"},
		{"https://hooks.example.com/", "224.0.0.1", false, "multicast"},
		{"https://hooks.example.com/", "255.255.255.255", false, "reserved"},
		{"https://in.example.com/", "10.20.3.4", false, ""},
		{"https://in.example.com/", "10.20.3.4", true, "has led to"},
		{"https://in.example.com/", "10.21.3.4", false, "no address of the public web"},
		{"http://127.0.0.1:8080/", "127.0.0.1", false, ""},
		{"http://127.0.0.1:8080/", "127.0.0.1", true, "has led to"},
		{"http://127.0.0.1:8080/", "127.0.0.2", false, "no address"},
		{"http://localhost:8080/", "::1", false, ""},
		{"http://localhost:8080/", "10.20.0.1", false, ""}, // the network is declared
		{"http://localhost:8080/", "192.168.0.1", false, "no address"},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		r := list.At(u, netip.MustParseAddr(c.addr), c.redirected)
		switch {
		case c.want == "" && r != nil:
			t.Errorf("%s at %s: refused: %v", c.url, c.addr, r)
		case c.want != "" && (r == nil || !strings.Contains(r.Reason, c.want)):
			t.Errorf("%s at %s: got %v, want %q", c.url, c.addr, r, c.want)
		}
	}
}

// Whatever an address looks like: what is allowed has, as its host, one of the
// declared.
func TestAllowsProperty(t *testing.T) {
	t.Parallel()
	list := Of([]string{"hooks.example.com", "*.corp.example", "127.0.0.1:8080"})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(https?://)?([a-z@:%\\./#?\[\]0-9]|hooks\.example\.com|corp\.example|127\.0\.0\.1|:8080){1,12}`).Draw(t, "address")
		u, err := url.Parse(text)
		if err != nil || list.Allows(u) != nil {
			return
		}
		first, rest, _ := strings.Cut(strings.TrimSuffix(u.Hostname(), "."), ".")
		known := u.Scheme == "https" && u.Hostname() == "hooks.example.com" && (u.Port() == "" || u.Port() == "443") ||
			u.Scheme == "https" && first != "" && rest == "corp.example" && (u.Port() == "" || u.Port() == "443") ||
			u.Host == "127.0.0.1:8080" || strings.TrimSuffix(u.Hostname(), ".") == "hooks.example.com" || u.Hostname() == "127.0.0.1." && u.Port() == "8080"
		if !known {
			t.Fatalf("%s is allowed: %q", text, u.Host)
		}
	})
}
