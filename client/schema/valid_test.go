package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"a0run/client/catalog"
	"a0run/client/schema"
)

// taken are bodies that tenants are known to take: from recordings of real
// requests, from Auth0's own documentation and the examples page of the Python
// SDK. None may be refused, and none may be told of.
var taken = []struct{ op, body string }{
	{"connections.update", `{"name":"MyNewName"}`},
	{"connections.update", `{"enabled_clients":["rOsnWgtw23nje2QCDuDJNVpxlsCylSLE"]}`},
	{"connections.update", `{"options":{"profile":true,"scope":["profile"]}}`},
	{"connections.update", `{"options":null}`},
	// What a read gives and an update must take, since it replaces the options.
	{"connections.update", `{"options":{"mfa":{"active":true,"return_enroll_settings":true},"passwordPolicy":"good","strategy_version":2,
		"brute_force_protection":true,"authentication_methods":{"password":{"enabled":true},"passkey":{"enabled":false}},
		"passkey_options":{"challenge_ui":"both","local_enrollment_enabled":true,"progressive_enrollment_enabled":true},
		"upstream_params":{"screen_name":{"alias":"login_hint"}}}}`},
	{"connections.update", `{"options":{"ips":null,"brute_force_protection":true}}`},
	{"connections.update", `{"options":{"email":true,"profile":true,"scope":["email","profile"],"map_user_id_to_id":false,"handle_login_from_social":true}}`},
	{"connections.update", `{"options":{"scope":""}}`},
	{"connections.update", `{"options":{"client_id":"1","client_secret":"2","strategy_version":2,"tenant_domain":"a.onmicrosoft.com","domain":"a.onmicrosoft.com",
		"user_id_attribute":"userName","thumbprints":["1f"],"app_domain":"t.eu.auth0.com","identity_api":"microsoft-identity-platform-v2.0",
		"useCommonEndpoint":false,"should_trust_email_verified_connection":"never_set_emails_as_verified","waad_common_endpoint":false,
		"use_wsfed":false,"waad_protocol":"openid-connect","userid_attribute":"oid"}}`},
	{"connections.update", `{"options":{"signInEndpoint":"https://idp.example.com","fieldsMap":{"email":"EmailAddress"},"expires":"2010-09-09T22:05:43.000Z",
		"subject":{"countryName":"AU","commonName":"x"},"thumbprints":["b9"],"cert":"-----BEGIN CERTIFICATE-----","signingCert":"-----BEGIN CERTIFICATE-----",
		"decryptionKey":{"key":"-----BEGIN PRIVATE KEY-----","cert":"-----BEGIN CERTIFICATE-----"},"tenant_domain":"example.com"}}`},
	{"connections.update", `{"options":{"schema_version":"oidc-V4","connection_settings":{"pkce":"auto"},"attribute_map":{"mapping_mode":"bind_all"},"type":"front_channel"}}`},
	{"connections.create", `{"name":"c","strategy":"auth0"}`},
	{"connections.create", `{"name":"c","strategy":"auth0","options":{"password_options":{"complexity":{"character_types":[],"min_length":8}},"disable_signup":true,
		"customScripts":{"login":"function login(e, p, cb) {}"},"enabledDatabaseCustomization":true,"configuration":{"KEY":"value"}}}`},
	{"connections.create", `{"name":"c","strategy":"adfs","options":{"fedMetadataXml":"<?xml version=\"1.0\"?>","upstream_params":{"screen_name":{"alias":"login_hint"}}}}`},
	{"connections.create", `{"name":"c","strategy":"oidc","options":{"client_id":"1","discovery_url":"https://example.com/.well-known/openid-configuration",
		"authorization_endpoint":"https://example.com","issuer":"https://example.com","jwks_uri":"https://example.com/jwks","type":"front_channel",
		"userinfo_endpoint":null,"token_endpoint":null,"scope":"openid"}}`},
	{"connections.create", `{"name":"c","strategy":"sms","options":{"name":"c","from":"+17777777777","syntax":"liquid","template":"{{ code }}",
		"totp":{"time_step":110,"length":5},"messaging_service_sid":null,"provider":"sms_gateway","gateway_url":"https://example.com/gateway",
		"gateway_authentication":{"method":"bearer","subject":"s","audience":"a","secret":"x","secret_base64_encoded":false},
		"forward_req_info":true,"disable_signup":true,"brute_force_protection":true}}`},
	{"connections.create", `{"name":"c","strategy":"oauth1","options":{"consumer_key":"k","consumer_secret":"s","requestTokenURL":"https://example.com/r",
		"accessTokenURL":"https://example.com/a","userAuthorizationURL":"https://example.com/u","signatureMethod":"HMAC-SHA1","scripts":{"fetchUserProfile":"function(){}"}}}`},
	{"connections.create", `{"name":"c","strategy":"google-apps","options":{"domain":"example.com","tenant_domain":"example.com","basic_profile":true,
		"ext_profile":true,"ext_groups":true,"ext_is_admin":true}}`},
	{"connections.create", `{"name":"c","strategy":"email","options":{"name":"email","from":"{{ application.name }} <root@auth0.com>","subject":"s","syntax":"liquid",
		"body":"b","authParams":{"scope":"openid"},"totp":{"time_step":300,"length":6},"disable_signup":false,"brute_force_protection":true}}`},
	{"connections.create", `{"name":"c","strategy":"line","options":{"email":true,"scope":["openid","profile"]}}`},
	{"connections.create", `{"name":"c","strategy":"samlp","metadata":{"team":"a"},"options":{"signInEndpoint":"https://idp.example.com","signatureAlgorithm":"rsa-sha256",
		"digestAlgorithm":"sha256","signSAMLRequest":true,"fieldsMap":{"email":["a","b"]}}}`},
	{"connections.clients.update", `[{"client_id":"a","status":true},{"client_id":"b","status":false}]`},

	{"clients.create", `{"name":"Test","description":"d","addons":{"samlp":{"audience":"my-audience"},"wsfed":{}}}`},
	{"clients.create", `{"name":"spa","app_type":"spa","callbacks":["https://a.example.com/cb","com.example.app://cb"],"allowed_origins":[],"web_origins":[],
		"grant_types":["authorization_code","implicit","refresh_token","http://auth0.com/oauth/grant-type/password-realm"],
		"jwt_configuration":{"alg":"RS256","lifetime_in_seconds":36000,"scopes":{}},"token_endpoint_auth_method":"none","client_metadata":{"a":"b"},
		"refresh_token":{"rotation_type":"rotating","expiration_type":"expiring","leeway":0,"token_lifetime":2592000,"infinite_token_lifetime":false,
		"infinite_idle_token_lifetime":false,"idle_token_lifetime":1296000},"oidc_conformant":true,"organization_usage":"allow"}`},
	{"clients.create", `{"name":"m2m","app_type":"non_interactive","is_first_party":true,"sso_disabled":false,"custom_login_page_on":true,"cross_origin_authentication":false}`},
	{"clients.update", `{"token_endpoint_auth_method":null,"client_metadata":{"a":null},"cross_origin_loc":null}`},
	{"clients.update", `{"logo_uri":"","initiate_login_uri":""}`},

	{"users.create", `{"connection":"Username-Password-Authentication","email":"ada@example.com","password":"x","email_verified":true,
		"user_metadata":{"color":"red","deep":{"list":[1,null,{}]}},"app_metadata":{"roles":[]},"username":"ada","picture":"https://example.com/a.png"}`},
	{"users.create", `{"connection":"sms","phone_number":"+15551234567","phone_verified":true,"verify_email":false}`},
	{"users.update", `{"blocked":true}`},
	{"users.update", `{"email":"new@example.com","connection":"c","client_id":"x","verify_email":true}`},
	{"users.update", `{"user_metadata":{"a":null},"app_metadata":{"plan":null},"given_name":null,"nickname":null}`},
	{"users.link_user_account", `{"provider":"auth0","user_id":"abc","connection_id":"con_1"}`},
	{"users.link_user_account", `{"link_with":"eyJ"}`},

	{"roles.create", `{"name":"admin","description":"d"}`},
	{"roles.update", `{}`},
	{"organizations.create_organization", `{"name":"acme","display_name":"Acme","branding":{"colors":{"primary":"#000000","page_background":"#ffffff"},"logo_url":"https://a.example.com/l.png"},
		"metadata":{"a":"b"},"enabled_connections":[{"connection_id":"con_1","assign_membership_on_login":true}]}`},
	{"organizations.create_organization_invitation", `{"inviter":{"name":"Ada"},"invitee":{"email":"a@example.com"},"client_id":"x","roles":["rol_1"],"ttl_sec":0,"send_invitation_email":false}`},
	{"resource_servers.create", `{"identifier":"https://api.example.com","scopes":[{"value":"read:x","description":"d"}],"token_dialect":"access_token_authz","signing_alg":"RS256","allow_offline_access":true}`},
	{"client_grants.create", `{"client_id":"a","audience":"https://api.example.com","scope":["read:x"]}`},
	{"log_streams.create", `{"name":"h","type":"http","sink":{"httpEndpoint":"https://example.com","httpContentFormat":"JSONLINES","httpContentType":"application/json","httpAuthorization":"x","httpCustomHeaders":[]},"filters":[{"type":"category","name":"auth.login.fail"}]}`},
	{"log_streams.create", `{"name":"m","type":"mixpanel","sink":{"mixpanelRegion":"us","mixpanelProjectId":"1","mixpanelServiceAccountUsername":"u","mixpanelServiceAccountPassword":"p"}}`},
	{"log_streams.update", `{"status":"paused"}`},
	{"actions.create_action", `{"name":"a","supported_triggers":[{"id":"post-login","version":"v3"}],"code":"exports.onExecutePostLogin = async () => {}","dependencies":[{"name":"x","version":"1"}],"secrets":[{"name":"K","value":"v"}],"runtime":"node22"}`},
	{"actions.update_trigger_bindings", `{"bindings":[{"ref":{"type":"action_name","value":"a"},"display_name":"a"}]}`},
	{"tenants.update", `{"friendly_name":"Acme","session_lifetime":168,"idle_session_lifetime":72.5,"flags":{"enable_client_connections":false},"enabled_locales":["en","de"],"sandbox_version":"22"}`},
	{"email_templates.create", `{"template":"verify_email","body":"b","from":"a@example.com","subject":"s","syntax":"liquid","enabled":true,"urlLifetimeInSeconds":432000}`},
	{"emails.config", `{"name":"smtp","enabled":true,"default_from_address":"a@example.com","credentials":{"smtp_host":"h","smtp_port":25,"smtp_user":"u","smtp_pass":"p"}}`},
	{"emails.config", `{"name":"sendgrid","credentials":{"api_key":"SG.x"}}`},
	{"attack_protection.update_brute_force_protection", `{"enabled":true,"shields":["block","user_notification"],"allowlist":["10.0.0.1","10.0.0.0/8"],"mode":"count_per_identifier_and_ip","max_attempts":10}`},
	{"attack_protection.update_suspicious_ip_throttling", `{"enabled":true,"stage":{"pre-login":{"max_attempts":100,"rate":864000}},"shields":[],"allowlist":[]}`},
	{"jobs.send_verification_email", `{"user_id":"auth0|1","client_id":"x","identity":{"user_id":"1","provider":"auth0"}}`},
	{"jobs.export_users", `{"connection_id":"con_1","format":"csv","limit":5,"fields":[{"name":"email"},{"name":"user_id","export_as":"id"}]}`},
	{"tickets.create_pswd_change", `{"user_id":"auth0|1","result_url":"https://example.com","ttl_sec":0,"mark_email_as_verified":true}`},
	{"custom_domains.create_new", `{"domain":"login.example.com","type":"auth0_managed_certs"}`},
	{"rules.create", `{"name":"r","script":"function(u,c,cb){}","order":2,"enabled":false}`},
	{"guardian.update_factor", `{"enabled":true}`},
	{"prompts.update", `{"universal_login_experience":"new","identifier_first":true}`},
	{"prompts.update_custom_text", `{"login":{"title":"Hello"}}`},
	{"branding.update", `{"colors":{"primary":"#0059d6","page_background":"#000000"},"favicon_url":"https://example.com/f.ico","font":{"url":"https://example.com/f.woff"}}`},
	{"branding.update", `{"colors":{"page_background":{"type":"linear-gradient","start":"#fff","end":"#000","angle_deg":35}}}`},
	{"self_service_profiles.create", `{"name":"p","allowed_strategies":["oidc","samlp"],"user_attributes":[{"name":"n","description":"d","is_optional":true}]}`},
	{"event_streams.create", `{"name":"e","subscriptions":[{"event_type":"user.created"}],"destination":{"type":"webhook","configuration":{"webhook_endpoint":"https://example.com","webhook_authorization":{"method":"bearer","token":"x"}}}}`},
	{"users.authentication_methods.create", `{"type":"email","name":"n","email":"a@example.com"}`},
}

func TestTakenBodies(t *testing.T) {
	t.Parallel()
	for _, tt := range taken {
		op, ok := catalog.Default().Lookup(tt.op)
		if !ok {
			t.Errorf("there is no operation %s (%s?)", tt.op, catalog.Default().Nearest(tt.op))
			continue
		}
		if !schema.Of(op).Known() {
			t.Errorf("%s: nothing is known", tt.op)
		}
		d := json.NewDecoder(strings.NewReader(tt.body))
		d.UseNumber()
		var body any
		if err := d.Decode(&body); err != nil {
			t.Errorf("%s: %v", tt.op, err)
		}
		for _, m := range schema.Of(op).Check(body, schema.Words{}) {
			t.Errorf("%s: %s\n\t%s", tt.op, m, tt.body)
		}
	}
}
