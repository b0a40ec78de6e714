package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/caravan-chat/caravan/cmd/commandline"
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
// error is ErrHelp or an *Error; where only what the settings mean together is wrong, the
// Config is returned beside it, to be shown.
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
	c = &Config{file: path.text}
	for i := range settings {
		if err := c.load(&settings[i], cmd, flags, env, file); err != nil {
			return nil, nil, err
		}
	}
	if err := c.derive(cmd, environ, flags, env, file); err != nil {
		return nil, nil, err
	}
	if err := c.readKeys(); err != nil {
		return c, nil, err
	}
	if cmd.serves() {
		if err := c.checkDev(flags, env, file); err != nil {
			return c, nil, err
		}
		if err := c.checkBucket(environ); err != nil {
			return c, nil, err
		}
		warnings = append(warnings, c.exposed(flags, file, path.text)...)
		warnings = append(warnings, c.untraced(environ)...)
		weak, err := c.weakSecret()
		if err != nil {
			return c, nil, err
		}
		warnings = append(warnings, weak...)
	}
	more, err := c.check(cmd)
	return c, append(warnings, more...), err
}

// load gives a setting its value from the first source that has one. What
// does not concern the command keeps its default, whatever the sources say.
func (c *Config) load(s *setting, cmd Command, sources ...map[string]given) error {
	v := given{text: s.def, from: fromDefault}
	if s.concerns(cmd) {
		if found, ok := first(s.name, sources...); ok {
			v = found
		}
		c.effective = append(c.effective, effective{s, v})
	}
	if v.text == "" && v.from == fromDefault {
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

// derive gives settings that are not given the values that follow from others.
func (c *Config) derive(cmd Command, environ []string, sources ...map[string]given) (err error) {
	if c.Dev {
		c.follow("listen", devListen, "--dev", sources, func() { c.Listen = devListen })
		if dir := c.devAttachments(); dir != "" {
			c.follow("attachments", dir, "--dev", sources, func() { c.Attachments = dir })
		}
	}
	c.follow("user-rate", strconv.Itoa(userShare*c.Rate), "five times --rate", sources, func() { c.UserRate = userShare * c.Rate })
	c.follow("user-burst", strconv.Itoa(userShare*c.Burst), "five times --burst", sources, func() { c.UserBurst = userShare * c.Burst })
	if c.Rate == 0 {
		c.follow("read-rate", "0", "--rate 0", sources, func() { c.ReadRate = 0 })
		c.follow("read-bytes", "0", "--rate 0", sources, func() { c.ReadBytes = 0 })
	}
	if c.Redis == "" && find("redis").concerns(cmd) {
		if c.Redis, err = redisFromEnvironment(environ); c.Redis != "" {
			c.say("redis", given{c.Redis, redisVariables})
		}
	}
	return err
}

// follow sets a setting that is not given, and notes what it follows from.
func (c *Config) follow(name, text, from string, sources []map[string]given, set func()) {
	if _, ok := first(name, sources...); !ok {
		set()
		c.say(name, given{text, from})
	}
}

func first(name string, sources ...map[string]given) (given, bool) {
	for _, source := range sources {
		if v, ok := source[name]; ok {
			return v, true
		}
	}
	return given{}, false
}

// arguments are the settings whose value may stand without the flag.
var arguments = map[Command]string{UserRemove: "id", TripRemove: "id", Backup: "to"}

// parseFlags reads the flags of a command.
func parseFlags(cmd Command, args []string) (map[string]given, error) {
	values := make(map[string]given)
	flags := commandline.Flags{
		Find: func(name string) (isSwitch bool, err *commandline.Error) {
			s := find(name)
			switch {
			case s == nil:
				return false, commandline.NoSuchFlag(name, Names(cmd))
			case !s.concerns(cmd):
				return false, &commandline.Error{Flag: name, Text: "does not concern caravan " + string(cmd)}
			}
			return s.arg == "", nil
		},
		Set: func(name, text string) error {
			values[name] = given{text: text}
			return nil
		},
	}
	if argument := arguments[cmd]; argument != "" {
		flags.Argument = func(text string) (ok bool) {
			_, known := values[argument]
			values[argument] = given{text: text}
			return !known
		}
	}
	err := flags.Parse(args)
	if wrong := (*commandline.Error)(nil); errors.As(err, &wrong) {
		err = &Error{Flag: wrong.Flag, Text: wrong.Text}
	}
	return values, err
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
