package persist

import "crypto/rand"

// secretBytes is how long a secret is that the stores make.
const secretBytes = 32

// NewSecret makes a secret for chat_secrets.
func NewSecret() []byte {
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret) // never fails: the program ends where there is no randomness
	return secret
}
