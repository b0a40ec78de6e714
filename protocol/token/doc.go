// Package token turns a bearer token into the identity that it proves.
//
// Tokens are access tokens as SimpleJWT writes them. Which algorithm a token may
// use follows from the keys that are configured, never from the token: a secret
// verifies HS256 and nothing else, a public key the one algorithm that fits its
// type. Public keys come from PEM files or from a JWKS endpoint, which one
// goroutine of the Verifier asks; no request of a client waits for it longer
// than its own context allows.
package token
