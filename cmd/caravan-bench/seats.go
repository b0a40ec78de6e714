package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/bench/fleet"
	"github.com/caravan-chat/caravan/protocol/token"
)

// seats are the flags that say whom the harness acts for.
type seats struct {
	fleet      fleet.Fleet
	secret     string
	secretFile string
}

func (s *seats) register(fs *flag.FlagSet) {
	fs.IntVar(&s.fleet.Users, "users", 0, "users of the seeded fleet, as given to caravan seed (0: as many as the run needs)")
	fs.IntVar(&s.fleet.Trips, "trips", 0, "trips of the seeded fleet, as given to caravan seed (0: as many as rooms)")
	s.registerSecret(fs)
}

// registerSecret registers only what is needed to sign tokens.
func (s *seats) registerSecret(fs *flag.FlagSet) {
	fs.StringVar(&s.secret, "jwt-secret", os.Getenv("CARAVAN_JWT_SECRET"), "the server's HS256 secret; environment CARAVAN_JWT_SECRET")
	fs.StringVar(&s.secretFile, "jwt-secret-file", os.Getenv("CARAVAN_JWT_SECRET_FILE"), "a file that holds it; environment CARAVAN_JWT_SECRET_FILE")
	for _, name := range []string{"jwt-secret", "jwt-secret-file"} {
		fs.Lookup(name).DefValue = "" // a secret in the environment is not shown by --help
	}
}

// mint returns a function that signs tokens which are valid for the time given.
func (s *seats) mint(ttl time.Duration) (func(uuid.UUID) (string, error), error) {
	sign, err := s.mintFor()
	if err != nil {
		return nil, err
	}
	return func(user uuid.UUID) (string, error) { return sign(user, ttl) }, nil
}

// mintFor returns a function that signs tokens.
func (s *seats) mintFor() (func(user uuid.UUID, ttl time.Duration) (string, error), error) {
	secret := []byte(s.secret)
	if s.secretFile != "" && s.secret == "" {
		b, err := os.ReadFile(s.secretFile)
		if err != nil {
			return nil, fmt.Errorf("--jwt-secret-file: %w", err)
		}
		secret = bytes.TrimRight(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n") // as the server reads it
	}
	if len(secret) == 0 {
		return nil, errors.New("--jwt-secret: the server's secret is needed to sign tokens")
	}
	return func(user uuid.UUID, ttl time.Duration) (string, error) { return token.Sign(secret, user, ttl) }, nil
}
