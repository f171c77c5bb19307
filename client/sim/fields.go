package sim

import (
	"slices"
	"strings"

	"a0run/client/catalog"
)

// The bodies of the resources that playbooks change most are closed, as the
// API's are: what a GET returned cannot be sent back as it is.

// onlyKnown refuses a body with fields that the API does not take.
func onlyKnown(b object, known []string) *reply {
	var extra []string
	for _, k := range sortedKeys(b) {
		if !slices.Contains(known, k) {
			extra = append(extra, k)
		}
	}
	if extra != nil {
		rep := invalidBody("Additional properties not allowed: %s", strings.Join(extra, ","))
		return &rep
	}
	for _, k := range sortedKeys(b) {
		want := fieldType(k)
		if want == "" || mistyped(want, b[k]) == "" {
			continue
		}
		rep := invalidBody("Expected type %s but found type %s' on property %s", want, typeName(b[k]), k)
		return &rep
	}
	return nil
}

// fieldType is the type of a field, "" where several are taken.
func fieldType(name string) catalog.Type {
	switch name {
	case "name", "email", "description", "display_name", "strategy", "connection", "username", "phone_number", "password",
		"nickname", "given_name", "family_name", "picture", "user_id", "app_type", "token_endpoint_auth_method", "logo_uri":
		return catalog.String
	case "blocked", "email_verified", "phone_verified", "verify_email", "is_domain_connection", "show_as_button",
		"oidc_conformant", "is_first_party", "sso_disabled":
		return catalog.Boolean
	case "user_metadata", "app_metadata", "options", "metadata", "client_metadata", "jwt_configuration", "branding":
		return catalog.Object
	case "enabled_clients", "realms", "callbacks", "grant_types", "enabled_connections", "allowed_origins", "web_origins":
		return catalog.Array
	}
	return ""
}

func userFields() []string {
	return []string{
		"connection", "email", "email_verified", "phone_number", "phone_verified", "username", "password", "verify_email",
		"user_metadata", "app_metadata", "blocked", "name", "given_name", "family_name", "nickname", "picture",
	}
}

func connectionFields() []string {
	return []string{
		"name", "display_name", "options", "enabled_clients", "is_domain_connection", "show_as_button", "realms",
		"metadata", "authentication", "connected_accounts", "cross_app_access_requesting_app",
	}
}

func organizationFields() []string {
	return []string{"name", "display_name", "branding", "metadata", "token_quota", "third_party_client_access"}
}

func clientFields() []string {
	return []string{
		"name", "description", "logo_uri", "callbacks", "oidc_logout", "oidc_backchannel_logout", "session_transfer",
		"allowed_origins", "web_origins", "client_aliases", "allowed_clients", "allowed_logout_urls", "grant_types",
		"token_endpoint_auth_method", "app_type", "is_first_party", "oidc_conformant", "jwt_configuration",
		"encryption_key", "sso", "sso_disabled", "cross_origin_authentication", "cross_origin_loc", "custom_login_page_on",
		"custom_login_page", "custom_login_page_preview", "form_template", "addons", "client_metadata", "mobile",
		"initiate_login_uri", "native_social_login", "refresh_token", "default_organization", "organization_usage",
		"organization_require_behavior", "organization_discovery_methods", "client_authentication_methods",
		"require_pushed_authorization_requests", "require_proof_of_possession", "signed_request_object",
		"compliance_level", "skip_non_verifiable_callback_uri_confirmation_prompt", "token_exchange", "par_request_expiry",
		"token_quota", "resource_server_identifier", "express_configuration", "my_organization_configuration",
		"third_party_security_mode", "redirection_policy", "async_approval_notification_channels",
		"is_token_endpoint_ip_header_trusted", "cross_origin_auth", "fedcm_login", "token_vault_privileged_access",
	}
}
