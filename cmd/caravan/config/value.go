package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/postgres"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/token"
	"github.com/caravan-chat/caravan/room/backplane"
	"github.com/caravan-chat/caravan/room/visit"
)

// value reads the text of a setting into its place. Its errors do not repeat the
// text, which may be a secret.
type value func(text string) error

func ignored(string) error { return nil }

func text(into *string) value {
	return func(s string) error { *into = s; return nil }
}

// shown is a text that clients are told as content, also in quotes.
func shown(into *string) value {
	return func(s string) error {
		if !utf8.ValidString(s) || utf8.RuneCountInString(s) > protocol.ReplyRunesMax {
			return fmt.Errorf("must be UTF-8 and not longer than a quote, %d characters", protocol.ReplyRunesMax)
		}
		*into = s
		return nil
	}
}

func truth(into *bool) value {
	return func(s string) (err error) {
		if *into, err = strconv.ParseBool(s); err != nil {
			return errors.New("must be true or false")
		}
		return nil
	}
}

func count(into *int, least, most int) value {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil {
			return errors.New("must be a whole number")
		}
		if n < least || n > most {
			return fmt.Errorf("must be between %d and %d", least, most)
		}
		*into = n
		return nil
	}
}

// ratio is a part of a whole.
func ratio(into *float64) value {
	return func(s string) error {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f >= 0 && f <= 1) { // nor NaN
			return errors.New("must be a number from 0 to 1, such as 0.01")
		}
		*into = f
		return nil
	}
}

func duration(into *time.Duration, least, most time.Duration) value {
	return func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil {
			return errors.New("must be a duration such as 250ms, 30s or 1h")
		}
		if d < least || d > most {
			return fmt.Errorf("must be between %v and %v", least, most)
		}
		*into = d
		return nil
	}
}

// units of a size, longest suffix first where one ends another.
var units = []struct {
	suffix string
	bytes  int64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"b", 1}, {"", 1},
}

func size(into *int, least, most int64) value {
	return func(s string) error {
		for _, u := range units {
			digits, ok := strings.CutSuffix(strings.ToLower(s), u.suffix)
			if !ok {
				continue
			}
			n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
			if err != nil {
				break
			}
			if n < 0 || n > most/u.bytes || n*u.bytes < least {
				return fmt.Errorf("must be between %d and %d bytes", least, most)
			}
			*into = int(n * u.bytes)
			return nil
		}
		return errors.New("must be a size such as 65536, 64KiB or 1MiB")
	}
}

func address(into *string) value {
	return func(s string) error {
		_, port, err := net.SplitHostPort(s)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return errors.New("must be HOST:PORT or :PORT")
		}
		*into = s
		return nil
	}
}

func optionalAddress(into *string) value {
	return func(s string) error {
		if s == "" {
			*into = ""
			return nil
		}
		return address(into)(s)
	}
}

// trimmed leaves out the white space around a value: a URL that was mounted as a
// secret often ends in a newline.
func trimmed(into value) value {
	return func(s string) error { return into(strings.TrimSpace(s)) }
}

func database(into *string) value {
	return trimmed(func(s string) error {
		*into = s
		if path, ok := strings.CutPrefix(s, "sqlite:"); ok && path != "" {
			return nil
		}
		if strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
			return postgres.CheckURL(s)
		}
		return errors.New("must be sqlite:PATH or a postgres:// URL")
	})
}

func redis(into *string) value {
	return trimmed(func(s string) error {
		if s != "" {
			if err := backplane.CheckURL(s); err != nil {
				return err
			}
		}
		*into = s
		return nil
	})
}

func redisPrefix(into *string) value {
	return func(s string) error {
		*into = s
		return backplane.CheckPrefix(s)
	}
}

func jwksURL(into *string) value {
	return trimmed(func(s string) error {
		*into = s
		if s == "" {
			return nil
		}
		return token.CheckJWKSURL(s)
	})
}

func origins(into *Origins) value {
	return func(s string) (err error) {
		*into, err = ParseOrigins(s)
		return err
	}
}

func proxies(into *[]netip.Prefix) value {
	return func(s string) (err error) {
		*into, err = visit.ParseProxies(s)
		return err
	}
}

func roles(into *protocol.Roles) value {
	return func(s string) (err error) {
		*into, err = protocol.ParseRoles(s)
		return err
	}
}

func emoji(into *protocol.Emoji) value {
	return func(s string) error {
		all, bad, ok := protocol.ParseEmoji(s)
		if !ok {
			return fmt.Errorf("%q is no emoji of 1 to %d bytes", bad, protocol.EmojiBytesMax)
		}
		*into = all
		return nil
	}
}

func hosts(into *Hosts) value {
	return func(s string) (err error) {
		*into, err = ParseHosts(s)
		return err
	}
}

func id(into *uuid.UUID) value {
	return func(s string) (err error) {
		*into, err = uuid.Parse(s)
		switch {
		case err != nil:
			return errors.New("must be a UUID")
		case *into == uuid.Nil:
			return errors.New("must be somebody's or something's UUID: all zeros is nobody's")
		}
		return nil
	}
}

// wordRunesMax is how long what names somebody or something may be.
const wordRunesMax = 200

// word is a text of one line that names somebody or something.
func word(into *string) value {
	return func(s string) error {
		s = strings.TrimSpace(s)
		if !utf8.ValidString(s) || utf8.RuneCountInString(s) > wordRunesMax || strings.ContainsFunc(s, unicode.IsControl) {
			return fmt.Errorf("must be UTF-8 without control characters, of at most %d characters", wordRunesMax)
		}
		*into = s
		return nil
	}
}

// role is a role that --roles can name.
func role(into *string) value {
	return func(s string) error {
		if s = strings.TrimSpace(s); persist.Role(&s) == "" {
			return fmt.Errorf("must be a text of 1 to %d characters", protocol.RoleRunesMax)
		}
		return word(into)(s)
	}
}

func choice(into *string, of ...string) value {
	return func(s string) error {
		if !slices.Contains(of, s) {
			return errors.New("must be " + strings.Join(of, " or "))
		}
		*into = s
		return nil
	}
}

func level(into *slog.Level) value {
	return func(s string) error {
		levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
		l, ok := levels[s]
		if !ok {
			return errors.New("must be debug, info, warn or error")
		}
		*into = l
		return nil
	}
}
