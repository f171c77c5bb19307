package hosts

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// At says why a network address may not be connected to for the sake of a URL;
// nil where it may. redirected says that a host at a public address has led
// here: then nothing but public addresses is.
func (l *List) At(u *url.URL, addr netip.Addr, redirected bool) *Refusal {
	addr = reached(addr)
	host := Name(u)
	if why := forbidden(addr); why != "" {
		return &Refusal{Host: host, Reason: host + " leads to " + addr.String() + ", and " + why + " is never asked"}
	}
	if !isPrivate(addr) {
		return nil
	}
	if redirected {
		return &Refusal{
			Host: host, Reason: "a host of the public web has led to " + host + ", which stands at the private address " + addr.String(),
			Hint: "ask that host by itself where this is meant",
		}
	}
	name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	switch e := l.find(name, u); {
	case e == nil:
		return l.undeclared(host)
	case e.addr == addr, e.name == localhost && addr.IsLoopback():
		return nil
	}
	if slices.ContainsFunc(l.networks, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return nil
	}
	return &Refusal{
		Host: host, Reason: host + " leads to " + addr.String() + ", which is no address of the public web",
		Hint: "where the host really stands in your own network, declare that under hosts, too: " + around(addr),
	}
}

// Public reports whether an address is one of the public web.
func Public(addr netip.Addr) bool {
	addr = reached(addr)
	return !isPrivate(addr) && forbidden(addr) == ""
}

// around is the network of an address as a head would declare it.
func around(addr netip.Addr) string {
	bits := 24
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return addr.String()
	}
	return p.String()
}

// reached is the IPv4 address inside of an IPv6 address that only carries one:
// mapped (RFC 4291), translated (RFC 6052), 6to4 (RFC 3056).
func reached(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr
	}
	b := addr.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(addr), netip.MustParsePrefix("::/96").Contains(addr) && b[12] != 0:
		return netip.AddrFrom4([4]byte(b[12:16]))
	case netip.MustParsePrefix("2002::/16").Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return addr
}

// forbidden names what an address is that nobody is connected to; "" for the
// rest.
func forbidden(addr netip.Addr) string {
	switch {
	case slices.Contains(metadata(), addr.String()):
		return "an address at which a cloud keeps the credentials of a machine"
	case addr.IsLinkLocalUnicast():
		return "a link-local address"
	case addr.IsMulticast():
		return "a multicast address"
	case addr.IsUnspecified(), netip.MustParsePrefix("0.0.0.0/8").Contains(addr):
		return "an address of no host"
	case netip.MustParsePrefix("240.0.0.0/4").Contains(addr), netip.MustParsePrefix("2001::/32").Contains(addr):
		return "a reserved address"
	}
	return ""
}

// forbiddenText is forbidden for a host that is a literal address.
func forbiddenText(host string) string {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	return forbidden(reached(addr))
}

// metadata are the addresses at which machines of the large clouds ask for
// their own credentials: AWS, Google and most others, AWS over IPv6, Alibaba,
// Azure, Oracle.
func metadata() []string {
	return []string{"169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"}
}

func isPrivate(addr netip.Addr) bool {
	return slices.ContainsFunc(privateNetworks(), func(p netip.Prefix) bool { return p.Contains(addr) })
}

// privateNetworks are those that are not routed in the public web (IANA's
// registries of special-purpose addresses), but can stand behind a firewall.
func privateNetworks() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
		netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("64:ff9b:1::/48"),
		netip.MustParsePrefix("2001:db8::/32"),
	}
}
