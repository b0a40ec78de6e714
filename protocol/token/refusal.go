package token

import "errors"

// ErrInvalid is what every refusal of Verify wraps.
var ErrInvalid = errors.New("token refused")

// ErrKeysAway is the error of Verify where nobody can tell whether a token is good: its key
// is not known yet, and the JWKS endpoint fails or cannot be asked again so soon.
var ErrKeysAway = errors.New("the token's key is not known yet")

// Reason says why a token was refused. It is meant for logs and metrics: the
// set is closed, and the token is no part of it.
type Reason string

// The reasons of refusals.
const (
	ReasonMissing   Reason = "missing"     // there is no token
	ReasonTooLong   Reason = "too_long"    // more than BytesMax
	ReasonMalformed Reason = "malformed"   // no JWT, or a claim of the wrong type
	ReasonAlgorithm Reason = "algorithm"   // none, or one that no configured key is for
	ReasonKey       Reason = "unknown_key" // its kid is not in the JWKS
	ReasonSignature Reason = "signature"
	ReasonExpired   Reason = "expired"
	ReasonEarly     Reason = "not_yet_valid" // nbf or iat lies in the future
	ReasonType      Reason = "token_type"    // not "access"
	ReasonClaims    Reason = "claims"        // exp or user_id missing, another issuer or audience
)

// Refusal is the error of Verify. It wraps ErrInvalid.
type Refusal struct{ Reason Reason }

// Error names the reason.
func (r *Refusal) Error() string { return ErrInvalid.Error() + ": " + string(r.Reason) }

// Unwrap returns ErrInvalid.
func (r *Refusal) Unwrap() error { return ErrInvalid }

// ReasonOf returns the reason of an error of Verify, or "" for any other error.
func ReasonOf(err error) Reason {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return ""
}

func refuse(reason Reason) error { return &Refusal{Reason: reason} }
