package sim

import (
	"net/http"
	"strings"

	"a0run/client/sim/store"
)

// This file knows of each kind what the table does not say: how it is called
// in errors, what is filled in, hidden, or there from the beginning.

// absent is the 404 of a kind, in the words of the API.
func absent(path string) reply {
	m, known := absences()[path]
	if !known {
		m = absence{strings.ToUpper(noun(path)[:1]) + noun(path)[1:] + " not found.", ""}
	}
	return missing(m.text, m.code)
}

type absence struct{ text, code string }

func absences() map[string]absence {
	return map[string]absence{
		"/users":                              {"The user does not exist.", "inexistent_user"},
		"/connections":                        {"The connection does not exist", "inexistent_connection"},
		"/clients":                            {"The client does not exist", "inexistent_client"},
		"/clients/{}/credentials":             {"The credential does not exist", ""},
		"/client-grants":                      {"The client grant does not exist", "inexistent_client_grant"},
		"/resource-servers":                   {"The resource server does not exist", "inexistent_resource_server"},
		"/rules":                              {"The rule does not exist", "inexistent_rule"},
		"/roles":                              {"The role does not exist.", ""},
		"/organizations":                      {"No organization found by that id or name", ""},
		"/organizations/{}/connections":       {"No connection found by that id", ""},
		"/organizations/{}/invitations":       {"The invitation does not exist.", "inexistent_invitation"},
		"/organizations/{}/discovery-domains": {"No organization domain found by that id", ""},
		"/actions/actions":                    {"That action does not exist.", ""},
		"/actions/actions/{}/versions":        {"That version does not exist.", ""},
		"/actions/executions":                 {"That execution does not exist.", ""},
		"/log-streams":                        {"The log stream does not exist.", ""},
		"/forms":                              {"The form does not exist.", ""},
		"/flows":                              {"The flow does not exist.", ""},
		"/flows/vault/connections":            {"Connection not found", ""},
		"/event-streams":                      {"The requested stream does not exist.", ""},
		"/network-acls":                       {"NetworkACL with this ID was not found", ""},
		"/hooks":                              {"Error: Hook does not exist", "HookDoesNotExist"},
		"/custom-domains":                     {"The custom domain ID does not exist", "inexistent_custom_domain"},
		"/emails/provider":                    {"There is not a configured email provider", "inexistent_email_provider"},
		"/email-templates":                    {"The template does not exist.", "inexistent_email_template"},
		"/branding/themes":                    {"There was an error retrieving branding settings: invalid theme ID", "theme_not_found"},
		"/branding/phone/providers":           {"Notification Resource not found", ""},
		"/branding/phone/templates":           {"Notification Resource not found", ""},
		"/guardian/enrollments":               {"Enrollment not found", "enrollment_not_found"},
		"/self-service-profiles":              {"Profile not found", ""},
		"/user-attribute-profiles":            {"User attribute profile not found.", ""},
		"/token-exchange-profiles":            {"Token exchange profile not found.", ""},
		"/anomaly/blocks/ips":                 {"Not Found", ""},
		"/connections/{}/scim-configuration":  {"Not Found", ""},
		"/jobs":                               {"The job does not exist", "inexistent_job"},
		"/logs":                               {"The log does not exist.", "inexistent_log"},
	}
}

// noun is a kind in words: "client grant" of "/client-grants".
func noun(path string) string {
	last := path[strings.LastIndexByte(path, '/')+1:]
	if last == "{}" || last == "" {
		last = "resource"
	}
	last = strings.ReplaceAll(strings.ReplaceAll(last, "-", " "), "_", " ")
	switch {
	case strings.HasSuffix(last, "ies"):
		return strings.TrimSuffix(last, "ies") + "y"
	case strings.HasSuffix(last, "ss"):
		return last
	}
	return strings.TrimSuffix(last, "s")
}

// silentDelete names the kinds whose repeated DELETE is a success.
func silentDelete(path string) bool {
	switch path {
	case "/clients", "/clients/{}/credentials", "/users", "/client-grants", "/resource-servers", "/rules",
		"/rules-configs", "/log-streams", "/custom-domains", "/emails/provider", "/event-streams",
		"/self-service-profiles", "/user-attribute-profiles", "/organizations/{}/discovery-domains",
		"/keys/encryption", "/keys/network-acls", "/agents", "/device-credentials", "/connections/{}/scim-configuration",
		"/connections/{}/scim-configuration/tokens", "/anomaly/blocks/ips", "/grants", "/sessions",
		"/refresh-tokens", "/user-blocks", "/branding/templates/universal-login", "/keys/custom-signing",
		"/users/{}/authentication-methods", "/users/{}/multifactor", "/users/{}/federated-connections-tokensets",
		"/organizations/{}/client-grants":
		return true
	}
	return false
}

