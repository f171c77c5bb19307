// Package hosts is the list of hosts that a playbook declares, and what it
// allows: which addresses of the web may be asked at all, and at which network
// addresses they may stand.
//
// An entry is one of
//
//	hooks.example.com        https on its usual port, 443
//	hooks.example.com:8443   https on this port and no other
//	*.example.com            every name with exactly one label before it, as in
//	                         a TLS certificate; may bear a port, too
//	127.0.0.1:8080           an address that is no public one: loopback (also as
//	[::1]:8080, localhost    localhost, and there by plain http, too) or a
//	10.20.0.7                private network's
//	10.20.0.0/16             a private network in which the declared names may
//	                         stand
//
// A name leads to public addresses only, unless the list has the network too:
// whoever answers for the name's DNS would otherwise choose a machine behind
// the firewall. Link-local addresses, and those at which clouds keep the
// credentials of a machine, are never allowed, declared or not.
package hosts

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// A List is what a head declares; the zero value allows nothing. It is safe for
// concurrent use.
type List struct {
	entries  []entry
	networks []netip.Prefix
}

// entry is one host of the list.
type entry struct {
	text string
	name string // lower case; without its first label where it is wild
	wild bool
	addr netip.Addr // valid for a literal address
	port string     // "" is the scheme's own
}

// A Problem is what is wrong with an entry; Index counts from 0.
type Problem struct {
	Index         int
	Message, Hint string
}

// Parse reads the entries of a list. Those that are wrong allow nothing.
func Parse(texts []string) (*List, []Problem) {
	l := &List{}
	var wrong []Problem
	for i, text := range texts {
		message, hint := l.add(strings.TrimSpace(text))
		if message != "" {
			wrong = append(wrong, Problem{Index: i, Message: message, Hint: hint})
		}
	}
	return l, wrong
}

// Of is Parse without its problems, for a list that was checked before.
func Of(texts []string) *List {
	l, _ := Parse(texts)
	return l
}

// add reads one entry.
func (l *List) add(text string) (message, hint string) {
	if network, err := netip.ParsePrefix(text); err == nil {
		return l.addNetwork(text, network)
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		if host, _, _ := strings.Cut(rest, "/"); host != "" && (scheme == "https" || scheme == "http") {
			return text + ": an address is no host", "write " + host
		}
		return text + ": " + scheme + " is not spoken", "hosts are spoken with by https; write the host alone"
	}
	if host, _, path := strings.Cut(text, "/"); path {
		return text + ": a host has no path", "write " + host
	}
	host, port, ok := split(text)
	if !ok {
		return text + ": is no host", "write hooks.example.com, hooks.example.com:8443 or *.example.com"
	}
	e := entry{text: text, name: host, port: port}
	if addr, err := netip.ParseAddr(host); err == nil {
		e.addr = addr.Unmap()
		if why := forbidden(e.addr); why != "" {
			return text + ": " + why + " is never asked", ""
		}
		l.entries = append(l.entries, e)
		return "", ""
	}
	if rest, wild := strings.CutPrefix(host, "*."); wild {
		e.name, e.wild = rest, true
	}
	if message, hint = e.checkName(); message == "" {
		l.entries = append(l.entries, e)
	}
	return message, hint
}

// addNetwork reads a network in which names may stand.
func (l *List) addNetwork(text string, network netip.Prefix) (message, hint string) {
	network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()).Masked()
	if !network.IsValid() || !private(network) {
		return text + ": is no private network", "names may stand at every public address; declare the networks of your own, such as 10.20.0.0/16"
	}
	l.networks = append(l.networks, network)
	return "", ""
}

// private reports whether a network lies wholly within one that is private.
func private(network netip.Prefix) bool {
	return slices.ContainsFunc(privateNetworks(), func(p netip.Prefix) bool {
		return p.Bits() <= network.Bits() && p.Contains(network.Addr())
	})
}

