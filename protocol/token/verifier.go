package token

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// BytesMax is the longest token that is looked at.
const BytesMax = 8 << 10

// Identity is what a good token proves.
type Identity struct {
	User    uuid.UUID
	Expires time.Time // when the token stops being good, the leeway included
}

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	parser     *jwt.Parser
	validator  *jwt.Validator                // the parser's
	header     atomic.Pointer[string]        // of the last good HS256 token, with its dot; see quick
	algorithms []string                      // that the configured keys are for
	secret     any                           // HS256: a []byte; nil: none
	seals      sync.Pool                     // of *seal, by the secret
	issuer     string                        // that a token must name; empty: any
	audience   string                        // likewise
	public     map[string][]crypto.PublicKey // from PEM files, by algorithm
	remote     *jwks                         // nil: none
	address    string                        // of remote
	yielded    bool                          // remote is that of the next Verifier
	leeway     time.Duration
}

var (
	errHeader     = errors.New("a header that has to be understood and is not")
	errKeyUnknown = errors.New("no such key")
)

// New returns a Verifier for c. It fails where c has no key, or one that fits no
// algorithm. It does not wait for the JWKS endpoint; while that has not answered
// yet, Verify does. ctx ends the asking, as Close does.
func New(ctx context.Context, c Config) (*Verifier, error) {
	v, err := withoutJWKS(c)
	if err != nil || c.JWKSURL == "" {
		return v, err
	}
	v.remote, err = openJWKS(ctx, c.JWKSURL, c.Log)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Next returns a Verifier for c that takes the place of v. It goes on with the keys behind
// the JWKS URL of v where c has the same one; then v must not be used once the next one is
// closed. For another URL it waits for its keys, and fails where none come before ctx ends;
// then v goes on. After that ctx does not count. Neither Next nor Close of v may run beside it.
func (v *Verifier) Next(ctx context.Context, c Config) (*Verifier, error) {
	next, err := withoutJWKS(c)
	if err != nil || c.JWKSURL == "" {
		return next, err
	}
	if v.remote != nil && v.address == c.JWKSURL {
		next.remote, v.yielded = v.remote, true
		return next, nil
	}
	next.remote, err = openJWKS(context.WithoutCancel(ctx), c.JWKSURL, c.Log)
	if err != nil {
		return nil, err
	}
	if err := next.remote.first(ctx); err != nil {
		next.Close()
		return nil, err
	}
	return next, nil
}

// withoutJWKS returns a Verifier that has yet to get its keys from the URL.
func withoutJWKS(c Config) (*Verifier, error) {
	v := &Verifier{public: map[string][]crypto.PublicKey{}, leeway: c.Leeway, address: c.JWKSURL, issuer: c.Issuer, audience: c.Audience}
	for i, file := range c.PublicKeys {
		if err := addPEM(v.public, file); err != nil {
			return nil, fmt.Errorf("public key %d: %w", i+1, err)
		}
	}
	if len(c.Secret) > 0 {
		secret := slices.Clone(c.Secret)
		v.secret = secret
		v.seals.New = func() any { return newSeal(secret) }
		v.algorithms = append(v.algorithms, jwt.SigningMethodHS256.Alg())
	}
	for _, a := range publicAlgorithms {
		if c.JWKSURL != "" || len(v.public[a]) > 0 {
			v.algorithms = append(v.algorithms, a)
		}
	}
	if len(v.algorithms) == 0 {
		return nil, errors.New("verifying tokens needs a secret, a public key or a JWKS URL")
	}
	v.parser, v.validator = c.parser(v.algorithms), jwt.NewValidator(c.options(v.algorithms)...)
	return v, nil
}

// parser returns the jwt parser that checks what c asks for.
func (c Config) parser(algorithms []string) *jwt.Parser {
	return jwt.NewParser(c.options(algorithms)...)
}

func (c Config) options(algorithms []string) []jwt.ParserOption {
	options := []jwt.ParserOption{
		jwt.WithValidMethods(algorithms),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(c.Leeway),
		jwt.WithIssuer(c.Issuer),
	}
	if c.Audience != "" {
		options = append(options, jwt.WithAudience(c.Audience))
	}
	return options
}

// Close stops asking the JWKS endpoint and waits until that has ended. Keys that
// are known stay good. Where Next goes on with them, that one asks.
func (v *Verifier) Close() {
	if v.remote != nil && !v.yielded {
		v.remote.close()
	}
}

// Verify checks a token, given without the word "Bearer". Every refusal is a
// *Refusal and wraps ErrInvalid. Where a token names a key that is not known yet, it
// may wait for the JWKS endpoint, at most until ctx ends; where that fails, or cannot be
// asked so soon, the error is ErrKeysAway, since the token may be good. A token that would
// be refused whatever its key asks for none.
func (v *Verifier) Verify(ctx context.Context, bearer string) (Identity, error) {
	away := false
	id, err := v.verify(bearer, func(t *jwt.Token) []crypto.PublicKey {
		keys, sure := v.remote.keys(ctx, t)
		away = !sure
		return keys
	})
	if r := ReasonOf(err); away && (r == ReasonKey || r == ReasonSignature) {
		return Identity{}, ErrKeysAway
	}
	return id, err
}

// VerifyNow is Verify without the wait: it refuses a token that names a key that is
// not known yet with ReasonKey.
func (v *Verifier) VerifyNow(bearer string) (Identity, error) {
	return v.verify(bearer, func(t *jwt.Token) []crypto.PublicKey {
		keys, _ := v.remote.lookup(t)
		return keys
	})
}

// verify checks a token. remote finds its keys in the set behind the URL.
func (v *Verifier) verify(bearer string, remote func(*jwt.Token) []crypto.PublicKey) (Identity, error) {
	if bearer == "" {
		return Identity{}, refuse(ReasonMissing)
	}
	if len(bearer) > BytesMax {
		return Identity{}, refuse(ReasonTooLong)
	}
	if id, ok := v.quick(bearer); ok {
		return id, nil
	}
	var c claims
	t, err := v.parser.ParseWithClaims(bearer, &c, func(t *jwt.Token) (any, error) { return v.key(t, remote) })
	if err != nil {
		return Identity{}, refuse(v.reason(t, err))
	}
	if t.Method == jwt.SigningMethodHS256 {
		header := strings.Clone(bearer[:strings.IndexByte(bearer, '.')+1])
		v.header.Store(&header)
	}
	return v.identity(&c), nil
}

// quick accepts a good HS256 token whose header is that of a good one before it,
// to the letter, as an issuer's are: decoding headers is half of what tokens cost.
// Whatever it does not accept is for the parser to judge.
func (v *Verifier) quick(bearer string) (Identity, bool) {
	header := v.header.Load()
	if header == nil || !strings.HasPrefix(bearer, *header) {
		return Identity{}, false
	}
	payload, signature, _ := strings.Cut(bearer[len(*header):], ".")
	s := v.seals.Get().(*seal)
	defer v.seals.Put(s)
	if !s.signed(bearer[:len(*header)+len(payload)], signature) || !s.read(payload) || !v.good(&s.claims) {
		return Identity{}, false
	}
	return v.identity(&s.claims), true
}

// good reports whether the validator accepts claims. It makes a list for what is wrong;
// that is spared where no audience is asked for, as with SimpleJWT.
func (v *Verifier) good(c *claims) bool {
	if v.audience != "" {
		return v.validator.Validate(c) == nil
	}
	expires, err := c.GetExpirationTime()
	if err != nil || expires == nil {
		return false
	}
	notBefore, err := c.GetNotBefore()
	if err != nil {
		return false
	}
	issuedAt, err := c.GetIssuedAt()
	if err != nil {
		return false
	}
	now := time.Now()
	begun := func(at *jwt.NumericDate) bool { return at == nil || !now.Before(at.Add(-v.leeway)) }
	return now.Before(expires.Add(v.leeway)) && begun(notBefore) && begun(issuedAt) &&
		(v.issuer == "" || c.issuer == v.issuer) && c.Validate() == nil
}

func (v *Verifier) identity(c *claims) Identity {
	return Identity{User: c.user, Expires: c.expires.Add(v.leeway)}
}

// key returns what may verify t. Its algorithm is one of v.algorithms.
func (v *Verifier) key(t *jwt.Token, remote func(*jwt.Token) []crypto.PublicKey) (any, error) {
	if _, ok := t.Header["crit"]; ok {
		return nil, errHeader // RFC 7515: refuse what must be understood and is not
	}
	algorithm := t.Method.Alg()
	if algorithm == jwt.SigningMethodHS256.Alg() {
		return v.secret, nil
	}
	var keys jwt.VerificationKeySet
	for _, k := range v.public[algorithm] {
		keys.Keys = append(keys.Keys, k)
	}
	if v.remote != nil {
		if err := v.validator.Validate(t.Claims); err != nil {
			return nil, err
		}
		for _, k := range remote(t) {
			keys.Keys = append(keys.Keys, k)
		}
	}
	if len(keys.Keys) == 0 {
		return nil, errKeyUnknown
	}
	return keys, nil
}

// reason says why the parser refused t with err.
func (v *Verifier) reason(t *jwt.Token, err error) Reason {
	is := func(target error) bool { return errors.Is(err, target) }
	switch {
	case is(jwt.ErrTokenMalformed) || is(errHeader):
		return ReasonMalformed
	case t.Method == nil || !slices.Contains(v.algorithms, t.Method.Alg()):
		return ReasonAlgorithm
	case is(errKeyUnknown):
		return ReasonKey
	case is(jwt.ErrTokenSignatureInvalid):
		return ReasonSignature
	case is(jwt.ErrTokenExpired):
		return ReasonExpired
	case is(jwt.ErrTokenNotValidYet) || is(jwt.ErrTokenUsedBeforeIssued):
		return ReasonEarly
	case is(errType):
		return ReasonType
	}
	return ReasonClaims
}
