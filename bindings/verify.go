package bindings

import (
	"context"
	"crypto/x509"
	"encoding/pem"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/engine"
)

// verifying checks a token with the options of a call.
type verifying func(ctx context.Context, c *client.Client, token string) (*client.Claims, error)

// verifyIDToken is verify_id_token(token, {…}): the claims, or a
// TokenValidationError. It is a recorded call, since it may fetch keys and
// reads the clock.
func (t *table) verifyIDToken(role string) *engine.Function {
	params := []engine.Param{
		{Name: "audience", Type: "string", Summary: "The client_id, unless told otherwise the tenant's."},
		{Name: "issuer", Type: "string", Summary: "https://DOMAIN/ unless told otherwise."},
		{Name: "nonce", Type: "string"},
		{Name: "max_age", Type: "integer", Summary: "Seconds since the user logged in."},
		{Name: "organization", Type: "string", Summary: "An org_id (org_…) or a name."},
		{Name: "leeway", Type: "integer", Summary: "Seconds of clock skew that are forgiven."},
	}
	f := &engine.Function{
		Name: "verify_id_token", Summary: "Check an ID token and give its claims.", Returns: "the claims",
		Params: verifyParams(params, "The key of HS256; the client's secret unless told otherwise."),
	}
	return t.verifier(f, role, func(args *bound) verifying {
		o := client.VerifyOptions{
			Algorithm: args.text("algorithm"), Issuer: args.text("issuer"), Audience: args.text("audience"),
			Secret: args.text("secret"), JWKSURL: args.text("jwks_url"),
			Organization: args.text("organization"), Leeway: args.integer("leeway", 0),
		}
		if args.given("nonce") {
			nonce := args.text("nonce")
			o.Nonce = &nonce
		}
		if args.given("max_age") {
			age := args.integer("max_age", 0)
			o.MaxAge = &age
		}
		return func(ctx context.Context, c *client.Client, token string) (*client.Claims, error) {
			return c.VerifyIDToken(ctx, token, o)
		}
	})
}

// verifyAccessToken is verify_access_token(token, {audience = …}), likewise.
func (t *table) verifyAccessToken(role string) *engine.Function {
	params := []engine.Param{
		{Name: "audience", Type: "string", Required: true, Summary: "The identifier of the API that the token is for."},
		{Name: "scopes", Type: "string[]", Summary: "All of them must be in the token's scope."},
		{Name: "permissions", Type: "string[]", Summary: "All of them must be in the token's permissions (RBAC)."},
		{Name: "issuer", Type: "string", Summary: "https://DOMAIN/ unless told otherwise."},
		{Name: "client_id", Type: "string", Summary: "The application that the token was given to (azp)."},
		{Name: "organization", Type: "string", Summary: "An org_id (org_…) or a name."},
		{Name: "certificate", Type: "string", Summary: "The client certificate that the token must be bound to (cnf, RFC 8705): in PEM, or its thumbprint (x5t#S256)."},
		{Name: "leeway", Type: "integer", Summary: "Seconds of clock skew that are forgiven."},
	}
	f := &engine.Function{
		Name: "verify_access_token", Summary: "Check an access token of an API and give its claims.", Returns: "the claims",
		Params: verifyParams(params, "The key of HS256: the API's signing secret."),
	}
	return t.verifier(f, role, func(args *bound) verifying {
		o := client.AccessOptions{
			Audience: args.text("audience"), Scopes: args.texts("scopes"), Permissions: args.texts("permissions"),
			Algorithm: args.text("algorithm"), Issuer: args.text("issuer"), Secret: args.text("secret"),
			JWKSURL: args.text("jwks_url"), ClientID: args.text("client_id"), Certificate: thumbprint(args.text("certificate")),
			Organization: args.text("organization"), Leeway: args.integer("leeway", 0),
		}
		return func(ctx context.Context, c *client.Client, token string) (*client.Claims, error) {
			return c.VerifyAccessToken(ctx, token, o)
		}
	})
}

// thumbprint is that of a certificate in PEM; any other text stays what it is,
// and the client says what is wrong with it.
func thumbprint(text string) string {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return text
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return text
	}
	return client.CertificateThumbprint(cert)
}

// verifyParams are the token, what one kind of token is asked, and where the key
// comes from.
func verifyParams(own []engine.Param, secret string) []engine.Param {
	params := append([]engine.Param{{Name: "token", Type: "string", Positional: true, Required: true, Secret: true}}, own...)
	return append(params,
		engine.Param{
			Name: "algorithm", Type: "string", Summary: "The only one accepted; RS256 unless told otherwise.",
			Enum: []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"},
		},
		engine.Param{Name: "secret", Type: "string", Secret: true, Summary: secret},
		engine.Param{Name: "jwks_url", Type: "string", Summary: "Where the keys are; the tenant's own unless told otherwise."},
	)
}

// verifier makes the function of either kind.
func (t *table) verifier(f *engine.Function, role string, read func(args *bound) verifying) *engine.Function {
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		return t.verify(args, role, read(args))
	}
	return f
}

func (t *table) verify(args *bound, role string, check verifying) (any, error) {
	name := args.call.Func.Name
	c, ok := t.cfg.Tenants[role]
	if !ok {
		return nil, args.wrong("no tenant stands for the role "+role, "name one with --tenant")
	}
	if args.call.Task == nil {
		return nil, notHere(args.call)
	}
	if err := t.reachable(args, "jwks_url", c); err != nil {
		return nil, err
	}
	token := args.text("token")
	marked := engine.NewObject(args.values.Len())
	for name, v := range args.values.All() {
		if name == "token" || name == "secret" {
			s, _ := v.(string)
			t.know(s)
			v = engine.Secret(s)
		}
		marked.Set(name, v)
	}
	out := args.call.Task.Do(&engine.Action{
		Name: name, Tenant: role, Effect: catalog.Read, Args: marked, Where: args.call.Where,
		Perform: func(ctx context.Context, at *engine.Attempt) engine.Outcome {
			if err := at.BeforeSend(ctx); err != nil {
				return engine.Outcome{Err: toError(err, name)}
			}
			claims, err := check(ctx, c, token)
			if err != nil {
				return engine.Outcome{Err: toError(err, name), Fault: client.Classify(err), ResetAt: client.ResetTime(err)}
			}
			return engine.Outcome{Value: claims.JSON}
		},
	})
	if out.Err != nil {
		return nil, out.Err
	}
	return out.Value, nil
}

// texts is a list of strings, nil when not given.
func (b *bound) texts(name string) []string {
	v, _ := b.values.Get(name)
	list, _ := v.([]any)
	var out []string
	for _, item := range list {
		s, _ := item.(string)
		out = append(out, s)
	}
	return out
}
