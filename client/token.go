package client

import (
	"context"
	"sync"
	"time"

	"a0run/client/catalog"
)

// tokenSource keeps the Management API token of a client: fetched once however
// many wait for it, renewed before it ends. The fetch is the client's own
// business: it draws on the token endpoint's bucket, is retried by the client's
// policy also where calls are not, and no hook hears of it.
type tokenSource struct {
	client *Client

	// mu is never held while anything waits.
	mu     sync.Mutex
	token  string
	bearer string    // the header's value for it
	until  time.Time // renew from then on
	flight *tokenFlight
}

// tokenFlight is one fetch, and those who wait for it.
type tokenFlight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
	token   string
	err     error
}

// A token is renewed a tenth of its life before it ends, but no more than a
// minute.
const renewAhead = time.Minute

// get gives the token, fetching it where there is none that will last.
func (s *tokenSource) get(ctx context.Context) (string, error) {
	cfg := s.client.cfg
	if cfg.Token != "" {
		return cfg.Token, nil
	}
	s.mu.Lock()
	if s.token != "" && s.client.now().Before(s.until) {
		defer s.mu.Unlock()
		return s.token, nil
	}
	f := s.flight
	if f == nil {
		f = s.start(ctx)
	}
	f.waiting++
	s.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		s.leave(f)
		return "", &TokenError{Err: context.Cause(ctx)}
	}
}

// start begins a fetch that outlives the caller who happened to be first: it
// ends when nobody waits any more. It is called with the lock held.
func (s *tokenSource) start(ctx context.Context) *tokenFlight {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &tokenFlight{done: make(chan struct{}), cancel: cancel}
	s.flight = f
	go func() {
		defer cancel()
		token, until, err := s.fetch(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		defer close(f.done)
		if s.flight == f {
			s.flight = nil
		}
		if err != nil {
			f.err = &TokenError{Err: err}
			return
		}
		f.token = token
		s.token, s.bearer, s.until = token, "", until
	}()
	return f
}

// leave is a waiter whose context ended.
func (s *tokenSource) leave(f *tokenFlight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.waiting--
	if f.waiting > 0 {
		return
	}
	f.cancel()
	if s.flight == f {
		s.flight = nil // whoever comes now starts a fetch of his own
	}
}

// header is the Authorization header for a token. A management token of all
// scopes has 8 KB; making the text anew for every request was half of what a
// call allocated.
func (s *tokenSource) header(token string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != token {
		return "Bearer " + token
	}
	if s.bearer == "" {
		s.bearer = "Bearer " + token
	}
	return s.bearer
}

// drop forgets a token that the tenant refused, unless it was renewed since.
func (s *tokenSource) drop(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == token {
		s.token = ""
	}
}

// fetch asks the tenant for a token.
func (s *tokenSource) fetch(ctx context.Context) (string, time.Time, error) {
	c := s.client
	if c.cfg.TokenSource != nil {
		token, until, err := c.cfg.TokenSource(ctx)
		c.learn(token)
		return token, until.Add(-renewAhead), err
	}
	if c.cfg.ClientID == "" || !c.auth.proves() {
		return "", time.Time{}, &ArgumentError{
			Argument: "client", Problem: "there is nothing to get a token with",
			Next: "give a client_id with its client_secret or private key, or a token (AUTH0_CLIENT_ID with AUTH0_CLIENT_SECRET, or AUTH0_API_TOKEN, where they come from the environment)",
		}
	}
	audience := c.cfg.Audience
	if audience == "" {
		audience = c.Issuer() + "api/v2/"
	}
	r, err := c.prepare(tokenOperation(), Args{"audience": audience})
	if err != nil {
		return "", time.Time{}, err
	}
	k := c.newCall(r)
	k.mine, k.silent = true, true
	began := c.now()
	resp, err := k.run(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	token, err := decodeToken(resp.Body)
	if err != nil {
		return "", time.Time{}, err
	}
	c.learn(token.AccessToken.Reveal())
	life := time.Duration(token.ExpiresIn) * time.Second
	if life == 0 {
		life = time.Hour
	}
	return token.AccessToken.Reveal(), began.Add(life - min(renewAhead, life/10)), nil
}

// tokenOperation is the fetch as an operation: client_credentials, which
// changes nothing and may be repeated.
func tokenOperation() *catalog.Operation {
	return &catalog.Operation{
		ID: "management token", API: catalog.Authentication, Verb: "POST", Path: "/oauth/token",
		Args:  []catalog.Arg{{Name: "audience", In: catalog.InField, Type: catalog.String, Required: true}},
		Fixed: []catalog.Field{{Name: "grant_type", Value: "client_credentials"}},
		Body:  catalog.JSONBody, BodyRequired: true, Auth: catalog.ClientAuth, Answer: catalog.JSONAnswer,
		Effect: catalog.Read, Buckets: []string{"authentication", "oauth.token"}, SecretAnswers: []string{"access_token"},
	}
}
