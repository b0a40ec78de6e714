package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
)

const user = "6f0a8f5e-0000-4000-8000-000000000001"

// longSecret is long enough for HS256.
const longSecret = "a secret that is long enough for HS256"

// publicKey is that of RFC 8410, section 10.3.
const publicKey = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
`

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFlagWinsOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	file := write(t, "# a comment\n\n history = 11 \nmax-content=12\nsend-buffer = 2MiB\ndev = true\n")
	for _, c := range []struct {
		name string
		args []string
		env  []string
		want int
	}{
		{"default", []string{"--dev"}, nil, 50},
		{"file", []string{"--config", file}, nil, 11},
		{"file with a byte order mark", []string{"--config", write(t, "\xef\xbb\xbfhistory = 44\ndev = true")}, nil, 44},
		{"file with a byte order mark and DOS newlines", []string{"--config", write(t, "\xef\xbb\xbf# first\r\n\r\n\r\nhistory = 44\r\ndev = true\r\n\r\n")}, nil, 44},
		{"file named by the environment", nil, []string{"CARAVAN_CONFIG=" + file}, 11},
		{"environment over default", []string{"--dev"}, []string{"CARAVAN_HISTORY=22"}, 22},
		{"environment over file", []string{"--config=" + file}, []string{"CARAVAN_HISTORY=22"}, 22},
		{"flag over default", []string{"--dev", "--history", "33"}, nil, 33},
		{"flag over file", []string{"--config", file, "--history", "33"}, nil, 33},
		{"flag over environment", []string{"--dev", "--history=33"}, []string{"CARAVAN_HISTORY=22"}, 33},
		{"flag over both", []string{"--history", "33", "--config", file}, []string{"CARAVAN_HISTORY=22"}, 33},
		{"the last flag of two", []string{"--dev", "--history=1", "--history=33"}, nil, 33},
		{"one dash", []string{"-dev", "-history", "33"}, nil, 33},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := config.Load(config.Serve, c.args, c.env)
			if err != nil {
				t.Fatal(err)
			}
			if got.History != c.want {
				t.Errorf("history: got %d, want %d", got.History, c.want)
			}
		})
	}
}

func TestAValueOfTheFileIsTakenAsItStands(t *testing.T) {
	file := write(t, "dev = true\njwt-issuer = it's \"a\" name#1\nlisten=:0")
	c, _, err := config.Load(config.Serve, []string{"--config", file}, nil)
	if err != nil || c.JWT.Issuer != `it's "a" name#1` || c.Listen != ":0" {
		t.Errorf("%q, %q, %v", c.JWT.Issuer, c.Listen, err)
	}
}

func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	c, warnings, err := config.Load(config.Serve, nil, []string{"CARAVAN_JWT_SECRET=a secret that is long enough for HS256"})
	if err != nil || len(warnings) != 0 {
		t.Fatal(err, warnings)
	}
	if c.Listen != ":8000" || c.AdminListen != "127.0.0.1:9000" || c.Database != "sqlite:data/caravan.db" || c.DatabaseWait != 30*time.Second ||
		c.Redis != "" || c.JWT.Leeway != 0 || c.History != 50 || c.HistoryBytes != 256<<10 || c.PerUser != 100 || c.MaxContent != 10000 || c.DeletedText != "This message was deleted" || c.MaxFrame != 163840 || c.SendBuffer != 1<<20 ||
		c.Rate != 20 || c.Burst != 40 || c.MaxConnections != 0 || c.HandshakeTimeout != 10*time.Second || c.PingInterval != 30*time.Second ||
		c.IdleTimeout != 75*time.Second || !c.Compression || c.DrainTimeout != 10*time.Second || c.LogLevel != 0 || c.LogFormat != "text" || c.Dev {
		t.Errorf("defaults: %+v", c)
	}
	if c.Loops < 1 {
		t.Errorf("loops: %d", c.Loops)
	}
}

