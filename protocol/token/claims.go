package token

import (
	"errors"
	"math"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// accessType is the token_type of the tokens that let somebody in. SimpleJWT
// gives its refresh tokens another one.
const accessType = "access"

// claims is what Caravan reads of a token. Numbers are plain, because the
// library's own type for dates costs a decoder each.
type claims struct {
	TokenType string           `json:"token_type"`
	UserID    string           `json:"user_id"`
	Expires   *float64         `json:"exp"`
	NotBefore *float64         `json:"nbf"`
	IssuedAt  *float64         `json:"iat"`
	Issuer    string           `json:"iss"`
	Audience  jwt.ClaimStrings `json:"aud"`

	// What the claims above say, once jwt's validation has asked for it.
	expires, notBefore, issuedAt jwt.NumericDate
	user                         uuid.UUID
}

var (
	errDate = errors.New("a date that no clock shows")
	errType = errors.New("not an access token")
	errUser = errors.New("user_id is no UUID")
)

// dateMax is the last second of the year 9999, the last that RFC 3339 can write.
const dateMax = 253_402_300_799

// date reads a claim that counts seconds since 1970 into at. No claim gives nil.
func date(seconds *float64, at *jwt.NumericDate) (*jwt.NumericDate, error) {
	if seconds == nil {
		return nil, nil
	}
	if *seconds < 0 || *seconds > dateMax {
		return nil, errDate
	}
	whole, part := math.Modf(*seconds)
	at.Time = time.Unix(int64(whole), int64(part*1e9))
	return at, nil
}

// GetExpirationTime and the methods below are jwt.Claims.
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.Expires, &c.expires) }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return date(c.NotBefore, &c.notBefore) }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return date(c.IssuedAt, &c.issuedAt) }
func (c *claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return "", nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.Audience, nil }

// Validate checks the claims that are SimpleJWT's own: token_type, and user_id in
// the canonical form of a UUID or as its 32 digits alone. It is part of jwt's
// validation.
func (c *claims) Validate() error {
	if c.TokenType != accessType {
		return errType
	}
	if len(c.UserID) != 36 && len(c.UserID) != 32 {
		return errUser // uuid.Parse would take URNs and braces, too
	}
	var err error
	if c.user, err = uuid.Parse(c.UserID); err != nil {
		return errUser
	}
	return nil
}
