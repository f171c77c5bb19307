package sim

import "a0run/client/sim/store"

// The collections that have a name of their own here. Those whose kind is a
// path are what the API shows at that path; the others are what it keeps to
// itself: passwords stand beside the users, since what is not in an object
// cannot be given back by mistake, and what the token endpoint remembers
// stands here and not in fields, so that a snapshot has it.

func cibaKey() store.Key { return store.Key{Kind: "auth:ciba"} }

func clientsKey() store.Key { return store.Key{Kind: "/clients"} }

func codesKey() store.Key { return store.Key{Kind: "auth:codes"} }

func connectionsKey() store.Key { return store.Key{Kind: "/connections"} }

func deviceKey() store.Key { return store.Key{Kind: "auth:device"} }

func jobErrorsKey() store.Key { return store.Key{Kind: "job-errors"} }

func jobsKey() store.Key { return store.Key{Kind: "/jobs"} }

func jtiKey() store.Key { return store.Key{Kind: "auth:jti"} }

func orgsKey() store.Key { return store.Key{Kind: "/organizations"} }

func otpKey() store.Key { return store.Key{Kind: "auth:otp"} }

func parKey() store.Key { return store.Key{Kind: "auth:par"} }

func passwordsKey() store.Key { return store.Key{Kind: "passwords"} }

func refreshKey() store.Key { return store.Key{Kind: "auth:refresh"} }

func refreshObjects() store.Key { return store.Key{Kind: "/refresh-tokens"} }

func rolesKey() store.Key { return store.Key{Kind: "/roles"} }

func sessionObjects() store.Key { return store.Key{Kind: "/sessions"} }

func usersKey() store.Key { return store.Key{Kind: usersKind} }

// openConnections are those that every application may use: a seed named no
// applications for them.
func openConnections() store.Key { return store.Key{Kind: "open-connections"} }
