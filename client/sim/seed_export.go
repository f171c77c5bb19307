package sim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// A seed may be what Auth0's deploy-cli exports: its one YAML file, or its
// folder of JSON files. Objects stand there under other names, refer to each
// other by name, and have their scripts and pages in files beside.

// exportLists are deploy-cli's names of lists, and the seed's.
func exportLists() map[string]string {
	return map[string]string{
		"databases": "connections", "resourceServers": "resource_servers", "clientGrants": "client_grants", "rulesConfigs": "rules_configs",
		"emailTemplates": "email_templates", "logStreams": "log_streams", "customDomains": "custom_domains", "guardianFactors": "guardian_factors",
		"themes": "branding_themes", "networkACLs": "network_acls", "selfServiceProfiles": "self_service_profiles", "eventStreams": "event_streams",
		"userAttributeProfiles": "user_attribute_profiles", "connectionProfiles": "connection_profiles", "tokenExchangeProfiles": "token_exchange_profiles",
		"flowVaultConnections": "flows_vault_connections", "phoneProviders": "branding_phone_providers", "phoneTemplates": "branding_phone_templates",
		"actionModules": "actions_modules", "rateLimitPolicies": "rate_limit_policies",
	}
}

// exportSingles are deploy-cli's names of settings of which there is one, and
// the paths of those; below a name with a dot.
func exportSingles() map[string]string {
	return map[string]string{
		"tenant": "/tenants/settings", "emailProvider": "/emails/provider", "branding": "/branding", "prompts": "/prompts",
		"supplementalSignals": "/supplemental-signals", "riskAssessment.settings": "/risk-assessments/settings",
		"riskAssessment.new_device": "/risk-assessments/settings/new-device", "guardianPhoneFactorSelectedProvider": "/guardian/factors/phone/selected-provider",
		"guardianPhoneFactorMessageTypes":            "/guardian/factors/phone/message-types",
		"attackProtection.botDetection":              "/attack-protection/bot-detection",
		"attackProtection.breachedPasswordDetection": "/attack-protection/breached-password-detection",
		"attackProtection.bruteForceProtection":      "/attack-protection/brute-force-protection",
		"attackProtection.suspiciousIpThrottling":    "/attack-protection/suspicious-ip-throttling",
		"attackProtection.captcha":                   "/attack-protection/captcha",
		"attackProtection.phoneProviderProtection":   "/attack-protection/phone-provider-protection",
	}
}

// exportOthers are what else an export has: it is not planted, and the seed's
// notes say so.
func exportOthers() []string {
	return []string{
		"hookSecrets", "keys", "keyManagement", "clientAuthCredentials", "EXCLUDED_PROPS", "INCLUDED_PROPS",
	}
}

// exportFolders are the folders of an export, and what their files hold.
func exportFolders() map[string]string {
	return map[string]string{
		"clients": "clients", "connections": "connections", "database-connections": "databases", "resource-servers": "resourceServers", "roles": "roles",
		"grants": "clientGrants", "organizations": "organizations", "actions": "actions", "action-modules": "actionModules", "rules": "rules",
		"rules-configs": "rulesConfigs", "hooks": "hooks", "log-streams": "logStreams", "event-streams": "eventStreams", "custom-domains": "customDomains",
		"themes": "themes", "network-acls": "networkACLs", "self-service-profiles": "selfServiceProfiles", "user-attribute-profiles": "userAttributeProfiles",
		"connection-profiles": "connectionProfiles", "token-exchange-profiles": "tokenExchangeProfiles", "flows": "flows", "forms": "forms",
		"flow-vault-connections": "flowVaultConnections", "phone-providers": "phoneProviders", "phone-templates": "phoneTemplates",
		"rate-limit-policies": "rateLimitPolicies", "guardian/factors": "guardianFactors", "emails": "emailTemplates",
	}
}

// An export is a seed in deploy-cli's form while it is read.
type export struct {
	s     *seed
	files fs.FS // nil: there are none
	notes map[string]bool
	errs  []error
}

// foreign reports whether a key of a seed file is deploy-cli's and not a seed's
// own. Of those that both have, two hold more in an export.
func (r *seedReader) foreign(key, value *yaml.Node) bool {
	switch _, native := r.places[key.Value]; {
	case key.Value == "prompts":
		return true
	case key.Value == "branding":
		return hasKey(value, "templates")
	case native:
		return false
	}
	if _, list := exportLists()[key.Value]; list || exportParts()[key.Value] != nil {
		return true
	}
	return slices.ContainsFunc(append(sortedKeys(exportSingles()), exportOthers()...), func(n string) bool {
		return n == key.Value || strings.HasPrefix(n, key.Value+".")
	})
}

func hasKey(n *yaml.Node, name string) bool {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return true
		}
	}
	return false
}

// exported takes a key of a seed file that is deploy-cli's.
func (r *seedReader) exported(s *seed, key, value *yaml.Node) {
	v, err := r.plain(value, 0)
	if err != nil {
		r.fail(value, "%v", err)
		return
	}
	at := func(i int) string {
		if value.Kind == yaml.SequenceNode && i < len(value.Content) {
			return fmt.Sprintf("%s:%d", r.name, value.Content[i].Line)
		}
		return fmt.Sprintf("%s:%d", r.name, value.Line)
	}
	x := &export{s: s, files: r.files, notes: map[string]bool{}}
	x.take(key.Value, v, at)
	r.errs = append(r.errs, x.errs...)
	s.notes = append(s.notes, sortedKeys(x.notes)...)
}

