package sim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"a0run/client/sim/store"
)

// authorize begins a log-in: it holds the request against the application, and
// sends the browser to the first page that there is to see, or straight back
// when the browser has a session that will do. Sources: OpenID Connect Core 1.0
// section 3, RFC 7636, RFC 9126, and Auth0's page "Authorize Application".
func authorize(c *call) reply {
	q, rep := c.pushed(c.query)
	if rep != nil {
		return *rep
	}
	if q.Get("client_id") == "" {
		return c.oops(http.StatusBadRequest, "invalid_request", "Missing required parameter: client_id")
	}
	client := c.tx.Get(clientsKey(), q.Get("client_id"))
	if client == nil {
		return c.oops(http.StatusForbidden, "invalid_request", "Unknown client: "+q.Get("client_id"))
	}
	org := c.organization(q.Get("organization"))
	back, known := callbackOf(client, org, q.Get("redirect_uri"))
	if !known {
		return c.oops(http.StatusForbidden, "unauthorized_client",
			"Callback URL mismatch. "+back+" is not in the list of allowed callback URLs")
	}
	x := c.begin(client, q)
	x.set("back", back)
	x.set("mode", modeOf(q))
	if code, text := x.wrong(org); code != "" {
		x.drop()
		return x.fail(code, text)
	}
	if org != nil {
		x.set("org", str(org, "id"))
	}
	x.resume()
	return x.step()
}

// pushed are the parameters that stand behind a request_uri, once, or those
// of the request itself.
func (c *call) pushed(q url.Values) (url.Values, *reply) {
	uri := q.Get("request_uri")
	if uri == "" {
		if client := c.tx.Get(clientsKey(), q.Get("client_id")); truth(client, "require_pushed_authorization_requests") {
			rep := c.oops(http.StatusBadRequest, "invalid_request", "Pushed Authorization Requests are required for the client.")
			return nil, &rep
		}
		return q, nil
	}
	p := c.tx.Get(parKey(), uri)
	if ends, _ := number(p["ends"]); p == nil || c.now.Unix() > ends || str(sub(p, "params"), "client_id") != q.Get("client_id") {
		rep := c.oops(http.StatusBadRequest, "invalid_request_uri", "The request_uri is invalid, expired or was used before.")
		return nil, &rep
	}
	c.tx.Delete(parKey(), uri)
	out := url.Values{}
	for k, v := range sub(p, "params") {
		if s, ok := v.(string); ok {
			out.Set(k, s)
		}
	}
	return out, nil
}

// callbackOf is where the browser is to go back to: what was asked for, or the
// application's first callback.
func callbackOf(client, org object, asked string) (string, bool) {
	callbacks := texts(client, "callbacks")
	if asked == "" {
		if len(callbacks) == 0 {
			return "", false
		}
		asked = callbacks[0]
	}
	return asked, allowedURL(callbacks, asked, str(org, "name"))
}

// allowedURL reports whether a list has an address. Query and fragment do not
// count; "*" stands for a part of one label of the host, and
// {organization_name} for the organization's (Auth0's page "Wildcards for
// subdomains").
func allowedURL(list []string, asked, org string) bool {
	u, err := url.Parse(asked)
	if err != nil || u.Scheme == "" || u.User != nil || u.Scheme == "javascript" || u.Scheme == "data" {
		return false
	}
	bare := barely(asked)
	return slices.ContainsFunc(list, func(one string) bool {
		one = strings.TrimSpace(one)
		if strings.Contains(one, "{organization_name}") {
			if org == "" {
				return false
			}
			one = strings.ReplaceAll(one, "{organization_name}", org)
		}
		one = barely(one)
		before, after, wild := strings.Cut(one, "*")
		if !wild || !strings.Contains(before, "://") || strings.Contains(before[strings.Index(before, "://")+3:], "/") {
			return one == bare
		}
		if len(bare) <= len(before)+len(after) || !strings.HasPrefix(bare, before) || !strings.HasSuffix(bare, after) {
			return false
		}
		label := bare[len(before) : len(bare)-len(after)]
		return label != "" && !strings.ContainsAny(label, "./:@\\?#")
	})
}

// barely is an address without its query and fragment.
func barely(s string) string {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		return s[:i]
	}
	return s
}

// modeOf is how the answer goes back.
func modeOf(q url.Values) string {
	if m := q.Get("response_mode"); m != "" {
		return m
	}
	if q.Get("response_type") == "code" || q.Get("response_type") == "" {
		return "query"
	}
	return "fragment"
}

