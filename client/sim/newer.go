package sim

import (
	"net/http"

	"a0run/client/catalog"
)

// newer are operations that Auth0's own SDK for Node (7.1) calls and the API's
// document of June 2026 does not have: no playbook can call them, and a program
// that is tried against the tenant may.
func newer() []*catalog.Operation {
	var out []*catalog.Operation
	add := func(verb, path string, effect catalog.Effect, field string) {
		op := &catalog.Operation{
			ID: "newer " + verb + " " + path, API: catalog.Management, Verb: verb, Path: path, Effect: effect,
			Buckets: []string{"management", "management.other"}, Answer: catalog.JSONAnswer, Status: http.StatusOK,
			Subject: catalog.Subject{Kind: "newer" + path, Field: field},
		}
		switch verb {
		case http.MethodPost, http.MethodPut, http.MethodPatch:
			op.Body = catalog.JSONBody
		case http.MethodDelete:
			op.Answer, op.Status = catalog.EmptyAnswer, http.StatusNoContent
		}
		if effect == catalog.Create {
			op.Status = http.StatusCreated
		}
		out = append(out, op)
	}
	list := func(path, items string) {
		add(http.MethodGet, path, catalog.Read, "")
		op := out[len(out)-1]
		op.Paging = catalog.Paging{Style: catalog.Checkpoint, Items: items, MaxPerPage: 100}
		for _, name := range []string{"from", "take", "fields", "include_fields", "q", "sort", "parser"} {
			op.Args = append(op.Args, catalog.Arg{Name: name, In: catalog.InQuery, Type: catalog.Any})
		}
	}
	list("/agents", "agents")
	add(http.MethodPost, "/agents", catalog.Create, "id")
	add(http.MethodGet, "/agents/{id}", catalog.Read, "id")
	add(http.MethodPatch, "/agents/{id}", catalog.Patch, "id")
	add(http.MethodDelete, "/agents/{id}", catalog.Delete, "id")
	list("/organizations/{id}/clients", "clients")
	add(http.MethodPost, "/organizations/{id}/clients", catalog.Create, "client_id")
	add(http.MethodGet, "/organizations/{id}/clients/{client_id}", catalog.Read, "client_id")
	add(http.MethodPatch, "/organizations/{id}/clients/{client_id}", catalog.Patch, "client_id")
	add(http.MethodDelete, "/organizations/{id}/clients/{client_id}", catalog.Delete, "client_id")
	add(http.MethodGet, "/guardian/settings", catalog.Read, "")
	add(http.MethodPut, "/guardian/settings", catalog.Replace, "")
	add(http.MethodGet, "/guardian/factors/email/settings", catalog.Read, "")
	add(http.MethodPut, "/guardian/factors/email/settings", catalog.Replace, "")
	add(http.MethodGet, "/guardian/factors/phone/settings", catalog.Read, "")
	add(http.MethodPut, "/guardian/factors/phone/settings", catalog.Replace, "")
	return out
}
