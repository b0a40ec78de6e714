package token

import (
	"log/slog"
	"time"
)

// Config says which tokens are good. At least one of Secret, PublicKeys and
// JWKSURL is needed; a token that fits any of them is accepted.
type Config struct {
	Secret     []byte   // HS256
	PublicKeys [][]byte // PEM, any number of keys in each: RS256, ES256 or EdDSA by the key's type
	JWKSURL    string   // http or https

	Issuer   string        // empty: not checked
	Audience string        // empty: not checked
	Leeway   time.Duration // by how much the clocks of issuer and server may differ

	Log *slog.Logger // is told when the JWKS endpoint fails, and when it is back; nil: nobody is
}