// wrong is the error of a request that is refused before anybody logs in.
func (x *transaction) wrong(org object) (code, text string) {
	c := x.c
	types := splitSpace(x.param("response_type"))
	if code, text = wrongTypes(types); code != "" {
		return code, text
	}
	grants := texts(x.client, "grant_types")
	implicit := slices.Contains(types, "token") || slices.Contains(types, "id_token")
	mode := str(x.o, "mode")
	switch {
	case !slices.Contains([]string{"query", "fragment", "form_post", "web_message"}, mode):
		x.set("mode", "query")
		return "invalid_request", "Unsupported response mode: " + mode
	case mode == "query" && implicit:
		x.set("mode", "fragment")
		return "invalid_request", "response_mode query is not allowed with response_type " + x.param("response_type")
	case slices.Contains(types, "code") && !slices.Contains(grants, "authorization_code"):
		return "unauthorized_client", "Grant type 'authorization_code' not allowed for the client."
	case implicit && !slices.Contains(grants, "implicit"):
		return "unauthorized_client", "Grant type 'implicit' not allowed for the client."
	case slices.Contains(types, "id_token") && x.param("nonce") == "":
		return "invalid_request", "Missing required parameter: nonce"
	case x.param("request") != "":
		return "request_not_supported", "The request parameter is not supported."
	}
	if code, text = x.wrongProof(); code != "" {
		return code, text
	}
	if aud := x.audience(); aud != "" && !c.t.isManagement(aud) && len(c.tx.Lookup(kind("/resource-servers"), "identifier", aud)) == 0 {
		return "access_denied", "Service not found: " + aud
	}
	if code, text = x.wrongConnection(org); code != "" {
		return code, text
	}
	return x.wrongOrganization(org)
}

// wrongTypes is what is wrong with a response_type.
func wrongTypes(types []string) (code, text string) {
	known := []string{"code", "token", "id_token", "id_token token", "code id_token", "code token", "code id_token token"}
	sorted := strings.Join(slices.Sorted(slices.Values(types)), " ")
	switch {
	case sorted == "":
		return "invalid_request", "Missing required parameter: response_type"
	case !slices.Contains(known, sorted):
		return "unsupported_response_type", "Unsupported response type: " + strings.Join(types, " ")
	}
	return "", ""
}

// wrongConnection is what is wrong with the connection that the request names.
func (x *transaction) wrongConnection(org object) (code, text string) {
	name := x.param("connection")
	if name == "" {
		return "", ""
	}
	found := x.c.tx.Lookup(connectionsKey(), "name", name)
	switch {
	case len(found) == 0:
		return "invalid_request", "the connection was not found"
	case org == nil && !x.c.usable(found[0], x.client):
		return "invalid_request", "the connection is not enabled"
	}
	return "", ""
}

// wrongProof is what is wrong with PKCE, prompt or max_age.
func (x *transaction) wrongProof() (code, text string) {
	method, challenge := x.param("code_challenge_method"), x.param("code_challenge")
	switch {
	case challenge == "" && method != "":
		return "invalid_request", "Missing required parameter: code_challenge"
	case method != "" && method != "S256" && method != "plain":
		return "invalid_request", "Unsupported code_challenge_method: " + method
	}
	prompts := splitSpace(x.param("prompt"))
	if slices.Contains(prompts, "none") && len(prompts) > 1 {
		return "invalid_request", "prompt none must stand alone"
	}
	if s := x.param("max_age"); s != "" {
		if n, err := strconv.Atoi(s); err != nil || n < 0 {
			return "invalid_request", "max_age must be a number of seconds"
		}
	}
	return "", ""
}

func (x *transaction) wrongOrganization(org object) (code, text string) {
	usage := str(x.client, "organization_usage")
	asked := x.param("organization")
	switch {
	case asked != "" && org == nil:
		return "invalid_request", "parameter organization is invalid"
	case asked != "" && (usage == "" || usage == "deny"):
		return "invalid_request", "parameter organization is not allowed for this client"
	case asked == "" && usage == "require" && x.requires() == "no_prompt":
		return "invalid_request", "parameter organization is required for this client"
	}
	if ticket := x.param("invitation"); ticket != "" {
		if x.c.invitation(str(org, "id"), ticket) == nil {
			return "access_denied", "invitation not found or already used"
		}
	}
	return "", ""
}

// requires says when a client that requires an organization asks for it.
func (x *transaction) requires() string {
	if s := str(x.client, "organization_require_behavior"); s != "" {
		return s
	}
	return "no_prompt"
}

// audience is the API that the log-in is for, the tenant's default where the
// request names none.
func (x *transaction) audience() string {
	if aud := x.param("audience"); aud != "" {
		return aud
	}
	return str(x.c.settings(), "default_audience")
}

// settings are the tenant's.
func (c *call) settings() object {
	if o := c.tx.Get(store.Key{Kind: "=/tenants/settings"}, ""); o != nil {
		return o
	}
	return preset("/tenants/settings", c.t)
}

// resume takes the session of the browser into the log-in, where it has one
// that will do.
func (x *transaction) resume() {
	c := x.c
	prompts := splitSpace(x.param("prompt"))
	if slices.Contains(prompts, "login") || slices.Contains(prompts, "select_account") || x.param("screen_hint") == "signup" || x.param("invitation") != "" {
		return
	}
	s := c.session()
	u := c.tx.Get(usersKey(), str(s, "user_id"))
	if s == nil || u == nil {
		return
	}
	at, _ := number(s["$at"])
	if age, err := strconv.ParseInt(x.param("max_age"), 10, 64); err == nil && c.now.Unix()-at > age {
		return
	}
	if conn := x.param("connection"); conn != "" && !hasConnection(u, conn) {
		return
	}
	x.user = u
	x.set("user_id", u["user_id"])
	x.set("session", s["id"])
	x.set("at", s["$at"])
	x.set("connection", s["$connection"])
	if truth(s, "$mfa") {
		x.set("mfa", true)
	}
	x.set("silent", true)
}
