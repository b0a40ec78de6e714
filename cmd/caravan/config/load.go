package config

import (
	"fmt"
	"slices"
	"strings"
)

const envPrefix = "CARAVAN_"

// userShare is how many connections at their full rate the rate of a user is enough
// for, unless it is given.
const userShare = 5

// given is the text of a setting and where it stood.
type given struct {
	text string
	from string // empty: the command line
}

// Load reads the settings of a command: a flag wins over the environment, the
// environment over the file named by --config, the file over the default.
// environ has the form of os.Environ. Warnings are lines for the operator. The
// error is ErrHelp or an *Error.
func Load(cmd Command, args, environ []string) (c *Config, warnings []string, err error) {
	flags, err := parseFlags(cmd, args)
	if err != nil {
		return nil, nil, err
	}
	env, warnings := parseEnvironment(environ)
	var file map[string]given
	path, ok := first(configFlag, flags, env)
	if ok && path.text != "" {
		if file, err = readFile(path); err != nil {
			return nil, nil, err
		}
	}
	c = &Config{}
	for i := range settings {
		s := &settings[i]
		if err := s.load(c, cmd, flags, env, file); err != nil {
			return nil, nil, err
		}
	}
	if _, ok := first("listen", flags, env, file); c.Dev && !ok {
		c.Listen = devListen
	}
	if _, ok := first("user-rate", flags, env, file); !ok {
		c.UserRate = userShare * c.Rate
	}
	if _, ok := first("read-rate", flags, env, file); !ok && c.Rate == 0 {
		c.ReadRate = 0
	}
	if _, ok := first("read-bytes", flags, env, file); !ok && c.Rate == 0 {
		c.ReadBytes = 0
	}
	if _, ok := first("user-burst", flags, env, file); !ok {
		c.UserBurst = userShare * c.Burst
	}
	if c.Redis == "" && find("redis").concerns(cmd) {
		if c.Redis, err = redisFromEnvironment(environ); err != nil {
			return nil, nil, err
		}
	}
	if err := c.readKeys(); err != nil {
		return nil, nil, err
	}
	if cmd == Serve {
		if err := c.checkDev(flags, env, file); err != nil {
			return nil, nil, err
		}
		warnings = append(warnings, c.exposed(flags, file, path.text)...)
		warnings = append(warnings, c.weakSecret()...)
	}
	more, err := c.check(cmd)
	return c, append(warnings, more...), err
}

// load gives the setting its value from the first source that has one. What
// does not concern the command keeps its default, whatever the sources say.
func (s *setting) load(c *Config, cmd Command, sources ...map[string]given) error {
	v := given{text: s.def, from: "the default"}
	if s.concerns(cmd) {
		if found, ok := first(s.name, sources...); ok {
			v = found
		}
	}
	if v.text == "" && v.from == "the default" {
		return nil
	}
	if err := s.into(c)(v.text); err != nil {
		shown := fmt.Sprintf("%q ", v.text)
		if s.secret {
			shown = "the value "
		}
		return &Error{Flag: s.name, From: v.from, Text: shown + err.Error()}
	}
	return nil
}

func first(name string, sources ...map[string]given) (given, bool) {
	for _, source := range sources {
		if v, ok := source[name]; ok {
			return v, true
		}
	}
	return given{}, false
}

// parseFlags reads `--name value` and `--name=value`; one dash is as good as
// two, a switch needs no value, and the last of several wins.
func parseFlags(cmd Command, args []string) (map[string]given, error) {
	flags := make(map[string]given)
	count := len(args)
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		dashed, ok := strings.CutPrefix(arg, "-")
		name, text, hasText := strings.Cut(strings.TrimPrefix(dashed, "-"), "=")
		if !ok || !isName(name) {
			return nil, &Error{Text: fmt.Sprintf("unexpected argument, number %d after the command", count-len(args))} // it may be a secret
		}
		if name == "help" || name == "h" {
			return nil, ErrHelp
		}
		s := find(name)
		switch {
		case s == nil:
			return nil, &Error{Flag: name, Text: "no such flag" + didYouMean("--", name)}
		case !s.concerns(cmd):
			return nil, &Error{Flag: name, Text: "does not concern caravan " + string(cmd)}
		case hasText:
		case s.arg == "" && len(args) > 0 && (args[0] == "true" || args[0] == "false"):
			return nil, &Error{Flag: name, Text: "takes its value after an equals sign: --" + name + "=" + args[0]}
		case s.arg == "":
			text = "true"
		case len(args) == 0:
			return nil, &Error{Flag: name, Text: "needs a value"}
		default:
			text, args = args[0], args[1:]
		}
		flags[name] = given{text: text}
	}
	return flags, nil
}

// isName reports whether a text may be the name of a setting. What is none may be a
// secret that slipped, and is not shown.
func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == ""
}

// parseEnvironment takes the CARAVAN_ variables; those that name no setting are
// only warned of, since other programs may share the prefix.
func parseEnvironment(environ []string) (map[string]given, []string) {
	env := make(map[string]given)
	var unknown []string
	for _, line := range environ {
		name, text, _ := strings.Cut(line, "=")
		rest, ok := strings.CutPrefix(name, envPrefix)
		if !ok {
			continue
		}
		flag := strings.ReplaceAll(strings.ToLower(rest), "_", "-")
		if find(flag) == nil || Variable(flag) != name {
			unknown = append(unknown, "unknown environment variable "+name+meantVariable(flag))
			continue
		}
		env[flag] = given{text: text, from: name}
	}
	slices.Sort(unknown)
	return env, unknown
}

// Variable is the environment variable of a flag.
func Variable(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
