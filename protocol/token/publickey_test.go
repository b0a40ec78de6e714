package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func TestPublicKeys(t *testing.T) {
	k := testKeys()
	v := verifier(t, Config{PublicKeys: [][]byte{
		publicPEM(t, k.rsa.Public()),
		append(publicPEM(t, k.ec.Public()), publicPEM(t, k.otherEd.Public())...),
		publicPEM(t, k.ed.Public()),
	}})
	mustAccept(t, v, "RS256", signed(t, jwt.SigningMethodRS256, k.rsa, goodClaims()))
	mustAccept(t, v, "ES256", signed(t, jwt.SigningMethodES256, k.ec, goodClaims()))
	mustAccept(t, v, "EdDSA", signed(t, jwt.SigningMethodEdDSA, k.ed, goodClaims()))
	mustAccept(t, v, "EdDSA by another key", signed(t, jwt.SigningMethodEdDSA, k.otherEd, goodClaims(), "kid", "any"))
	for _, m := range []jwt.SigningMethod{jwt.SigningMethodRS384, jwt.SigningMethodPS256} {
		mustRefuse(t, v, m.Alg(), signed(t, m, k.rsa, goodClaims()), ReasonAlgorithm)
	}
	mustRefuse(t, v, "ES384", signed(t, jwt.SigningMethodES384, k.ec384, goodClaims()), ReasonAlgorithm)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, v, "EdDSA by a stranger", signed(t, jwt.SigningMethodEdDSA, stranger, goodClaims()), ReasonSignature)
}

// The classical attack: the server's public key, which everybody knows, as the
// secret of an HS256 token.
func TestPublicKeyIsNoSecret(t *testing.T) {
	k := testKeys()
	file := publicPEM(t, k.rsa.Public())
	forged := []string{
		signed(t, jwt.SigningMethodHS256, file, goodClaims()),
		signed(t, jwt.SigningMethodHS256, []byte(strings.TrimSpace(string(file))), goodClaims()),
	}
	for _, bearer := range forged {
		mustRefuse(t, verifier(t, Config{PublicKeys: [][]byte{file}}), "a forged token", bearer, ReasonAlgorithm)
		mustRefuse(t, verifier(t, Config{PublicKeys: [][]byte{file}, Secret: secret}), "a forged token beside a secret", bearer, ReasonSignature)
	}
	both := verifier(t, Config{PublicKeys: [][]byte{file}, Secret: secret})
	mustAccept(t, both, "HS256 of two", hs256(t))
	mustAccept(t, both, "RS256 of two", signed(t, jwt.SigningMethodRS256, k.rsa, goodClaims()))
	mustRefuse(t, both, "ES256 of two", signed(t, jwt.SigningMethodES256, k.ec, goodClaims()), ReasonAlgorithm)
}

func TestNewRefusesBadConfigurations(t *testing.T) {
	k := testKeys()
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k.ed)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{
		"no key at all":   {Issuer: "x"},
		"no PEM":          {PublicKeys: [][]byte{[]byte("hello")}},
		"empty file":      {PublicKeys: [][]byte{nil}},
		"broken PEM":      {PublicKeys: [][]byte{pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})}},
		"a half block":    {PublicKeys: [][]byte{append(publicPEM(t, k.ed.Public()), publicPEM(t, k.rsa.Public())[:100]...)}},
		"a private key":   {PublicKeys: [][]byte{pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}},
		"P-384":           {PublicKeys: [][]byte{publicPEM(t, k.ec384.Public())}},
		"RSA, 16384 bits": {PublicKeys: [][]byte{publicPEM(t, &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 16_383), E: 65_537})}},
		"RSA, 1024 bits":  {PublicKeys: [][]byte{publicPEM(t, short.Public())}},
		"no URL":          {JWKSURL: "::"},
		"a file URL":      {JWKSURL: "file:///keys.json"},
		"a bare host":     {JWKSURL: "id.example.com/keys"},
		"no such port":    {JWKSURL: "https://id.example.com:99999/keys"},
	} {
		if v, err := New(t.Context(), c); err == nil {
			v.Close()
			t.Errorf("%s was accepted", name)
		}
	}
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&k.rsa.PublicKey)})
	v := verifier(t, Config{PublicKeys: [][]byte{pkcs1}})
	mustAccept(t, v, "PKCS #1", signed(t, jwt.SigningMethodRS256, k.rsa, goodClaims()))
}
