package config_test

import (
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

func TestRedisFallsBackToTheVariablesOfTheFormerService(t *testing.T) {
	for _, c := range []struct {
		args, env []string
		want      string
	}{
		{nil, nil, ""},
		{nil, []string{"REDIS_HOST=r"}, "redis://r:6379"},
		{nil, []string{"REDIS_PORT=7000", "REDIS_HOST=r"}, "redis://r:7000"},
		{nil, []string{"REDIS_HOST=::1", "REDIS_PORT=7000"}, "redis://[::1]:7000"},
		{nil, []string{"REDIS_PORT=7000"}, ""},
		{nil, []string{"REDIS_HOST=r", "REDIS_PORT=tcp://10.0.0.11:6380"}, "redis://r:6380"},
		{nil, []string{"REDIS_HOST=r", "REDIS_PORT=tcp://[fd00::11]:6380"}, "redis://r:6380"},
		{nil, []string{"REDIS_PORT=tcp://10.0.0.11:6380"}, ""}, // of a service that nobody asked to use
		{nil, []string{"REDIS_HOST=r", "CARAVAN_REDIS=redis://s:1"}, "redis://s:1"},
		{[]string{"--redis", "redis://u:p@a:1,b:2"}, []string{"REDIS_HOST=r"}, "redis://u:p@a:1,b:2"},
	} {
		got, _, err := config.Load(config.Serve, append(c.args, "--jwt-secret", longSecret), c.env)
		if err != nil {
			t.Fatal(err)
		}
		if got.Redis != c.want {
			t.Errorf("%q %q: got %q, want %q", c.args, c.env, got.Redis, c.want)
		}
	}
}

func TestCommandsWithoutRedisDoNotReadItsVariables(t *testing.T) {
	env := []string{"REDIS_HOST=redis", "REDIS_PORT=nonsense"}
	for cmd, args := range map[config.Command][]string{
		config.Token:   {"--dev", "--user", user},
		config.Migrate: nil,
		config.Seed:    {"--trips", "1"},
	} {
		if c, _, err := config.Load(cmd, args, env); err != nil || c.Redis != "" {
			t.Errorf("%s: %v", cmd, err)
		}
	}
	for cmd, args := range map[config.Command][]string{config.Serve: {"--dev"}, config.Status: nil} {
		if _, _, err := config.Load(cmd, args, env); err == nil || !strings.Contains(err.Error(), "REDIS_PORT") {
			t.Errorf("%s: %v", cmd, err)
		}
	}
}
