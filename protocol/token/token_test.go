package token

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

var (
	secret = []byte("a secret that only the tests know, 32+ bytes")
	user   = uuid.MustParse("0189f7e5-0000-7000-8000-00000000000b")
)

// testKeys are one private key of each kind, made once.
var testKeys = sync.OnceValue(func() (k struct {
	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	ec384   *ecdsa.PrivateKey
	ed      ed25519.PrivateKey
	otherEd ed25519.PrivateKey
}) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var err error
	k.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	k.ec384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	_, k.ed, err = ed25519.GenerateKey(rand.Reader)
	must(err)
	_, k.otherEd, err = ed25519.GenerateKey(rand.Reader)
	must(err)
	return k
})

func publicPEM(t testing.TB, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// goodClaims are those of a SimpleJWT access token, changed by pairs of a name
// and a value; a nil value removes the claim.
func goodClaims(changes ...any) jwt.MapClaims {
	now := time.Now()
	c := jwt.MapClaims{
		"token_type": "access",
		"exp":        now.Add(time.Hour).Unix(),
		"iat":        now.Unix(),
		"jti":        "0f1e2d",
		"user_id":    user.String(),
	}
	for i := 0; i < len(changes); i += 2 {
		name := changes[i].(string)
		if changes[i+1] == nil {
			delete(c, name)
		} else {
			c[name] = changes[i+1]
		}
	}
	return c
}

func signed(t testing.TB, method jwt.SigningMethod, key any, claims jwt.Claims, header ...any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	for i := 0; i < len(header); i += 2 {
		token.Header[header[i].(string)] = header[i+1]
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func hs256(t testing.TB, changes ...any) string {
	t.Helper()
	return signed(t, jwt.SigningMethodHS256, secret, goodClaims(changes...))
}

func verifier(t testing.TB, c Config) *Verifier {
	t.Helper()
	v, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// mustRefuse fails unless v refuses the token for that reason, without telling it.
func mustRefuse(t *testing.T, v *Verifier, name, bearer string, want Reason) {
	t.Helper()
	id, err := v.Verify(t.Context(), bearer)
	switch {
	case err == nil:
		t.Errorf("%s was accepted", name)
	case id != Identity{}:
		t.Errorf("%s gave %v together with an error", name, id)
	case !errors.Is(err, ErrInvalid):
		t.Errorf("%s: %v does not wrap ErrInvalid", name, err)
	case ReasonOf(err) != want:
		t.Errorf("%s: refused because of %s, not %s", name, ReasonOf(err), want)
	}
	for part := range strings.SplitSeq(bearer, ".") {
		if err != nil && len(part) > 8 && strings.Contains(err.Error(), part) {
			t.Errorf("%s: the error tells the token: %v", name, err)
		}
	}
}

func mustAccept(t *testing.T, v *Verifier, name, bearer string) Identity {
	t.Helper()
	id, err := v.Verify(t.Context(), bearer)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	} else if id.User != user {
		t.Errorf("%s is for %v", name, id.User)
	}
	return id
}

func TestAccepted(t *testing.T) {
	v := verifier(t, Config{Secret: secret})
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	if id := mustAccept(t, v, "plain", hs256(t, "exp", expires.Unix())); !id.Expires.Equal(expires) {
		t.Errorf("expires %v, not %v", id.Expires, expires)
	}
	mustAccept(t, v, "minimal", hs256(t, "iat", nil, "jti", nil))
	mustAccept(t, v, "fractions", hs256(t, "exp", float64(expires.Unix())+0.5))
	mustAccept(t, v, "upper case", hs256(t, "user_id", strings.ToUpper(user.String())))
	mustAccept(t, v, "no hyphens", hs256(t, "user_id", strings.ReplaceAll(user.String(), "-", "")))
	mustAccept(t, v, "nbf passed", hs256(t, "nbf", time.Now().Add(-time.Second).Unix()))
	mustAccept(t, v, "more claims", hs256(t, "iss", "anybody", "aud", []string{"x"}, "extra", map[string]any{"a": 1}))
}

func TestRefused(t *testing.T) {
	v := verifier(t, Config{Secret: secret})
	good := hs256(t)
	parts := strings.Split(good, ".")
	raw := func(header, payload string) string {
		encode := base64.RawURLEncoding.EncodeToString
		text := encode([]byte(header)) + "." + encode([]byte(payload))
		signature, err := jwt.SigningMethodHS256.Sign(text, secret)
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + encode(signature)
	}
	const header = `{"alg":"HS256","typ":"JWT"}`
	mustAccept(t, v, "the pattern of what follows", raw(header, `{"token_type":"access","exp":9999999999,"user_id":"`+user.String()+`"}`))

	for _, c := range []struct {
		name, bearer string
		want         Reason
	}{
		{"nothing", "", ReasonMissing},
		{"more than the limit", strings.Repeat("a", BytesMax+1), ReasonTooLong},
		{"a long token", hs256(t, "extra", strings.Repeat("x", BytesMax)), ReasonTooLong},
		{"a word", "garbage", ReasonMalformed},
		{"dots", "..", ReasonMalformed},
		{"two parts", parts[0] + "." + parts[1], ReasonMalformed},
		{"four parts", good + ".x", ReasonMalformed},
		{"a trailing dot", good + ".", ReasonMalformed},
		{"the word Bearer before it", "Bearer " + good, ReasonMalformed},
		{"padding", good + "=", ReasonMalformed},
		{"base64 of another alphabet", parts[0] + "." + parts[1] + ".+/+/", ReasonMalformed},
		{"a header that is no JSON", raw(`{`, `{}`), ReasonMalformed},
		{"a header that is an array", raw(`[]`, `{}`), ReasonMalformed},
		{"claims that are no JSON", raw(header, `{`), ReasonMalformed},
		{"claims that are an array", raw(header, `[]`), ReasonMalformed},
		{"claims that are null", raw(header, `null`), ReasonType},
		{"no claims", raw(header, `{}`), ReasonType},
		{"bytes that are no UTF-8", "\xff\xfe.\x00.\x01", ReasonMalformed},
		{"a header to be understood", raw(`{"alg":"HS256","crit":["b64"],"b64":false}`, `{}`), ReasonMalformed},

		{"no algorithm", raw(`{"typ":"JWT"}`, `{}`), ReasonAlgorithm},
		{"an algorithm that is a number", raw(`{"alg":5}`, `{}`), ReasonAlgorithm},
		{"an unknown algorithm", raw(`{"alg":"XX1"}`, `{}`), ReasonAlgorithm},
		{"lower case", raw(`{"alg":"hs256"}`, `{}`), ReasonAlgorithm},
		{"none", signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, goodClaims()), ReasonAlgorithm},
		{"none with a signature", raw(`{"alg":"none"}`, `{}`), ReasonAlgorithm},
		{"None", raw(`{"alg":"None"}`, `{}`), ReasonAlgorithm},
		{"HS512", signed(t, jwt.SigningMethodHS512, secret, goodClaims()), ReasonAlgorithm},
		{"RS256", signed(t, jwt.SigningMethodRS256, testKeys().rsa, goodClaims()), ReasonAlgorithm},

		{"another secret", signed(t, jwt.SigningMethodHS256, []byte("another"), goodClaims()), ReasonSignature},
		{"no signature", parts[0] + "." + parts[1] + ".", ReasonSignature},
		{"a signature cut short", good[:len(good)-4], ReasonSignature},
		{"claims of another token", parts[0] + "." + strings.Split(hs256(t, "jti", "else"), ".")[1] + "." + parts[2], ReasonSignature},

		{"expired", hs256(t, "exp", time.Now().Add(-time.Second).Unix()), ReasonExpired},
		{"expired long ago", hs256(t, "exp", 0), ReasonExpired},
		{"no exp", hs256(t, "exp", nil), ReasonClaims},
		{"exp as a string", hs256(t, "exp", "9999999999"), ReasonMalformed},
		{"exp before 1970", hs256(t, "exp", -1), ReasonClaims},
		{"exp beyond any clock", hs256(t, "exp", 1e300), ReasonClaims},
		{"not yet valid", hs256(t, "nbf", time.Now().Add(time.Minute).Unix()), ReasonEarly},
		{"issued in the future", hs256(t, "iat", time.Now().Add(time.Minute).Unix()), ReasonEarly},

		{"a refresh token", hs256(t, "token_type", "refresh"), ReasonType},
		{"no token_type", hs256(t, "token_type", nil), ReasonType},
		{"Access", hs256(t, "token_type", "Access"), ReasonType},
		{"token_type as a list", hs256(t, "token_type", []string{"access"}), ReasonMalformed},

		{"no user_id", hs256(t, "user_id", nil), ReasonClaims},
		{"an empty user_id", hs256(t, "user_id", ""), ReasonClaims},
		{"user_id as a number", hs256(t, "user_id", 17), ReasonMalformed},
		{"user_id that is no UUID", hs256(t, "user_id", "17"), ReasonClaims},
		{"user_id in braces", hs256(t, "user_id", "{"+user.String()+"}"), ReasonClaims},
		{"user_id as a URN", hs256(t, "user_id", "urn:uuid:"+user.String()), ReasonClaims},
		{"user_id with a letter too far", hs256(t, "user_id", "g"+user.String()[1:]), ReasonClaims},
	} {
		mustRefuse(t, v, c.name, c.bearer, c.want)
	}
}

func TestIssuerAndAudience(t *testing.T) {
	v := verifier(t, Config{Secret: secret, Issuer: "https://id", Audience: "chat"})
	mustAccept(t, v, "both", hs256(t, "iss", "https://id", "aud", "chat"))
	mustAccept(t, v, "one of several audiences", hs256(t, "iss", "https://id", "aud", []string{"mail", "chat"}))
	mustRefuse(t, v, "no issuer", hs256(t, "aud", "chat"), ReasonClaims)
	mustRefuse(t, v, "another issuer", hs256(t, "iss", "https://id/", "aud", "chat"), ReasonClaims)
	mustRefuse(t, v, "no audience", hs256(t, "iss", "https://id"), ReasonClaims)
	mustRefuse(t, v, "another audience", hs256(t, "iss", "https://id", "aud", []string{"mail"}), ReasonClaims)
	mustRefuse(t, v, "audience of a wrong type", hs256(t, "iss", "https://id", "aud", 5), ReasonMalformed)
}

func TestLeewayHoldsToTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := verifier(t, Config{Secret: secret, Leeway: 30 * time.Second})
		start := time.Now()
		late := hs256(t, "exp", start.Add(time.Minute).Unix(), "iat", nil)
		early := hs256(t, "exp", start.Add(time.Hour).Unix(), "nbf", start.Add(time.Minute).Unix())

		mustRefuse(t, v, "nbf beyond the leeway", early, ReasonEarly)
		time.Sleep(30*time.Second - 1)
		mustRefuse(t, v, "nbf just beyond the leeway", early, ReasonEarly)
		time.Sleep(time.Nanosecond)
		mustAccept(t, v, "nbf within the leeway", early)

		time.Sleep(time.Minute - 1)
		id := mustAccept(t, v, "exp just within the leeway", late)
		if want := start.Add(90 * time.Second); !id.Expires.Equal(want) {
			t.Errorf("expires %v, not %v", id.Expires, want)
		}
		time.Sleep(time.Nanosecond)
		mustRefuse(t, v, "exp beyond the leeway", late, ReasonExpired)
	})
}

