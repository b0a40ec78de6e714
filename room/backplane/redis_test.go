package backplane_test

import (
	"testing"

	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
)

// redisWith starts a Redis with further arguments.
func redisWith(t testing.TB, arguments ...string) *redisserver.Server {
	t.Helper()
	return redisserver.Start(t, arguments...)
}

// command sends a command as a second program would.
func command(t testing.TB, s *redisserver.Server, words ...string) string {
	t.Helper()
	answer, err := s.Do(words...)
	must(t, err)
	return answer
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
