package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

// readable makes a file that every user may read, or not.
func readable(t *testing.T, content string, mode, directory os.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "caravan-exposed-") // t.TempDir is closed to others on some machines
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "file")
	if err := errors.Join(os.WriteFile(path, []byte(content), mode), os.Chmod(path, mode), os.Chmod(dir, directory)); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSecretsThatOthersCanReadAreWarnedOf: one line, that names the flags and no secret.
func TestSecretsThatOthersCanReadAreWarnedOf(t *testing.T) {
	const env = "CARAVAN_JWT_SECRET=hunter2-hunter2-hunter2-hunter2-x"
	secret := "hunter2-hunter2-hunter2-hunter2-x\n"
	for _, c := range []struct {
		name string
		args []string
		env  []string
		want []string // in the one warning; none: there is none
	}{
		{"nothing", nil, []string{env}, nil},
		{"a secret", []string{"--jwt-secret", "hunter2-hunter2-hunter2-hunter2-x"}, nil, []string{"--jwt-secret:", "ps"}},
		{"a password of PostgreSQL", []string{"--database", "postgres://u:hunter2@h/d"}, []string{env}, []string{"--database:"}},
		{"a password of PostgreSQL as a parameter", []string{"--database", "postgres://u@h/d?password=hunter2-hunter2-hunter2-hunter2-x"}, []string{env}, []string{"--database:"}},
		{"a password of Redis", []string{"--redis=redis://:hunter2@h"}, []string{env}, []string{"--redis:"}},
		{"a password of Redis Cluster", []string{"--redis", "redis://u:hunter2@a:1,b:2"}, []string{env}, []string{"--redis:"}},
		{"a password of JWKS", []string{"--jwt-jwks-url", "https://u:hunter2@h/keys"}, nil, []string{"--jwt-jwks-url:"}},
		{"several", []string{"--jwt-secret", "hunter2-hunter2-hunter2-hunter2-x", "--redis", "redis://:hunter2@h"}, nil, []string{"--redis, --jwt-secret:"}},
		{"no password", []string{"--database", "postgres://u@h/d?sslmode=disable", "--redis", "redis://u@a:1,b:2", "--jwt-jwks-url", "https://h/keys"}, nil, nil},
		{"SQLite", []string{"--database", "sqlite:a:b@c"}, []string{env}, nil},
		{"in the environment", nil, []string{env, "CARAVAN_REDIS=redis://:hunter2@h", "CARAVAN_DATABASE=postgres://u:hunter2@h/d"}, nil},
		{"a file of settings", []string{"--config", readable(t, "jwt-secret = hunter2-hunter2-hunter2-hunter2-x", 0o644, 0o755)}, nil, []string{"--config:", "/file"}},
		{"a file of settings by the environment", nil, []string{env, "CARAVAN_CONFIG=" + readable(t, "redis = redis://:hunter2@h", 0o604, 0o755)}, []string{"--config:"}},
		{"a file of settings without secrets", []string{"--config", readable(t, "redis = redis://h\nlisten = :1", 0o644, 0o755)}, []string{env}, nil},
		{"a private file of settings", []string{"--config", readable(t, "jwt-secret = hunter2-hunter2-hunter2-hunter2-x", 0o640, 0o755)}, nil, nil},
		{"a file in a private directory", []string{"--config", readable(t, "jwt-secret = hunter2-hunter2-hunter2-hunter2-x", 0o644, 0o750)}, nil, nil},
		{"a file of the secret", []string{"--jwt-secret-file", readable(t, secret, 0o644, 0o755)}, nil, []string{"--jwt-secret-file:", "/file"}},
		{"a private file of the secret", []string{"--jwt-secret-file", readable(t, secret, 0o600, 0o755)}, nil, nil},
		{"a file of a public key", []string{"--jwt-public-key-file", readable(t, publicKey, 0o644, 0o755)}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, warnings, err := config.Load(config.Serve, c.args, c.env)
			if err != nil {
				t.Fatal(err)
			}
			all := strings.Join(warnings, "\n")
			if len(warnings) != min(1, len(c.want)) || strings.Contains(all, "hunter2") {
				t.Errorf("warnings %q", warnings)
			}
			for _, want := range c.want {
				if !strings.Contains(all, want) {
					t.Errorf("warnings %q, want %q in them", warnings, want)
				}
			}
		})
	}
	for _, cmd := range []config.Command{config.Token, config.Migrate} { // which end at once
		args := map[config.Command][]string{config.Token: {"--user", user, "--jwt-secret", "hunter2-hunter2-hunter2-hunter2-x"}, config.Migrate: {"--database", "postgres://u:p@h/d"}}[cmd]
		if _, warnings, err := config.Load(cmd, args, nil); err != nil || len(warnings) > 0 {
			t.Errorf("%s: %q, %v", cmd, warnings, err)
		}
	}
}

