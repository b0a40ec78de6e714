package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/caravan-chat/caravan/room"
)

// Config says where the database is and how many connections to use.
type Config struct {
	URL     string // postgres://…, as libpq and pgx read it
	Writers int    // connections for Append at most; 0: WritersDefault
	Readers int    // connections for what the node needs to serve everybody at most; 0: ReadersDefault
	Bulk    int    // connections for what clients ask to read at most; 0: BulkDefault
	Moved   bool   // the database may come from another cluster: Migrate notes this one
	Log     *slog.Logger
}

// Defaults of Config. One connection more is for Ping.
const (
	WritersDefault = 4
	ReadersDefault = 4
	BulkDefault    = 3
)

const (
	// connectTimeout bounds one attempt to connect where the URL does not.
	connectTimeout = 5 * time.Second
	// rollbackTimeout bounds the attempt to keep a connection after an error.
	rollbackTimeout = time.Second
	// cleanupTimeout bounds each step of leaving a connection that was given up.
	cleanupTimeout = time.Second
)

// waits are how long Append waits for what.
type waits struct {
	transaction time.Duration // for one run of its transaction, a connection and rooms locked by others included
	outcome     time.Duration // for the outcome of a commit that was cut
	abandoned   time.Duration // for the server to notice by itself that the client of a transaction has left
}

// defaultWaits are what the package's users get.
var defaultWaits = waits{transaction: 10 * time.Second, outcome: room.OutcomeWait, abandoned: time.Second}

// sessionParameters hold for every connection, unless the URL sets them. All
// statements look rows up by an index, also in a table that was empty when the
// plan was made, so plans are made once and need no choice. A node that freezes or
// vanishes within a transaction loses it, and the locks on its rooms, soon: by the
// first timeout between round trips, by keepalives within one. Where it is stopped in
// the midst of what it sends, neither counts: whoever waits for its lock ends it (endFrozen).
//
// Whoever waits for a lock leaves the queue before its holder can time out, and asks
// again. So those in it that are frozen or vanished are gone when the lock is free:
// otherwise each of them would get it and keep it until its own timeout.
var sessionParameters = map[string]string{
	"application_name":                    "caravan",
	"plan_cache_mode":                     "force_generic_plan",
	"enable_seqscan":                      "off",
	"enable_bitmapscan":                   "off", // would read a whole room and sort it
	"enable_hashjoin":                     "off",
	"enable_mergejoin":                    "off",
	"jit":                                 "off",
	"idle_in_transaction_session_timeout": "3s",
	"lock_timeout":                        "1s",
	"tcp_keepalives_idle":                 "3",
	"tcp_keepalives_interval":             "2",
	"tcp_keepalives_count":                "2",
}

// CheckURL says what is wrong with a URL, or with a file that it names. Its error
// reads on from the URL's name and does not show the URL, which may hold a password.
func CheckURL(url string) error {
	_, err := parseURL(url)
	return err
}

func parseURL(url string) (*pgxpool.Config, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		// pgx tells the URL, with a mask over what it takes for a password, and then why.
		const end = "`: "
		why := err.Error()
		if i := strings.LastIndex(why, end); i >= 0 {
			why = why[i+len(end):]
		} else {
			why = "it is malformed"
		}
		return nil, fmt.Errorf("cannot be used: %s", why)
	}
	return cfg, nil
}

// fixedParameters hold whatever the URL, the database or the role say: text is
// UTF-8 here, and a time that an adopted table keeps without a zone is in UTC.
var fixedParameters = map[string]string{
	"client_encoding": "UTF8",
	"timezone":        "UTC",
}

// newPool makes a pool without connecting, as prepared by those functions.
func newPool(ctx context.Context, url string, connections int, prepare ...func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	cfg, err := parseURL(url)
	if err != nil {
		return nil, fmt.Errorf("postgres: the URL %w", err)
	}
	cfg.MaxConns = int32(connections)
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	for name, value := range sessionParameters {
		if _, set := cfg.ConnConfig.RuntimeParams[name]; !set {
			cfg.ConnConfig.RuntimeParams[name] = value
		}
	}
	for name, value := range fixedParameters {
		maps.DeleteFunc(cfg.ConnConfig.RuntimeParams, func(given, _ string) bool { return strings.EqualFold(given, name) })
		cfg.ConnConfig.RuntimeParams[name] = value
	}
	for _, change := range prepare {
		change(cfg)
	}
	hasten(cfg)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return pool, nil
}
