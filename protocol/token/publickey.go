package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// The shortest RSA key that RFC 7518 allows for RS256, and the longest that is used: a
// longer one makes each token dear, also those that anybody invents.
const (
	rsaBitsMin = 2048
	rsaBitsMax = 8192
)

// publicAlgorithms are those that a public key can verify here.
var publicAlgorithms = []string{
	jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg(),
}

// algorithmOf returns the one algorithm that a public key may verify. That is
// what keeps a token from choosing how its key is used.
func algorithmOf(key crypto.PublicKey) (string, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		switch bits := k.N.BitLen(); {
		case bits < rsaBitsMin:
			return "", fmt.Errorf("an RSA key of %d bits is too short, %d are needed", bits, rsaBitsMin)
		case bits > rsaBitsMax:
			return "", fmt.Errorf("an RSA key of %d bits is too long, %d are the most", bits, rsaBitsMax)
		}
		return jwt.SigningMethodRS256.Alg(), nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return "", fmt.Errorf("an ECDSA key on %s does not fit ES256, which needs P-256", k.Params().Name)
		}
		return jwt.SigningMethodES256.Alg(), nil
	case ed25519.PublicKey:
		return jwt.SigningMethodEdDSA.Alg(), nil
	}
	return "", fmt.Errorf("%T is no key for RS256, ES256 or EdDSA", key)
}

// CheckPublicKeys says what is wrong with a PEM file of Config.PublicKeys.
func CheckPublicKeys(file []byte) error {
	return addPEM(map[string][]crypto.PublicKey{}, file)
}

// addPEM adds the public keys of a PEM file to keys, by algorithm.
func addPEM(keys map[string][]crypto.PublicKey, file []byte) error {
	found := false
	for {
		block, rest := pem.Decode(file)
		if block == nil {
			break
		}
		file, found = rest, true
		key, err := parseBlock(block)
		if err != nil {
			return err
		}
		algorithm, err := algorithmOf(key)
		if err != nil {
			return err
		}
		keys[algorithm] = append(keys[algorithm], key)
	}
	if !found {
		return errors.New("no PEM block in it")
	}
	if bytes.Contains(file, []byte("-----BEGIN")) {
		return errors.New("a PEM block in it is broken")
	}
	return nil
}

func parseBlock(block *pem.Block) (crypto.PublicKey, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	}
	return nil, fmt.Errorf("a PEM block %q is no public key", block.Type)
}