func TestAUserMayAskForAsMuchAsFiveConnectionsUnlessItIsSaid(t *testing.T) {
	for _, c := range []struct {
		args        []string
		rate, burst int
	}{
		{nil, 100, 200},
		{[]string{"--rate", "7", "--burst", "9"}, 35, 45},
		{[]string{"--rate", "0"}, 0, 200},
		{[]string{"--rate", "0", "--user-rate", "30", "--user-burst", "31"}, 30, 31},
		{[]string{"--user-rate", "0"}, 0, 200},
	} {
		cfg, _, err := config.Load(config.Serve, append(c.args, "--jwt-secret", longSecret), nil)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.UserRate != c.rate || cfg.UserBurst != c.burst {
			t.Errorf("%v: %d, %d at once; want %d, %d", c.args, cfg.UserRate, cfg.UserBurst, c.rate, c.burst)
		}
	}
}

func TestReadsAreNotLimitedWhereNothingIsUnlessItIsSaid(t *testing.T) {
	for _, c := range []struct {
		args        []string
		rate, bytes int
	}{
		{nil, 50, 1 << 20},
		{[]string{"--rate", "7"}, 50, 1 << 20},
		{[]string{"--rate", "0"}, 0, 0},
		{[]string{"--rate", "0", "--read-rate", "30", "--read-bytes", "1KiB"}, 30, 1 << 10},
		{[]string{"--read-rate", "0", "--read-bytes", "0"}, 0, 0},
	} {
		cfg, _, err := config.Load(config.Serve, append(c.args, "--jwt-secret", longSecret), nil)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.ReadRate != c.rate || cfg.ReadBytes != c.bytes {
			t.Errorf("%v: %d reads, %d bytes; want %d, %d", c.args, cfg.ReadRate, cfg.ReadBytes, c.rate, c.bytes)
		}
	}
}

