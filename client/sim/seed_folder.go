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
			if at != "custom-domains/custom-domains.json" {
				x.note(at, list)
				return nil
			}
			for _, v := range list {
				if o, ok := v.(object); ok {
					lists["customDomains"] = append(lists["customDomains"], seedObject{s.name + "/" + at, o})
				}
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
		s.resources = append(s.resources, seedResource{name: to, place: s.places[to], objects: lists[name]})
	}
	s.notes = append(s.notes, sortedKeys(x.notes)...)
	if len(s.resources) == 0 && len(x.errs) == 0 {
		return fmt.Errorf("%s holds no export of deploy-cli: neither tenant.yaml nor folders like clients and roles", s.name)
	}
	return errors.Join(x.errs...)
}

// file takes one file of a folder.
func (x *export) file(at string, o object, folders map[string]string, lists map[string][]seedObject) {
	dir, base := path.Split(at)
	dir = strings.TrimSuffix(dir, "/")
	name := strings.TrimSuffix(base, ".json")
	where := x.s.name + "/" + at
	switch {
	case at == "tenant.json":
		x.single("tenant", "/tenants/settings", o, where)
	case at == "branding/branding.json":
		x.single("branding", "/branding", o, where)
	case at == "branding/templates/universal_login.json":
		x.text(o, "body", dir)
		x.add("branding_templates", seedPlace{path: "/branding/templates/universal-login", single: true}, where, object{"body": o["body"]})
	case at == "guardian/policies.json":
		x.policies(items(o, "policies"), where)
	case at == "guardian/phoneFactorMessageTypes.json":
		x.single("guardian", "/guardian/factors/phone/message-types", o, where)
	case at == "guardian/phoneFactorSelectedProvider.json":
		x.single("guardian", "/guardian/factors/phone/selected-provider", o, where)
	case at == "prompts/custom-text.json":
		x.customText(o, where)
	case at == "emails/provider.json":
		x.single("emailProvider", "/emails/provider", o, where)
	case at == "prompts/prompts.json":
		x.single("prompts", "/prompts", o, where)
	case dir == "attack-protection":
		if !slices.Contains([]string{"bot-detection", "breached-password-detection", "brute-force-protection", "suspicious-ip-throttling", "captcha"}, name) {
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