// TestSecretsThatCanBeFoundOutAreRefused: by whoever has a token. Those that must do all the
// same, and --dev's, are warned of.
func TestSecretsThatCanBeFoundOutAreRefused(t *testing.T) {
	long := strings.Repeat("k", 32)
	short := "CARAVAN_JWT_SECRET=" + long[1:]
	file := []string{"--jwt-secret-file", writePrivate(t, long[1:]+"\n")}
	for _, c := range []struct {
		name          string
		args          []string
		env           string
		refused, want string // the error; the warning
	}{
		{"long", nil, "CARAVAN_JWT_SECRET=" + long, "", ""},
		{"short", nil, short, "--jwt-secret: the secret has 31 bytes", ""},
		{"short in a file", file, "", "--jwt-secret-file: the secret has 31 bytes", ""},
		{"short and allowed", []string{"--allow-weak-secret"}, short, "", "--jwt-secret: the secret has 31 bytes"},
		{"short in a file and allowed", append([]string{"--allow-weak-secret"}, file...), "", "", "--jwt-secret-file: the secret has 31 bytes"},
		{"short beside another key", []string{"--jwt-public-key-file", write(t, publicKey)}, short, "--allow-weak-secret", ""},
		{"that of --dev", nil, "CARAVAN_JWT_SECRET=" + config.DevelopmentSecret, "", "everybody knows"},
		{"--dev", []string{"--dev"}, "", "", "--dev: anybody can sign tokens"},
		{"none", []string{"--jwt-public-key-file", write(t, publicKey)}, "", "", ""},
	} {
		for _, cmd := range []config.Command{config.Serve, config.ConfigCheck} {
			_, warnings, err := config.Load(cmd, c.args, []string{c.env})
			all := strings.Join(warnings, "\n")
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) || strings.Contains(err.Error(), long[1:]) {
					t.Errorf("%s, %s: error %v", cmd, c.name, err)
				}
				continue
			}
			if err != nil || len(warnings) != min(1, len(c.want)) || !strings.Contains(all, c.want) || strings.Contains(all, long[1:]) {
				t.Errorf("%s, %s: warnings %q, %v", cmd, c.name, warnings, err)
			}
		}
	}
	if _, _, err := config.Load(config.Token, []string{"--user", user}, []string{short}); err != nil {
		t.Errorf("a token of a weak secret that is in use: %v", err)
	}
}

