package rules

import (
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// compiled keeps the patterns of the table once they were asked for: few of
// them ever are in one process, and compiling all costs more than a start may.
var compiled sync.Map //nolint:gochecknoglobals // a cache of a pure function of constants

// matches holds a text against one of the table's patterns. They are written
// for JavaScript; those that look ahead, which Go's regular expressions do not,
// are written out.
func matches(pattern, s string) bool {
	if p, known := compiled.Load(pattern); known {
		return p.(func(string) bool)(s)
	}
	p := lookingAhead(pattern)
	if p == nil {
		re, err := regexp.Compile(pattern)
		if err != nil {
			re = regexp.MustCompile(`^`) // TestPatterns says so before anybody meets it
		}
		p = re.MatchString
	}
	compiled.Store(pattern, p)
	return p(s)
}

// lookingAhead is a pattern that looks ahead as a function, nil for others.
func lookingAhead(pattern string) func(string) bool {
	switch {
	case strings.HasPrefix(pattern, `^$|^(?=.)(?!https?:\/`):
		// An https address or one relative to the tenant, or nothing. The long
		// expression is RFC 3986's; what it lets through as relative is nearly
		// everything without spaces.
		return func(s string) bool {
			if s == "" {
				return true
			}
			u, err := url.Parse(s)
			if err != nil || strings.ContainsAny(s, " <>\"\\^`{|}\n\t") || u.Opaque != "" {
				return false
			}
			return u.Scheme == "" || u.Scheme == "https" && u.Host != ""
		}
	case strings.HasPrefix(pattern, `^(?!-)(?!.*--)`):
		plain := regexp.MustCompile(`^(?:[a-zA-Z0-9-]|\{org_id\}|\{org_name\})*$`)
		return func(s string) bool {
			return !strings.HasPrefix(s, "-") && !strings.Contains(s, "--") && plain.MatchString(s)
		}
	case strings.HasPrefix(pattern, `^(?!.*\x00)\S`):
		plain := regexp.MustCompile(`^\S(.*\S)?$`)
		return func(s string) bool { return !strings.Contains(s, "\x00") && plain.MatchString(s) }
	}
	return nil
}

// formed holds a text against a format. The names are Auth0's; of those that no
// standard defines only what their name certainly says is checked, since a
// local tenant must not refuse what the API takes. Other ids than users' are not
// looked at: the tenant answers for one that nobody has.
func formed(format, s string) bool {
	if rest, ok := strings.CutSuffix(format, "-or-empty"); ok {
		return s == "" || formed(rest, s)
	}
	format = strings.TrimSuffix(format, "-or-null")
	switch format {
	case "user-id", "user-id-with-max-length":
		// Refused were "some_account", "{id}" and a bare 6560cd0f6caaac5b4692f454
		// (auth0/auth0.net#289 and others).
		provider, own, ok := strings.Cut(s, "|")
		return ok && provider != "" && own != ""
	case "email":
		a, err := mail.ParseAddress(s)
		return err == nil && a.Address == s
	case "ipv4":
		a, err := netip.ParseAddr(s)
		return err == nil && a.Is4()
	case "ipv6":
		a, err := netip.ParseAddr(s)
		return err == nil && a.Is6()
	case "cidr", "ipv6_cidr":
		p, err := netip.ParsePrefix(s)
		return err == nil && p.Addr().Is4() == (format == "cidr")
	case "date-time":
		_, err := time.Parse(time.RFC3339, s)
		return err == nil
	case "uuid":
		return uuidLike(s)
	case "hostname", "hostname-rfc2181":
		return hostLike(s)
	case "non-empty-string":
		return s != ""
	case "html-color", "forms-hex-color":
		return colorLike(s)
	case "organization-name":
		return nameLike(s)
	}
	return addressed(format, s)
}

// addressed holds a text against the formats of addresses.
func addressed(format, s string) bool {
	switch format {
	case "uri", "url", "strict-uri", "callback-url", "absolute-uri":
		u, err := url.Parse(s)
		return err == nil && u.Scheme != ""
	case "strict-https-uri", "absolute-https-uri", "forms-url-https":
		u, err := url.Parse(s)
		return err == nil && u.Scheme == "https" && u.Host != ""
	case "absolute-https-uri-with-placeholders", "ec-initiate-login-uri-template-url":
		return strings.HasPrefix(s, "https://") && len(s) > len("https://") && !strings.ContainsAny(s, " \t\n")
	case "url-with-placeholders":
		scheme, rest, ok := strings.Cut(s, ":")
		return ok && scheme != "" && rest != "" && !strings.ContainsAny(s, " \t\n")
	}
	return true
}

func uuidLike(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}

func hostLike(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*") != "" {
			return false
		}
	}
	return true
}

func colorLike(s string) bool {
	hex, ok := strings.CutPrefix(s, "#")
	if !ok {
		return false
	}
	switch len(hex) {
	case 3, 4, 6, 8:
		return strings.Trim(hex, "0123456789abcdefABCDEF") == ""
	}
	return false
}

// nameLike is the form of an organization's name: lower case letters, digits,
// underscores and hyphens, not beginning with the last two, never an id.
func nameLike(s string) bool {
	if s == "" || strings.HasPrefix(s, "org_") || strings.ContainsRune("-_", rune(s[0])) {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}
