package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// readFolder reads an export that is a folder of JSON files.
func readFolder(s *seed, files fs.FS) error {
	x := &export{s: s, files: files, notes: map[string]bool{}}
	lists := map[string][]seedObject{}
	folders := exportFolders()
	err := fs.WalkDir(files, ".", func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || path.Ext(at) != ".json" {
			return nil
		}
		text, err := fs.ReadFile(files, at)
		if err != nil {
			return err
		}
		o, err := plainJSON(text)
		if err != nil {
			list, err := jsonList(text)
			if err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
			to := map[string]string{"custom-domains/custom-domains.json": "customDomains", "phone-providers/provider.json": "phoneProviders"}[at]
			if to == "" {
				x.note(at, list)
				return nil
			}
			for _, o := range objectsOf(list) {
				lists[to] = append(lists[to], seedObject{s.name + "/" + at, o})
			}
			return nil
		}
		x.file(at, o, folders, lists)
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	for _, name := range sortedKeys(lists) {
		to := name
		if other, ok := exportLists()[name]; ok {
			to = other
		}
		s.resources = append(s.resources, seedResource{name: to, place: x.place(to), objects: lists[name]})
	}
	s.notes = append(s.notes, sortedKeys(x.notes)...)
	if len(s.resources) == 0 && len(x.errs) == 0 {
		return fmt.Errorf("%s holds no export of deploy-cli: neither tenant.yaml nor folders like clients and roles", s.name)
	}
	return errors.Join(x.errs...)
}

// exportFiles are the files of an export that hold one thing.
func exportFiles() map[string]func(*export, object, string) {
	single := func(name, to string) func(*export, object, string) {
		return func(x *export, o object, where string) { x.single(name, to, o, where) }
	}
	return map[string]func(*export, object, string){
		"tenant.json":                               single("tenant", "/tenants/settings"),
		"branding/branding.json":                    single("branding", "/branding"),
		"guardian/phoneFactorMessageTypes.json":     single("guardian", "/guardian/factors/phone/message-types"),
		"guardian/phoneFactorSelectedProvider.json": single("guardian", "/guardian/factors/phone/selected-provider"),
		"emails/provider.json":                      single("emailProvider", "/emails/provider"),
		"prompts/prompts.json":                      single("prompts", "/prompts"),
		"supplemental-signals.json":                 single("supplementalSignals", "/supplemental-signals"),
		"risk-assessment/settings.json": func(x *export, o object, where string) {
			x.single("riskAssessment", "/risk-assessments/settings", sub(o, "settings"), where)
			x.single("riskAssessment", "/risk-assessments/settings/new-device", sub(o, "new_device"), where)
		},
		"branding/templates/universal_login.json": func(x *export, o object, where string) {
			x.text(o, "body", "branding/templates")
			x.loginTemplate(o, where)
		},
		"guardian/policies.json":   func(x *export, o object, where string) { x.policies(items(o, "policies"), where) },
		"prompts/custom-text.json": (*export).customText,
		"prompts/partials.json":    (*export).partials,
		"triggers/triggers.json":   func(x *export, o object, where string) { x.triggers(o, where) },
	}
}

// file takes one file of a folder.
func (x *export) file(at string, o object, folders map[string]string, lists map[string][]seedObject) {
	dir, base := path.Split(at)
	dir = strings.TrimSuffix(dir, "/")
	name := strings.TrimSuffix(base, ".json")
	where := x.s.name + "/" + at
	if single, ok := exportFiles()[at]; ok {
		single(x, o, where)
		return
	}
	switch {
	case dir == "pages":
		x.text(o, "html", dir)
		x.page(o, where)
	case dir == "guardian/templates":
		x.factorTemplates([]any{o}, where)
	case dir == "guardian/providers":
		x.factorProviders([]any{o}, where)
	case dir == "prompts/screenRenderSettings":
		x.renderer(o, where)
	case dir == "attack-protection":
		if !slices.Contains([]string{"bot-detection", "breached-password-detection", "brute-force-protection", "suspicious-ip-throttling", "captcha", "phone-provider-protection"}, name) {
			x.notes[at] = true
			return
		}
		x.single("attackProtection", "/attack-protection/"+name, o, where)
	case strings.HasPrefix(dir, "database-connections/"):
		if name == "database" {
			x.readFiles("connections", o, dir)
			lists["databases"] = append(lists["databases"], seedObject{where, o})
		}
	case folders[dir] != "":
		to := folders[dir]
		if native, ok := exportLists()[to]; ok {
			x.readFiles(native, o, dir)
		} else {
			x.readFiles(to, o, dir)
		}
		lists[to] = append(lists[to], seedObject{where, o})
	default:
		x.notes[at] = true
	}
}

func jsonList(text []byte) ([]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var list []any
	err := d.Decode(&list)
	return list, err
}
