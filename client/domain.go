package client

import (
	"fmt"
	"net/url"
	"strings"
)

// baseURL reads a tenant's domain, or a URL without a path.
func baseURL(domain string) (*url.URL, error) {
	fail := func(why string) (*url.URL, error) {
		return nil, &ArgumentError{Argument: "domain", Problem: why, Next: `write it like "acme.eu.auth0.com" or "https://acme.eu.auth0.com"`}
	}
	text := strings.TrimSpace(domain)
	if text == "" {
		return fail("no domain is given")
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return fail(fmt.Sprintf("%q is not a domain", cleanDomain(domain)))
	case u.User != nil:
		return fail("the domain holds a user name or password")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return fail(fmt.Sprintf("%q has more than scheme, host and port", cleanDomain(domain)))
	case u.Scheme != "https" && u.Scheme != "http":
		return fail(fmt.Sprintf("%q has the scheme %q", cleanDomain(domain), u.Scheme))
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, &ArgumentError{
			Argument: "domain", Problem: fmt.Sprintf("%q is plain http, and tokens would travel in the clear", cleanDomain(domain)),
			Next: "use https; http is for loopback addresses only",
		}
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
}

// cleanDomain is a wrong domain without what may be a password in it.
func cleanDomain(domain string) string {
	if i := strings.LastIndexByte(domain, '@'); i >= 0 {
		return domain[i+1:]
	}
	if i := strings.IndexAny(domain, "?#"); i >= 0 {
		return domain[:i]
	}
	return domain
}