// writePrivate writes a file that its owner alone can read.
func writePrivate(t *testing.T, content string) (path string) {
	t.Helper()
	path = write(t, content)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOriginsThatFitMoreThanIsMeantAreWarnedOf: one line for each pattern.
func TestOriginsThatFitMoreThanIsMeantAreWarnedOf(t *testing.T) {
	for _, c := range []struct {
		patterns string
		want     []string
	}{
		{"https://app.example.com,https://*.example.org", nil},
		{"https://*-preview.example.com", []string{"ends so"}}, // evil-preview.example.com is of the same domain, and yet
		{"http://localhost:3000,http://127.0.0.1:*,https://app.example.com,localhost:*", nil},
		{"http://*.localhost,https://a.example.com", nil},
		{"*", []string{"every site"}},
		{"*,https://a.example.com", []string{"every site"}},
		{"https://*", []string{"every site"}},
		{"https://*example.com", []string{"https://evilexample.com"}},
		{"*example.com", []string{"evilexample.com"}},
		{"https://example.*", []string{"example.evil.example"}},
		{"https://app.example.com:*", nil},
		{"https://*.com", []string{"top-level"}},
		{"http://app.example.com", nil}, // a deployment without TLS
		{"http://app.example.com,https://app.example.com", []string{"without TLS"}},
		{"https://a.example.com,http://b.example.com,http://c.example.com", []string{"http://b", "http://c"}},
		{"app.example.com", []string{"no scheme"}},
		{"*.example.com", []string{"no scheme"}},
	} {
		_, warnings, err := config.Load(config.Serve, []string{"--allowed-origins", c.patterns}, []string{"CARAVAN_JWT_SECRET=hunter2-hunter2-hunter2-hunter2-x"})
		if err != nil {
			t.Errorf("%s: %v", c.patterns, err)
			continue
		}
		fit := len(warnings) == len(c.want)
		for i, want := range c.want {
			fit = fit && strings.HasPrefix(warnings[i], "--allowed-origins: ") && strings.Contains(warnings[i], want)
		}
		if !fit {
			t.Errorf("%s: warnings %q, want %q", c.patterns, warnings, c.want)
		}
	}
}

// TestDevExcludesWhatMakesAServerOfRealUsers wherever either of them stands.
func TestDevExcludesWhatMakesAServerOfRealUsers(t *testing.T) {
	key, secret := write(t, publicKey), write(t, "hunter2-hunter2-hunter2-hunter2-x")
	for _, c := range []struct {
		name string
		args []string
		env  []string
		want string
	}{
		{"secret", []string{"--dev", "--jwt-secret", "hunter2-hunter2-hunter2-hunter2-x"}, nil, "--jwt-secret"},
		{"secret in the environment", []string{"--dev"}, []string{"CARAVAN_JWT_SECRET=hunter2-hunter2-hunter2-hunter2-x"}, "--jwt-secret (from CARAVAN_JWT_SECRET)"},
		{"secret in a file of settings", []string{"--dev", "--config", write(t, "jwt-secret = hunter2-hunter2-hunter2-hunter2-x")}, nil, "line 1"},
		{"dev in the environment", []string{"--jwt-secret", "hunter2-hunter2-hunter2-hunter2-x"}, []string{"CARAVAN_DEV=true"}, "(from CARAVAN_DEV)"},
		{"secret file", []string{"--dev", "--jwt-secret-file", secret}, nil, "--jwt-secret-file"},
		{"public key", []string{"--dev", "--jwt-public-key-file", key}, nil, "--jwt-public-key-file"},
		{"JWKS", []string{"--dev", "--jwt-jwks-url", "https://u:hunter2@h/keys"}, nil, "--jwt-jwks-url"},
		{"PostgreSQL", []string{"--dev", "--database", "postgres://u:hunter2@h/d"}, nil, "--database"},
		{"PostgreSQL in the environment", []string{"--dev"}, []string{"CARAVAN_DATABASE=postgresql://u:hunter2@h/d"}, "--database"},
	} {
		_, _, err := config.Load(config.Serve, c.args, c.env)
		var bad *config.Error
		if !errors.As(err, &bad) || bad.Flag != "dev" || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %s in it", c.name, err, c.want)
		}
	}
	for name, args := range map[string][]string{
		"dev alone": {"--dev"}, "no dev": {"--dev=false", "--jwt-secret", "hunter2-hunter2-hunter2-hunter2-x", "--database", "postgres://h/d"}, "an empty secret": {"--dev", "--jwt-secret", ""},
		"a database of its own": {"--dev", "--database", "sqlite:dev.db"}, "a Redis": {"--dev", "--redis", "redis://h"},
	} {
		if _, _, err := config.Load(config.Serve, args, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
