package plan

import (
	"encoding/json"
	"net/http"
	"strings"

	"a0run/engine"
)

// refusal is an error as the tenant gives it.
func refusal(status int, code, message, operation string) *engine.Error {
	content := engine.NewObject(4)
	content.Set("statusCode", int64(status))
	content.Set("error", http.StatusText(status))
	content.Set("message", message)
	if code != "" {
		content.Set("errorCode", code)
	} else {
		code = "a0.sdk.internal.unknown" // as every client says it
	}
	raw := text(content)
	return &engine.Error{
		Name: engine.NameAuth0Error, StatusCode: status, ErrorCode: code, Message: message, ResetAt: -1,
		Headers: http.Header{}, Body: string(raw), Content: json.RawMessage(raw), Operation: operation,
	}
}

// absent is the 404 of a collection, in the words of the API.
func absent(path, operation string) *engine.Error {
	words, ok := absences()[path]
	if !ok {
		words = [2]string{sentence(path) + " not found.", ""}
	}
	return refusal(http.StatusNotFound, words[1], words[0], operation)
}

// absences are the messages and codes that tenants give, as far as they are
// known.
func absences() map[string][2]string {
	return map[string][2]string{
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
		"/connections/{}/scim-configuration":  {"Not Found", ""},
		"/jobs":                               {"The job does not exist", "inexistent_job"},
	}
}

// sentence is a collection's singular, capitalised: "Client grant".
func sentence(path string) string {
	s := noun(path)
	return strings.ToUpper(s[:1]) + s[1:]
}

// noun is a collection's singular in words: "client grant" of "/client-grants".
func noun(path string) string {
	last := strings.TrimSuffix(path, "/{}")
	last = last[strings.LastIndexByte(last, '/')+1:]
	if last == "" {
		return "resource"
	}
	last = strings.NewReplacer("-", " ", "_", " ").Replace(last)
	switch {
	case strings.HasSuffix(last, "ies"):
		return strings.TrimSuffix(last, "ies") + "y"
	case strings.HasSuffix(last, "ss"):
		return last
	}
	return strings.TrimSuffix(last, "s")
}

// taken is the 409 of a name that something else bears.
func taken(path, value, operation string) *engine.Error {
	message, code := "The "+noun(path)+" "+value+" already exists.", ""
	switch path {
	case "/users":
		message, code = "The user already exists.", "auth0_idp_error"
	case "/roles":
		message = "The role name " + value + " is already taken"
	case "/connections":
		message = "A connection with the same name already exists"
	case "/organizations":
		message = "An organization with this name already exists."
	case "/client-grants":
		message = "A resource server with that client and audience already exists."
	case "/resource-servers":
		message = "A resource server with the same identifier already exists"
	case "/email-templates":
		message = "Template " + value + " already exists."
	case "/organizations/{}/connections":
		message = "The connection is already enabled for the organization."
	}
	return refusal(http.StatusConflict, code, message, operation)
}

// silentDelete names the collections whose delete succeeds where nothing is.
func silentDelete(path string) bool {
	switch path {
	case "/clients", "/clients/{}/credentials", "/users", "/client-grants", "/resource-servers", "/rules",
		"/rules-configs", "/log-streams", "/custom-domains", "/emails/provider", "/event-streams",
		"/self-service-profiles", "/user-attribute-profiles", "/organizations/{}/discovery-domains",
		"/organizations/{}/connections", "/connections",
		"/keys/encryption", "/device-credentials", "/connections/{}/scim-configuration",
		"/connections/{}/scim-configuration/tokens", "/anomaly/blocks/ips", "/grants", "/sessions",
		"/refresh-tokens", "/user-blocks", "/branding/templates/universal-login", "/keys/custom-signing",
		"/users/{}/authentication-methods", "/users/{}/multifactor", "/users/{}/federated-connections-tokensets":
		return true
	}
	return false
}