func TestWhatCannotBeUsedNamesTheFlagAndHidesSecrets(t *testing.T) {
	noSuchFile := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		name string
		cmd  config.Command
		args []string
		env  []string
		want string // in the text of the error
	}{
		{"unknown flag", config.Serve, []string{"--frobnicate"}, nil, "--frobnicate: no such flag"},
		{"flag of another command", config.Migrate, []string{"--listen", ":1"}, nil, "--listen: does not concern caravan migrate"},
		{"no value", config.Serve, []string{"--listen"}, nil, "--listen: needs a value"},
		{"stray argument", config.Serve, []string{"--dev", "now"}, nil, "unexpected argument, number 2"},
		{"stray secret", config.Serve, []string{"--database=", "postgres://u:hunter2@h/d"}, nil, "unexpected argument, number 2"},
		{"stray secret with dashes", config.Serve, []string{"--u:hunter2@h/d"}, nil, "unexpected argument, number 1"},
		{"number", config.Serve, []string{"--dev", "--history", "many"}, nil, `--history: "many" must be a whole number`},
		{"number too large", config.Serve, []string{"--dev", "--history", "1001"}, nil, "--history"},
		{"negative", config.Serve, []string{"--dev", "--rate=-1"}, nil, "--rate"},
		{"empty number in the environment", config.Serve, []string{"--dev"}, []string{"CARAVAN_RATE="}, "(from CARAVAN_RATE)"},
		{"duration", config.Serve, []string{"--dev", "--drain-timeout", "10"}, nil, "--drain-timeout"},
		{"size", config.Serve, []string{"--dev", "--send-buffer", "1 bushel"}, nil, "--send-buffer"},
		{"size overflows", config.Serve, []string{"--dev", "--send-buffer", "99999999999999999GiB"}, nil, "--send-buffer"},
		{"switch", config.Serve, []string{"--dev", "--compression=perhaps"}, nil, "--compression"},
		{"address", config.Serve, []string{"--dev", "--listen", "8000"}, nil, "--listen"},
		{"port", config.Serve, []string{"--dev", "--listen", ":80000"}, nil, "--listen"},
		{"level", config.Serve, []string{"--dev", "--log-level", "loud"}, nil, "--log-level"},
		{"format", config.Serve, []string{"--dev", "--log-format", "xml"}, nil, "--log-format"},
		{"origin", config.Serve, []string{"--dev", "--allowed-origins", "https://a.example/path"}, nil, "--allowed-origins"},
		{"JWKS", config.Serve, []string{"--jwt-jwks-url", "file:///etc/passwd"}, nil, "--jwt-jwks-url"},
		{"JWKS without host", config.Serve, []string{"--jwt-jwks-url", "https://u:hunter2@:443/keys"}, nil, "--jwt-jwks-url: the value must be"},
		{"JWKS port", config.Serve, []string{"--jwt-jwks-url", "https://u:hunter2@h:abc/keys"}, nil, "--jwt-jwks-url: the value must be"},
		{"database scheme", config.Serve, []string{"--dev", "--database", "mysql://u:hunter2@h/d"}, nil, "--database"},
		{"database without path", config.Serve, []string{"--dev", "--database", "sqlite:"}, nil, "--database"},
		{"database without host", config.Serve, []string{"--dev", "--database", "postgres:u:hunter2@h/d"}, nil, "--database"},
		{"database port", config.Serve, []string{"--dev", "--database", "postgres://u:hunter2@h:abc/d"}, nil, "--database: the value cannot be used: invalid port"},
		{"database host", config.Serve, []string{"--dev", "--database", "postgres://u:hunter2@[::1/d"}, nil, "--database"},
		{"database password with a slash", config.Serve, []string{"--dev", "--database", "postgres://u:hunter2/x@h/d"}, nil, "--database"},
		{"database password half encoded", config.Serve, []string{"--dev", "--database", "postgres://u:hunter2%zz@h/d"}, nil, "--database"},
		{"database parameter", config.Serve, []string{"--dev", "--database", "postgres://u:hunter2@h/d?sslmode=maybe"}, nil, "sslmode"},
		{"database certificate", config.Serve, []string{"--dev", "--database", "postgres://u@h/d?password=hunter2&sslrootcert=" + noSuchFile}, nil, noSuchFile},
		{"database of migrate", config.Migrate, []string{"--database", "postgres://u:hunter2@h:abc/d"}, nil, "--database"},
		{"database of seed", config.Seed, []string{"--database", "postgres://u:hunter2@h:abc/d"}, nil, "--database"},
		{"database in the environment", config.Migrate, nil, []string{"CARAVAN_DATABASE=postgres://u:hunter2@h:abc/d"}, "(from CARAVAN_DATABASE)"},
		{"database in the file", config.Seed, []string{"--config", write(t, "database = postgres://u:hunter2@h:abc/d")}, nil, "line 1"},
		{"Redis port", config.Serve, []string{"--dev", "--redis", "redis://u:hunter2@h:abc"}, nil, "--redis"},
		{"Redis of status", config.Status, []string{"--redis", "redis://u:hunter2@h:abc"}, nil, "--redis"},
		{"Redis database", config.Serve, []string{"--dev", "--redis", "redis://u:hunter2@h/x"}, nil, "--redis"},
		{"Redis", config.Serve, []string{"--dev", "--redis", "http://:hunter2@h"}, nil, "--redis"},
		{"REDIS_PORT", config.Serve, []string{"--dev"}, []string{"REDIS_HOST=h", "REDIS_PORT=x"}, "--redis"},
		{"no key", config.Serve, nil, nil, "--jwt-secret: is missing"},
		{"two secrets", config.Serve, []string{"--jwt-secret", "hunter2", "--jwt-secret-file", noSuchFile}, nil, "--jwt-secret-file"},
		{"secret file", config.Serve, []string{"--jwt-secret-file", noSuchFile}, nil, "--jwt-secret-file"},
		{"empty secret file", config.Serve, []string{"--jwt-secret-file", write(t, "\n")}, nil, "--jwt-secret-file"},
		{"secret file of token", config.Token, []string{"--user", user, "--jwt-secret-file", noSuchFile}, nil, "--jwt-secret-file"},
		{"secret file in UTF-16", config.Serve, []string{"--jwt-secret-file", write(t, "\xff\xfes\x00")}, nil, "UTF-16"},
		{"secret file that is large", config.Serve, []string{"--jwt-secret-file", write(t, strings.Repeat("x", 1<<20+1))}, nil, "more than 1048576 bytes"},
		{"key file that holds none", config.Serve, []string{"--jwt-public-key-file", write(t, "listen = :1")}, nil, "--jwt-public-key-file"},
		{"second key file that holds none", config.Serve, []string{"--jwt-public-key-file", write(t, publicKey) + "," + write(t, "x")}, nil, "--jwt-public-key-file"},
		{"key file with half a key", config.Serve, []string{"--jwt-public-key-file", write(t, publicKey+publicKey[:60])}, nil, "--jwt-public-key-file"},
		{"key file", config.Serve, []string{"--jwt-public-key-file", noSuchFile}, nil, "--jwt-public-key-file"},
		{"idle before ping", config.Serve, []string{"--dev", "--idle-timeout", "20s"}, nil, "--idle-timeout: must be longer than --ping-interval"},
		{"one port for both", config.Serve, []string{"--dev", "--listen", ":1", "--admin-listen", ":1"}, nil, "--admin-listen"},
		{"one port for both, on all addresses", config.Serve, []string{"--dev", "--listen", ":1", "--admin-listen", "127.0.0.1:1"}, nil, "--admin-listen"},
		{"a bucket without keys", config.ConfigCheck, []string{"--dev", "--attachments", "s3://bucket/p"}, nil, "AWS_ACCESS_KEY_ID"},
		{"no address", config.UserAdd, []string{"--email", "amina"}, nil, "must be an address"},
		{"a list of a migration", config.Migrate, []string{"--json"}, nil, "--json: goes with --check"},
		{"config file", config.Serve, []string{"--config", noSuchFile}, nil, "--config"},
		{"config name", config.Serve, []string{"--config", write(t, "dev = true\nhistroy = 3\n")}, nil, "--histroy: no such setting; did you mean history?"},
		{"config name that nothing is like", config.Serve, []string{"--config", write(t, "frobnicate = 3\n")}, nil, "--frobnicate: no such setting (from"},
		{"config name with underscores", config.Serve, []string{"--config", write(t, "drain_timeout = 3s\n")}, nil, "did you mean drain-timeout?"},
		{"config name as a variable", config.Serve, []string{"--config", write(t, "CARAVAN_JWT_SECRET=hunter2\n")}, nil, "did you mean jwt-secret?"},
		{"config name as a flag", config.Serve, []string{"--config", write(t, "--history=3\n")}, nil, "did you mean history?"},
		{"config in a config", config.Serve, []string{"--config", write(t, "config = x\n")}, nil, "--config: no such setting"},
		{"a name with a slip in a file", config.Serve, []string{"--config", write(t, "listen2 = :1\n")}, nil, "a name has small letters and hyphens; did you mean listen?"},
		{"setting given twice", config.Serve, []string{"--config", write(t, "history = 3\n# a comment\nhistory=4\n")}, nil, "--history: is given twice, in line 1 and in line 3"},
		{"setting given twice alike", config.Migrate, []string{"--config", write(t, "\nhistory = 3\nhistory = 3\n")}, nil, "in line 2 and in line 3"},
		{"secret given twice", config.Serve, []string{"--config", write(t, "jwt-secret = hunter2\njwt-secret = other\n")}, nil, "--jwt-secret: is given twice"},
		{"quotes", config.Serve, []string{"--config", write(t, "jwt-secret = \"hunter2\"\n")}, nil, "--jwt-secret: the value has quotes"},
		{"single quotes", config.Serve, []string{"--config", write(t, "listen = ':8000'\n")}, nil, "--listen: the value has quotes"},
		{"comment behind a value", config.Serve, []string{"--config", write(t, "jwt-secret = hunter2 # for tests\n")}, nil, "--jwt-secret: a comment needs a line of its own"},
		{"comment behind quotes", config.Serve, []string{"--config", write(t, "jwt-issuer = \"a\"\t# who\n")}, nil, "--jwt-issuer: a comment"},
		{"comment instead of a value", config.Serve, []string{"--config", write(t, "redis = # none\n")}, nil, "--redis: a comment"},
		{"flag with a slip", config.Serve, []string{"--lisen", ":1"}, nil, "--lisen: no such flag; did you mean --listen?"},
		{"config line", config.Serve, []string{"--config", write(t, "dev\n")}, nil, "line 1"},
		{"config line that is a secret", config.Serve, []string{"--config", write(t, "postgres://u:hunter2@h/d?a=b\n")}, nil, "line 1"},
		{"config in UTF-16", config.Serve, []string{"--config", write(t, "\xfe\xff\x00d\x00e\x00v")}, nil, "UTF-16"},
		{"config value", config.Serve, []string{"--config", write(t, "dev = true\nhistory = x\n")}, nil, "line 2"},
		{"token for nobody", config.Token, []string{"--dev"}, nil, "--user"},
		{"token for no UUID", config.Token, []string{"--dev", "--user", "7"}, nil, "--user"},
		{"nobody's UUID", config.AdminKick, []string{"--user", uuid.Nil.String(), "--address", "192.0.2.7"}, nil, "all zeros is nobody"},
		{"token without key", config.Token, []string{"--user", user}, nil, "--jwt-secret"},
		{"nobody and nowhere", config.Seed, nil, nil, "--users"},
		{"value behind a switch", config.Serve, []string{"--dev", "--compression", "false"}, nil, "--compression=false"},
		{"users without trips", config.Seed, []string{"--users", "3"}, nil, "--trips"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := config.Load(c.cmd, c.args, c.env)
			var wrong *config.Error
			if !errors.As(err, &wrong) {
				t.Fatalf("error %v, want a *config.Error", err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want %q in it", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q shows a secret or takes more than a line", err)
			}
		})
	}
}

