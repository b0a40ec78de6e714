package token_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol/token"
)

func Example() {
	secret := []byte("the signing key of the Django application")
	verifier, err := token.New(context.Background(), token.Config{Secret: secret, Leeway: 2 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close()

	user := uuid.MustParse("6f0a8f5e-0000-4000-8000-000000000001")
	for _, ttl := range []time.Duration{time.Hour, -time.Hour} {
		bearer, err := token.Sign(secret, user, ttl)
		if err != nil {
			fmt.Println(err)
			return
		}
		id, err := verifier.Verify(context.Background(), bearer)
		if errors.Is(err, token.ErrInvalid) {
			fmt.Println("refused:", token.ReasonOf(err))
			continue
		}
		fmt.Println("user", id.User)
	}
	// Output:
	// user 6f0a8f5e-0000-4000-8000-000000000001
	// refused: expired
}
