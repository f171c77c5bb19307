package serve

import (
	"encoding/json"

	"a0run/engine"
)

// ParamsSchema is a JSON Schema (2020-12) of a playbook's parameters.
func ParamsSchema(params []engine.ParamDecl) json.RawMessage {
	properties, required := map[string]any{}, []string{}
	for _, d := range params {
		p := map[string]any{}
		switch d.Type {
		case "list":
			p["type"] = "array"
		case "secret":
			p["type"], p["format"], p["writeOnly"] = "string", "password", true
		default:
			p["type"] = d.Type
		}
		if d.Description != "" {
			p["description"] = d.Description
		}
		if d.Default != nil && d.Type != "secret" {
			if text, err := engine.FormatJSON(d.Default); err == nil {
				p["default"] = json.RawMessage(text)
			}
		}
		if len(d.Enum) > 0 {
			if text, err := engine.FormatJSON(d.Enum); err == nil {
				p["enum"] = json.RawMessage(text)
			}
		}
		properties[d.Name] = p
		if d.Required {
			required = append(required, d.Name)
		}
	}
	text, err := json.Marshal(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": properties, "required": required, "additionalProperties": false,
	})
	if err != nil {
		return nil // texts always marshal
	}
	return text
}