// stamped names the kinds that carry created_at and updated_at.
func stamped(kind string) bool {
	switch kind {
	case "/roles", "/organizations", "/clients", "/connections", "/client-grants", "/resource-servers", "/rules",
		"/rules-configs", "/log-streams", "/email-templates", "/device-credentials", "/custom-domains",
		"/guardian/factors", "/guardian/factors/{}/providers", "/connections/{}/scim-configuration/tokens",
		"/prompts/{}/custom-text", "/self-service-profiles/{}/custom-text/{}":
		return false
	}
	return true
}

// filled adds what the tenant fills in on a create.
func filled(kind string, c *call, o object) object {
	preset := func(k string, v any) {
		if _, has := o[k]; !has {
			o[k] = v
		}
	}
	switch kind {
	case "/rules":
		preset("enabled", true)
		preset("stage", "login_success")
		preset("order", c.tx.Len(c.key())+1)
	case "/resource-servers":
		preset("signing_alg", "RS256")
		preset("token_lifetime", 86400)
		preset("token_lifetime_for_web", 7200)
		preset("allow_offline_access", false)
		preset("skip_consent_for_verifiable_first_party_clients", false)
	case "/client-grants":
		preset("scope", []any{})
		preset("subject_type", "client")
	case "/log-streams":
		preset("status", "active")
		if truth(o, "isPriority") {
			o["filters"] = []any{object{"type": "category", "name": "security"}}
		}
	case "/actions/actions":
		preset("status", "built")
		preset("runtime", "node22")
		preset("all_changes_deployed", false)
		preset("secrets", []any{})
		preset("dependencies", []any{})
	case "/custom-domains":
		preset("status", "pending_verification")
		preset("primary", true)
		preset("verification", object{"methods": []any{object{
			"name": "CNAME", "record": "local.edge.tenants.auth0.test", "domain": str(o, "domain"),
		}}})
	case "/organizations/{}/discovery-domains":
		preset("status", "pending")
		preset("verification_host", "_ss-verification."+str(c.tx.Get(orgsKey(), c.params[0]), "name")+"."+str(o, "domain"))
	case "/emails/provider":
		preset("enabled", true)
	case "/hooks":
		preset("enabled", false)
	case "/event-streams":
		preset("status", "enabled")
	case "/branding/themes":
		preset("displayName", "Unnamed Theme")
	case "/experimentation/experiments":
		preset("status", "draft")
		preset("is_valid", true)
	case "/experimentation/feature-flags":
		preset("type", "self")
		preset("status", "draft")
	case "/experimentation/segments":
		preset("type", "self")
	case "/flows/vault/connections":
		preset("ready", false)
		preset("fingerprint", c.t.ids.hex("fingerprint", string(encode(o)), 40))
	case "/branding/phone/templates":
		preset("type", "otp_verify")
		preset("disabled", false)
		preset("content", object{"syntax": "liquid", "body": object{"text": "{{code}} is your code.", "voice": "{{code}}"}})
	case "/jobs":
		preset("status", "pending")
	}
	return o
}

// shown is an object as the API gives it back: secrets that it keeps to
// itself are left out.
func shown(kind string, o object) object {
	var hidden []string
	switch kind {
	case "/clients/{}/credentials":
		hidden = []string{"pem"}
	case "/rules-configs":
		hidden = []string{"value"}
	case "/log-streams":
		return maskedSink(o)
	case "/actions/actions":
		return builtAction(o)
	case "/guardian/factors/push-notification/providers/fcm", "/guardian/factors/push-notification/providers/fcmv1":
		return object{}
	case "/connections/{}/scim-configuration/tokens":
		hidden = []string{"token"}
	case "/refresh-tokens", "/sessions":
		hidden = []string{"$token", "$word", "$at", "$connection", "$mfa"}
	case "/emails/provider":
		if cred := sub(o, "credentials"); cred != nil {
			o, cred = store.Clone(o), store.Clone(cred)
			for _, k := range []string{"smtp_pass", "api_key", "secretAccessKey", "connectionString", "clientSecret"} {
				delete(cred, k)
			}
			o["credentials"] = cred
		}
		return o
	case "/branding/templates/universal-login": // written as template, read as body
		return object{"body": o["template"]}
	case "/hooks/{}/secrets":
		out := object{}
		for k := range o {
			out[k] = "_VALUE_NOT_SHOWN_"
		}
		return out
	case "/guardian/factors/push-notification/providers/sns":
		hidden = []string{"aws_secret_access_key"}
	default:
		return o
	}
	out := store.Clone(o)
	for _, k := range hidden {
		delete(out, k)
	}
	return out
}

