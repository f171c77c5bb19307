package bindings

import (
	"errors"
	"strings"

	"a0run/client"
	"a0run/engine"
)

// toError gives an error of the client the form that a playbook sees.
func toError(err error, operation string) *engine.Error {
	var own *engine.Error
	if errors.As(err, &own) {
		return own
	}
	e := &engine.Error{Operation: operation, Message: err.Error(), ResetAt: -1, Cause: err}
	var (
		api      *client.Auth0Error
		limited  *client.RateLimitError
		timeout  *client.TimeoutError
		network  *client.NetworkError
		token    *client.TokenValidationError
		hinter   engine.Hinter
		argument *client.ArgumentError
		key      *client.KeyError

		unauthorised *client.TokenError
	)
	if errors.As(err, &unauthorised) {
		defer func() {
			e.Message = "no Management API token: " + strings.TrimPrefix(e.Message, "no Management API token: ")
		}()
	}
	switch {
	case errors.As(err, &limited):
		fromAPI(e, limited.Auth0Error)
		e.Name, e.ResetAt = engine.NameRateLimitError, limited.ResetAt
	case errors.As(err, &api):
		fromAPI(e, api)
	case errors.As(err, &timeout):
		e.Name = engine.NameTimeoutError
	case errors.As(err, &network):
		e.Name = engine.NameNetworkError
		e.StatusCode, e.Headers, e.Body, e.RequestID = network.StatusCode, network.Header, string(network.Body), network.RequestID
	case errors.As(err, &token):
		e.Name, e.ErrorCode = engine.NameTokenValidationError, token.Code
	case errors.As(err, &argument):
		e.Name = engine.NameArgumentError
		e.Message = strings.TrimPrefix(e.Message, argument.Operation+": ")
	case errors.As(err, &key):
		e.Name = engine.NameArgumentError
	default:
		e = engine.AsError(err)
		if e.Operation == "" {
			e.Operation = operation
		}
	}
	if errors.As(err, &hinter) && e.HintText == "" {
		e.HintText = hinter.Hint()
	}
	return e
}

func fromAPI(e *engine.Error, a *client.Auth0Error) {
	e.Name = engine.NameAuth0Error
	e.StatusCode, e.ErrorCode, e.Message = a.StatusCode, a.ErrorCode, a.Message
	e.Headers, e.Body, e.Content = a.Header, string(a.Body), a.Content
	e.RequestID, e.InDoubt = a.RequestID, a.InDoubt
}
