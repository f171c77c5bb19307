package sim

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// What stands in an export as something else than an object: pages of the
// tenant, bindings of actions, texts and templates of prompts, providers and
// templates of factors. It is planted by the requests that deploy-cli would
// send.

// exportParts take what stands under a name of an export; what they do not know
// they note.
func exportParts() map[string]func(*export, any, string) {
	return map[string]func(*export, any, string){
		"pages":                   (*export).pages,
		"triggers":                (*export).triggers,
		"guardianFactorTemplates": (*export).factorTemplates,
		"guardianFactorProviders": (*export).factorProviders,
		"guardianPolicies": func(x *export, v any, where string) {
			o, _ := v.(object)
			x.policies(items(o, "policies"), where)
		},
	}
}

// request has the seed send one, when the objects that it may name are there.
func (x *export) request(verb, to, where string, body object) {
	x.add(strings.TrimPrefix(to, "/"), seedPlace{verb: verb, path: to}, where, body)
}

// objectsOf are the objects of a list of an export.
func objectsOf(v any) []object {
	list, _ := v.([]any)
	var out []object
	for _, e := range list {
		if o, ok := e.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

// pages are settings of the tenant under other names; the page of the log-in is
// the global client's.
func (x *export) pages(v any, where string) {
	for _, page := range objectsOf(v) {
		x.text(page, "html", ".")
		x.page(page, where)
	}
}

func (x *export) page(page object, where string) {
	settings := map[string]string{"error_page": "error_page", "guardian_multifactor": "guardian_mfa_page", "password_reset": "change_password"}
	name := str(page, "name")
	switch {
	case name == "login":
		body := object{"custom_login_page": page["html"], "custom_login_page_on": truth(page, "enabled")}
		x.request("PATCH", "/clients/"+globalID, where, body)
	case settings[name] != "":
		x.request("PATCH", "/tenants/settings", where, object{settings[name]: without(page, "name")})
	default:
		x.notes["pages."+name] = true
	}
}

// triggers are lists of actions by trigger, in their order.
func (x *export) triggers(v any, where string) {
	byTrigger, _ := v.(object)
	for _, trigger := range sortedKeys(byTrigger) {
		bindings := []any{}
		for _, b := range objectsOf(byTrigger[trigger]) {
			bindings = append(bindings, object{"display_name": b["display_name"], "ref": object{"type": "action_name", "value": b["action_name"]}})
		}
		x.request("PATCH", "/actions/triggers/"+trigger+"/bindings", where, object{"bindings": bindings})
	}
}

func (x *export) factorTemplates(v any, where string) {
	for _, t := range objectsOf(v) {
		x.request("PUT", "/guardian/factors/"+str(t, "name")+"/templates", where, without(t, "name"))
	}
}

func (x *export) factorProviders(v any, where string) {
	for _, p := range objectsOf(v) {
		x.request("PUT", "/guardian/factors/"+str(p, "name")+"/providers/"+str(p, "provider"), where, without(without(p, "name"), "provider"))
	}
}

func (x *export) policies(list []any, where string) {
	if list != nil {
		x.add("guardian_policies", seedPlace{path: "/guardian/policies", single: true}, where, object{"$list": list})
	}
}

// customText is texts of prompts by language, prompt and screen.
func (x *export) customText(byLanguage object, where string) {
	for _, language := range sortedKeys(byLanguage) {
		prompts := sub(byLanguage, language)
		for _, prompt := range sortedKeys(prompts) {
			screens := sub(prompts, prompt)
			if len(screens) > 0 {
				x.add("prompts", seedPlace{path: "/prompts/{}/custom-text", scope: prompt, id: language}, where, screens)
			}
		}
	}
}

// partials are pieces of pages by prompt, screen and place. In a folder each is
// a file, and screens and places are lists.
func (x *export) partials(byPrompt object, where string) {
	for _, prompt := range sortedKeys(byPrompt) {
		body := sub(byPrompt, prompt)
		if list := objectsOf(byPrompt[prompt]); list != nil {
			body = object{}
			for _, screens := range list {
				for screen := range screens {
					body[screen] = x.pieces(objectsOf(screens[screen]))
				}
			}
		}
		if len(body) > 0 {
			x.request("PUT", "/prompts/"+prompt+"/partials", where, body)
		}
	}
}

func (x *export) pieces(list []object) object {
	out := object{}
	for _, p := range list {
		text, err := fs.ReadFile(x.files, path.Join("prompts", str(p, "template")))
		if err != nil {
			x.errs = append(x.errs, fmt.Errorf("prompts/partials.json names %s, which is not there", str(p, "template")))
		}
		out[str(p, "name")] = strings.TrimSpace(string(text))
	}
	return out
}

// renderers say how screens are shown: objects that name their prompt and
// screen, or, in one file, the names of files by prompt and screen.
func (x *export) renderers(v any, where string) {
	for _, r := range objectsOf(v) {
		if str(r, "prompt") != "" {
			x.renderer(r, where)
			continue
		}
		for _, screens := range r {
			byScreen, _ := screens.(object)
			for _, screen := range sortedKeys(byScreen) {
				if !x.text(byScreen, screen, ".") {
					x.notes["prompts.screenRenderers"] = true
					continue
				}
				o, err := plainJSON([]byte(str(byScreen, screen)))
				if err != nil {
					x.errs = append(x.errs, fmt.Errorf("%s: the renderer of screen %s: %w", where, screen, err))
					continue
				}
				x.renderer(o, where)
			}
		}
	}
}

func (x *export) renderer(o object, where string) {
	body := object{}
	for k, v := range o {
		if k != "prompt" && k != "screen" && k != "tenant" {
			body[k] = v
		}
	}
	x.request("PATCH", "/prompts/"+str(o, "prompt")+"/screen/"+str(o, "screen")+"/rendering", where, body)
}
