package bindings

import (
	"context"

	"a0run/client"
	"a0run/client/catalog"
	"a0run/engine"
)

// verifyFunction is verify_id_token(token, {…}): the claims, or a
// TokenValidationError. It is a recorded call, since it may fetch keys and
// reads the clock.
func (t *table) verifyFunction(role string) *engine.Function {
	f := &engine.Function{
		Name: "verify_id_token", Summary: "Check an ID token and give its claims.",
		Params: []engine.Param{
			{Name: "token", Type: "string", Positional: true, Required: true, Secret: true},
			{Name: "audience", Type: "string", Summary: "The client_id, unless told otherwise the tenant's."},
			{Name: "issuer", Type: "string", Summary: "https://DOMAIN/ unless told otherwise."},
			{Name: "nonce", Type: "string"},
			{Name: "max_age", Type: "integer", Summary: "Seconds since the user logged in."},
			{Name: "organization", Type: "string", Summary: "An org_id (org_…) or a name."},
			{Name: "leeway", Type: "integer", Summary: "Seconds of clock skew that are forgiven."},
			{
				Name: "algorithm", Type: "string", Summary: "The only one accepted; RS256 unless told otherwise.",
				Enum: []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"},
			},
			{Name: "secret", Type: "string", Secret: true, Summary: "The key of HS256; the client's secret unless told otherwise."},
			{Name: "jwks_url", Type: "string", Summary: "Where the keys are; the tenant's own unless told otherwise."},
		},
		Returns: "the claims",
	}
	f.Call = func(c *engine.HostCall) (any, error) {
		args, err := bind(c)
		if err != nil {
			return nil, err
		}
		return t.verify(args, role)
	}
	return f
}

func (t *table) verify(args *bound, role string) (any, error) {
	c, ok := t.cfg.Tenants[role]
	if !ok {
		return nil, args.wrong("no tenant stands for the role "+role, "name one with --tenant")
	}
	if err := t.reachable(args, "jwks_url", c); err != nil {
		return nil, err
	}
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
		Name: "verify_id_token", Tenant: role, Effect: catalog.Read, Args: marked, Where: args.call.Where,
		Perform: func(ctx context.Context, at *engine.Attempt) engine.Outcome {
			if err := at.BeforeSend(ctx); err != nil {
				return engine.Outcome{Err: toError(err, "verify_id_token")}
			}
			claims, err := c.VerifyIDToken(ctx, token, o)
			if err != nil {
				return engine.Outcome{Err: toError(err, "verify_id_token"), Fault: client.Classify(err), ResetAt: client.ResetTime(err)}
			}
			return engine.Outcome{Value: claims.JSON}
		},
	})
	if out.Err != nil {
		return nil, out.Err
	}
	return out.Value, nil
}
