package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"a0run/client/catalog"
	"a0run/client/pace"
)

// The two grants that are asked about again and again until a person has
// answered elsewhere, and what the tenant says meanwhile.
const (
	grantDevice      = "device_code"
	grantBackchannel = "backchannel_login"

	codePending  = "authorization_pending"
	codeSlowDown = "slow_down"
)

// DefaultPollInterval is the time between two questions where the tenant names
// none, PollStep what a slow_down adds to it (RFC 8628, sections 3.2 and 3.5).
const (
	DefaultPollInterval = 5 * time.Second
	PollStep            = 5 * time.Second
)

// A Polling is the pace of such questions (RFC 8628, section 3.5; OpenID Connect
// CIBA Core 1.0, section 11). It is a pure decision: the caller waits.
type Polling struct {
	// Interval is the time between two questions; 0 means DefaultPollInterval.
	Interval time.Duration
}

// Next says whether an answer's error code means "ask again", and after how
// long. A slow_down makes the interval longer for good, and a Retry-After beside
// it is respected.
func (p *Polling) Next(code string, h http.Header, now time.Time) (wait time.Duration, again bool) {
	if p.Interval <= 0 {
		p.Interval = DefaultPollInterval
	}
	switch code {
	case codePending:
		return p.Interval, true
	case codeSlowDown:
		p.Interval += PollStep
		asked := pace.RetryAt(http.Header{"Retry-After": h.Values("Retry-After")}, now)
		return max(p.Interval, asked.Sub(now)), true
	}
	return 0, false
}

// Polls reports whether an operation asks about a login that a person has to
// approve elsewhere: asking again does no harm.
func Polls(op *catalog.Operation) bool {
	return op.ID == "get_token."+grantDevice || op.ID == "get_token."+grantBackchannel
}

// slowed reports whether an error is the tenant's wish for longer intervals,
// which is said with 429 and has nothing to do with its rate limit.
func slowed(e *Auth0Error) bool { return e != nil && e.ErrorCode == codeSlowDown }

// heads tells the budget of an answer's head. A 429 to a question of Polls, or
// to an import, is kept back until the body has said whether it is a rate limit at
// all.
func (k *call) heads(g *pace.Grant) func(int, http.Header) {
	return func(status int, h http.Header) {
		if !k.maybeNotLimited(status) {
			k.pacer.Observe(g, status, h)
		}
	}
}

// observeLate tells the budget what heads kept back; nothing otherwise.
func (k *call) observeLate(g *pace.Grant, a *answer) {
	if !k.maybeNotLimited(a.status) {
		return
	}
	e := &Auth0Error{StatusCode: a.status, Header: a.header}
	if e.fill(a.body); !notLimited(k.op.ID, e) {
		k.pacer.Observe(g, a.status, a.header)
		return
	}
	h := a.header.Clone()
	h.Del("Retry-After") // it is meant for this login or import, not for the bucket
	k.pacer.Observe(g, http.StatusBadRequest, h)
}

// A PendingLogin is a login that a person has to approve elsewhere: at a
// keyboard (device flow) or in an app (CIBA).
type PendingLogin struct {
	// UserCode is to be typed at VerificationURI; VerificationURIComplete has
	// it in it, for a QR code. They are there for devices only.
	UserCode, VerificationURI, VerificationURIComplete string
	// ExpiresAt is when the tenant forgets the login, Interval how often it may
	// be asked.
	ExpiresAt time.Time
	Interval  time.Duration

	client *Client
	grant  string
	args   Args
}

// StartDeviceLogin begins the device authorization flow (RFC 8628) with the
// arguments of authentication.device.code. Show the user code, then wait for
// Token.
func (c *Client) StartDeviceLogin(ctx context.Context, args Args, opts ...CallOption) (*PendingLogin, error) {
	return c.startLogin(ctx, "authentication.device.code", args, opts)
}

// StartBackchannelLogin begins a client-initiated backchannel authentication
// (CIBA) with the arguments of
// authentication.back_channel_login.back_channel_login.
func (c *Client) StartBackchannelLogin(ctx context.Context, args Args, opts ...CallOption) (*PendingLogin, error) {
	return c.startLogin(ctx, "authentication.back_channel_login.back_channel_login", args, opts)
}

// startLogin begins either of them.
func (c *Client) startLogin(ctx context.Context, operation string, args Args, opts []CallOption) (*PendingLogin, error) {
	resp, err := c.Do(ctx, operation, revealed(args), opts...)
	if err != nil {
		return nil, err
	}
	var in struct {
		DeviceCode string      `json:"device_code"`
		AuthReqID  string      `json:"auth_req_id"`
		UserCode   string      `json:"user_code"`
		URI        string      `json:"verification_uri"`
		Complete   string      `json:"verification_uri_complete"`
		ExpiresIn  json.Number `json:"expires_in"`
		Interval   json.Number `json:"interval"`
	}
	if err := json.Unmarshal(resp.Body, &in); err != nil {
		return nil, fmt.Errorf("%s: the tenant's answer cannot be used: %w", operation, unreadable(err))
	}
	p := &PendingLogin{
		UserCode: in.UserCode, VerificationURI: in.URI, VerificationURIComplete: in.Complete, client: c,
		grant: grantDevice, args: Args{"device_code": NewSecret(in.DeviceCode)},
	}
	if in.DeviceCode == "" {
		p.grant, p.args = grantBackchannel, Args{"auth_req_id": NewSecret(in.AuthReqID)}
	}
	if in.DeviceCode == "" && in.AuthReqID == "" {
		return nil, fmt.Errorf("%s: the tenant's answer holds neither a device_code nor an auth_req_id", operation)
	}
	life, err := seconds(in.ExpiresIn)
	if err != nil {
		return nil, fmt.Errorf("%s: the tenant's answer cannot be used: %w", operation, err)
	}
	if life > 0 {
		p.ExpiresAt = c.now().Add(time.Duration(life) * time.Second)
	}
	if every, err := seconds(in.Interval); err == nil {
		p.Interval = time.Duration(every) * time.Second
	}
	for name, value := range args { // the application that began must be the one that asks
		if isAuthArg(name) {
			p.args[name] = value
		}
	}
	return p, nil
}

// isAuthArg reports whether an argument says who asks, and where.
func isAuthArg(name string) bool {
	for _, a := range tokenClientArgs() {
		if a == name {
			return true
		}
	}
	return false
}

func tokenClientArgs() []string {
	return []string{
		"client_id", "client_secret", "client_assertion_signing_key", "client_assertion_signing_alg",
		"client_assertion_signing_kid", "token_endpoint_auth_method", "domain",
	}
}

// Token waits until the person has answered and gives the tokens. A refusal is
// an *Auth0Error with code access_denied, a login that ran out one with
// expired_token; a context that ends first ends the wait.
func (p *PendingLogin) Token(ctx context.Context, opts ...CallOption) (*Token, error) {
	polling := Polling{Interval: p.Interval}
	for {
		token, err := p.client.GetToken(ctx, p.grant, p.args, opts...)
		if err == nil {
			return token, nil
		}
		e, ok := errors.AsType[*Auth0Error](err)
		if !ok {
			return nil, err
		}
		wait, again := polling.Next(e.ErrorCode, e.Header, p.client.now())
		if !again || !p.ExpiresAt.IsZero() && p.client.now().After(p.ExpiresAt) {
			return nil, err
		}
		if stop := sleep(ctx, wait); stop != nil {
			return nil, fmt.Errorf("%w (%w while waiting for the user)", err, stop)
		}
	}
}