func TestUnknownVariablesAndOddRelationsAreWarnings(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		env  []string
		want string
	}{
		{"unknown", nil, []string{"CARAVAN_HISTROY=3"}, "CARAVAN_HISTROY; did you mean CARAVAN_HISTORY?"},
		{"lower case", nil, []string{"CARAVAN_history=3"}, "CARAVAN_history"},
		{"where other programs send traces", nil, []string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://metrics:4318", "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is not read"},
		{"frame too small for content", []string{"--max-frame", "64KiB"}, nil, "--max-frame"},
		{"one lost ping", []string{"--idle-timeout", "31s"}, nil, "--idle-timeout"},
		{"burst below rate", []string{"--burst", "1"}, nil, "--burst"},
		{"a burst of reads below a user's connections", []string{"--read-burst", "99"}, nil, "--read-burst"},
		{"user rate below rate", []string{"--user-rate", "19"}, nil, "--user-rate"},
		{"a history that is more than may wait", []string{"--send-buffer", "64KiB"}, nil, "--history-bytes"},
		{"a part of the unsent that is less than a history", []string{"--unsent-bytes", "1MiB"}, nil, "--unsent-bytes"},
		{"development secret", []string{"--dev"}, nil, "--dev"},
		{"secret in quotes", nil, []string{`CARAVAN_JWT_SECRET="a secret that is long enough for HS256"`}, "HS256"},
		{"issuer in quotes", []string{"--jwt-issuer", "'caravan'"}, nil, "--jwt-issuer"},
		{"newline behind a secret", nil, []string{"CARAVAN_JWT_SECRET=a secret that is long enough for HS256\n"}, "--jwt-secret"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := c.env
			if c.name != "development secret" {
				env = append([]string{"CARAVAN_JWT_SECRET=a secret that is long enough for HS256"}, env...)
			}
			_, warnings, err := config.Load(config.Serve, c.args, env)
			if err != nil {
				t.Fatal(err)
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], c.want) {
				t.Errorf("warnings %q, want one about %s", warnings, c.want)
			}
		})
	}
}