// preset is what a single thing holds before anybody set it; nil where there
// is nothing and a read is a 404.
func preset(path string, t *Tenant) object {
	switch path {
	case "/emails/provider", "/branding/templates/universal-login", "/connections/{}/scim-configuration",
		"/connections/{}/directory-provisioning", "/keys/custom-signing":
		return nil
	case "/tenants/settings":
		return object{
			"friendly_name": "Local tenant", "enabled_locales": []any{"en"}, "default_directory": databaseName,
			"sandbox_version": "22", "idle_session_lifetime": 72, "session_lifetime": 168, "flags": object{},
		}
	case "/branding":
		return object{"colors": object{"primary": "#635dff", "page_background": "#000000"}}
	case "/prompts":
		return object{"universal_login_experience": "new", "identifier_first": false, "webauthn_platform_first_factor": false}
	case "/attack-protection/brute-force-protection":
		return object{"enabled": true, "shields": []any{"block", "user_notification"}, "allowlist": []any{}, "mode": "count_per_identifier_and_ip", "max_attempts": 10}
	case "/attack-protection/breached-password-detection":
		return object{"enabled": false, "shields": []any{}, "admin_notification_frequency": []any{}, "method": "standard"}
	case "/attack-protection/suspicious-ip-throttling":
		return object{"enabled": true, "shields": []any{"admin_notification", "block"}, "allowlist": []any{}, "stage": object{
			"pre-login":                 object{"max_attempts": 100, "rate": 864000},
			"pre-user-registration":     object{"max_attempts": 50, "rate": 1200},
			"pre-custom-token-exchange": object{"max_attempts": 10, "rate": 600000},
		}}
	case "/attack-protection/bot-detection":
		return object{
			"bot_detection_level": "low", "challenge_password_policy": "never", "challenge_passwordless_policy": "never",
			"challenge_password_reset_policy": "never", "allowlist": []any{}, "monitoring_mode_enabled": false,
		}
	case "/attack-protection/captcha":
		return object{"active_provider_id": "auth_challenge", "auth_challenge": object{"fail_open": false}}
	case "/attack-protection/phone-provider-protection":
		return object{"type": "none"}
	case "/risk-assessments/settings", "/supplemental-signals":
		return switchedOff(path)
	case "/risk-assessments/settings/new-device":
		return object{"remember_for": 30}
	case "/custom-domains/default":
		return object{"domain": t.Domain()}
	case "/user-blocks", "/user-blocks/{}":
		return object{"blocked_for": []any{}}
	}
	if strings.HasPrefix(path, "/guardian/") {
		return presetGuardian(path)
	}
	return presetMapping(path)
}

// presetGuardian is how second factors are set up from the beginning.
func presetGuardian(path string) object {
	switch path {
	case "/guardian/factors/sms/templates", "/guardian/factors/phone/templates":
		return object{"enrollment_message": "{{code}} is your code.", "verification_message": "{{code}} is your code."}
	case "/guardian/settings":
		return object{
			"display_remember_me_checkbox": true, "remember_me_default_value": false,
			"mfa_session_inactivity_timeout": 604800, "mfa_session_overall_timeout": 2592000,
		}
	case "/guardian/factors/email/settings", "/guardian/factors/phone/settings":
		return object{"otp_length": 6, "otp_expiration_time": 300}
	case "/guardian/factors/phone/message-types":
		return object{"message_types": []any{}}
	case "/guardian/factors/sms/selected-provider", "/guardian/factors/phone/selected-provider":
		return object{"provider": "auth0"}
	case "/guardian/factors/push-notification/selected-provider":
		return object{"provider": "guardian"}
	}
	return object{}
}

