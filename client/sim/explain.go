package sim

import (
	"fmt"
	"io"
	"strings"

	"a0run/client/catalog"
)

// Explain writes how far the tenant knows each operation of the Management API,
// as its router has it: with rules of its own, or only as the table says (kept,
// listed, changed and removed, its schemas checked), or as an answer without a
// deed. What else it does not do stands at the end.
func Explain(w io.Writer) error {
	r := newRouter(catalog.Default())
	quirks := handlers()
	groups := map[string][]string{}
	for _, rt := range r.routes {
		if rt.api != catalog.Management {
			continue
		}
		how := "kept as sent"
		switch {
		case quirks[rt.shape] != nil:
			how = "with rules of their own"
		case rt.ops[0].Effect == catalog.Act:
			how = "answered, and nothing happens"
		}
		groups[how] = append(groups[how], rt.ops[0].ID)
	}
	var b strings.Builder
	b.WriteString("Every operation checks the token, its scopes and the request against Auth0's schemas.\n")
	for _, how := range []string{"with rules of their own", "kept as sent", "answered, and nothing happens"} {
		fmt.Fprintf(&b, "\n%d operations %s:\n", len(groups[how]), how)
		for line := range wrapped(groups[how], 96) {
			b.WriteString("  " + line + "\n")
		}
	}
	b.WriteString(`
Not modelled: e-mails and messages lie in a mailbox and are not sent; Actions, Rules, Hooks, flows and forms are kept and
never run; log streams and event streams deliver nothing; directories and SCIM synchronize nothing;
custom domains are verified when that is asked for, without a look at their DNS; connections to other
identity providers reach none of them, a page stands for them; log-ins by SAML and WS-Federation make
no assertions; passkeys and push have no page; attack protection counts wrong passwords and nothing
else; breached passwords are not known; the limits of SCIM, of the My
Account API, those that the prompts of codes and second steps have beside the pages' own, and on messages
and mistaken codes are not drawn on; statistics count users and nothing
else.

Numbers of objects are limited with --plan or limits.entities of a seed only, and only those of Auth0's
page "Entity Limit Policy":
`)
	for line := range wrapped(entityNames(), 96) {
		b.WriteString("  " + line + "\n")
	}
	b.WriteString(`Not limited: deployed modules of Actions and their versions, concurrent CIBA requests, groups, administrators,
and what a price list grants (organizations, custom domains, log streams, enterprise connections).
`)
	_, err := io.WriteString(w, b.String())
	return err
}

// wrapped are words in lines of at most n characters.
func wrapped(words []string, n int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		line := ""
		for _, word := range words {
			if line != "" && len(line)+1+len(word) > n {
				if !yield(line) {
					return
				}
				line = ""
			}
			line = strings.TrimPrefix(line+" "+word, " ")
		}
		if line != "" {
			yield(line)
		}
	}
}
