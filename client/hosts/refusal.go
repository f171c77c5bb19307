package hosts

import (
	"net/url"
	"strings"
)

// A Refusal is why an address is not asked.
type Refusal struct {
	// Host is the host, with its port where that is not the usual one.
	Host         string
	Reason, Hint string
	// Undeclared says that the list does not have the host.
	Undeclared bool
}

func (r *Refusal) Error() string { return r.Reason }

// undeclared refuses a host that the list does not have. The hint is the entry
// to write.
func (l *List) undeclared(host string) *Refusal {
	r := &Refusal{
		Host: host, Undeclared: true, Reason: "the host " + host + " does not exist for this playbook",
		Hint: "declare it in the head, under hosts: " + host,
	}
	for _, e := range l.all() {
		if samePlace(host, &e) {
			r.Hint = "the head declares " + e.text + ", and another port is another host"
		}
	}
	return r
}

func (l *List) all() []entry {
	if l == nil {
		return nil
	}
	return l.entries
}

// Names are the entries as they are written, to find the one that was meant.
func (l *List) Names() []string {
	var names []string
	for _, e := range l.all() {
		names = append(names, e.text)
	}
	return names
}

// samePlace reports whether a host differs from an entry in its port alone.
func samePlace(host string, e *entry) bool {
	u, err := url.Parse("https://" + host)
	return err == nil && !e.wild && strings.EqualFold(u.Hostname(), e.name) && u.Port() != e.port
}

func quoted(scheme string) string {
	if scheme == "" {
		return "an address without https://"
	}
	return scheme
}
