package token

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// Sign returns an access token for user that is valid from now for ttl, signed
// with secret by HS256, with the claims that SimpleJWT writes.
func Sign(secret []byte, user uuid.UUID, ttl time.Duration) (string, error) {
	return Config{Secret: secret}.Sign(user, ttl)
}

// Sign is the function Sign with the secret of c, for a server that is configured
// with c: the token names the issuer and the audience that it asks for.
func (c Config) Sign(user uuid.UUID, ttl time.Duration) (string, error) {
	if len(c.Secret) == 0 {
		return "", errors.New("signing a token needs a secret")
	}
	now := time.Now()
	jti := uuid.New()
	claims := jwt.MapClaims{
		"token_type": accessType,
		"exp":        now.Add(ttl).Unix(),
		"iat":        now.Unix(),
		"jti":        hex.EncodeToString(jti[:]),
		"user_id":    user.String(),
	}
	if c.Issuer != "" {
		claims["iss"] = c.Issuer
	}
	if c.Audience != "" {
		claims["aud"] = c.Audience
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(c.Secret)
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	return signed, nil
}
