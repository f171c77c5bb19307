package main

import "strings"

// newer are fields that Auth0's own SDK for Node (7.1, of November 2026) sends
// and the API's document of June 2026 does not have yet, beside one that the
// document has dropped and the API still takes. What they hold is not said.
func newer() map[string]string {
	return map[string]string{
		"ClientMyOrganizationPatchConfiguration":           "third_party_client_access",
		"ClientMyOrganizationPostConfiguration":            "third_party_client_access",
		"ClientTokenVaultPrivilegedAccessWithCredentialId": "grants",
		"ClientTokenVaultPrivilegedAccessWithPublicKey":    "grants",
		"ConnectionConnectedAccountsPurpose":               "allow_missing_user_id",
		"ConnectionProfileStrategyOverride":                "provisioning",
		"CreateBrandingThemeRequestContent":                "identifiers",
		"CreateClientRequestContent":                       "anonymous_sessions b2b_integration_configuration identity_assertion_authorization_grant cross_origin_auth",
		"CreateConnectionProfileRequestContent":            "cross_app_access_resource_app provisioning",
		"CreateConnectionRequestContent":                   "cross_app_access_resource_app",
		"CreateOrganizationRequestContent":                 "is_app_entitlement_active third_party_client_access",
		"CreateResourceServerRequestContent":               "token_lifetime_for_anonymous_access_tokens token_lifetime_for_web",
		"CreateRoleRequestContent":                         "owner_id type",
		"CreateRuleRequestContent":                         "stage",
		"CreateSelfServiceProfileSsoTicketRequestContent":  "third_party_client_access_config",
		// The document has these only as they are read.
		"EventStreamWebhookBasicAuth":                      "password",
		"EventStreamWebhookBearerAuth":                     "token",
		"EventStreamWebhookCustomHeaderAuth":               "header_value",
		"FormWidgetGMapsAddressConfig":                     "server_key",
		"NetworkAclMatch":                                  "auth0_managed http_message_signature",
		"NetworkAclRule":                                   "match_all",
		"ResourceServerSubjectTypeAuthorization":           "anonymous_user",
		"SelfServiceProfileSsoTicketGoogleWorkspaceConfig": "sync_groups",
		"SuspiciousIPThrottlingStage":                      "pre-custom-token-exchange",
		"SynchronizedGroupPayload":                         "direct_members_count email name",
		"TenantSettingsFlags":                              "local_resource_discovery",
		"TenantSettingsSessions":                           "anonymous",
		"UpdateBrandingThemeRequestContent":                "identifiers",
		"UpdateClientRequestContent":                       "anonymous_sessions b2b_integration_configuration identity_assertion_authorization_grant cross_origin_auth",
		"UpdateConnectionProfileRequestContent":            "cross_app_access_resource_app provisioning",
		"UpdateConnectionRequestContent":                   "cross_app_access_resource_app",
		"UpdateOrganizationRequestContent":                 "is_app_entitlement_active third_party_client_access",
		"UpdateResourceServerRequestContent":               "token_lifetime_for_anonymous_access_tokens token_lifetime_for_web",
	}
}

// newerQueries are query parameters of the same kind.
func newerQueries() map[string]string {
	return map[string]string{
		"GET /roles":         "owner_id type",
		"GET /organizations": "include_client_association_for",
		"GET /connections/{}/directory-provisioning/synchronized-groups": "q",
	}
}

// catchUp adds the newer fields to the schemas.
func (s schemas) catchUp() {
	for name, fields := range newer() {
		v := s[name]
		if v == nil || v.Properties == nil {
			continue
		}
		for _, field := range strings.Fields(fields) {
			if v.Properties[field] == nil {
				v.Properties[field] = &schema{}
			}
		}
	}
}
