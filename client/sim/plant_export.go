package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"a0run/client/sim/store"
)

// Planting what refers to other objects by name, and what is an object's own
// at paths below it.

// A seedRequest is one that plants what stands below an object: its path goes
// on from the object's.
type seedRequest struct {
	verb, path string
	body       object
}

// request plants by a request of the Management API, past its token and its
// schemas: its rules are the handler's.
func (g *gardener) request(verb, path string, body object) error {
	rt, params := g.t.routes.find(verb, managementRoot+path)
	if rt == nil {
		return fmt.Errorf("nothing is known at %s", path)
	}
	c := &call{t: g.t, tx: g.c.tx, now: g.c.now, rt: rt, params: params, query: url.Values{}, body: store.Clone(body), hasBody: true, req: &http.Request{}}
	c.op = rt.pick(c.body)
	rep := rt.handle(c)
	if rep.status < http.StatusBadRequest {
		return nil
	}
	var said struct {
		Message string `json:"message"`
	}
	_ = json.Unmarshal(encode(rep.body), &said) // a refusal is an object with a message
	return errors.New(said.Message)
}

func (g *gardener) requests(below string, list []seedRequest) error {
	for _, r := range list {
		if err := g.request(r.verb, below+r.path, r.body); err != nil {
			return fmt.Errorf("%s: %w", r.path[1:], err)
		}
	}
	return nil
}

// besides takes out of an object of an export what is no field of it, and gives
// the requests that plant that.
func (g *gardener) besides(path string, o object) (object, []seedRequest) {
	var more []seedRequest
	out := store.Clone(o)
	take := func(field string) object {
		v := sub(out, field)
		delete(out, field)
		return v
	}
	switch path {
	case "/connections":
		for field, below := range map[string]string{"scim_configuration": "/scim-configuration", "directory_provisioning_configuration": "/directory-provisioning"} {
			if b := take(field); b != nil {
				more = append(more, seedRequest{http.MethodPost, below, b})
			}
		}
	case "/actions/actions":
		if deployed, said := out["deployed"].(bool); said {
			delete(out, "deployed")
			if deployed {
				more = append(more, seedRequest{http.MethodPost, "/deploy", nil})
			}
		}
	case "/hooks":
		if b := take("secrets"); len(b) > 0 {
			more = append(more, seedRequest{http.MethodPost, "/secrets", b})
		}
	case "/self-service-profiles":
		texts := take("customText")
		for _, language := range sortedKeys(texts) {
			pages := sub(texts, language)
			for _, page := range sortedKeys(pages) {
				more = append(more, seedRequest{http.MethodPut, "/custom-text/" + language + "/" + page, sub(pages, page)})
			}
		}
	}
	return out, more
}

// named is the id of an object that has a name.
func (g *gardener) named(path, what, name string) (string, error) {
	var names []string
	for _, o := range g.c.tx.All(kind(path)) {
		if str(o, "name") == name {
			return str(o, "id"), nil
		}
		names = append(names, str(o, "name"))
	}
	return "", fmt.Errorf("there is no %s %q%s", what, name, didYouMean(name, names))
}