func TestSign(t *testing.T) {
	bearer, err := Sign(secret, user, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	id := mustAccept(t, verifier(t, Config{Secret: secret}), "Sign", bearer)
	if left := time.Until(id.Expires); left > time.Hour || left < 59*time.Minute {
		t.Errorf("good for %v", left)
	}
	var claims jwt.MapClaims
	if _, _, err := jwt.NewParser().ParseUnverified(bearer, &claims); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"token_type", "exp", "iat", "jti", "user_id"} {
		if claims[name] == nil {
			t.Errorf("no %s", name)
		}
	}
	other, err := Sign(secret, user, time.Hour)
	if err != nil || other == bearer {
		t.Errorf("two tokens are the same: %v", err)
	}

	c := Config{Secret: secret, Issuer: "us", Audience: "chat"}
	if bearer, err = c.Sign(user, time.Minute); err != nil {
		t.Fatal(err)
	}
	mustAccept(t, verifier(t, c), "Config.Sign", bearer)
	if _, err := Sign(nil, user, time.Hour); err == nil {
		t.Error("signed without a secret")
	}
	expired, err := Sign(secret, user, -time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, verifier(t, Config{Secret: secret}), "an expired one", expired, ReasonExpired)
}

func TestReasonOfAnotherError(t *testing.T) {
	if r := ReasonOf(context.Canceled); r != "" {
		t.Errorf("it is %q", r)
	}
}