func TestKeysComeFromTextFileOrDev(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"text", []string{"--jwt-secret", "one"}, "one"},
		{"file", []string{"--jwt-secret-file", write(t, "two\n")}, "two"},
		{"file of a DOS editor", []string{"--jwt-secret-file", write(t, "two\r\n")}, "two"},
		{"white space at the end goes", []string{"--jwt-secret-file", write(t, " t wo \t\r\n\n\r\n ")}, " t wo"},
		{"byte order mark", []string{"--jwt-secret-file", write(t, "\xef\xbb\xbftwo\r\n")}, "two"},
		{"text keeps its white space", []string{"--jwt-secret", "one \n"}, "one \n"},
		{"dev", []string{"--dev"}, config.DevelopmentSecret},
		{"dev with a secret", []string{"--dev", "--jwt-secret", "one"}, "one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := config.Load(config.Token, append(c.args, "--user", user), nil)
			if err != nil {
				t.Fatal(err)
			}
			if string(got.JWT.Secret) != c.want {
				t.Errorf("secret %q, want %q", got.JWT.Secret, c.want)
			}
		})
	}
	pems := write(t, publicKey) + ", " + write(t, "\xef\xbb\xbf"+publicKey)
	got, _, err := config.Load(config.Serve, []string{"--jwt-public-key-file", pems}, nil)
	if err != nil || len(got.JWT.PublicKeys) != 2 || string(got.JWT.PublicKeys[1]) != publicKey || got.JWT.Secret != nil {
		t.Errorf("public keys %q, secret %q, error %v", got.JWT.PublicKeys, got.JWT.Secret, err)
	}
}