// checkName says what is wrong with the name of an entry.
func (e *entry) checkName() (message, hint string) {
	switch labels := strings.Split(e.name, "."); {
	case e.name == "*":
		return "* would allow every host", "declare the hosts by their names, or *.example.com"
	case strings.Contains(e.name, "*"):
		return e.text + ": a * stands for one whole label, and only for the first", "write *.example.com"
	case strings.IndexFunc(e.name, func(r rune) bool { return r > 127 }) >= 0:
		return e.text + ": a name with other than ASCII letters", "write it in its ASCII form, xn--…"
	case slices.ContainsFunc(labels, func(label string) bool { return !isLabel(label) }):
		return e.text + ": is no host", "write hooks.example.com, hooks.example.com:8443 or *.example.com"
	case e.wild && len(labels) < 2:
		return e.text + ": would allow a whole top-level domain", "write *.example." + e.name
	case strings.Trim(labels[len(labels)-1], "0123456789") == "":
		return e.text + ": is neither a name nor an address", "write an address as 127.0.0.1 or [::1]"
	}
	return "", ""
}

func isLabel(label string) bool {
	if label == "" || len(label) > 63 {
		return false
	}
	return strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// split takes a host and its port apart; the host comes in lower case, without
// the brackets of an IPv6 address and without the dot of the root.
func split(text string) (host, port string, ok bool) {
	text = strings.ToLower(text)
	if addr, err := netip.ParseAddr(text); err == nil && addr.Is6() {
		return text, "", true
	}
	u, err := url.Parse("https://" + text)
	if err != nil || u.Host != text || u.Hostname() == "" || strings.HasSuffix(text, ":") {
		return "", "", false
	}
	return strings.TrimSuffix(u.Hostname(), "."), u.Port(), true
}

// Allows says why an address may not be asked; nil where it may. It looks at
// the text alone: where a name leads is seen when it is connected to (At).
func (l *List) Allows(u *url.URL) *Refusal {
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	shown := Name(u)
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return &Refusal{Host: shown, Reason: "hosts are spoken with by https, not by " + quoted(u.Scheme)}
	case name == "":
		return &Refusal{Host: shown, Reason: "the address names no host", Hint: "write it whole: https://hooks.example.com/path"}
	case u.User != nil:
		return &Refusal{Host: shown, Reason: "a user name or password in an address would be shown everywhere", Hint: "send it as the header Authorization"}
	}
	found := l.find(name, u)
	switch {
	case found == nil && forbiddenText(name) != "":
		return &Refusal{Host: shown, Reason: shown + " is " + forbiddenText(name) + ", which is never asked"}
	case found == nil:
		return l.undeclared(shown)
	case u.Scheme == "http" && !found.loopback():
		return &Refusal{Host: shown, Reason: "plain http is spoken with loopback addresses only", Hint: "use https"}
	}
	return nil
}

// find is the entry that allows an address; nil where there is none.
func (l *List) find(name string, u *url.URL) *entry {
	addr, _ := netip.ParseAddr(name)
	for _, e := range l.all() {
		if e.matches(name, addr.Unmap()) && e.takesPort(u) {
			return &e
		}
	}
	return nil
}

func (e *entry) matches(name string, addr netip.Addr) bool {
	switch {
	case e.addr.IsValid() || addr.IsValid():
		return e.addr == addr
	case e.wild:
		first, rest, ok := strings.Cut(name, ".")
		return ok && first != "" && rest == e.name
	}
	return e.name == name
}

// takesPort reports whether the entry has the port of an address; one without a
// port has the scheme's.
func (e *entry) takesPort(u *url.URL) bool {
	usual := "443"
	if u.Scheme == "http" {
		usual = "80"
	}
	own, port := e.port, u.Port()
	if own == "" {
		own = usual
	}
	if port == "" {
		port = usual
	}
	return own == port
}

// loopback reports whether the entry is this machine.
func (e *entry) loopback() bool { return e.name == localhost || e.addr.IsLoopback() }

// localhost is the one name that is a literal address: it never leads elsewhere
// (RFC 6761).
const localhost = "localhost"

// Name is the host of an address as an entry would name it.
func Name(u *url.URL) string {
	host, port := strings.ToLower(u.Host), u.Port()
	if port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return strings.TrimSuffix(host, ".")
}