// FuzzVerify feeds what clients may send in place of a token: nothing that is
// not signed gets in, whatever it is.
func FuzzVerify(f *testing.F) {
	good := hs256(f, "exp", 9_999_999_999, "iat", 1) // the same in each process of the fuzzer
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add("e30.e30.")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("bnVsbA.bnVsbA.bnVsbA")
	v := verifier(f, Config{Secret: secret, PublicKeys: [][]byte{publicPEM(f, testKeys().ed.Public())}})
	signedText := good[:strings.LastIndexByte(good, '.')]
	header := good[:strings.IndexByte(good, '.')+1]
	v.header.Store(&header)
	f.Fuzz(func(t *testing.T, bearer string) {
		_, err := v.Verify(t.Context(), bearer)
		if err == nil && !strings.HasPrefix(bearer, signedText) {
			t.Fatalf("%q was accepted", bearer)
		}
		if err != nil && ReasonOf(err) == "" {
			t.Fatalf("%q: %v has no reason", bearer, err)
		}
		// The same by a Verifier that has never seen a token.
		v.header.Store(nil)
		if _, anew := v.Verify(t.Context(), bearer); ReasonOf(anew) != ReasonOf(err) || (anew == nil) != (err == nil) {
			t.Fatalf("%q: %v after a good token, %v before", bearer, err, anew)
		}
		v.header.Store(&header)
	})
}