func TestSizesHaveUnits(t *testing.T) {
	for text, want := range map[string]int{
		"65536": 65536, "65536B": 65536, "64KiB": 65536, "64kib": 65536, "1MiB": 1 << 20, "1GiB": 1 << 30,
		"64KB": 64000, "1 MB": 1000000, "1GB": 1000000000,
	} {
		c, _, err := config.Load(config.Serve, []string{"--dev", "--send-buffer", text}, nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if c.SendBuffer != want {
			t.Errorf("%s: got %d, want %d", text, c.SendBuffer, want)
		}
	}
}

func TestHelpListsEverySettingOfACommandWithItsDefault(t *testing.T) {
	for _, cmd := range []config.Command{config.Serve, config.ConfigCheck, config.Migrate, config.Token, config.Seed, config.Status} {
		var help strings.Builder
		config.Help(&help, cmd)
		for _, name := range config.Names(cmd) {
			if !strings.Contains(help.String(), "--"+name) {
				t.Errorf("%s: --%s is missing", cmd, name)
			}
		}
		if _, _, err := config.Load(cmd, []string{"--help"}, nil); !errors.Is(err, config.ErrHelp) {
			t.Errorf("%s --help: %v", cmd, err)
		}
	}
	var help strings.Builder
	config.Help(&help, config.Serve)
	for _, want := range []string{"\nWhere it listens:\n", "\nTokens:\n", "(default :8000)", "(default 1MiB)", "(default 163840)", "(default true)"} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("%q is missing in the help", want)
		}
	}
}

func TestDevListensOnThisMachineAlone(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		env  []string
		want string
	}{
		{"dev", []string{"--dev"}, nil, "127.0.0.1:8000"},
		{"dev by the environment", nil, []string{"CARAVAN_DEV=1"}, "127.0.0.1:8000"},
		{"dev by the file", []string{"--config", write(t, "dev = true")}, nil, "127.0.0.1:8000"},
		{"no dev", []string{"--dev=false", "--jwt-secret", longSecret}, nil, ":8000"},
		{"a flag", []string{"--dev", "--listen", ":8000"}, nil, ":8000"},
		{"a variable", []string{"--dev"}, []string{"CARAVAN_LISTEN=:8000"}, ":8000"},
		{"a line", []string{"--config", write(t, "dev = true\nlisten = :8000")}, nil, ":8000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := config.Load(config.Serve, c.args, c.env)
			if err != nil {
				t.Fatal(err)
			}
			if got.Listen != c.want {
				t.Errorf("listens on %s, want %s", got.Listen, c.want)
			}
		})
	}
}

func TestWhiteSpaceAroundURLsDoesNotCount(t *testing.T) {
	c, _, err := config.Load(config.Serve, nil, []string{"CARAVAN_DATABASE=postgres://h/d\n", "CARAVAN_REDIS= redis://r\r\n", "CARAVAN_JWT_JWKS_URL=https://id/keys\n"})
	if err != nil || c.Database != "postgres://h/d" || c.Redis != "redis://r" || c.JWT.JWKSURL != "https://id/keys" {
		t.Errorf("%q, %q, %q: %v", c.Database, c.Redis, c.JWT.JWKSURL, err)
	}
}
