package token

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
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
	tokenType string
	userID    string
	issuer    string
	audience  jwt.ClaimStrings

	exp, nbf, iat *float64 // seconds since 1970; nil: not given

	// What the claims above say, once jwt's validation has asked for it.
	expires, notBefore, issuedAt jwt.NumericDate
	user                         uuid.UUID
}

var (
	errShape = errors.New("the claims are no JSON object")
	errTwice = errors.New("a claim is given twice")
	errDate  = errors.New("a date that no clock shows")
	errType  = errors.New("not an access token")
	errUser  = errors.New("user_id is no UUID")
)

// claimNames are the claims that are read. Names are case-sensitive (RFC 7519,
// section 10.1.1); encoding/json would take Token_Type for token_type.
var claimNames = [...]string{"token_type", "user_id", "iss", "aud", "exp", "nbf", "iat"}

// UnmarshalJSON reads the claims. A claim that is read must not be given twice,
// because its issuer and Caravan may not mean the same one.
func (c *claims) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	if text[0] != '{' {
		return errShape
	}
	var given [len(claimNames)]bool
	for name, value := range members(text) {
		i := slices.Index(claimNames[:], string(name))
		if i < 0 {
			continue
		}
		if given[i] {
			return errTwice
		}
		given[i] = true
		if err := c.read(claimNames[i], value); err != nil {
			return err
		}
	}
	return nil
}

func (c *claims) read(name string, value []byte) error {
	switch name {
	case "token_type":
		return readText(value, &c.tokenType)
	case "user_id":
		return readText(value, &c.userID)
	case "iss":
		return readText(value, &c.issuer)
	case "aud":
		return json.Unmarshal(value, &c.audience)
	case "exp":
		return readNumber(value, &c.exp)
	case "nbf":
		return readNumber(value, &c.nbf)
	case "iat":
		return readNumber(value, &c.iat)
	}
	return nil
}

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
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.exp, &c.expires) }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return date(c.nbf, &c.notBefore) }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return date(c.iat, &c.issuedAt) }
func (c *claims) GetIssuer() (string, error)                   { return c.issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return "", nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.audience, nil }

// Validate checks the claims that are SimpleJWT's own: token_type, and user_id in
// the canonical form of a UUID or as its 32 digits alone. It is part of jwt's
// validation.
func (c *claims) Validate() error {
	if c.tokenType != accessType {
		return errType
	}
	if len(c.userID) != 36 && len(c.userID) != 32 {
		return errUser // uuid.Parse would take URNs and braces, too
	}
	var err error
	if c.user, err = uuid.Parse(c.userID); err != nil {
		return errUser
	}
	return nil
}
