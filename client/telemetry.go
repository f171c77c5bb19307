package client

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
)

// agent is how the client names itself to the tenant.
type agent struct{ userAgent, auth0Client string }

func newAgent(silent bool) agent {
	if silent {
		return agent{}
	}
	said := struct {
		Name    string            `json:"name"`
		Version string            `json:"version"`
		Env     map[string]string `json:"env"`
	}{"a0run", Version, map[string]string{"go": strings.TrimPrefix(runtime.Version(), "go")}}
	text, err := json.Marshal(said)
	if err != nil {
		return agent{}
	}
	return agent{userAgent: "a0run/" + Version, auth0Client: base64.StdEncoding.EncodeToString(text)}
}

// set puts the headers. An empty User-Agent keeps net/http from naming itself.
func (a agent) set(h http.Header) {
	h["User-Agent"] = []string{a.userAgent}
	if a.auth0Client != "" {
		h["Auth0-Client"] = []string{a.auth0Client}
	}
}
