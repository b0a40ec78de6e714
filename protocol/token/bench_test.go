package token

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func BenchmarkVerify(b *testing.B) {
	k := testKeys()
	public := verifier(b, Config{PublicKeys: [][]byte{
		publicPEM(b, k.rsa.Public()), publicPEM(b, k.ec.Public()), publicPEM(b, k.ed.Public()),
	}})
	for _, c := range []struct {
		verifier *Verifier
		method   jwt.SigningMethod
		key      any
	}{
		{verifier(b, Config{Secret: secret}), jwt.SigningMethodHS256, secret},
		{public, jwt.SigningMethodRS256, k.rsa},
		{public, jwt.SigningMethodES256, k.ec},
		{public, jwt.SigningMethodEdDSA, k.ed},
	} {
		bearer := signed(b, c.method, c.key, goodClaims())
		b.Run(c.method.Alg(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.verifier.Verify(b.Context(), bearer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