// connectionRefers puts ids in the place of names into a connection.
func (g *gardener) connectionRefers(o object) (object, error) {
	if o["enabled_clients"] != nil {
		ids := []any{}
		for _, name := range texts(o, "enabled_clients") {
			id, err := g.client(name)
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		o["enabled_clients"] = ids
	}
	for field, id := range map[string]func(string) (string, error){
		"idpinitiated": g.client,
		"custom_password_hash": func(name string) (string, error) {
			return g.named("/actions/actions", "action", name)
		},
	} {
		key := map[string]string{"idpinitiated": "client_id", "custom_password_hash": "action_id"}[field]
		inner := sub(sub(o, "options"), field)
		if str(inner, key) == "" {
			continue
		}
		found, err := id(str(inner, key))
		if err != nil {
			if key == "action_id" {
				continue // it may be the id already
			}
			return nil, err
		}
		options, changed := store.Clone(sub(o, "options")), store.Clone(inner)
		changed[key] = found
		options[field] = changed
		o["options"] = options
	}
	return o, nil
}

// orgRefers plants what an export has with an organization: connections,
// applications and their grants by name, domains.
func (g *gardener) orgRefers(id string, o object) error {
	tx := g.c.tx
	for _, v := range items(o, "connections") {
		e, _ := v.(object)
		found := tx.Lookup(connectionsKey(), "name", str(e, "name"))
		if len(found) == 0 {
			return fmt.Errorf("there is no connection %q", str(e, "name"))
		}
		e = without(e, "name")
		e["connection_id"] = found[0]["id"]
		linkOrgConnection(g.c, id, e)
	}
	for _, v := range items(o, "clients") {
		e, _ := v.(object)
		client, err := g.client(str(e, "client_id"))
		if err != nil {
			return err
		}
		tx.Link(orgClients, id, client, object{"use_for_member_access": truth(e, "use_for_member_access")})
	}
	for _, v := range items(o, "client_grants") {
		e, _ := v.(object)
		if err := g.orgGrant(id, str(e, "client_id")); err != nil {
			return err
		}
	}
	for _, v := range items(o, "discovery_domains") {
		if e, ok := v.(object); ok {
			if err := g.request(http.MethodPost, "/organizations/"+id+"/discovery-domains", e); err != nil {
				return err
			}
		}
	}
	return nil
}

// orgGrant gives an organization the grants of an application. An export says
// no more of them than whose they are; those that are not for organizations
// are left out.
func (g *gardener) orgGrant(org, name string) error {
	client, err := g.client(name)
	if err != nil {
		return err
	}
	for _, grant := range g.c.tx.All(kind("/client-grants")) {
		usage := str(grant, "organization_usage")
		if grant["client_id"] == client && usage != "" && usage != "deny" {
			g.c.tx.Link(orgGrants, org, str(grant, "id"), nil)
		}
	}
	return nil
}

// client is the id of an application that a seed names, by its id or, as
// exports do, by its name.
func (g *gardener) client(name string) (string, error) {
	if g.c.tx.Has(clientsKey(), name) {
		return name, nil
	}
	var names []string
	for _, c := range g.c.tx.All(clientsKey()) {
		if str(c, "name") == name {
			return str(c, "client_id"), nil
		}
		names = append(names, str(c, "name"))
	}
	// What the API returned may name an application that the seed leaves out.
	if len(name) >= 20 && !strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		return name, nil
	}
	return "", fmt.Errorf("there is no client %q%s", name, didYouMean(name, names))
}

// referring puts ids in the place of the names by which an export refers to
// other objects; false says that the tenant has the object by itself.
func (g *gardener) referring(path string, o object) (object, bool, error) {
	switch path {
	case "/client-grants":
		id, err := g.client(str(o, "client_id"))
		if err != nil {
			return nil, false, err
		}
		o = store.Clone(o)
		o["client_id"] = id
		if to := str(o, "audience"); strings.HasSuffix(to, managementRoot+"/") && len(g.c.tx.Lookup(kind("/resource-servers"), "identifier", to)) == 0 {
			o["audience"] = g.t.Issuer() + "api/v2/" // another tenant's
		}
		for _, had := range g.c.tx.All(kind(path)) {
			if had["client_id"] == id && had["audience"] == o["audience"] && (id == runnerID || id == runnerKeyID) {
				return nil, false, nil
			}
		}
	case "/resource-servers":
		if truth(o, "is_system") {
			return nil, false, nil
		}
		if name := str(o, "client_id"); name != "" {
			id, err := g.client(name)
			if err != nil {
				return nil, false, err
			}
			o = store.Clone(o)
			o["client_id"] = id
		}
	case "/token-exchange-profiles":
		name := str(o, "action")
		if name == "" {
			break
		}
		id, err := g.named("/actions/actions", "action", name)
		if err != nil {
			return nil, false, err
		}
		o = without(o, "action")
		o["action_id"] = id
	case "/self-service-profiles":
		if name := str(o, "user_attribute_profile_id"); name != "" {
			o = store.Clone(o)
			if id, err := g.named("/user-attribute-profiles", "user attribute profile", name); err == nil {
				o["user_attribute_profile_id"] = id // else it is the id already
			}
		}
	}
	return o, true, nil
}
