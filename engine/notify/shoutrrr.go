package notify

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/nicholas-fedor/shoutrrr"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"a0run/engine"
)

// Shoutrrr sends a message through the library.
func Shoutrrr(address, title, text string) error {
	sender, err := shoutrrr.CreateSender(address)
	if err != nil {
		return err
	}
	params := types.Params{}
	params.SetTitle(title)
	return errors.Join(sender.Send(text, &params)...)
}

// CheckURL says what is wrong with an address, without showing it.
func CheckURL(address string) error {
	scheme, _, found := strings.Cut(address, ":")
	if !found || scheme == "" {
		return errors.New("the address is no URL: want slack://…, teams://…, discord://…, smtp://…, generic://…")
	}
	if base, _, _ := strings.Cut(scheme, "+"); strings.EqualFold(base, telegram) {
		return errors.New("telegram:// is not spoken: its sender says that a message went out where the network is closed; send to a bot's address by generic+https://…")
	}
	if _, err := shoutrrr.CreateSender(address); err != nil {
		if strings.Contains(err.Error(), "unknown service") {
			known := services()
			base, _, _ := strings.Cut(scheme, "+")
			if near := engine.Nearest(base, known); near != "" {
				return fmt.Errorf("there is no kind of receiver %q; did you mean %s://?", base, near)
			}
			return fmt.Errorf("there is no kind of receiver %q; known: %s", base, strings.Join(known, ", "))
		}
		return errors.New("the address is not as its kind wants it: " + HideURL(address, err.Error()))
	}
	return nil
}

// telegram is refused: shoutrrr's sender for it (0.13.2) takes an error of the
// network for success, and a message that nobody got must be sent again or told of.
const telegram = "telegram"

// services are the kinds of receivers that the library knows.
func services() []string {
	sender, err := shoutrrr.CreateSender()
	if err != nil {
		return nil
	}
	all := slices.DeleteFunc(sender.ListServices(), func(name string) bool { return name == telegram })
	slices.Sort(all)
	return all
}

// Secrets are the texts of an address that nobody may see: itself, what stands
// before its @, its path and the values of its query, as they are written and
// decoded. The host stays readable, for it says who does not answer.
func Secrets(address string) []string {
	all := []string{address}
	_, rest, _ := strings.Cut(address, "://")
	all = append(all, rest)
	u, err := url.Parse(address)
	if err != nil {
		return all
	}
	if u.User != nil {
		all = append(all, u.User.String(), u.User.Username())
		if password, ok := u.User.Password(); ok {
			all = append(all, password)
		}
	}
	all = append(all, u.EscapedPath())
	all = append(all, strings.Split(u.EscapedPath(), "/")...)
	all = append(all, strings.Split(u.Path, "/")...)
	for _, values := range u.Query() {
		all = append(all, values...)
	}
	// A Slack or Telegram token is the host itself, or a piece of the user.
	if !strings.Contains(u.Hostname(), ".") && u.Hostname() != "localhost" {
		all = append(all, u.Host, u.Hostname())
	}
	for _, text := range slices.Clone(all) {
		all = append(all, strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(":@/?&=+", r) })...)
	}
	if scheme, _, _ := strings.Cut(u.Scheme, "+"); scheme == "slack" && u.User != nil {
		// Slack's three parts are joined by dashes here, and by slashes where they are sent.
		password, _ := u.User.Password()
		all = append(all, strings.Split(password, "-")...)
	}
	host := u.Hostname()
	all = slices.DeleteFunc(all, func(text string) bool {
		return len(text) < shortest || text == host || text == u.Host || plainWord(text)
	})
	slices.Sort(all)
	all = slices.Compact(all)
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) }) // what holds another first
	return all
}

// shortest is the shortest piece of an address that is looked for.
const shortest = 4

// plainWord says that a piece of an address tells nothing.
func plainWord(text string) bool {
	return slices.Contains([]string{
		"json", "POST", "true", "false", "none", "plain", "slack", "hook", "services", "hooks", "webhook", "webhooks", "text", "http", "https",
		"generic", "discord", "teams", "smtp", "login", "auto", "starttls", "disabletls", "template", "application",
	}, text)
}

// HideURL takes an address and its parts out of a text, and of every other URL in
// it all but the host: the library writes the parts of an address in ways of its
// own into the URL that it asks.
func HideURL(address, text string) string {
	for _, secret := range Secrets(address) {
		text = strings.ReplaceAll(text, secret, "[secret]")
	}
	return anyURL.ReplaceAllStringFunc(text, func(found string) string {
		scheme, rest, _ := strings.Cut(found, "://")
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		host := rest[strings.LastIndex(rest[:end], "@")+1 : end]
		if host == rest {
			return found
		}
		return scheme + "://" + strings.TrimSuffix(host, "[secret]") + "[secret]"
	})
}

// anyURL is a URL in the text of an error.
var anyURL = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]+`)
