package token

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What a Verifier checks by itself, where it can, is what jwt's validator would say.
func TestGoodClaimsAreThoseOfTheValidator(t *testing.T) {
	now := float64(time.Now().Unix())
	at := func(seconds float64) *float64 { return &seconds }
	dates := []*float64{nil, at(now - 20), at(now - 3), at(now + 30), at(now + 3600), at(-1), at(dateMax + 1), at(now + 3600.5)}
	for _, c := range []Config{
		{Secret: secret}, {Secret: secret, Leeway: 10 * time.Second}, {Secret: secret, Issuer: "us"},
		{Secret: secret, Audience: "here"}, {Secret: secret, Issuer: "us", Audience: "here", Leeway: time.Minute},
	} {
		v := verifier(t, c)
		good := 0
		for _, exp := range dates {
			for _, nbf := range dates {
				for _, iat := range dates {
					for _, other := range []claims{
						{tokenType: "access", userID: user.String()},
						{tokenType: "access", userID: user.String(), issuer: "us", audience: jwt.ClaimStrings{"there", "here"}},
						{tokenType: "access", userID: user.String(), issuer: "them", audience: jwt.ClaimStrings{"there"}},
						{tokenType: "refresh", userID: user.String(), issuer: "us", audience: jwt.ClaimStrings{"here"}},
						{tokenType: "access", userID: "me", issuer: "us", audience: jwt.ClaimStrings{"here"}},
					} {
						other.exp, other.nbf, other.iat = exp, nbf, iat
						want := other
						if err := v.validator.Validate(&want); v.good(&other) != (err == nil) {
							t.Fatalf("%+v: %+v is not what the validator says: %v", c, other, err)
						} else if err == nil {
							good++
						}
					}
				}
			}
		}
		if good == 0 {
			t.Errorf("%+v: nothing was good", c)
		}
	}
}

// Those who come all at once leave little garbage: two dates and an id.
func TestATokenLikeTheLastOneLeavesLittleGarbage(t *testing.T) {
	v := verifier(t, Config{Secret: secret})
	bearer := hs256(t)
	mustAccept(t, v, "the first one", bearer)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := v.VerifyNow(bearer); err != nil {
			t.Error(err)
		}
	}); n > 4 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}
