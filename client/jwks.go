package client

// keyrings are the key caches of one client, one for each JWKS address. The
// zero value is ready for use.
type keyrings struct{}
