package catalog

// Unshown lists the fields that a create or an update takes or answers and that
// the answer of a read does not have, by Auth0's API document; nil for most
// reads. path is the read's, with nameless parameters: "/connections" for the
// items of a list, "/connections/{}" for one of them.
func Unshown(path string) []string { return unshown[path] }

// unshown are the rows of Unshown.
var unshown = map[string][]string{ //nolint:gochecknoglobals // a constant table, never written to
	"/actions/modules":                    {"api_version", "latest_version", "publish"},
	"/actions/modules/{}":                 {"api_version", "publish"},
	"/branding/phone/providers":           {"credentials"},
	"/branding/phone/providers/{}":        {"credentials"},
	"/connections":                        {"enabled_clients"},
	"/custom-domains":                     {"verification_method"},
	"/custom-domains/{}":                  {"verification_method"},
	"/device-credentials":                 {"value"},
	"/flows":                              {"actions"},
	"/flows/vault/connections":            {"environment", "setup"},
	"/flows/vault/connections/{}":         {"setup"},
	"/forms":                              {"ending", "languages", "messages", "nodes", "start", "style", "translations"},
	"/organizations/{}/client-grants":     {"grant_id"},
	"/organizations/{}/invitations":       {"send_invitation_email", "ttl_sec"},
	"/organizations/{}/invitations/{}":    {"send_invitation_email", "ttl_sec"},
	"/users/{}/authentication-methods":    {"totp_secret"},
	"/users/{}/authentication-methods/{}": {"totp_secret"},
}