// presetMapping is which attributes of a directory a user gets, until somebody
// says otherwise; other things begin empty.
func presetMapping(path string) object {
	switch path {
	case "/connections/{}/directory-provisioning/default-mapping":
		return object{"mapping": []any{object{"idp": "primaryEmail", "auth0": "email"}, object{"idp": "id", "auth0": "external_id"}}}
	case "/connections/{}/scim-configuration/default-mapping":
		return object{"mapping": []any{object{"scim": "userName", "auth0": "username"}, object{"scim": "emails[primary eq true].value", "auth0": "email"}}}
	}
	return object{}
}

// switchedOff is a setting that is one switch.
func switchedOff(path string) object {
	if path == "/supplemental-signals" {
		return object{"akamai_enabled": false}
	}
	return object{"enabled": false}
}

// factors of multi-factor authentication, all off.
func factorNames() []string {
	return []string{"sms", "push-notification", "otp", "email", "duo", "webauthn-roaming", "webauthn-platform", "recovery-code"}
}

// handlers are the quirks, by verb and path.
func handlers() map[string]handler {
	all := map[string]handler{
		"GET /guardian/factors": func(c *call) reply {
			out := []object{}
			for _, n := range factorNames() {
				o := object{"name": n, "enabled": false, "trial_expired": false}
				if set := c.tx.Get(c.key(), n); set != nil {
					o["enabled"] = set["enabled"]
				}
				out = append(out, o)
			}
			return c.ok(out)
		},
		"GET /guardian/policies": func(c *call) reply {
			k := store.Key{Kind: "=/guardian/policies"}
			if o := c.tx.Get(k, ""); o != nil {
				return c.ok(o["$list"])
			}
			return c.ok([]any{})
		},
		"PUT /guardian/policies": putSingle,
		"GET /branding/themes/default": func(c *call) reply {
			if all := c.tx.Page(kind("/branding/themes"), 0, 1); len(all) > 0 {
				return c.ok(all[0])
			}
			return absent("/branding/themes")
		},
		"PUT " + loginTemplate:                  putLoginTemplate,
		"PATCH /tenants/settings":               patchSettings,
		"GET /stats/active-users":               func(c *call) reply { return c.ok(c.tx.Len(usersKey())) },
		"GET /stats/daily":                      func(c *call) reply { return c.ok([]any{}) },
		"DELETE /network-acls/{}":               deleteACL,
		"GET /network-acls/{}":                  getACL,
		"DELETE /branding/themes/{}":            deleteTheme,
		"GET /self-service-profiles/{}":         getProfile,
		"PUT /prompts/{}/partials":              putPartials,
		"POST /actions/actions":                 createAction,
		"GET /hooks/{}/secrets":                 getSingle,
		"POST /hooks/{}/secrets":                addSecrets,
		"PATCH /hooks/{}/secrets":               addSecrets,
		"DELETE /hooks/{}/secrets":              dropSecrets,
		"PATCH /prompts/rendering":              setRenderings,
		"PATCH /prompts/{}/screen/{}/rendering": setRendering,
		"PATCH /actions/triggers/{}/bindings":   bindActions,
		"GET /actions/triggers":                 listTriggers,
		"GET /events": func(c *call) reply {
			return reply{status: http.StatusOK, kind: "text/event-stream", text: ": connected\n\n"}
		},
		"GET /connections/{}/status":            checkStatus,
		"POST /branding/phone/templates/{}/try": tried,
		"PATCH /branding/phone/templates/{}":    patchPhoneTemplate,
		"POST /branding/phone/providers/{}/try": tried,
		"POST /custom-domains/{}/verify":        verifyDomain,
		"POST /tickets/email-verification":      verificationTicket,
		"POST /tickets/password-change":         passwordTicket,
		"POST /guardian/enrollments/ticket":     enrolTicket,
		"GET /logs":                             listLogs,
		"POST /actions/actions/{}/deploy":       deployAction,
		"GET /device-credentials":               listItems,
		"GET /prompts/rendering":                func(c *call) reply { return c.page(listing{key: renderings()}) },
	}
	for _, more := range []map[string]handler{
		userHandlers(), userRelationHandlers(), roleHandlers(), clientHandlers(), connectionHandlers(),
		organizationHandlers(), jobHandlers(), keyHandlers(), authHandlers(), sessionHandlers(), actHandlers(), attemptHandlers(), pageHandlers(), factorHandlers(), methodHandlers(), newerHandlers(),
	} {
		for k, h := range more {
			all[k] = h
		}
	}
	return all
}

