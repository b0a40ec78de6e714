package storetest

import (
	"bytes"
	"sync"
	"testing"
)

// testSecret asks many times at once, as nodes that start together do.
func testSecret(t *testing.T, open Open) {
	s, _ := open(t)
	other, _ := open(t)
	secrets := make([][]byte, 10)
	var running sync.WaitGroup
	for i := range secrets {
		running.Go(func() {
			var err error
			if secrets[i], err = s.Secret(t.Context(), "one"); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	for _, secret := range secrets {
		if len(secret) < 32 || !bytes.Equal(secret, secrets[0]) {
			t.Errorf("secrets of %d bytes; they are the same: %v", len(secret), bytes.Equal(secret, secrets[0]))
		}
	}
	for where, ask := range map[string]func() ([]byte, error){
		"of another name":     func() ([]byte, error) { return s.Secret(t.Context(), "another") },
		"in another database": func() ([]byte, error) { return other.Secret(t.Context(), "one") },
	} {
		if secret, err := ask(); err != nil || bytes.Equal(secret, secrets[0]) {
			t.Errorf("the secret %s: %v, or the same", where, err)
		}
	}
}
