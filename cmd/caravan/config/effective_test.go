package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

// comesTo returns what the settings of a server come to, by name.
func comesTo(t *testing.T, args, env []string) map[string]config.Effective {
	t.Helper()
	c, _, err := config.Load(config.ConfigPrint, args, env)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]config.Effective{}
	for _, e := range c.Effective() {
		all[e.Name] = e
	}
	for _, name := range config.Names(config.Serve) {
		if _, ok := all[name]; !ok {
			t.Errorf("--%s is missing", name)
		}
	}
	return all
}

func TestEachSettingSaysWhereItStood(t *testing.T) {
	file := write(t, "history = 11\nburst = 7\n# x\nredis-prefix = blue\n")
	all := comesTo(t, []string{"--dev", "--config", file, "--burst", "9"}, []string{"CARAVAN_SEND_BUFFER=2MiB", "REDIS_HOST=redis"})
	for name, want := range map[string]config.Effective{
		"dev":          {Value: "true", From: "the command line"},
		"burst":        {Value: "9", From: "the command line"},
		"send-buffer":  {Value: "2MiB", From: "CARAVAN_SEND_BUFFER"},
		"history":      {Value: "11", From: file + " line 1"},
		"redis-prefix": {Value: "blue", From: file + " line 4"},
		"rate":         {Value: "20", From: "the default"},
		"listen":       {Value: "127.0.0.1:8000", From: "--dev"},
		"user-rate":    {Value: "100", From: "five times --rate"},
		"user-burst":   {Value: "45", From: "five times --burst"},
		"redis":        {Value: "redis://redis:6379", From: "REDIS_HOST and REDIS_PORT"},
		"config":       {Value: file, From: "the command line"},
	} {
		want.Name = name
		if all[name] != want {
			t.Errorf("%+v, want %+v", all[name], want)
		}
	}
	if all := comesTo(t, []string{"--rate=0"}, []string{"CARAVAN_JWT_SECRET=" + longSecret}); all["read-rate"] != (config.Effective{Name: "read-rate", Value: "0", From: "--rate 0"}) {
		t.Errorf("%+v", all["read-rate"])
	}
}

func TestSecretsAreMaskedWhateverTheyStandIn(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"jwt-secret", "hunter2-hunter2-hunter2-hunter2-x", "********"},
		{"database", "postgres://u:hunter2@h/d?sslmode=disable", "postgres://u:********@h/d?sslmode=disable"},
		{"database", "postgres://u@h/d?password=hunter2", "postgres://u@h/d?password=********"},
		{"database", "postgres://u@h/d?p%61ssword=hunter2", "postgres://u@h/d?p%61ssword=********"},
		{"database", "sqlite:data/caravan.db", "sqlite:data/caravan.db"},
		{"redis", "redis://u:hunter2@a:1,b:2", "redis://u:********@a:1,b:2"},
		{"redis", "redis://:hunter2@h", "redis://:********@h"},
		{"redis", "redis://h:1", "redis://h:1"},
		{"jwt-jwks-url", "https://hunter2@h/keys", "https://********@h/keys"},
		{"jwt-jwks-url", "https://h/keys?key=hunter2&b", "https://h/keys?key=********&b"},
		{"database", "postgres://u:12?hunter2@h/d", "postgres://u:********@h/d"},
		{"database", "postgres://h/d?application_name=a@b", "postgres://********@b"}, // it may be a password
		{"attachment-scan-url", "https://hooks.example.com/T0/hunter2", "https://hooks.example.com/********"},
	} {
		args := []string{"--" + c.name, c.value}
		if c.name != "jwt-secret" {
			args = append(args, "--jwt-secret", longSecret)
		}
		if got := comesTo(t, args, nil)[c.name].Value; got != c.want {
			t.Errorf("--%s %s is shown as %s, want %s", c.name, c.value, got, c.want)
		}
	}
}

// TestWhatTheSettingsMeanTogetherMayBeWrongAndIsShown: so `config print` helps to find it.
func TestWhatTheSettingsMeanTogetherMayBeWrongAndIsShown(t *testing.T) {
	for _, args := range [][]string{nil, {"--jwt-secret", "short"}, {"--dev", "--ping-interval", "2m"}, {"--dev", "--jwt-secret", longSecret}} {
		c, _, err := config.Load(config.ConfigPrint, args, nil)
		if wrong := (*config.Error)(nil); !errors.As(err, &wrong) || c == nil || len(c.Effective()) != len(config.Names(config.Serve)) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestAFlagOfAnotherCommandIsNotMeant(t *testing.T) {
	_, _, err := config.Load(config.Migrate, []string{"--lisen", ":1"}, nil)
	if err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Errorf("%v", err)
	}
}