// orElse is a success with this body unless the parent is missing.
func (c *call) orElse(body any) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	return c.ok(body)
}

// loginTemplate is the path of the page that log-ins are shown in.
const loginTemplate = "/branding/templates/universal-login"

// putLoginTemplate takes the page by itself or as {"template": page}.
func putLoginTemplate(c *call) reply {
	if page, ok := c.scalar.(string); ok {
		c.body = object{"template": page}
	}
	return putSingle(c)
}

// getACL shows of one what a listing does not.
func getACL(c *call) reply {
	o := c.tx.Get(c.key(), c.id())
	if o == nil {
		return absent(c.key().Kind)
	}
	o = store.Clone(o)
	o["tenant_id"], o["deleted_at"] = "local", nil
	return c.ok(c.fields(o))
}

// deleteTheme says in its own words that there is none.
func deleteTheme(c *call) reply {
	if !c.tx.Delete(c.key(), c.id()) {
		return missing("There was an error deleting branding settings: invalid theme ID", "theme_not_found")
	}
	return c.done()
}

func getProfile(c *call) reply {
	if !c.tx.Has(c.key(), c.id()) {
		return missing("Profile with ID: "+c.id()+" not found", "")
	}
	return getItem(c)
}

// putPartials keeps no screen that says nothing.
func putPartials(c *call) reply {
	kept := object{}
	for screen, v := range c.body {
		if o, is := v.(object); !is || len(o) > 0 {
			kept[screen] = v
		}
	}
	c.body = kept
	return putSingle(c)
}

// maskedSink is a log stream without the one secret that is masked.
func maskedSink(o object) object {
	sink := sub(o, "sink")
	if str(sink, "mixpanelServiceAccountPassword") == "" {
		return o
	}
	o, sink = store.Clone(o), store.Clone(sink)
	sink["mixpanelServiceAccountPassword"] = "********"
	o["sink"] = sink
	return o
}

func deleteACL(c *call) reply {
	if !c.tx.Delete(c.key(), c.id()) {
		return absent(c.key().Kind)
	}
	return c.ok(object{"code": http.StatusNoContent, "object": ""})
}

func tried(c *call) reply {
	return c.orElse(object{"code": http.StatusAccepted, "message": "Test notification successfully sent for processing"})
}

func addSecrets(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	k, id := c.single()
	o := store.Clone(c.tx.Get(k, id))
	merge(o, c.body, nil)
	c.tx.Put(k, id, o)
	return c.ok(object{})
}

func dropSecrets(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	k, id := c.single()
	o := store.Clone(c.tx.Get(k, id))
	for _, v := range c.list {
		if name, ok := v.(string); ok {
			delete(o, name)
		}
	}
	c.tx.Put(k, id, o)
	return c.done()
}

func triggers() []string {
	return []string{"post-login", "credentials-exchange", "pre-user-registration", "post-user-registration", "post-change-password", "send-phone-message"}
}

func listTriggers(c *call) reply {
	out := []object{}
	for _, id := range triggers() {
		out = append(out, object{"id": id, "version": "v3", "status": "CURRENT", "runtimes": []string{"node22"}, "default_runtime": "node22"})
	}
	return c.ok(object{"triggers": out})
}

func bindActions(c *call) reply {
	k := c.key()
	c.tx.Clear(k)
	for i, v := range items(c.body, "bindings") {
		b, _ := v.(object)
		o := object{"trigger_id": c.params[0], "display_name": str(b, "display_name"), "created_at": stamp(c.now), "updated_at": stamp(c.now)}
		o["id"] = c.t.ids.uuid(k.Kind, string(encode(b)))
		ref := sub(b, "ref")
		for _, a := range c.tx.All(kind("/actions/actions")) {
			if str(ref, "type") == "action_id" && str(a, "id") == str(ref, "value") || str(a, "name") == str(ref, "value") {
				o["action"] = boundAction(a)
			}
		}
		if o["action"] == nil {
			return invalidBody("bindings[%d]: no action is called %s", i, str(ref, "value"))
		}
		c.tx.Put(k, str(o, "id"), o)
	}
	all := c.tx.All(k)
	return c.ok(object{"bindings": append([]object{}, all...)})
}

func checkStatus(c *call) reply {
	if rep := c.orphan(); rep != nil {
		return *rep
	}
	return reply{status: c.status(http.StatusOK)}
}