// take adds what stands under a name of an export to the seed.
func (x *export) take(name string, v any, at func(int) string) {
	if to, ok := exportLists()[name]; ok {
		list, _ := v.([]any)
		x.list(to, list, at)
		return
	}
	o, _ := v.(object)
	if to, ok := exportSingles()[name]; ok {
		x.single(name, to, o, at(0))
		return
	}
	if part := exportParts()[name]; part != nil {
		part(x, v, at(0))
		return
	}
	if o == nil || slices.Contains(exportOthers(), name) {
		x.note(name, v)
		return
	}
	for _, part := range sortedKeys(o) {
		if to, ok := exportSingles()[name+"."+part]; ok {
			x.single(name, to, sub(o, part), at(0))
		} else {
			x.note(name+"."+part, o[part])
		}
	}
}

// note remembers what is not planted, unless it is empty.
func (x *export) note(name string, v any) {
	switch v := v.(type) {
	case nil:
	case []any:
		if len(v) > 0 {
			x.notes[name] = true
		}
	case object:
		if len(v) > 0 {
			x.notes[name] = true
		}
	default:
		x.notes[name] = true
	}
}

func (x *export) single(name, to string, o object, where string) {
	if len(o) == 0 {
		return
	}
	switch name {
	case "branding":
		for _, v := range items(o, "templates") {
			if t, ok := v.(object); ok {
				x.text(t, "body", ".")
				x.loginTemplate(t, where)
			}
		}
		delete(o, "templates")
	case "prompts":
		x.customText(sub(o, "customText"), where)
		delete(o, "customText")
		x.partials(sub(o, "partials"), where)
		x.renderers(o["screenRenderers"], where)
		delete(o, "partials")
		delete(o, "screenRenderers")
	}
	x.add(name, seedPlace{path: to, single: true}, where, o)
}

// loginTemplate is the page that log-ins are shown in, which is written as
// template and read as body.
func (x *export) loginTemplate(t object, where string) {
	x.add("branding_templates", seedPlace{path: loginTemplate, single: true}, where, object{"template": t["body"]})
}

func (x *export) add(name string, place seedPlace, where string, o object) {
	x.s.resources = append(x.s.resources, seedResource{name: name, place: place, objects: []seedObject{{where, o}}})
}

// place is where the objects of a name go; they are whole.
func (x *export) place(name string) seedPlace {
	p := x.s.places[name]
	p.whole = true
	return p
}

// list adds objects; those of the seed's own names are treated the same, since
// an export has clients, roles and actions under them too.
func (x *export) list(to string, list []any, at func(int) string) {
	res := seedResource{name: to, place: x.place(to)}
	for i, v := range list {
		o, ok := v.(object)
		if !ok {
			x.errs = append(x.errs, fmt.Errorf("%s: %s: an object is expected, not %s", at(i), to, typeName(v)))
			continue
		}
		x.readFiles(to, o, ".")
		res.objects = append(res.objects, seedObject{at(i), o})
	}
	x.s.resources = append(x.s.resources, res)
}

// readFiles puts the texts into an object that it has in files of their own;
// dir is the folder of the object's own file.
func (x *export) readFiles(to string, o object, dir string) {
	switch to {
	case "actions", "actions_modules":
		x.text(o, "code", dir)
	case "rules", "hooks":
		x.text(o, "script", dir)
	case "email_templates":
		x.text(o, "body", dir)
	case "clients":
		x.text(o, "custom_login_page", dir)
	case "connections":
		scripts := sub(sub(o, "options"), "customScripts")
		for _, name := range sortedKeys(scripts) {
			x.text(scripts, name, dir)
		}
		if str(o, "strategy") == "samlp" {
			plainCertificates(sub(o, "options"))
		}
		if str(o, "strategy") == "email" { // its file stands in the folder of connections in both forms
			x.text(sub(sub(o, "options"), "email"), "body", "connections")
		}
	case "flows", "forms":
		if text, _ := o["body"].(string); x.text(o, "body", dir) {
			body, err := plainJSON([]byte(str(o, "body")))
			if err != nil {
				x.errs = append(x.errs, fmt.Errorf("%s: %w", text, err))
			}
			delete(o, "body")
			for k, v := range body {
				o[k] = v
			}
		}
	}
}

// plainCertificates undoes what deploy-cli does to the certificates of SAML: it
// writes them in base 64.
func plainCertificates(options object) {
	for _, field := range []string{"cert", "signingCert"} {
		if plain, err := base64.StdEncoding.DecodeString(str(options, field)); err == nil && bytes.HasPrefix(plain, []byte("-----BEGIN")) {
			options[field] = string(plain)
		}
	}
}

// text replaces the name of a file by what the file holds, and reports whether
// it did.
func (x *export) text(o object, field, dir string) bool {
	name, _ := o[field].(string)
	if x.files == nil || !strings.HasPrefix(name, "./") || strings.Contains(name, "\n") {
		return false
	}
	for _, at := range []string{path.Join(dir, name), path.Clean(name)} {
		if text, err := fs.ReadFile(x.files, at); err == nil {
			o[field] = string(text)
			return true
		}
	}
	x.errs = append(x.errs, fmt.Errorf("%s names %s, which is not there", field, name))
	return false
}

func plainJSON(text []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var o object
	err := d.Decode(&o)
	return o, err
}
